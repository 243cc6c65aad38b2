use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::metadata::Metadata;
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandProducer, ServerError};
use pulsar_rs_wire::{Command, FRAME_OVERHEAD};

use crate::client::{Client, Publish, Received, encode};
use crate::target::{Target, topic};

#[test]
fn entries_count_from_zero_whatever_is_in_them() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("send"));
    client.produce(&topic, 0);
    let first = client.publish_batch(10);
    assert!(first.ledger > 0);
    assert_eq!(first.entry, 0);
    client.publish(&Publish { sequence: 10, body: b"x", ..Publish::default() });
    assert_eq!(client.receipt(), Some(EntryId { entry: 1, ..first }));
}

#[test]
fn receipts_repeat_the_sequence_ids() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("receipt"));
    client.produce(&topic, 3);
    client.publish(&Publish { producer: 3, sequence: 5, batch: 4, highest: Some(8), ..Publish::default() });
    let Received::Receipt(receipt) = client.receive() else { panic!("no receipt") };
    assert_eq!((receipt.producer_id, receipt.sequence_id), (3, 5));
    assert_eq!(receipt.highest_sequence_id, Some(8));
}

#[test]
fn what_was_sent_is_what_is_received() {
    let target = Target::any();
    let (mut publisher, mut consumer, topic) = (target.client(), target.client(), topic("payload"));
    publisher.produce(&topic, 0);
    consumer.subscribe(&topic, SubType::Exclusive);
    consumer.flow(10);
    // Below and above the sizes at which payloads are copied and shared.
    for size in [0, 1, 5_000, 100_000, 1_000_000] {
        let body = vec![7; size];
        let publish = Publish { body: &body, ..Publish::default() };
        publisher.publish(&publish);
        publisher.receipt().unwrap();
        let Received::Message(_, payload) = consumer.receive() else { panic!("no message") };
        assert!(encode(&publish).ends_with(&payload) && payload.len() > size, "{size}");
    }
}

#[test]
fn a_wrong_checksum_is_refused_and_the_connection_stays() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("checksum"));
    client.produce(&topic, 0);
    let mut frame = encode(&Publish { sequence: 9, body: b"body", ..Publish::default() });
    *frame.last_mut().unwrap() ^= 1;
    client.write(&frame);
    let error = ServerError::ChecksumError.into();
    assert_eq!(client.receive(), Received::SendError { sequence_id: 9, error });
    client.publish_many(1);
}

#[test]
fn an_unknown_producer_ends_the_connection() {
    let target = Target::any();
    let mut client = target.client();
    client.publish(&Publish { producer: 5, body: b"x", ..Publish::default() });
    client.closed();
}

#[test]
fn a_frame_over_the_limit_ends_the_connection() {
    let target = Target::own(Options { max_message_size: 1000, ..Options::default() });
    let mut client = target.client();
    client.produce("x", 0);
    client.publish(&Publish { body: &vec![0; 1000], ..Publish::default() });
    client.receipt().unwrap();
    client.publish(&Publish { body: &vec![0; 1000 + FRAME_OVERHEAD], ..Publish::default() });
    client.closed();
}

/// Opens the producer `dedup` with the id 0 and gives its last sequence id.
fn open(client: &mut Client, topic: &str) -> i64 {
    let producer_name = Some("dedup".into());
    let wanted = CommandProducer { topic: topic.into(), producer_name, ..CommandProducer::default() };
    match client.open_producer(wanted) {
        Command::ProducerSuccess(success) => success.last_sequence_id(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn duplicates_are_dropped_when_asked() {
    let target = Target::own(Options { deduplication: true, ..Options::default() });
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    assert_eq!(open(&mut client, "x"), -1);
    let mut stored = |sequence, batch, highest| {
        client.publish(&Publish { sequence, batch, highest, body: b"x", ..Publish::default() });
        client.receipt().map(|entry| entry.entry)
    };
    assert_eq!(stored(0, 0, None), Some(0));
    assert_eq!(stored(0, 0, None), None);
    assert_eq!(stored(2, 3, Some(4)), Some(1));
    assert_eq!(stored(4, 3, Some(6)), None, "it overlaps the one before");
    assert_eq!(stored(5, 0, None), Some(2));
    broker.deduplication(false);
    assert_eq!(stored(5, 0, None), Some(3));
    broker.deduplication(true);
    drop(client);
    let mut client = target.client();
    crate::client::eventually("the name is free", || broker.connection_count() == 1);
    assert_eq!(open(&mut client, "x"), 5);
}

#[test]
fn the_last_chunk_of_a_message_decides_whether_it_is_a_duplicate() {
    let target = Target::own(Options { deduplication: true, ..Options::default() });
    let mut client = target.client();
    open(&mut client, "x");
    let mut chunk = |number| {
        let metadata = Metadata {
            uuid: Some(b"u"),
            num_chunks_from_msg: Some(3),
            chunk_id: Some(number),
            ..Metadata::default()
        };
        client.publish(&Publish { sequence: 7, body: b"c", metadata, is_chunk: true, ..Publish::default() });
        client.receipt().map(|entry| entry.entry)
    };
    assert_eq!([chunk(0), chunk(1), chunk(2)], [Some(0), Some(1), Some(2)]);
    assert_eq!([chunk(0), chunk(1), chunk(2)], [Some(3), Some(4), None]);
}
