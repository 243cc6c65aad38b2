use std::time::Duration;

use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::CommandCloseConsumer;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::command_subscribe::{InitialPosition, SubType};
use pulsar_rs_wire::proto::{
    CommandConsumerStats, CommandError, CommandProducer, CommandSubscribe, KeyValue, ServerError,
};
use serde_json::json;

use crate::client::{Client, eventually, message_id, subscription};
use crate::http::{base, get};
use crate::target::{Target, topic};

fn refused(answer: Command) -> ServerError {
    match answer {
        Command::Error(CommandError { error, .. }) => ServerError::try_from(error).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn opened(answer: &Command) {
    assert!(matches!(answer, Command::Success(_)), "{answer:?}");
}

fn close(client: &mut Client) {
    let request_id = client.request_id();
    client.send(CommandCloseConsumer { consumer_id: 1, request_id, ..CommandCloseConsumer::default() });
    client.succeeded();
}

#[test]
fn an_exclusive_subscription_has_one_consumer() {
    let target = Target::any();
    let (mut holder, mut other, topic) = (target.client(), target.client(), topic("exclusive"));
    holder.subscribe(&topic, SubType::Exclusive);
    // The same consumer once more is no other.
    holder.subscribe(&topic, SubType::Exclusive);
    for sub_type in [SubType::Shared, SubType::Failover, SubType::KeyShared] {
        assert_eq!(refused(other.open_consumer(subscription(&topic, sub_type))), ServerError::ConsumerBusy);
    }
    // The holder is asked whether it lives: it has to read and answer.
    let asking = std::thread::spawn(move || {
        let error = refused(other.open_consumer(subscription(&topic, SubType::Exclusive)));
        (error, other, topic)
    });
    while !asking.is_finished() {
        holder.nothing();
    }
    let (error, mut other, topic) = asking.join().unwrap();
    assert_eq!(error, ServerError::ConsumerBusy);
    close(&mut holder);
    // Without consumers another type may come.
    other.subscribe(&topic, SubType::Shared);
}

#[test]
fn a_dead_holder_loses_its_subscription() {
    let options = Options { liveness_timeout: Duration::from_millis(100), ..Options::default() };
    let target = Target::own(options);
    let (mut dead, mut other) = (target.client(), target.client());
    dead.subscribe("x", SubType::Exclusive);
    other.subscribe("x", SubType::Exclusive);
    dead.closed();
}

#[test]
fn wrong_subscriptions_are_refused() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("wrong"));
    let wanted = subscription(&topic, SubType::Shared);
    let unnamed = CommandSubscribe { subscription: String::new(), ..wanted.clone() };
    assert_eq!(refused(client.open_consumer(unnamed)), ServerError::ProducerBusy);
    let topic = crate::target::topic("absent");
    let existing = CommandSubscribe { topic, force_topic_creation: Some(false), ..wanted.clone() };
    assert_eq!(refused(client.open_consumer(existing)), ServerError::TopicNotFound);
    let nowhere = CommandSubscribe { topic: "persistent://public/nope/x".into(), ..wanted };
    assert_eq!(refused(client.open_consumer(nowhere)), ServerError::ServiceNotReady);
}

#[test]
fn missing_partitions_are_refused() {
    let target = Target::own(Options { topics: vec![("p".into(), 2)], ..Options::default() });
    let mut client = target.client();
    let wanted = subscription("p-partition-2", SubType::Shared);
    assert_eq!(refused(client.open_consumer(wanted)), ServerError::TopicNotFound);
    client.subscribe("p-partition-1", SubType::Shared);
    client.flow(1);
    let mut publisher = target.client();
    publisher.produce("p-partition-1", 0);
    publisher.publish_many(1);
    assert_eq!(client.message().partition, Some(1));
}

#[test]
fn a_durable_subscription_starts_where_it_is_told_and_survives() {
    let target = Target::any();
    let (mut publisher, mut client, topic) = (target.client(), target.client(), topic("durable"));
    publisher.produce(&topic, 0);
    publisher.publish_many(3);
    let latest = CommandSubscribe {
        subscription: "latest".into(),
        initial_position: Some(InitialPosition::Latest.into()),
        consumer_id: 2,
        ..subscription(&topic, SubType::Exclusive)
    };
    opened(&client.open_consumer(latest));
    client.subscribe(&topic, SubType::Exclusive);
    client.flow(10);
    assert_eq!(client.entries(3), [0, 1, 2]);
    let first = publisher.publish_batch(1);
    assert_eq!(client.entries(1), [3]);
    client.ack_entries(&[EntryId { entry: 0, ..first }]);
    close(&mut client);
    client.subscribe(&topic, SubType::Exclusive);
    client.flow(10);
    assert_eq!(client.entries(3), [1, 2, 3]);
}

/// Entries that a subscription without durability gets which starts at `start`.
fn read_from(target: &Target, topic: &str, start: EntryId, count: usize) -> Vec<u64> {
    read(target, topic, start, InitialPosition::Latest, count)
}

fn read(
    target: &Target,
    topic: &str,
    start: EntryId,
    initial_position: InitialPosition,
    count: usize,
) -> Vec<u64> {
    let mut client = target.client();
    let wanted = CommandSubscribe {
        subscription: "reader".into(),
        durable: Some(false),
        start_message_id: Some(message_id(start)),
        initial_position: Some(initial_position.into()),
        ..subscription(topic, SubType::Exclusive)
    };
    let mut wait = || matches!(client.open_consumer(wanted.clone()), Command::Success(_));
    // The one before may not have left yet.
    eventually("the name of the reader is free", &mut wait);
    client.flow(100);
    let entries = client.entries(count);
    client.nothing();
    close(&mut client);
    entries
}

#[test]
fn a_reader_starts_anywhere_and_leaves_nothing() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("reader"));
    publisher.produce(&topic, 0);
    publisher.publish_many(4);
    let last = publisher.publish_batch(2);
    let at = |entry| EntryId { entry, ..last };
    assert_eq!(read_from(&target, &topic, at(3), 2), [3, 4]);
    assert_eq!(read_from(&target, &topic, EntryId { ledger: u64::MAX, entry: u64::MAX }, 5), [0, 1, 2, 3, 4]);
    let latest = i64::MAX.cast_unsigned();
    let latest = EntryId { ledger: latest, entry: latest };
    assert!(read_from(&target, &topic, latest, 0).is_empty());
    // Far behind the end, the initial position decides.
    assert_eq!(read(&target, &topic, latest, InitialPosition::Earliest, 5), [0, 1, 2, 3, 4]);
    assert_eq!(read(&target, &topic, at(6), InitialPosition::Earliest, 5), [0, 1, 2, 3, 4]);
    assert!(read(&target, &topic, at(5), InitialPosition::Earliest, 0).is_empty());
    if let Target::Own(broker) = &target {
        assert!(broker.topic_stats(&topic).unwrap().subscriptions.is_empty());
    }
    let mut client = target.client();
    client.subscribe(&topic, SubType::Exclusive);
    let reader =
        CommandSubscribe { durable: Some(false), consumer_id: 2, ..subscription(&topic, SubType::Shared) };
    assert_eq!(refused(client.open_consumer(reader)), ServerError::NotAllowedError);
}

#[test]
fn a_consumer_tells_its_stats() {
    let target = Target::any();
    let (mut publisher, mut client, topic) = (target.client(), target.client(), topic("stats"));
    publisher.produce(&topic, 0);
    publisher.publish_batch(5);
    let wanted =
        CommandSubscribe { consumer_name: Some("me".into()), ..subscription(&topic, SubType::Shared) };
    opened(&client.open_consumer(wanted));
    client.flow(10);
    client.message();
    client.send(CommandConsumerStats { request_id: 9, consumer_id: 1 });
    let Command::ConsumerStatsResponse(stats) = client.command() else { panic!("no stats") };
    assert_eq!((stats.request_id, stats.consumer_name(), stats.r#type()), (9, "me", "Shared"));
    assert_eq!((stats.available_permits(), stats.unacked_messages(), stats.msg_backlog()), (5, 5, 1));
}

#[test]
fn what_is_not_there_is_closed_or_refused() {
    let target = Target::any();
    let mut client = target.client();
    close(&mut client);
    client.flow(1);
    client.redeliver(&[], None);
    client.nothing();
    client.send(pulsar_rs_wire::extension::CommandUnsubscribe { consumer_id: 1, request_id: 1, force: None });
    client.refused(ServerError::MetadataError);
    client.send(pulsar_rs_wire::proto::CommandGetLastMessageId { consumer_id: 1, request_id: 1 });
    client.refused(ServerError::MetadataError);
    client.send(pulsar_rs_wire::proto::CommandSeek { consumer_id: 1, request_id: 1, ..Default::default() });
    client.refused(ServerError::MetadataError);
}

#[test]
fn what_a_subscription_is_given_is_told() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("properties"));
    let pair = |key: &str, value: &str| vec![KeyValue { key: key.into(), value: value.into() }];
    let answer = client.open_consumer(CommandSubscribe {
        subscription_properties: pair("color", "blue"),
        metadata: pair("place", "here"),
        replicate_subscription_state: Some(true),
        ..subscription(&topic, SubType::Shared)
    });
    assert!(matches!(answer, Command::Success(_)), "{answer:?}");
    let (status, stats) = get(&base(&target), &format!("/admin/v2/{}/stats", topic.replace("://", "/")));
    assert_eq!(status, 200);
    let told = &stats["subscriptions"]["s"];
    assert_eq!(told["subscriptionProperties"], json!({ "color": "blue" }));
    assert_eq!(told["consumers"][0]["metadata"], json!({ "place": "here" }));
    assert_eq!(
        (&told["msgBacklog"], &told["isDurable"], &told["isReplicated"]),
        (&json!(0), &json!(true), &json!(true))
    );
}

#[test]
fn a_topic_is_not_created_for_who_does_not_want_it() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("unforced"));
    let wanted =
        || CommandSubscribe { force_topic_creation: Some(false), ..subscription(&topic, SubType::Shared) };
    let Command::Error(error) = client.open_consumer(wanted()) else { panic!("it was created") };
    assert_eq!(error.error, i32::from(ServerError::TopicNotFound), "{error:?}");
    target.client().produce(&topic, 0);
    assert!(matches!(client.open_consumer(wanted()), Command::Success(_)));
}

#[test]
fn a_producer_creates_the_first_subscription() {
    for domain in ["persistent", "non-persistent"] {
        let target = Target::any();
        let (mut client, topic) = (target.client(), topic("first").replace("persistent", domain));
        let answer = client.open_producer(CommandProducer {
            topic: topic.clone(),
            initial_subscription_name: Some("s".into()),
            ..CommandProducer::default()
        });
        assert!(matches!(answer, Command::ProducerSuccess(_)), "{answer:?}");
        client.publish_many(2);
        let path = format!("/admin/v2/{}/stats", topic.replace("://", "/"));
        let stats = get(&base(&target), &path).1;
        let expected = if domain == "persistent" { json!(2) } else { json!(null) };
        assert_eq!(stats["subscriptions"]["s"]["msgBacklog"], expected, "{domain}");
    }
}
