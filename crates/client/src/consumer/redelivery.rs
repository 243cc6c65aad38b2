//! Messages that shall come again: negatively acknowledged, or not acknowledged in time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use pulsar_rs_wire::hot::EntryId;

/// Entries that are redelivered after a delay, the same for all: so they fall due in the order they came.
#[derive(Debug, Default)]
pub(super) struct NegativeAcks {
    waiting: VecDeque<(Instant, EntryId)>,
    /// The entries in `waiting`. Each stands there once: it comes with all its messages, so one redelivery does
    /// for those that were refused later.
    entries: HashSet<EntryId>,
}

impl NegativeAcks {
    pub fn add(&mut self, id: EntryId, due: Instant) {
        if self.entries.insert(id) {
            self.waiting.push_back((due, id));
        }
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// Takes out what is due, each entry once.
    pub fn take_due(&mut self, now: Instant) -> Vec<EntryId> {
        let count = self.waiting.partition_point(|(due, _)| *due <= now);
        let mut due: Vec<EntryId> = self.waiting.drain(..count).map(|(_, id)| id).collect();
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
    delivered: HashMap<EntryId, Instant>,
}

impl UnackedEntries {
    pub fn new(timeout: Duration) -> Self {
        UnackedEntries { timeout, delivered: HashMap::new() }
    }

    /// A message of the entry was delivered; the time counts from the last one.
    pub fn add(&mut self, id: EntryId, now: Instant) {
        self.delivered.insert(id, now);
    }

    pub fn remove(&mut self, id: EntryId) {
        self.delivered.remove(&id);
    }

    pub fn remove_before(&mut self, id: EntryId) {
        self.delivered.retain(|delivered, _| *delivered >= id);
    }

    /// When to look next.
    pub fn next_look(&self, now: Instant) -> Option<Instant> {
        (!self.delivered.is_empty()).then(|| now + self.timeout / STEPS)
    }

    /// Takes out what was delivered too long ago.
    pub fn take_overdue(&mut self, now: Instant) -> Vec<EntryId> {
        let timeout = self.timeout;
        let overdue = self.delivered.extract_if(|_, delivered| now.duration_since(*delivered) >= timeout);
        let mut overdue: Vec<EntryId> = overdue.map(|(id, _)| id).collect();
        overdue.sort_unstable();
        overdue
    }

    pub fn clear(&mut self) {
        self.delivered.clear();
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
        let mut unacked = UnackedEntries::new(timeout);
        assert_eq!(unacked.next_look(start), None);
        unacked.add(id(1), start);
        unacked.add(id(2), start);
        unacked.add(id(3), start + timeout);
        unacked.remove(id(2));
        assert!(unacked.next_look(start).is_some());
        assert_eq!(unacked.take_overdue(start + timeout), [id(1)]);
        unacked.remove_before(id(3));
        assert!(unacked.next_look(start).is_some());
        unacked.remove_before(id(4));
        assert_eq!(unacked.next_look(start), None);
    }
}
