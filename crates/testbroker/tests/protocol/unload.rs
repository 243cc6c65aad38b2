use pulsar_rs_wire::Command;
use pulsar_rs_wire::hot::{AckId, AckType, EntryId};
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandSeek, CommandSubscribe};

use crate::client::{Client, message_id, subscription};
use crate::http::administer;
use crate::target::{Target, topic};

/// Three messages and a batch of four behind them.
struct Place {
    target: Target,
    topic: String,
    publisher: Client,
    batch: EntryId,
}

impl Place {
    fn new(consumer: Option<&mut Client>, target: Target) -> Place {
        let (mut publisher, topic) = (target.client(), topic("unload"));
        publisher.produce(&topic, 0);
        if let Some(consumer) = consumer {
            consumer.subscribe(&topic, SubType::Exclusive);
        }
        publisher.publish_many(3);
        let batch = publisher.publish_batch(4);
        Place { target, topic, publisher, batch }
    }

    fn unload(&mut self) {
        assert_eq!(administer(&self.target, "PUT", &self.topic, "/unload"), 204);
        let answer = self.publisher.command();
        assert!(matches!(&answer, Command::CloseProducer(close) if close.producer_id == 0), "{answer:?}");
        self.publisher.produce(&self.topic, 0);
    }

    /// As a broker says it.
    fn ledger(&self) -> i64 {
        self.batch.ledger.cast_signed()
    }
}

#[test]
fn unacknowledged_entries_stay_in_their_ledger() {
    let target = Target::any();
    let mut consumer = target.client();
    let mut place = Place::new(Some(&mut consumer), target);
    let (topic, ledger) = (place.topic.clone(), place.ledger());
    assert_eq!(consumer.last_message(), ((ledger, 3, 3), (ledger, -1)));
    place.unload();
    consumer.closed_and_back(&topic, SubType::Exclusive);
    // The new ledger is empty.
    assert_eq!(consumer.last_message(), ((ledger, 3, 3), (ledger, -1)));
    consumer.flow(100);
    assert_eq!(consumer.entries(4), [0, 1, 2, 3]);
    place.publisher.publish_many(1);
    let next = consumer.message().entry;
    assert!(next.ledger > place.batch.ledger, "{next:?}");
    assert_eq!(next.entry, 0);
    let last = (next.ledger.cast_signed(), 0, -1);
    assert_eq!(consumer.last_message(), (last, (ledger, -1)));
    consumer.ack_entries(&(0..4).map(|entry| EntryId { entry, ..place.batch }).collect::<Vec<_>>());
    assert_eq!(consumer.last_message(), (last, (ledger, 3)));
}

#[test]
fn acknowledged_entries_go_with_their_ledger() {
    let target = Target::any();
    let mut consumer = target.client();
    let mut place = Place::new(Some(&mut consumer), target);
    let all = AckId { entry: place.batch, ack_set: &[], batch_size: None };
    consumer.ack(AckType::Cumulative, &[all]);
    place.unload();
    consumer.closed_and_back(&place.topic, SubType::Exclusive);
    // A real broker drops ledgers when it finds the time.
    assert!(place.target.is_real() || consumer.last_message().0 == (-1, -1, -1), "the entries are gone");
    place.publisher.publish_many(1);
    consumer.flow(100);
    let next = consumer.message().entry;
    assert!(next.ledger > place.batch.ledger && next.entry == 0, "{next:?}");
}

#[test]
fn entries_that_nobody_subscribed_to_stay() {
    let mut place = Place::new(None, Target::any());
    place.unload();
    let mut consumer = place.target.client();
    consumer.subscribe(&place.topic, SubType::Exclusive);
    assert_eq!(consumer.last_message().0, (place.ledger(), 3, 3));
    consumer.flow(100);
    assert_eq!(consumer.entries(4), [0, 1, 2, 3]);
}

#[test]
fn seeks_go_through_ledgers() {
    let target = Target::any();
    let mut consumer = target.client();
    let mut place = Place::new(Some(&mut consumer), target);
    let topic = place.topic.clone();
    place.unload();
    consumer.closed_and_back(&topic, SubType::Exclusive);
    place.publisher.publish_many(2);
    let at = |ledger: u64, entry: i64| message_id(EntryId { ledger, entry: entry.cast_unsigned() });
    let ledger = place.batch.ledger;
    for (id, expected) in [
        (at(ledger, 99), &[0, 1][..]),
        (at(ledger, 4), &[0, 1]),
        (at(ledger, -1), &[0, 1, 2, 3, 0, 1]),
        (at(ledger, 2), &[2, 3, 0, 1]),
        (at(u64::MAX, -1), &[0, 1, 2, 3, 0, 1]),
        (at(0, 0), &[0, 1, 2, 3, 0, 1]),
        (at(i64::MAX.cast_unsigned(), i64::MAX), &[]),
    ] {
        let request_id = consumer.request_id();
        consumer.send(CommandSeek {
            consumer_id: 1,
            request_id,
            message_id: Some(id.clone()),
            ..CommandSeek::default()
        });
        let answer = consumer.command();
        assert!(matches!(answer, Command::CloseConsumer(_)), "{answer:?}");
        consumer.succeeded();
        consumer.subscribe(&topic, SubType::Exclusive);
        consumer.flow(100);
        assert_eq!(consumer.entries(expected.len()), expected, "{id:?}");
        consumer.nothing();
    }
}

#[test]
fn readers_end_with_an_unload_and_start_again_where_they_say() {
    let mut place = Place::new(None, Target::any());
    let mut reader = place.target.client();
    let from = |entry| CommandSubscribe {
        subscription: "reader".into(),
        durable: Some(false),
        start_message_id: Some(message_id(EntryId { entry, ..place.batch })),
        ..subscription(&place.topic, SubType::Exclusive)
    };
    let (first, second) = (from(1), from(3));
    let answer = reader.open_consumer(first);
    assert!(matches!(answer, Command::Success(_)), "{answer:?}");
    reader.flow(100);
    assert_eq!(reader.entries(3), [1, 2, 3]);
    place.unload();
    let answer = reader.command();
    assert!(matches!(answer, Command::CloseConsumer(_)), "{answer:?}");
    let answer = reader.open_consumer(second);
    assert!(matches!(answer, Command::Success(_)), "{answer:?}");
    reader.flow(100);
    assert_eq!(reader.entries(1), [3]);
}

#[test]
fn topics_are_deleted() {
    let place = Place::new(None, Target::any());
    let Place { target, topic, mut publisher, .. } = place;
    assert_eq!(administer(&target, "DELETE", &topic, ""), 412, "it has a producer");
    assert_eq!(administer(&target, "DELETE", &topic, "?force=true"), 204);
    let answer = publisher.command();
    assert!(matches!(answer, Command::CloseProducer(_)), "{answer:?}");
    assert_eq!(administer(&target, "DELETE", &topic, ""), 404);
    publisher.produce(&topic, 0);
    let mut consumer = target.client();
    consumer.subscribe(&topic, SubType::Exclusive);
    assert_eq!(consumer.last_message().0, (-1, -1, -1));
}
