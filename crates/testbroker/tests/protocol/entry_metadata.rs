use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message as _;
use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::extension::{CommandConnect, FeatureFlags};
use pulsar_rs_wire::frame::Payload;
use pulsar_rs_wire::proto::BrokerEntryMetadata;
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::{Client, Received};
use crate::target::{Target, topic};

/// A broker that stamps entries: tests/pulsar/pulsar has a real one note the index.
fn stamping() -> Target {
    match Target::any() {
        Target::Own(_) => Target::own(Options { entry_metadata: true, ..Options::default() }),
        real @ Target::Real(_) => real,
    }
}

fn reader(target: &Target, topic: &str, understands: bool) -> Client {
    let mut client = Client::open(&target.address(), target.is_real());
    client.send(CommandConnect {
        client_version: "raw".into(),
        protocol_version: Some(20),
        feature_flags: Some(FeatureFlags {
            supports_broker_entry_metadata: Some(understands),
            ..FeatureFlags::default()
        }),
        ..CommandConnect::default()
    });
    client.command();
    client.subscribe(topic, SubType::Exclusive);
    client.flow(100);
    client
}

fn stamp(client: &mut Client) -> Option<BrokerEntryMetadata> {
    match client.receive() {
        Received::Message(_, payload) => {
            let payload = Payload::parse(&payload).unwrap();
            payload.broker_entry_metadata.map(|stamp| BrokerEntryMetadata::decode(stamp).unwrap())
        }
        other => panic!("{other:?} instead of a message"),
    }
}

#[test]
fn entries_carry_the_index_of_their_last_message_and_the_brokers_time() {
    let target = stamping();
    let (mut publisher, topic) = (target.client(), topic("stamped"));
    publisher.produce(&topic, 0);
    publisher.publish_many(2);
    publisher.publish_batch(5);
    publisher.publish_many(1);
    let mut client = reader(&target, &topic, true);
    let stamps: Vec<_> = (0..4).map(|_| stamp(&mut client).unwrap()).collect();
    let indices: Vec<_> = stamps.iter().map(|stamp| stamp.index).collect();
    assert_eq!(indices, [Some(0), Some(1), Some(6), Some(7)]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    for stamp in stamps.iter().filter(|_| !target.is_real()) {
        let age = now - u128::from(stamp.broker_timestamp.unwrap());
        assert!(age < 60_000, "{age} ms");
    }
}

#[test]
fn who_does_not_understand_stamps_gets_none() {
    let target = stamping();
    let (mut publisher, topic) = (target.client(), topic("unstamped"));
    publisher.produce(&topic, 0);
    publisher.publish_many(1);
    let mut client = reader(&target, &topic, false);
    assert_eq!(stamp(&mut client), None);
}

#[test]
fn stamps_are_an_option() {
    let target = Target::own(Options::default());
    let mut publisher = target.client();
    publisher.produce("x", 0);
    publisher.publish_many(1);
    let mut client = reader(&target, "x", true);
    assert_eq!(stamp(&mut client), None);
}
