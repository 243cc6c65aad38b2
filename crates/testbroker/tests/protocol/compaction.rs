use std::sync::atomic::{AtomicU32, Ordering};

use pulsar_rs_wire::frame::{self, Payload};
use pulsar_rs_wire::hot::{AckId, AckType, EntryId, Send};
use pulsar_rs_wire::metadata::{Metadata, SingleMetadata};
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandSubscribe, ServerError};
use pulsar_rs_wire::{Command, batch};

use crate::client::{Client, Publish, Received, message_id, subscription};
use crate::http::{administer, compact};
use crate::target::{Target, topic};

impl Client {
    /// Publishes a message; an empty value deletes its key.
    fn publish_value(&mut self, key: Option<&str>, value: &str) -> EntryId {
        let metadata = Metadata {
            partition_key: key.map(str::as_bytes),
            uncompressed_size: Some(value.len().try_into().unwrap()),
            ..Metadata::default()
        };
        self.publish(&Publish { body: value.as_bytes(), metadata, ..Publish::default() });
        self.receipt().unwrap()
    }

    fn publish_values(&mut self, values: &[(Option<&str>, &str)]) -> EntryId {
        let mut body = Vec::new();
        for (key, value) in values {
            let payload_size = value.len().try_into().unwrap();
            let partition_key = key.map(str::as_bytes);
            let single = SingleMetadata { partition_key, payload_size, ..SingleMetadata::default() };
            batch::push(&mut body, &single, value.as_bytes());
        }
        let count = values.len().try_into().unwrap();
        let metadata =
            Metadata { producer_name: b"raw", num_messages_in_batch: Some(count), ..Metadata::default() };
        let send = Send { num_messages: Some(count), ..Send::default() };
        let mut out = Vec::new();
        frame::encode_send(&mut out, &send, &metadata, &body);
        out.extend_from_slice(&body);
        self.write(&out);
        self.receipt().unwrap()
    }

    /// The next message: number of its entry, and what is in it; of what compaction took out of a batch, the place.
    fn values(&mut self) -> (u64, String) {
        let Received::Message(message, payload) = self.receive() else { panic!("no message") };
        let payload = Payload::parse(&payload).unwrap();
        let metadata = Metadata::decode(payload.metadata).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Some(count) = metadata.num_messages_in_batch else {
            return (message.entry.entry, text(payload.body));
        };
        let mut at = 0;
        let mut values = Vec::new();
        for _ in 0..count {
            let slot = batch::slot_at(payload.body, at).unwrap();
            at = slot.payload.end;
            values.push(if slot.compacted_out { "-".to_owned() } else { text(&payload.body[slot.payload]) });
        }
        (message.entry.entry, values.join(" "))
    }

    fn all_values(&mut self, count: usize) -> Vec<(u64, String)> {
        let values = (0..count).map(|_| self.values()).collect();
        self.nothing();
        values
    }
}

fn reader(topic: &str, start: Option<u64>) -> CommandSubscribe {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = start.map(|from| message_id(EntryId { ledger: from, entry: from }));
    CommandSubscribe {
        // The one before may be on its way out.
        subscription: format!("reader-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        durable: Some(false),
        read_compacted: Some(true),
        start_message_id: start,
        ..subscription(topic, SubType::Exclusive)
    }
}

fn open(target: &Target, wanted: CommandSubscribe) -> Client {
    let mut client = target.client();
    let answer = client.open_consumer(wanted);
    assert!(matches!(answer, Command::Success(_)), "{answer:?}");
    client
}

fn expected(values: &[(u64, &str)]) -> Vec<(u64, String)> {
    values.iter().map(|(entry, text)| (*entry, (*text).to_owned())).collect()
}

/// Messages with and without keys, alone and in batches, of which some delete others.
fn publish_all(publisher: &mut Client) -> EntryId {
    publisher.publish_value(Some("a"), "a1");
    publisher.publish_value(Some("b"), "b1");
    publisher.publish_value(None, "nobody's");
    publisher.publish_value(Some("a"), "a2");
    publisher.publish_value(Some("b"), "");
    publisher.publish_value(Some("c"), "c1");
    let key = Some;
    publisher.publish_values(&[
        (key("a"), "a3"),
        (key("d"), "d1"),
        (None, "x"),
        (key("f"), "f1"),
        (key("f"), "f2"),
    ]);
    publisher.publish_values(&[(key("d"), "d2"), (key("g"), "g1")]);
    publisher.publish_values(&[(None, "y"), (None, "z")]);
    publisher.publish_values(&[(key("g"), ""), (key("h"), "h1")]);
    publisher.publish_values(&[(key("h"), "h2"), (key("c"), "")])
}

const LEFT: [(u64, &str); 3] = [(6, "a3 - - - f2"), (7, "d2 -"), (10, "h2 -")];

#[test]
fn of_each_key_the_newest_message_is_left() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("compact"));
    publisher.produce(&topic, 0);
    let last = publish_all(&mut publisher);
    compact(&target, &topic);
    let mut client = open(&target, reader(&topic, None));
    assert_eq!(client.last_message().0, (last.ledger.cast_signed(), 10, 0), "h2 is the last that is left");
    publisher.publish_value(Some("a"), "tail");
    publisher.publish_value(None, "tail");

    let tail = [(11, "tail"), (12, "tail")];
    client.flow(100);
    assert_eq!(client.all_values(5), expected(&[&LEFT[..], &tail].concat()));
    assert_eq!(client.last_message().0, (last.ledger.cast_signed(), 12, -1));
    let mut client = open(
        &target,
        CommandSubscribe { durable: Some(true), subscription: "d".into(), ..reader(&topic, None) },
    );
    client.flow(100);
    assert_eq!(client.all_values(5), expected(&[&LEFT[..], &tail].concat()));
    // Who does not ask for it gets everything.
    let whole = CommandSubscribe { read_compacted: None, ..reader(&topic, Some(u64::MAX)) };
    let mut client = open(&target, whole);
    client.flow(100);
    assert_eq!(client.all_values(13).len(), 13);

    compact(&target, &topic);
    let mut client = open(&target, reader(&topic, Some(u64::MAX)));
    client.flow(100);
    assert_eq!(client.all_values(4), expected(&[(6, "- - - - f2"), (7, "d2 -"), (10, "h2 -"), (11, "tail")]));
}

#[test]
fn what_is_left_outlives_the_entries() {
    let target = Target::any();
    let (mut publisher, mut other, topic) = (target.client(), target.client(), topic("compact-trimmed"));
    publisher.produce(&topic, 0);
    other.subscribe(&topic, SubType::Exclusive);
    let last = publish_all(&mut publisher);
    compact(&target, &topic);
    other.ack(AckType::Cumulative, &[AckId { entry: last, ack_set: &[], batch_size: None }]);
    assert_eq!(administer(&target, "PUT", &topic, "/unload"), 204);
    other.closed_and_back(&topic, SubType::Exclusive);
    // A real broker drops ledgers when it finds the time.
    assert!(target.is_real() || other.last_message().0 == (-1, -1, -1), "the entries are gone");

    let mut client = open(&target, reader(&topic, Some(u64::MAX)));
    assert_eq!(client.last_message().0, (last.ledger.cast_signed(), 10, 0));
    client.flow(100);
    assert_eq!(client.all_values(3), expected(&LEFT));
    let mut client = open(&target, reader(&topic, None));
    client.flow(100);
    assert_eq!(client.all_values(3), expected(&LEFT));
    publisher.command();
    publisher.produce(&topic, 0);
    publisher.publish_value(Some("a"), "tail");
    assert_eq!(client.values().1, "tail");
}

#[test]
fn only_one_consumer_at_a_time_reads_compacted() {
    let target = Target::any();
    let topic = topic("compact-shared");
    for sub_type in [SubType::Shared, SubType::KeyShared] {
        let mut client = target.client();
        let wanted = CommandSubscribe { sub_type: sub_type.into(), ..reader(&topic, None) };
        let answer = client.open_consumer(wanted);
        let Command::Error(error) = answer else { panic!("{answer:?}") };
        assert_eq!(error.error, i32::from(ServerError::NotAllowedError), "{error:?}");
    }
    drop(open(&target, CommandSubscribe { sub_type: SubType::Failover.into(), ..reader(&topic, None) }));
}
