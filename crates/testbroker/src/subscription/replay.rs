//! Entries that are delivered out of the log's order: again, or later.

use std::collections::{BTreeMap, BTreeSet};

use crate::id_map::IdMap;

/// What waits beside the cursor of a Shared or `Key_Shared` subscription.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Entries that were read and go out (again) as soon as they can, with the hash of their key.
    pub waiting: BTreeMap<u64, u16>,
    /// How often entries were delivered in vain.
    redeliveries: IdMap<u64, u32>,
    /// Entries that go out at a time (milliseconds since 1970), with the hash of their key.
    delayed: BTreeSet<(u64, u64, u16)>,
}

impl Replay {
    /// Puts an entry back after its consumer asked for redelivery.
    pub fn redeliver(&mut self, entry: u64, hash: u16) {
        self.waiting.insert(entry, hash);
        *self.redeliveries.entry(entry).or_default() += 1;
    }

    /// How often the entry was delivered in vain.
    pub fn redeliveries(&self, entry: u64) -> u32 {
        self.redeliveries.get(&entry).copied().unwrap_or_default()
    }

    /// An acknowledgement of the entry, or of a part of it, ends the count, as in a real broker.
    pub fn forget_redeliveries(&mut self, entry: u64) {
        self.redeliveries.remove(&entry);
    }

    /// Keeps an entry back until `due`.
    pub fn delay(&mut self, due: u64, entry: u64, hash: u16) {
        self.delayed.insert((due, entry, hash));
    }

    /// Moves the delayed entries that are due to those that wait.
    pub fn release_due(&mut self, now: u64) {
        while let Some(&(due, entry, hash)) = self.delayed.first() {
            if due > now {
                return;
            }
            self.delayed.pop_first();
            self.waiting.insert(entry, hash);
        }
    }

    /// When the next delayed entry is due.
    pub fn next_due(&self) -> Option<u64> {
        self.delayed.first().map(|(due, _, _)| *due)
    }

    /// Entries below `end` are acknowledged.
    pub fn drop_acked(&mut self, is_acked: impl Fn(u64) -> bool) {
        self.waiting.retain(|entry, _| !is_acked(*entry));
        self.redeliveries.retain(|entry, _| !is_acked(*entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delayed_entries_come_when_they_are_due() {
        let mut replay = Replay::default();
        replay.delay(30, 1, 0);
        replay.delay(20, 2, 0);
        assert_eq!(replay.next_due(), Some(20));
        replay.release_due(19);
        assert!(replay.waiting.is_empty());
        replay.release_due(20);
        assert_eq!(replay.waiting.keys().copied().collect::<Vec<_>>(), [2]);
        assert_eq!(replay.next_due(), Some(30));
    }

    #[test]
    fn redeliveries_are_counted() {
        let mut replay = Replay::default();
        replay.redeliver(4, 0);
        replay.redeliver(4, 0);
        assert_eq!((replay.redeliveries(4), replay.redeliveries(5)), (2, 0));
        replay.forget_redeliveries(4);
        assert_eq!(replay.redeliveries(4), 0);
    }
}
