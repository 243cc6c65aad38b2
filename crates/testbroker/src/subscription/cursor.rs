//! What a subscription has acknowledged and how far it has read.

use std::collections::{BTreeMap, VecDeque};

use super::ack_set::AckSet;
use crate::topic::Log;

/// Position of a subscription in the log of its topic. Entries are named by their number in the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cursor {
    /// Everything below is acknowledged: one more than the mark-delete position of a real broker.
    first_unacked: u64,
    /// Acknowledged entries from `first_unacked` on, a bit each; the first word holds `first_unacked`.
    acked: VecDeque<u64>,
    /// Batches of which some messages are acknowledged.
    partly: BTreeMap<u64, AckSet>,
    /// The next entry that was not read yet.
    read: u64,
}

const WORD: u64 = 64;

impl Cursor {
    /// A cursor that has everything below `first_unacked` behind it.
    pub fn new(first_unacked: u64) -> Self {
        Cursor { first_unacked, read: first_unacked, ..Cursor::default() }
    }

    /// Number of the first entry that is not acknowledged, or not whole.
    pub fn first_unacked(&self) -> u64 {
        self.first_unacked
    }

    /// Number of the next entry to read.
    pub fn read_position(&self) -> u64 {
        self.read
    }

    /// Whether the whole entry is acknowledged.
    pub fn is_acked(&self, entry: u64) -> bool {
        if entry < self.first_unacked {
            return true;
        }
        self.acked.get(self.word_of(entry)).is_some_and(|word| word >> (entry % WORD) & 1 == 1)
    }

    /// What is left of a batch of which some messages are acknowledged.
    pub fn ack_set(&self, entry: u64) -> Option<&AckSet> {
        self.partly.get(&entry)
    }

    /// Messages of the entry, which has `messages` in all, that are not acknowledged.
    pub fn unacked_in(&self, entry: u64, messages: u32) -> u32 {
        if self.is_acked(entry) {
            return 0;
        }
        self.partly.get(&entry).map_or(messages, AckSet::unacked)
    }

    /// Acknowledges an entry whole. The caller sees to it that the entry exists.
    pub fn ack(&mut self, entry: u64) {
        if self.is_acked(entry) {
            return;
        }
        self.partly.remove(&entry);
        let word = self.word_of(entry);
        if word >= self.acked.len() {
            self.acked.resize(word + 1, 0);
        }
        self.acked[word] |= 1 << (entry % WORD);
        self.advance();
    }

    /// Acknowledges the messages of a batch, of `messages` in all, that `left` does not name. Returns how
    /// many messages that newly acknowledges.
    pub fn ack_partly(&mut self, entry: u64, left: AckSet, messages: u32) -> u32 {
        let before = self.unacked_in(entry, messages);
        if before == 0 {
            return 0;
        }
        let mut left = left;
        if let Some(known) = self.partly.get(&entry) {
            left.intersect(known);
        }
        let after = left.unacked();
        if after == 0 {
            self.ack(entry);
        } else if after < messages {
            self.partly.insert(entry, left);
        }
        before - after
    }

    /// Acknowledges every entry below `end`.
    pub fn ack_below(&mut self, end: u64) {
        if end <= self.first_unacked {
            return;
        }
        let passed = usize::try_from(end / WORD - self.first_unacked / WORD).unwrap_or(usize::MAX);
        self.acked.drain(..passed.min(self.acked.len()));
        self.first_unacked = end;
        self.partly = self.partly.split_off(&end);
        self.advance();
    }

    /// Takes the next entry to read below `end`, leaving out acknowledged ones.
    pub fn read_next(&mut self, end: u64) -> Option<u64> {
        self.read = self.read.max(self.first_unacked);
        while self.read < end {
            let entry = self.read;
            self.read += 1;
            if !self.is_acked(entry) {
                return Some(entry);
            }
        }
        None
    }

    /// Goes back to the first entry that is not acknowledged.
    pub fn rewind(&mut self) {
        self.read = self.first_unacked;
    }

    /// Unacknowledged messages from the cursor's start up to the entry `end`.
    pub fn backlog(&self, log: &Log, end: u64) -> u64 {
        (self.first_unacked.max(log.first())..end.min(log.end()))
            .filter_map(|entry| Some((entry, log.get(entry)?)))
            .map(|(number, entry)| u64::from(self.unacked_in(number, entry.messages)))
            .sum()
    }

    /// Unacknowledged entries.
    pub fn backlog_entries(&self, log: &Log) -> u64 {
        let start = self.first_unacked.max(log.first());
        (start..log.end()).filter(|entry| !self.is_acked(*entry)).count() as u64
    }

    fn word_of(&self, entry: u64) -> usize {
        usize::try_from(entry / WORD - self.first_unacked / WORD).unwrap_or(usize::MAX)
    }

    /// Moves `first_unacked` over the acknowledged entries that it has reached.
    fn advance(&mut self) {
        while let Some(word) = self.acked.front() {
            let run = u64::from((word >> (self.first_unacked % WORD)).trailing_ones());
            self.first_unacked += run;
            if run == 0 || !self.first_unacked.is_multiple_of(WORD) {
                return;
            }
            self.acked.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const ENTRIES: u64 = 300;
    const BATCH: u32 = 70;

    /// The same as a cursor, written plainly: a set of (entry, index) that are not acknowledged.
    struct Model {
        unacked: BTreeSet<(u64, u32)>,
    }

    impl Model {
        fn new() -> Self {
            Model { unacked: (0..ENTRIES).flat_map(|e| (0..BATCH).map(move |i| (e, i))).collect() }
        }

        fn in_entry(&self, entry: u64) -> u32 {
            u32::try_from(self.unacked.range((entry, 0)..(entry + 1, 0)).count()).unwrap()
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Ack(u64),
        Partly(u64, Vec<i64>),
        Below(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..ENTRIES).prop_map(Step::Ack),
            2 => (0..ENTRIES, vec(any::<i64>(), 0..3)).prop_map(|(entry, words)| Step::Partly(entry, words)),
            1 => (0..ENTRIES).prop_map(Step::Below),
        ]
    }

    fn bit(words: &[i64], index: u32) -> bool {
        words.get(index as usize / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn apply(cursor: &mut Cursor, model: &mut Model, step: &Step) {
        match step {
            Step::Ack(entry) => {
                cursor.ack(*entry);
                model.unacked.retain(|(e, _)| e != entry);
            }
            Step::Partly(entry, words) => {
                let before = model.in_entry(*entry);
                model.unacked.retain(|(e, index)| e != entry || bit(words, *index));
                let newly = cursor.ack_partly(*entry, AckSet::from_protocol(words, BATCH), BATCH);
                assert_eq!(newly, before - model.in_entry(*entry));
            }
            Step::Below(end) => {
                cursor.ack_below(*end);
                model.unacked = model.unacked.split_off(&(*end, 0));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn a_cursor_agrees_with_a_naive_model(steps in vec(step(), 0..200)) {
            let mut cursor = Cursor::new(0);
            let mut model = Model::new();
            for step in &steps {
                apply(&mut cursor, &mut model, step);
                let first = model.unacked.first().map_or(ENTRIES, |(entry, _)| *entry);
                prop_assert_eq!(cursor.first_unacked(), first);
            }
            for entry in 0..ENTRIES {
                prop_assert_eq!(cursor.unacked_in(entry, BATCH), model.in_entry(entry), "entry {}", entry);
                prop_assert_eq!(cursor.is_acked(entry), model.in_entry(entry) == 0);
            }
            let mut reader = cursor.clone();
            let read: Vec<u64> = std::iter::from_fn(|| reader.read_next(ENTRIES)).collect();
            let expected: BTreeSet<u64> = model.unacked.iter().map(|(entry, _)| *entry).collect();
            prop_assert_eq!(read, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn acknowledging_in_order_keeps_nothing() {
        let mut cursor = Cursor::new(0);
        for entry in 0..10_000 {
            cursor.ack(entry);
        }
        assert_eq!(cursor.first_unacked(), 10_000);
        assert!(cursor.acked.len() <= 1, "{} words", cursor.acked.len());
    }

    #[test]
    fn reading_starts_again_at_what_is_left() {
        let mut cursor = Cursor::new(5);
        assert_eq!([cursor.read_next(8), cursor.read_next(8)], [Some(5), Some(6)]);
        cursor.ack(5);
        cursor.rewind();
        assert_eq!([cursor.read_next(8), cursor.read_next(8), cursor.read_next(8)], [Some(6), Some(7), None]);
    }
}
