use pulsar_rs_wire::Command;
use pulsar_rs_wire::hot::{AckId, AckType, EntryId};
use pulsar_rs_wire::metadata::Metadata;
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandSeek, CommandSubscribe, MessageIdData, ServerError};

use crate::client::{Client, Publish, message_id, subscription};
use crate::target::{Target, topic};

/// A consumer of a topic with four messages, published 10 ms apart from 1000 on, and a batch of ten at 1040;
/// the place of the first entry.
fn five_entries(target: &Target) -> (Client, String, EntryId) {
    let (mut publisher, mut consumer, topic) = (target.client(), target.client(), topic("seek"));
    publisher.produce(&topic, 0);
    let mut publish = |number: u64, batch| {
        let metadata = Metadata { publish_time: 1000 + 10 * number, ..Metadata::default() };
        publisher.publish(&Publish {
            sequence: number,
            body: b"body",
            batch,
            metadata,
            ..Publish::default()
        });
        publisher.receipt().unwrap()
    };
    let first = publish(0, 0);
    (1..4).for_each(|number| _ = publish(number, 0));
    publish(4, 10);
    consumer.subscribe(&topic, SubType::Exclusive);
    (consumer, topic, first)
}

/// Seeks, opens the consumer again and gives the entries that come then.
fn seek(client: &mut Client, topic: &str, seek: CommandSeek, count: usize) -> Vec<u64> {
    move_to(client, seek);
    client.subscribe(topic, SubType::Exclusive);
    client.flow(100);
    let entries = client.entries(count);
    client.nothing();
    entries
}

fn move_to(client: &mut Client, seek: CommandSeek) {
    let request_id = client.request_id();
    client.send(CommandSeek { consumer_id: 1, request_id, ..seek });
    let Command::CloseConsumer(close) = client.command() else { panic!("the consumer stays") };
    assert_eq!((close.consumer_id, close.request_id), (1, u64::MAX));
    client.succeeded();
}

fn to(id: MessageIdData) -> CommandSeek {
    CommandSeek { message_id: Some(id), ..CommandSeek::default() }
}

fn at(time: u64) -> CommandSeek {
    CommandSeek { message_publish_time: Some(time), ..CommandSeek::default() }
}

#[test]
fn a_subscription_moves_to_an_entry() {
    let target = Target::any();
    let (mut client, topic, first) = five_entries(&target);
    let second = message_id(EntryId { entry: 1, ..first });
    client.ack(
        AckType::Cumulative,
        &[AckId { entry: EntryId { entry: 3, ..first }, ack_set: &[], batch_size: None }],
    );
    assert_eq!(seek(&mut client, &topic, to(second), 4), [1, 2, 3, 4]);
    let (none, latest) = (u64::MAX, i64::MAX.cast_unsigned());
    let place = |ledger, entry| message_id(EntryId { ledger, entry });
    assert!(seek(&mut client, &topic, to(place(latest, latest)), 0).is_empty());
    assert_eq!(seek(&mut client, &topic, to(place(none, none)), 5), [0, 1, 2, 3, 4]);
    assert!(seek(&mut client, &topic, to(message_id(EntryId { entry: 99, ..first })), 0).is_empty());
}

#[test]
fn a_subscription_moves_into_a_batch() {
    let target = Target::any();
    let (mut client, topic, first) = five_entries(&target);
    let id = MessageIdData {
        ack_set: vec![0b11_1111_0000],
        batch_index: Some(3),
        ..message_id(EntryId { entry: 4, ..first })
    };
    move_to(&mut client, to(id));
    client.subscribe(&topic, SubType::Exclusive);
    client.flow(100);
    let message = client.message();
    assert_eq!((message.entry.entry, message.ack_set), (4, vec![0b11_1111_0000]));
}

#[test]
fn a_subscription_moves_to_a_time() {
    let target = Target::any();
    let (mut client, topic, _) = five_entries(&target);
    assert_eq!(seek(&mut client, &topic, at(1020), 3), [2, 3, 4]);
    assert_eq!(seek(&mut client, &topic, at(1025), 2), [3, 4]);
    assert_eq!(seek(&mut client, &topic, at(999), 5), [0, 1, 2, 3, 4]);
    assert!(seek(&mut client, &topic, at(5000), 0).is_empty());
}

#[test]
fn a_reader_stays_where_it_was_moved_to() {
    let target = Target::any();
    let (_consumer, topic, first) = five_entries(&target);
    let mut client = target.client();
    let start = Some(message_id(EntryId { entry: 3, ..first }));
    let reader = CommandSubscribe {
        subscription: "reader".into(),
        durable: Some(false),
        start_message_id: start,
        ..subscription(&topic, SubType::Exclusive)
    };
    client.open_consumer(reader.clone());
    move_to(&mut client, to(message_id(first)));
    client.open_consumer(reader);
    client.flow(100);
    assert_eq!(client.entries(5), [0, 1, 2, 3, 4]);
}

#[test]
fn all_consumers_of_a_shared_subscription_are_closed() {
    let target = Target::any();
    let (mut client, topic, first) = five_entries(&target);
    move_to(&mut client, to(message_id(first)));
    let (mut a, mut b) = (target.client(), target.client());
    a.subscribe(&topic, SubType::Shared);
    b.subscribe(&topic, SubType::Shared);
    move_to(&mut a, to(message_id(first)));
    assert!(matches!(b.command(), Command::CloseConsumer(_)));
}

#[test]
fn a_seek_to_nowhere_is_refused() {
    let target = Target::any();
    let (mut client, _, _) = five_entries(&target);
    client.send(CommandSeek { consumer_id: 1, request_id: 9, ..CommandSeek::default() });
    client.refused(ServerError::MetadataError);
}

#[test]
fn who_has_no_consumer_moves_nothing() {
    let target = Target::any();
    let mut client = target.client();
    let request_id = client.request_id();
    client.send(CommandSeek { consumer_id: 7, request_id, ..at(0) });
    client.refused(ServerError::MetadataError);
}
