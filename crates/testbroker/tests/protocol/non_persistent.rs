use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::CommandCloseConsumer;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{
    CommandGetLastMessageId, CommandSeek, CommandSubscribe, MessageIdData, ServerError,
};

use crate::client::{Publish, subscription};
use crate::target::{Target, topic};

/// Every message has this id.
const ID: EntryId = EntryId { ledger: 0, entry: 0 };

fn passing(name: &str) -> String {
    topic(name).replace("persistent://", "non-persistent://")
}

#[test]
fn messages_go_to_those_who_are_there() {
    let target = Target::any();
    let (mut publisher, mut early, topic) = (target.client(), target.client(), passing("np"));
    early.subscribe(&topic, SubType::Exclusive);
    publisher.produce(&topic, 0);
    // Without a permit it is lost.
    publisher.publish_many(3);
    early.nothing();
    early.flow(2);
    early.nothing();
    for _ in 0..3 {
        publisher.publish(&Publish { body: b"body", ..Publish::default() });
        assert_eq!(publisher.receipt(), Some(ID));
    }
    assert_eq!([early.message().entry, early.message().entry], [ID, ID]);
    early.nothing();

    let mut late = target.client();
    let answer = late.open_consumer(CommandSubscribe {
        subscription: "late".into(),
        ..subscription(&topic, SubType::Shared)
    });
    assert!(matches!(answer, Command::Success(_)), "{answer:?}");
    late.flow(10);
    late.nothing();
    publisher.publish_many(1);
    assert_eq!(late.message().entry, ID);
}

#[test]
fn nothing_is_kept_for_a_consumer_that_comes_back() {
    let target = Target::any();
    let (mut publisher, mut consumer, topic) = (target.client(), target.client(), passing("np-back"));
    publisher.produce(&topic, 0);
    consumer.subscribe(&topic, SubType::Shared);
    consumer.flow(10);
    consumer.nothing();
    publisher.publish_many(1);
    assert_eq!(consumer.message().entry, ID);
    let request_id = consumer.request_id();
    consumer.send(CommandCloseConsumer { consumer_id: 1, request_id, ..CommandCloseConsumer::default() });
    consumer.succeeded();
    publisher.publish_many(1);
    consumer.subscribe(&topic, SubType::Shared);
    consumer.flow(10);
    consumer.nothing();
    publisher.publish_many(1);
    assert_eq!(consumer.message().redelivery_count, None);
}

#[test]
fn shared_consumers_take_turns_and_redelivery_means_nothing() {
    let target = Target::any();
    let (mut publisher, mut a, mut b, topic) =
        (target.client(), target.client(), target.client(), passing("np-shared"));
    publisher.produce(&topic, 0);
    for consumer in [&mut a, &mut b] {
        consumer.subscribe(&topic, SubType::Shared);
        consumer.flow(5);
        consumer.nothing();
    }
    publisher.publish_many(12);
    let (first, second) = (a.available().len(), b.available().len());
    assert_eq!((first, second), (5, 5), "as many as there were permits");
    a.redeliver(&[], None);
    a.nothing();
}

#[test]
fn there_is_nothing_to_look_back_to() {
    let target = Target::any();
    let (mut publisher, mut consumer, topic) = (target.client(), target.client(), passing("np-seek"));
    publisher.produce(&topic, 0);
    consumer.subscribe(&topic, SubType::Exclusive);
    consumer.flow(10);
    consumer.nothing();
    publisher.publish_many(1);
    consumer.message();
    consumer.ack_entries(&[ID]);
    let request_id = consumer.request_id();
    consumer.send(CommandGetLastMessageId { consumer_id: 1, request_id });
    consumer.refused(ServerError::UnknownError);

    let to_id = CommandSeek { message_id: Some(MessageIdData::default()), ..CommandSeek::default() };
    let to_time = CommandSeek { message_publish_time: Some(1), ..CommandSeek::default() };
    for seek in [to_id, to_time] {
        let request_id = consumer.request_id();
        consumer.send(CommandSeek { consumer_id: 1, request_id, ..seek });
        consumer.succeeded();
    }
    publisher.publish_many(1);
    consumer.message();

    let mut reader = target.client();
    let answer = reader.open_consumer(CommandSubscribe {
        subscription: "compacted".into(),
        read_compacted: Some(true),
        ..subscription(&topic, SubType::Exclusive)
    });
    let Command::Error(error) = answer else { panic!("{answer:?}") };
    assert_eq!(error.error, i32::from(ServerError::NotAllowedError), "{error:?}");
}
