//! Topics: entries, who publishes them, and the subscriptions to them.

mod compaction;
mod dedup;
mod ledgers;
mod log;
mod producers;
mod registry;
mod schemas;

use std::collections::BTreeMap;

pub(crate) use compaction::Compacted;
pub(crate) use dedup::Deduplication;
pub(crate) use ledgers::{Ledgers, Place};
pub(crate) use log::{Entry, Log};
pub(crate) use producers::{Producer, ProducerKey, Producers};
pub(crate) use registry::{Change, Registry, hash_of_names};
pub(crate) use schemas::Schemas;

use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::BrokerEntryMetadata;

use crate::broker::milliseconds;
use crate::subscription::{Cursor, Feed, Subscription, Turn};
use crate::topic_name::TopicName;

/// Index of a topic; it is never given to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TopicId(pub usize);

/// Number of a subscription, unique in its topic for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SubscriptionId(u64);

/// One topic that is no group of partitions.
#[derive(Debug)]
pub(crate) struct Topic {
    pub ledgers: Ledgers,
    /// Number of the partition; -1 for a topic that is none.
    pub partition: i32,
    /// Which consumer of a Failover subscription is active.
    turn: Turn,
    /// Messages are stored; otherwise they go to the consumers that can take one, and nowhere else.
    pub persistent: bool,
    pub log: Log,
    /// What consumers get that want to read it compacted, once it was.
    pub compacted: Option<Compacted>,
    pub producers: Producers,
    pub dedup: Deduplication,
    pub schemas: Schemas,
    /// No entries are taken any more.
    pub terminated: bool,
    /// Service URL of the cluster that the topic was moved to.
    pub moved_to: Option<String>,
    /// Messages that were stamped.
    stamped: u64,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    next_subscription: u64,
}

impl Topic {
    /// An empty topic that begins with this ledger.
    pub fn new(name: &TopicName, ledger: u64) -> Self {
        let partition = name.partition().and_then(|(_, number)| i32::try_from(number).ok()).unwrap_or(-1);
        Topic {
            ledgers: Ledgers::new(ledger),
            partition,
            turn: Turn::of(&name.full, partition),
            persistent: true,
            log: Log::default(),
            compacted: None,
            producers: Producers::default(),
            dedup: Deduplication::default(),
            schemas: Schemas::default(),
            terminated: false,
            moved_to: None,
            stamped: 0,
            subscriptions: BTreeMap::new(),
            next_subscription: 0,
        }
    }

    /// A topic that stores nothing. Its messages all have the id 0:0.
    pub fn passing(name: &TopicName) -> Self {
        Topic { persistent: false, ..Topic::new(name, 0) }
    }

    pub fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.subscriptions.get(&id)
    }

    pub fn subscription_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(&id)
    }

    /// The entries, and a subscription to which they may be dispatched.
    pub fn log_and_subscription(&mut self, id: SubscriptionId) -> (&Log, Option<&mut Subscription>) {
        (&self.log, self.subscriptions.get_mut(&id))
    }

    /// What a dispatch at the time `now` reads from, and the subscriptions to dispatch to. `max_unacked`: messages
    /// without acknowledgement at which a consumer gets no more.
    pub fn feed(
        &mut self,
        now: u64,
        max_unacked: u32,
    ) -> (Feed<'_>, &mut BTreeMap<SubscriptionId, Subscription>) {
        let feed = Feed {
            log: &self.log,
            compacted: self.compacted.as_ref(),
            ledgers: &self.ledgers,
            partition: self.partition,
            now,
            terminated: self.terminated,
            max_unacked: max_unacked.into(),
        };
        (feed, &mut self.subscriptions)
    }

    pub fn subscriptions(&self) -> impl Iterator<Item = (SubscriptionId, &Subscription)> {
        self.subscriptions.iter().map(|(id, subscription)| (*id, subscription))
    }

    pub fn subscriptions_mut(&mut self) -> impl Iterator<Item = (SubscriptionId, &mut Subscription)> {
        self.subscriptions.iter_mut().map(|(id, subscription)| (*id, subscription))
    }

    /// The subscription with this name.
    pub fn find_subscription(&self, name: &str) -> Option<SubscriptionId> {
        self.subscriptions().find(|(_, subscription)| subscription.name == name).map(|(id, _)| id)
    }

    /// Creates a subscription that starts at `place`.
    pub fn create_subscription(&mut self, name: String, durable: bool, place: Place) -> SubscriptionId {
        let cursor = Cursor::new(self.resolve(place));
        let id = SubscriptionId(self.next_subscription);
        self.next_subscription += 1;
        self.subscriptions.insert(id, Subscription::new(name, durable, cursor, self.turn));
        id
    }

    /// Has a subscription start with the oldest entry that compaction left, which may be gone from the log.
    pub fn start_compacted(&mut self, id: SubscriptionId) {
        let first = self.compacted.as_ref().and_then(Compacted::first);
        if let (Some(first), Some(subscription)) = (first, self.subscriptions.get_mut(&id)) {
            subscription.cursor = Cursor::new(first.min(self.log.first()));
        }
    }

    pub fn remove_subscription(&mut self, id: SubscriptionId) -> Option<Subscription> {
        self.subscriptions.remove(&id)
    }

    /// Number of the first entry at or after `place`.
    pub fn resolve(&self, place: Place) -> u64 {
        match place {
            Place::Earliest => self.log.first(),
            Place::Latest => self.log.end(),
            Place::Entry(number) => number.clamp(self.log.first(), self.log.end()),
        }
    }

    /// Number of an entry that a client names, where the log has it.
    pub fn number_of(&self, id: EntryId) -> Option<u64> {
        self.ledgers.number_of(id).filter(|number| *number < self.log.end())
    }

    /// What the broker notes of the next entry, which has so many messages: the clock, and the index of the last of
    /// them since the topic began.
    pub fn stamp(&mut self, messages: u32) -> BrokerEntryMetadata {
        self.stamped += u64::from(messages);
        BrokerEntryMetadata { broker_timestamp: Some(milliseconds()), index: Some(self.stamped - 1) }
    }

    /// Compacts all that is there.
    pub fn compact(&mut self) {
        self.compacted.get_or_insert_default().compact(&self.log);
    }

    /// Goes on in another ledger, as a topic that was unloaded does: of the ledgers before, those go that all durable
    /// subscriptions, of which there must be one, have acknowledged whole.
    pub fn roll(&mut self, ledger: u64) {
        self.ledgers.roll(self.log.end(), ledger);
        if let Some(needed) = self.needed() {
            self.log.drop_below(needed.min(self.ledgers.open_from()));
            self.trim_ledgers();
        }
    }

    /// Forgets ledgers of which nothing is left, compacted neither.
    fn trim_ledgers(&mut self) {
        let compacted = self.compacted.as_ref().and_then(Compacted::first);
        self.ledgers.trim(compacted.unwrap_or(u64::MAX).min(self.log.first()));
    }

    /// Number of the first entry that a durable subscription, or compaction, still needs.
    fn needed(&self) -> Option<u64> {
        let durable = self.subscriptions.values().filter(|subscription| subscription.durable);
        let first = durable.map(|subscription| subscription.cursor.first_unacked());
        first.chain(self.compacted.as_ref().map(Compacted::horizon)).min()
    }

    /// Drops entries that no durable subscription needs, down to `budget` bytes.
    pub fn trim(&mut self, budget: usize) {
        if self.log.bytes() <= budget {
            return;
        }
        self.log.trim(self.needed().unwrap_or(self.log.end()), budget);
        self.trim_ledgers();
    }
}
