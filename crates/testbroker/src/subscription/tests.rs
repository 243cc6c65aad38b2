//! Dispatch against plain models: who may have which entry, whatever happens in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::frame::encode_payload_head;
use pulsar_rs_wire::hot::Message;
use pulsar_rs_wire::metadata::Metadata;

use super::*;
use crate::topic::{Entry, Ledgers, Log};

const KEYS: u8 = 6;

/// Remembers what is delivered.
#[derive(Default)]
struct Sink {
    delivered: Vec<(ConsumerKey, u64)>,
    /// This connection takes nothing.
    full: Option<ConnectionId>,
}

impl Outlet for Sink {
    fn takes_more(&mut self, connection: ConnectionId) -> bool {
        self.full != Some(connection)
    }

    fn deliver(&mut self, connection: ConnectionId, message: &Message, _: &Entry) {
        assert_ne!(self.full, Some(connection));
        let key = ConsumerKey { connection, consumer_id: message.consumer_id };
        self.delivered.push((key, message.entry.entry));
    }

    fn command(&mut self, _: ConnectionId, _: Command) {}
}

#[derive(Debug, Clone)]
enum Step {
    Publish(u8),
    Join(u8),
    Leave(u8),
    Flow(u8, u8),
    /// The consumer acknowledges the nth of what it has.
    Ack(u8, u8),
    Redeliver(u8),
    Fill(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let consumer = || 0..4u8;
    prop_oneof![
        6 => (0..KEYS).prop_map(Step::Publish),
        2 => consumer().prop_map(Step::Join),
        1 => consumer().prop_map(Step::Leave),
        4 => (consumer(), 1..6u8).prop_map(|(who, permits)| Step::Flow(who, permits)),
        6 => (consumer(), any::<u8>()).prop_map(|(who, which)| Step::Ack(who, which)),
        1 => consumer().prop_map(Step::Redeliver),
        1 => consumer().prop_map(Step::Fill),
    ]
}

fn key(who: u8) -> ConsumerKey {
    ConsumerKey { connection: ConnectionId(who.into()), consumer_id: 7 }
}

fn entry(key: u8) -> Entry {
    let text = format!("key-{key}");
    let metadata = Metadata { partition_key: Some(text.as_bytes()), ..Metadata::default() };
    let mut payload = Vec::new();
    encode_payload_head(&mut payload, &metadata, b"");
    Entry::check(&payload, 1, || Bytes::copy_from_slice(&payload)).unwrap()
}

/// A subscription, and what it should know.
struct Model {
    sub_type: SubType,
    subscription: Subscription,
    log: Log,
    sink: Sink,
    keys: Vec<u8>,
    acked: BTreeSet<u64>,
    /// Who has which entry.
    held: BTreeMap<u64, ConsumerKey>,
}

impl Model {
    fn new(sub_type: SubType) -> Self {
        Model {
            sub_type,
            subscription: Subscription::new("s".into(), true, Cursor::new(0), Turn::Partition(0)),
            log: Log::default(),
            sink: Sink::default(),
            keys: Vec::new(),
            acked: BTreeSet::new(),
            held: BTreeMap::new(),
        }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Publish(entry_key) => {
                self.log.append(entry(entry_key));
                self.keys.push(entry_key);
            }
            Step::Join(who) if self.subscription.consumer_mut(key(who)).is_none() => {
                let consumer = Consumer::new(key(who), format!("c{who}"), 0);
                self.subscription.check(self.sub_type, &consumer.keys).unwrap();
                self.subscription.add(consumer, self.sub_type, &mut self.sink);
            }
            Step::Leave(who) => {
                self.subscription.remove(key(who), &mut self.sink);
                self.held.retain(|_, holder| *holder != key(who));
            }
            Step::Flow(who, permits) => {
                if let Some(consumer) = self.subscription.consumer_mut(key(who)) {
                    consumer.permits += i64::from(permits);
                }
            }
            Step::Ack(who, which) => self.ack(key(who), which.into()),
            Step::Redeliver(who) => {
                self.subscription.redeliver(key(who), None, None);
                self.held.retain(|_, holder| *holder != key(who));
            }
            Step::Fill(who) => self.sink.full = Some(key(who).connection),
            Step::Join(_) => {}
        }
        self.dispatch();
    }

    fn ack(&mut self, who: ConsumerKey, which: usize) {
        let mine: Vec<u64> =
            self.held.iter().filter(|(_, holder)| **holder == who).map(|(entry, _)| *entry).collect();
        let Some(entry) = mine.get(which % mine.len().max(1)).copied() else { return };
        self.subscription.ack(who, entry, None, 1);
        self.held.remove(&entry);
        self.acked.insert(entry);
    }

    fn dispatch(&mut self) {
        let ledgers = Ledgers::new(1);
        let feed = feed(&self.log, &ledgers);
        self.subscription.dispatch(&feed, &mut self.sink);
        for (consumer, entry) in std::mem::take(&mut self.sink.delivered) {
            assert!(!self.acked.contains(&entry), "entry {entry} is acknowledged");
            self.check_order(consumer, entry);
            let before = self.held.insert(entry, consumer);
            assert_eq!(before, None, "entry {entry} has a holder");
        }
        for consumer in self.subscription.consumers() {
            let held =
                self.held.iter().filter(|(_, holder)| **holder == consumer.key).map(|(entry, _)| entry);
            assert!(consumer.pending.keys().eq(held), "what {:?} has", consumer.key);
            assert_eq!(consumer.unacked, consumer.pending.len() as u64);
            assert!(consumer.permits >= 0);
        }
    }

    /// A key has one consumer at a time, and its entries go out in order.
    fn check_order(&self, consumer: ConsumerKey, entry: u64) {
        if self.sub_type != SubType::KeyShared {
            return;
        }
        let key_of = |entry: u64| self.keys[usize::try_from(entry).unwrap()];
        for (other, holder) in self.held.iter().filter(|(other, _)| key_of(**other) == key_of(entry)) {
            assert_eq!(*holder, consumer, "entries {other} and {entry} have the same key");
        }
        for earlier in (0..entry).filter(|earlier| key_of(*earlier) == key_of(entry)) {
            let gone = self.acked.contains(&earlier) || self.held.contains_key(&earlier);
            assert!(gone, "entry {earlier} comes before {entry}");
        }
    }

    /// Lets everything through.
    fn finish(&mut self) {
        self.sink.full = None;
        self.apply(&Step::Join(0));
        for _ in 0..=self.log.end() {
            for who in 0..4 {
                self.apply(&Step::Flow(who, u8::MAX));
            }
            for (entry, holder) in std::mem::take(&mut self.held) {
                self.subscription.ack(holder, entry, None, 1);
                self.acked.insert(entry);
            }
        }
        assert_eq!(self.acked.len() as u64, self.log.end(), "something never came");
        assert_eq!(self.subscription.cursor.first_unacked(), self.log.end());
        assert_eq!(self.subscription.unacked(&self.log), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn entries_have_one_holder_and_all_come(
        steps in vec(step(), 0..120), sub_type in prop_oneof![Just(SubType::Shared), Just(SubType::KeyShared)],
    ) {
        let mut model = Model::new(sub_type);
        for step in &steps {
            model.apply(step);
        }
        model.finish();
    }
}

fn feed<'a>(log: &'a Log, ledgers: &'a Ledgers) -> Feed<'a> {
    Feed { log, compacted: None, ledgers, partition: -1, now: 0, terminated: false, max_unacked: 1000 }
}

/// Entries that come when the consumer permits this many.
fn deliver(model: &mut Model, who: u8, permits: u8) -> Vec<u64> {
    let consumer = model.subscription.consumer_mut(key(who)).unwrap();
    consumer.permits += i64::from(permits);
    let ledgers = Ledgers::new(1);
    let feed = feed(&model.log, &ledgers);
    model.subscription.dispatch(&feed, &mut model.sink);
    std::mem::take(&mut model.sink.delivered).into_iter().map(|(_, entry)| entry).collect()
}

#[test]
fn a_single_consumer_goes_on_where_the_acknowledgements_end() {
    for sub_type in [SubType::Exclusive, SubType::Failover] {
        let mut model = Model::new(sub_type);
        (0..5).for_each(|_| _ = model.log.append(entry(0)));
        model.apply(&Step::Join(0));
        assert_eq!(deliver(&mut model, 0, 3), [0, 1, 2]);
        model.subscription.ack(key(0), 1, None, 1);
        model.subscription.remove(key(0), &mut Sink::default());
        model.apply(&Step::Join(1));
        assert_eq!(deliver(&mut model, 1, 10), [0, 2, 3, 4]);
        model.subscription.ack_below(4);
        model.subscription.redeliver(key(1), None, None);
        assert_eq!(deliver(&mut model, 1, 1), [4]);
    }
}

#[test]
fn a_connection_that_is_full_gets_nothing() {
    for sub_type in [SubType::Exclusive, SubType::Shared, SubType::KeyShared] {
        let mut model = Model::new(sub_type);
        model.log.append(entry(0));
        model.apply(&Step::Join(0));
        model.sink.full = Some(key(0).connection);
        assert_eq!(deliver(&mut model, 0, 3), Vec::<u64>::new());
        model.sink.full = None;
        assert_eq!(deliver(&mut model, 0, 1), [0]);
    }
}

#[test]
fn keys_stay_with_the_name_of_their_consumer() {
    let mut model = Model::new(SubType::KeyShared);
    model.apply(&Step::Join(0));
    model.apply(&Step::Join(1));
    let seed = |model: &Model, at: usize| model.subscription.consumers()[at].seed;
    let before = seed(&model, 1);
    model.apply(&Step::Leave(1));
    model.apply(&Step::Join(1));
    assert_eq!(seed(&model, 1), before);
    // Consumers of the same name differ all the same.
    let twin = Consumer::new(key(3), "c1".into(), 0);
    model.subscription.add(twin, SubType::KeyShared, &mut Sink::default());
    assert_ne!(seed(&model, 2), before);
}
