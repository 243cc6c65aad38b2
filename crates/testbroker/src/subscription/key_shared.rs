//! `Key_Shared` subscriptions: every key has one consumer, and its messages stay in order.

use std::collections::{HashMap, HashSet};

use pulsar_rs_wire::proto::ServerError;

use super::consumer::{Consumer, ConsumerKey, KeyPolicy, Pending};
use super::cursor::Cursor;
use super::delivery::{Feed, Outlet};
use super::key_hash;
use super::replay::Replay;
use super::shared::due_time;
use crate::refusal::Refusal;

/// Entries that are read ahead, for each consumer, past entries whose consumer cannot take them, as
/// `keySharedLookAheadMsgInReplayThresholdPerConsumer` of a real broker.
const LOOK_AHEAD: usize = 2000;

/// What a `Key_Shared` subscription keeps beside its cursor.
#[derive(Debug)]
pub(crate) struct KeyShared {
    pub replay: Replay,
    /// Key hashes with unacknowledged entries: who has them, and how many.
    holders: HashMap<u16, (ConsumerKey, u32)>,
    sticky: bool,
    out_of_order: bool,
}

impl KeyShared {
    pub fn new(policy: &KeyPolicy) -> Self {
        KeyShared {
            replay: Replay::default(),
            holders: HashMap::new(),
            sticky: policy.sticky.is_some(),
            out_of_order: policy.out_of_order,
        }
    }

    /// Whether a consumer with this policy fits in with those that are there.
    pub fn check(&self, policy: &KeyPolicy, consumers: &[Consumer]) -> Result<(), Refusal> {
        let mode = |sticky| if sticky { "STICKY" } else { "AUTO_SPLIT" };
        if policy.sticky.is_some() != self.sticky && !consumers.is_empty() {
            let message = format!(
                "Subscription is of different type. Active subscription key_shared mode of '{}' is \
                 different than the connecting consumer's key_shared mode '{}'.",
                mode(self.sticky),
                mode(policy.sticky.is_some()),
            );
            return Err(Refusal::new(ServerError::ConsumerBusy, message));
        }
        check_ranges(policy, consumers)
    }

    /// Notes that an entry is acknowledged or taken back.
    pub fn released(&mut self, pending: Pending) {
        if let Some((_, entries)) = self.holders.get_mut(&pending.hash) {
            *entries -= 1;
            if *entries == 0 {
                self.holders.remove(&pending.hash);
            }
        }
    }

    /// Sends what may be sent.
    pub fn dispatch(
        &mut self,
        consumers: &mut [Consumer],
        cursor: &mut Cursor,
        feed: &Feed<'_>,
        outlet: &mut impl Outlet,
    ) {
        self.replay.release_due(feed.now);
        // Keys with an entry that has to wait: all later ones of the key wait too.
        let mut blocked = HashSet::new();
        let waiting: Vec<(u64, u16)> =
            self.replay.waiting.iter().map(|(entry, hash)| (*entry, *hash)).collect();
        for (number, hash) in waiting {
            if cursor.is_acked(number)
                || self.deliver((number, hash), &mut blocked, consumers, cursor, feed, outlet)
            {
                self.replay.waiting.remove(&number);
            }
        }
        let look_ahead = LOOK_AHEAD * consumers.len();
        while self.replay.waiting.len() < look_ahead
            && consumers.iter().any(|consumer| feed.may_send(consumer, outlet))
        {
            let Some(number) = cursor.read_next(feed.log.end()) else { return };
            let Some(entry) = feed.log.get(number) else { continue };
            let hash = key_hash::of(entry);
            if let Some(due) = due_time(entry).filter(|due| *due > feed.now) {
                self.replay.delay(due, number, hash);
            } else if !self.deliver((number, hash), &mut blocked, consumers, cursor, feed, outlet) {
                self.replay.waiting.insert(number, hash);
            }
        }
    }

    /// Sends an entry to the consumer of its key, or else blocks the key.
    fn deliver(
        &mut self,
        (number, hash): (u64, u16),
        blocked: &mut HashSet<u16>,
        consumers: &mut [Consumer],
        cursor: &Cursor,
        feed: &Feed<'_>,
        outlet: &mut impl Outlet,
    ) -> bool {
        if blocked.contains(&hash) {
            return false;
        }
        let Some(entry) = feed.log.get(number) else { return true };
        let consumer = match self.owner(hash, consumers) {
            Some(index) if feed.may_send(&consumers[index], outlet) => &mut consumers[index],
            _ => {
                blocked.insert(hash);
                return false;
            }
        };
        let redeliveries = self.replay.redeliveries(number);
        let messages = feed.send((number, entry), cursor, consumer, redeliveries, outlet);
        consumer.hold(number, Pending { messages, hash });
        self.holders.entry(hash).or_insert((consumer.key, 0)).1 += 1;
        true
    }

    /// Index of the consumer that gets entries of this key hash now.
    pub(super) fn owner(&self, hash: u16, consumers: &[Consumer]) -> Option<usize> {
        let index = if self.sticky {
            consumers.iter().position(|consumer| {
                let ranges = consumer.keys.sticky.as_deref().unwrap_or_default();
                ranges.iter().any(|(start, end)| (*start..=*end).contains(&i32::from(hash)))
            })?
        } else {
            split(hash, consumers)?
        };
        let holder = self.holders.get(&hash).map(|(holder, _)| *holder);
        let free = self.out_of_order || holder.is_none_or(|holder| holder == consumers[index].key);
        free.then_some(index)
    }
}

/// Spreads hashes over consumers. Each consumer bids for each hash and the highest bid wins, so a consumer
/// that comes takes keys from the others, and one that goes leaves its own: no other key moves.
fn split(hash: u16, consumers: &[Consumer]) -> Option<usize> {
    let bid = |consumer: &Consumer| key_hash::mix(consumer.seed ^ u64::from(hash).rotate_left(32));
    let best = consumers.iter().enumerate().max_by_key(|(_, consumer)| bid(consumer))?;
    Some(best.0)
}

/// The checks of a real broker on sticky ranges, and its words.
fn check_ranges(policy: &KeyPolicy, consumers: &[Consumer]) -> Result<(), Refusal> {
    let Some(ranges) = &policy.sticky else { return Ok(()) };
    let refuse = |message: String| Err(Refusal::new(ServerError::ConsumerAssignError, message));
    let overlap = |a: &(i32, i32), b: &(i32, i32)| a.0 <= b.1 && b.0 <= a.1;
    if ranges.is_empty() {
        return refuse("Ranges for KeyShared policy must not be empty.".to_owned());
    }
    for (place, range) in ranges.iter().enumerate() {
        if range.0 > range.1 {
            let (start, end) = range;
            return refuse(format!("Fixed hash range start > end for range: [{start},{end}]"));
        }
        if ranges[..place].iter().any(|other| overlap(range, other)) {
            return refuse("Consumer's own ranges conflict".to_owned());
        }
        let held_by =
            |consumer: &&Consumer| consumer.keys.sticky.iter().flatten().any(|other| overlap(range, other));
        if let Some(other) = consumers.iter().find(held_by) {
            return refuse(format!("Range conflict with consumer {}", other.name));
        }
    }
    Ok(())
}
