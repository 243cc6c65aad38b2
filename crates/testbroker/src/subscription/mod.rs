//! Subscriptions: what was acknowledged, who consumes, and which entry goes to whom.

mod ack_set;
mod consumer;
mod cursor;
mod delivery;
mod key_hash;
mod key_shared;
mod passing;
mod replay;
mod shared;
mod single_active;
mod turn;

pub(crate) use ack_set::AckSet;
pub(crate) use consumer::{Consumer, ConsumerKey, KeyPolicy};
pub(crate) use cursor::Cursor;
pub(crate) use delivery::{Feed, Outlet};
pub(crate) use turn::Turn;

use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandReachedEndOfTopic, ServerError};

use crate::connection::ConnectionId;
use crate::refusal::Refusal;
use crate::topic::Log;
use consumer::Pending;
use key_shared::KeyShared;
use replay::Replay;
use shared::Shared;
use single_active::SingleActive;

/// How entries are dispatched, with the state that each way needs.
#[derive(Debug)]
enum Dispatch {
    Single(SingleActive),
    Shared(Shared),
    KeyShared(KeyShared),
}

/// Why a consumer is not added.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// It cannot be.
    Refused(Refusal),
    /// A consumer on that connection has the subscription for itself, if it is still alive.
    HeldBy(ConnectionId),
}

impl From<Refusal> for Objection {
    fn from(refusal: Refusal) -> Self {
        Objection::Refused(refusal)
    }
}

/// One subscription of a topic.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub name: String,
    /// It outlives its consumers and holds back the entries it did not acknowledge.
    pub durable: bool,
    pub cursor: Cursor,
    /// Properties that its first consumer gave it.
    pub properties: Vec<(String, String)>,
    /// Its first consumer asked that its state be replicated; there is nowhere to.
    pub replicated: bool,
    /// It is in the list of subscriptions to dispatch.
    pub dirty: bool,
    consumers: Vec<Consumer>,
    /// Type of the consumers; another one may come when there are none.
    sub_type: SubType,
    dispatch: Dispatch,
    turn: Turn,
    /// When a timer will have the subscription dispatched, milliseconds since 1970.
    timer: Option<u64>,
}

impl Subscription {
    /// A subscription without consumers.
    pub fn new(name: String, durable: bool, cursor: Cursor, turn: Turn) -> Self {
        Subscription {
            name,
            durable,
            cursor,
            properties: Vec::new(),
            replicated: false,
            dirty: false,
            consumers: Vec::new(),
            sub_type: SubType::Exclusive,
            dispatch: Dispatch::Single(SingleActive::default()),
            turn,
            timer: None,
        }
    }

    /// Type of the consumers that are, or were, connected.
    pub fn sub_type(&self) -> SubType {
        self.sub_type
    }

    /// Consumers in the order they came.
    pub fn consumers(&self) -> &[Consumer] {
        &self.consumers
    }

    /// The consumer with this key.
    pub fn consumer_mut(&mut self, key: ConsumerKey) -> Option<&mut Consumer> {
        self.consumers.iter_mut().find(|consumer| consumer.key == key)
    }

    /// Whether a consumer of this type can be added; changes nothing.
    pub fn check(&self, sub_type: SubType, keys: &KeyPolicy) -> Result<(), Objection> {
        if self.consumers.is_empty() {
            // Sticky ranges are checked on their own even where nobody competes for them.
            if sub_type == SubType::KeyShared {
                KeyShared::new(keys).check(keys, &[])?;
            }
            return Ok(());
        }
        if sub_type != self.sub_type {
            let message = format!(
                "Subscription is of different type. Active subscription type of '{}' is different than the \
                 connecting consumer's type '{}'.",
                self.sub_type.as_str_name(),
                sub_type.as_str_name(),
            );
            return Err(Refusal::new(ServerError::ConsumerBusy, message).into());
        }
        match &self.dispatch {
            Dispatch::Single(_) if sub_type == SubType::Exclusive => {
                Err(Objection::HeldBy(self.consumers[0].key.connection))
            }
            Dispatch::KeyShared(key_shared) => Ok(key_shared.check(keys, &self.consumers)?),
            _ => Ok(()),
        }
    }

    /// Adds a consumer that [`Subscription::check`] passed.
    pub fn add(&mut self, mut consumer: Consumer, sub_type: SubType, outlet: &mut impl Outlet) {
        if self.consumers.is_empty() {
            self.cursor.rewind();
            self.sub_type = sub_type;
            self.dispatch = match sub_type {
                SubType::Exclusive => Dispatch::Single(SingleActive::new(false)),
                SubType::Failover => Dispatch::Single(SingleActive::new(true)),
                SubType::Shared => Dispatch::Shared(Shared::default()),
                SubType::KeyShared => Dispatch::KeyShared(KeyShared::new(&consumer.keys)),
            };
        }
        consumer.seed = self.seed_for(&consumer.name);
        let key = consumer.key;
        self.consumers.push(consumer);
        self.elect(Some(key), outlet);
    }

    /// A number for the name that no other consumer has: those of the same name are counted.
    fn seed_for(&self, name: &str) -> u64 {
        let mut same_name = 0;
        loop {
            let seed = key_hash::mix(u64::from(key_hash::murmur3(name.as_bytes())) << 16 | same_name);
            if self.consumers.iter().all(|consumer| consumer.seed != seed) {
                return seed;
            }
            same_name += 1;
        }
    }

    fn elect(&mut self, newcomer: Option<ConsumerKey>, outlet: &mut impl Outlet) {
        if let Dispatch::Single(single) = &mut self.dispatch {
            single.elect(&self.consumers, self.turn, newcomer, &mut self.cursor, outlet);
        }
    }

    /// Takes a consumer out. What it did not acknowledge goes to the others; with the last consumer,
    /// everything but the acknowledgements is forgotten.
    pub fn remove(&mut self, key: ConsumerKey, outlet: &mut impl Outlet) {
        let Some(index) = self.consumers.iter().position(|consumer| consumer.key == key) else { return };
        let consumer = self.consumers.remove(index);
        for (entry, pending) in consumer.pending {
            self.take_back(entry, pending);
        }
        self.elect(None, outlet);
    }

    /// Puts an entry that nobody acknowledged to those that wait; this does not count as a redelivery.
    fn take_back(&mut self, entry: u64, pending: Pending) {
        match &mut self.dispatch {
            Dispatch::Single(_) => {}
            Dispatch::Shared(shared) => _ = shared.replay.waiting.insert(entry, pending.hash),
            Dispatch::KeyShared(key_shared) => {
                key_shared.released(pending);
                key_shared.replay.waiting.insert(entry, pending.hash);
            }
        }
    }

    /// Takes all consumers out and moves the cursor.
    pub fn reset(&mut self, cursor: Cursor) -> Vec<ConsumerKey> {
        let consumers = std::mem::take(&mut self.consumers);
        self.cursor = cursor;
        self.dispatch = Dispatch::Single(SingleActive::default());
        consumers.into_iter().map(|consumer| consumer.key).collect()
    }

    /// Whether this consumer may end the subscription.
    pub fn may_unsubscribe(&self, key: ConsumerKey) -> bool {
        match &self.dispatch {
            Dispatch::Single(single) if self.sub_type == SubType::Exclusive => single.active() == Some(key),
            _ => self.consumers.len() == 1 && self.consumers[0].key == key,
        }
    }

    /// Acknowledges an entry, or the messages of it that `left` does not name.
    pub fn ack(&mut self, by: ConsumerKey, entry: u64, left: Option<AckSet>, messages: u32) {
        let newly = match left {
            Some(left) => self.cursor.ack_partly(entry, left, messages),
            None => {
                self.cursor.ack(entry);
                0
            }
        };
        let whole = self.cursor.is_acked(entry);
        let holder = self.holder(by, entry);
        let released = match holder {
            Some(index) if whole => self.consumers[index].release(entry),
            Some(index) => {
                self.consumers[index].acked_partly(entry, newly);
                None
            }
            None => None,
        };
        if let (Dispatch::KeyShared(key_shared), Some(pending)) = (&mut self.dispatch, released) {
            key_shared.released(pending);
        }
        if let Some(replay) = self.replay_mut() {
            replay.forget_redeliveries(entry);
            if whole {
                replay.waiting.remove(&entry);
            }
        }
    }

    /// The consumer that has the entry: most often the one that acknowledges it.
    fn holder(&self, by: ConsumerKey, entry: u64) -> Option<usize> {
        let holds = |consumer: &Consumer| consumer.pending.contains_key(&entry);
        let first = self.consumers.iter().position(|consumer| consumer.key == by && holds(consumer));
        first.or_else(|| self.consumers.iter().position(holds))
    }

    /// Acknowledges everything below `end`. Where acknowledgements are individual, this does nothing, as in
    /// a real broker.
    pub fn ack_below(&mut self, end: u64) {
        if matches!(self.dispatch, Dispatch::Single(_)) {
            self.cursor.ack_below(end);
        }
    }

    /// Whether acknowledgements are individual.
    pub fn acks_individually(&self) -> bool {
        !matches!(self.dispatch, Dispatch::Single(_))
    }

    /// Moves over entries that are gone from the log, which a subscription that is not durable does not
    /// hold back.
    pub fn skip_below(&mut self, first: u64) {
        if first > self.cursor.first_unacked() {
            self.cursor.ack_below(first);
            let cursor = &self.cursor;
            match &mut self.dispatch {
                Dispatch::Single(_) => {}
                Dispatch::Shared(Shared { replay, .. }) | Dispatch::KeyShared(KeyShared { replay, .. }) => {
                    replay.drop_acked(|entry| cursor.is_acked(entry));
                }
            }
        }
    }

    /// Takes back what a consumer did not acknowledge: the entries given, or all.
    ///
    /// An Exclusive or Failover subscription always goes back to its first unacknowledged entry.
    pub fn redeliver(&mut self, key: ConsumerKey, entries: Option<&[u64]>, epoch: Option<u64>) {
        let Some(index) = self.consumers.iter().position(|consumer| consumer.key == key) else { return };
        let consumer = &mut self.consumers[index];
        if let Dispatch::Single(single) = &self.dispatch {
            consumer.epoch = consumer.epoch.max(epoch);
            if single.active() == Some(key) {
                self.cursor.rewind();
            }
            return;
        }
        let entries: Vec<u64> = match entries {
            Some(entries) => entries.to_vec(),
            None => consumer.pending.keys().copied().collect(),
        };
        for entry in entries {
            let Some(pending) = self.consumers[index].release(entry) else { continue };
            if let Dispatch::KeyShared(key_shared) = &mut self.dispatch {
                key_shared.released(pending);
            }
            if let Some(replay) = self.replay_mut() {
                replay.redeliver(entry, pending.hash);
            }
        }
    }

    fn replay_mut(&mut self) -> Option<&mut Replay> {
        match &mut self.dispatch {
            Dispatch::Single(_) => None,
            Dispatch::Shared(shared) => Some(&mut shared.replay),
            Dispatch::KeyShared(key_shared) => Some(&mut key_shared.replay),
        }
    }

    /// Sends what may be sent.
    pub fn dispatch(&mut self, feed: &Feed<'_>, outlet: &mut impl Outlet) {
        // What compaction left stays when the log is cut.
        if !self.durable && !self.consumers.iter().any(|consumer| consumer.read_compacted) {
            self.skip_below(feed.log.first());
        }
        let (consumers, cursor) = (&mut self.consumers, &mut self.cursor);
        match &mut self.dispatch {
            Dispatch::Single(single) => single.dispatch(consumers, cursor, feed, outlet),
            Dispatch::Shared(shared) => shared.dispatch(consumers, cursor, feed, outlet),
            Dispatch::KeyShared(key_shared) => key_shared.dispatch(consumers, cursor, feed, outlet),
        }
        if feed.terminated && self.cursor.first_unacked() >= feed.log.end() {
            for consumer in self.consumers.iter_mut().filter(|consumer| !consumer.told_end) {
                consumer.told_end = true;
                let end = CommandReachedEndOfTopic { consumer_id: consumer.key.consumer_id };
                outlet.command(consumer.key.connection, end.into());
            }
        }
    }

    /// When to dispatch again for delayed entries (milliseconds since 1970), if no timer is set for it yet.
    pub fn next_timer(&mut self) -> Option<u64> {
        let due = self.replay_mut()?.next_due()?;
        let earlier = self.timer.is_none_or(|timer| due < timer);
        earlier.then(|| *self.timer.insert(due))
    }

    /// The timer of [`Subscription::next_timer`] fired.
    pub fn timer_fired(&mut self) {
        self.timer = None;
    }

    /// Messages that consumers have and did not acknowledge.
    pub fn unacked(&self, log: &Log) -> u64 {
        match &self.dispatch {
            Dispatch::Single(_) if self.consumers.is_empty() => 0,
            Dispatch::Single(_) => self.cursor.backlog(log, self.cursor.read_position()),
            _ => self.consumers.iter().map(|consumer| consumer.unacked).sum(),
        }
    }
}

#[cfg(test)]
mod tests;
