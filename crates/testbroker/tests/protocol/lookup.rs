use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::{CommandLookupTopic, CommandPartitionedTopicMetadata};
use pulsar_rs_wire::proto::command_lookup_topic_response::LookupType;
use pulsar_rs_wire::proto::{
    CommandGetTopicsOfNamespace, CommandLookupTopicResponse, CommandPartitionedTopicMetadataResponse,
    ServerError,
};

use crate::client::Client;
use crate::target::{Target, topic};

fn lookup(client: &mut Client, topic: &str) -> CommandLookupTopicResponse {
    let request_id = client.request_id();
    client.send(CommandLookupTopic { topic: topic.into(), request_id, ..CommandLookupTopic::default() });
    match client.command() {
        Command::LookupResponse(answer) if answer.request_id == request_id => answer,
        other => panic!("{other:?}"),
    }
}

fn partitions(client: &mut Client, topic: &str, create: bool) -> CommandPartitionedTopicMetadataResponse {
    let request_id = client.request_id();
    client.send(CommandPartitionedTopicMetadata {
        topic: topic.into(),
        request_id,
        metadata_auto_creation_enabled: Some(create),
        ..CommandPartitionedTopicMetadata::default()
    });
    match client.command() {
        Command::PartitionedMetadataResponse(answer) if answer.request_id == request_id => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn topics_are_served_here() {
    let target = Target::any();
    let answer = lookup(&mut target.client(), &topic("lookup"));
    assert_eq!(answer.response(), LookupType::Connect);
    assert!(answer.authoritative() && answer.proxy_through_service_url());
    if !target.is_real() {
        assert_eq!(answer.broker_service_url(), format!("pulsar://{}", target.address()));
    }
}

#[test]
fn malformed_names_and_unknown_namespaces_fail() {
    let target = Target::any();
    let mut client = target.client();
    let invalid = ServerError::InvalidTopicName;
    for (name, error) in [
        ("persistent://public/default", invalid),
        ("foo://public/default/x", invalid),
        ("persistent://public/default/", invalid),
        ("", invalid),
        ("persistent://public/nope/x", ServerError::TopicNotFound),
        ("persistent://nope/nope/x", ServerError::TopicNotFound),
    ] {
        let answer = lookup(&mut client, name);
        assert_eq!((answer.response(), answer.error()), (LookupType::Failed, error), "{name}");
        let answer = partitions(&mut client, name, true);
        assert_eq!((answer.partitions, answer.error()), (None, error), "{name}");
    }
    for name in ["x", "public/default/x", "persistent://a/b/c/d", "persistent://public/default/x y"] {
        assert_eq!(lookup(&mut client, name).response(), LookupType::Connect, "{name}");
    }
}

#[test]
fn a_namespace_can_be_created() {
    let options = Options { namespaces: vec!["mine/one".into()], ..Options::default() };
    let target = Target::own(options);
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    assert_eq!(lookup(&mut client, "mine/one/x").response(), LookupType::Connect);
    assert_eq!(lookup(&mut client, "mine/two/x").response(), LookupType::Failed);
    broker.create_namespace("mine/two");
    assert_eq!(lookup(&mut client, "mine/two/x").response(), LookupType::Connect);
}

#[test]
fn partitions_are_counted() {
    let target = Target::own(Options { topics: vec![("p".into(), 3)], ..Options::default() });
    let Target::Own(broker) = &target else { return };
    broker.create_topic("single", 0).unwrap();
    let mut client = target.client();
    assert_eq!(partitions(&mut client, "p", true).partitions, Some(3));
    assert_eq!(partitions(&mut client, "p-partition-2", false).partitions, Some(0));
    assert_eq!(partitions(&mut client, "p-partition-3", true).error(), ServerError::TopicNotFound);
    assert_eq!(partitions(&mut client, "single", false).partitions, Some(0));
    assert_eq!(partitions(&mut client, "absent", true).partitions, Some(0));
    assert_eq!(partitions(&mut client, "absent", false).error(), ServerError::TopicNotFound);
    // A real broker does not look at the partition's number here.
    assert_eq!(lookup(&mut client, "p-partition-3").response(), LookupType::Connect);
    assert!(broker.create_topic("a/b", 0).is_err());
}

#[test]
fn lookups_can_be_redirected() {
    let target = Target::own(Options::default());
    let Target::Own(broker) = &target else { return };
    broker.redirect_lookups("pulsar://elsewhere:6650", 1);
    broker.proxy_through_service_url(false);
    let mut client = target.client();
    let answer = lookup(&mut client, "x");
    assert_eq!(answer.response(), LookupType::Redirect);
    assert_eq!(answer.broker_service_url(), "pulsar://elsewhere:6650");
    let answer = lookup(&mut client, "x");
    assert_eq!(answer.response(), LookupType::Connect);
    assert!(!answer.proxy_through_service_url());
}

#[test]
fn topics_of_a_namespace_are_listed() {
    let target = Target::any();
    let mut client = target.client();
    let (first, second) = (topic("list-a"), topic("list-b"));
    client.produce(&first, 1);
    client.produce(&second, 2);
    let mut list = |topics_hash: Option<String>| {
        let request_id = client.request_id();
        let namespace = "public/default".into();
        client.send(CommandGetTopicsOfNamespace {
            request_id,
            namespace,
            topics_hash,
            ..CommandGetTopicsOfNamespace::default()
        });
        match client.command() {
            Command::GetTopicsOfNamespaceResponse(answer) => answer,
            other => panic!("{other:?}"),
        }
    };
    let answer = list(None);
    assert!(answer.topics.contains(&first) && answer.topics.contains(&second));
    assert!(answer.changed());
    if !target.is_real() {
        // On a real broker other tests create topics meanwhile.
        let again = list(answer.topics_hash.clone());
        assert!(again.topics.is_empty() && !again.changed());
    }
}
