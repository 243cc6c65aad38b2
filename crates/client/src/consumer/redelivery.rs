//! Messages that shall come again: negatively acknowledged, or not acknowledged in time.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use pulsar_rs_wire::hot::EntryId;

/// How long a redelivery waits, longer with each: `min * multiplier ^ redeliveries`, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RedeliveryBackoff {
    /// Delay of the first redelivery. Default 1 s.
    pub min: Duration,
    /// Longest delay. Default 60 s.
    pub max: Duration,
    /// How many times the one before each delay is, at least 1. Default 2.
    pub multiplier: f64,
}

impl Default for RedeliveryBackoff {
    fn default() -> Self {
        RedeliveryBackoff { min: Duration::from_secs(1), max: Duration::from_mins(1), multiplier: 2.0 }
    }
}

impl RedeliveryBackoff {
    /// The delay of a message that was redelivered so often.
    pub(super) fn delay(&self, redeliveries: u32) -> Duration {
        let exponent = i32::try_from(redeliveries).unwrap_or(i32::MAX);
        let seconds = self.min.as_secs_f64() * self.multiplier.powi(exponent);
        // Also what is beyond all numbers.
        if seconds < self.max.as_secs_f64() { Duration::from_secs_f64(seconds) } else { self.max }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.multiplier >= 1.0 && self.multiplier.is_finite() && self.min <= self.max
    }
}

/// Entries that are redelivered after a delay.
#[derive(Debug, Default)]
pub(super) struct NegativeAcks {
    waiting: BTreeSet<(Instant, EntryId)>,
    /// The entries in `waiting`. Each stands there once: it comes with all its messages, so one redelivery does
    /// for those that were refused later.
    entries: HashSet<EntryId>,
}

impl NegativeAcks {
    pub fn add(&mut self, id: EntryId, due: Instant) {
        if self.entries.insert(id) {
            self.waiting.insert((due, id));
        }
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// Takes out what is due, each entry once.
    pub fn take_due(&mut self, now: Instant) -> Vec<EntryId> {
        let mut due = Vec::new();
        while self.waiting.first().is_some_and(|(moment, _)| *moment <= now) {
            due.extend(self.waiting.pop_first().map(|(_, id)| id));
        }
        for id in &due {
            self.entries.remove(id);
        }
        due.sort_unstable();
        due
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
        self.entries.clear();
    }
}

/// The ack timeout is watched in this many steps, as in the Java client: an entry is redelivered after the
/// timeout, and at most one step later.
const STEPS: u32 = 10;

/// Entries that were delivered and not acknowledged, for the ack timeout.
#[derive(Debug)]
pub(super) struct UnackedEntries {
    timeout: Duration,
    /// Longer by the delay that it gives.
    backoff: Option<RedeliveryBackoff>,
    /// When they are overdue.
    due: HashMap<EntryId, Instant>,
}

impl UnackedEntries {
    pub fn new(timeout: Duration, backoff: Option<RedeliveryBackoff>) -> Self {
        UnackedEntries { timeout, backoff, due: HashMap::new() }
    }

    /// A message of the entry was delivered, which was redelivered so often; the time counts from the last one.
    pub fn add(&mut self, id: EntryId, redeliveries: u32, now: Instant) {
        let more = self.backoff.map_or(Duration::ZERO, |backoff| backoff.delay(redeliveries));
        self.due.insert(id, now + self.timeout.saturating_add(more));
    }

    pub fn remove(&mut self, id: EntryId) {
        self.due.remove(&id);
    }

    pub fn remove_before(&mut self, id: EntryId) {
        self.due.retain(|watched, _| *watched >= id);
    }

    /// When to look next.
    pub fn next_look(&self, now: Instant) -> Option<Instant> {
        (!self.due.is_empty()).then(|| now + self.timeout / STEPS)
    }

    /// Takes out what was delivered too long ago.
    pub fn take_overdue(&mut self, now: Instant) -> Vec<EntryId> {
        let overdue = self.due.extract_if(|_, due| *due <= now);
        let mut overdue: Vec<EntryId> = overdue.map(|(id, _)| id).collect();
        overdue.sort_unstable();
        overdue
    }

    pub fn clear(&mut self) {
        self.due.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(entry: u64) -> EntryId {
        EntryId { ledger: 1, entry }
    }

    #[test]
    fn negative_acks_fall_due_once_in_order() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut nacks = NegativeAcks::default();
        nacks.add(id(2), after(10));
        nacks.add(id(1), after(20));
        nacks.add(id(2), after(20));
        nacks.add(id(3), after(30));
        assert_eq!(nacks.waiting.len(), 3);
        assert_eq!(nacks.next_due(), Some(after(10)));
        assert_eq!(nacks.take_due(after(5)), []);
        assert_eq!(nacks.take_due(after(20)), [id(1), id(2)]);
        assert_eq!(nacks.take_due(after(20)), []);
        nacks.clear();
        assert_eq!(nacks.next_due(), None);
    }

    #[test]
    fn unacked_entries_are_overdue_after_the_timeout() {
        let start = Instant::now();
        let timeout = Duration::from_secs(10);
        let mut unacked = UnackedEntries::new(timeout, None);
        assert_eq!(unacked.next_look(start), None);
        unacked.add(id(1), 0, start);
        unacked.add(id(2), 0, start);
        unacked.add(id(3), 0, start + timeout);
        unacked.remove(id(2));
        assert!(unacked.next_look(start).is_some());
        assert_eq!(unacked.take_overdue(start + timeout), [id(1)]);
        unacked.remove_before(id(3));
        assert!(unacked.next_look(start).is_some());
        unacked.remove_before(id(4));
        assert_eq!(unacked.next_look(start), None);
    }

    #[test]
    fn negative_acks_with_different_delays_fall_due_each_in_its_time() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut nacks = NegativeAcks::default();
        nacks.add(id(1), after(30));
        nacks.add(id(2), after(10));
        assert_eq!(nacks.next_due(), Some(after(10)));
        assert_eq!(nacks.take_due(after(20)), [id(2)]);
        assert_eq!(nacks.take_due(after(30)), [id(1)]);
    }

    #[test]
    fn delays_grow_up_to_the_longest() {
        let backoff = RedeliveryBackoff::default();
        let seconds = |redeliveries| backoff.delay(redeliveries).as_secs();
        assert_eq!([0, 1, 2, 5, 6, 7, 1000, u32::MAX].map(seconds), [1, 2, 4, 32, 60, 60, 60, 60]);
        let still = RedeliveryBackoff { min: Duration::ZERO, ..backoff };
        assert_eq!(still.delay(3), Duration::ZERO);
    }

    #[test]
    fn the_ack_timeout_grows_with_its_backoff() {
        let start = Instant::now();
        let timeout = Duration::from_secs(10);
        let mut unacked = UnackedEntries::new(timeout, Some(RedeliveryBackoff::default()));
        unacked.add(id(1), 0, start);
        unacked.add(id(2), 3, start);
        assert_eq!(unacked.take_overdue(start + timeout), []);
        assert_eq!(unacked.take_overdue(start + timeout + Duration::from_secs(1)), [id(1)]);
        assert_eq!(unacked.take_overdue(start + timeout + Duration::from_secs(8)), [id(2)]);
    }
}
