//! The batches that this consumer has messages of, or acknowledged in part: one state for each.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use pulsar_rs_wire::compression::MAX_RESTORED;
use pulsar_rs_wire::hot::EntryId;

use super::arrival::MIN_MESSAGE;
use super::batch_acks::{BatchAcks, Progress};
use crate::{Error, MessageId};

/// Largest batch that an id is believed to stand in, in messages: no larger one is ever delivered. What an id
/// says costs memory, a bit per message, and anybody can write one.
#[allow(clippy::cast_possible_truncation)] // about 45 million
const MAX_BATCH: u32 = (MAX_RESTORED / MIN_MESSAGE) as u32;

/// Memory for batches that are acknowledged in part: 16 MiB, more than 100,000 batches of up to 64 messages.
/// A broker keeps 10,000 of them (`managedLedgerMaxBatchDeletedIndexToPersist`).
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Fewer dead entries than this are not worth a sweep.
const MIN_SWEEP: usize = 1024;

/// States of batches by their entries.
///
/// A batch has one state however often it is delivered and however its messages are named, because nobody
/// else makes any: else each would wait for acknowledgements that the other has.
#[derive(Debug)]
pub(super) struct Batches {
    /// Batches that were opened. They live as long as their messages; what is dead is swept now and then, so
    /// that there are at most twice as many as live.
    opened: HashMap<EntryId, Weak<BatchAcks>>,
    /// Entries in `opened` at which it is swept next.
    sweep_at: usize,
    /// Batches that are acknowledged in part, so that they are known when they come again.
    ///
    /// Another consumer may finish such a batch, and nobody tells us. So the table is bounded in memory, and
    /// the lowest position goes first: it is the most likely to be finished. Should its batch come again, it
    /// comes whole.
    kept: BTreeMap<EntryId, Arc<BatchAcks>>,
    kept_bytes: usize,
    max_kept_bytes: usize,
}

impl Default for Batches {
    fn default() -> Self {
        Batches::bounded(MAX_KEPT_BYTES)
    }
}

impl Batches {
    fn bounded(max_kept_bytes: usize) -> Self {
        Batches {
            opened: HashMap::new(),
            sweep_at: MIN_SWEEP,
            kept: BTreeMap::new(),
            kept_bytes: 0,
            max_kept_bytes,
        }
    }

    /// The state of a batch, if there is one.
    pub fn known(&self, id: EntryId) -> Option<Arc<BatchAcks>> {
        self.kept.get(&id).cloned().or_else(|| self.opened.get(&id)?.upgrade())
    }

    /// A batch was opened, for which the broker waits as `fresh` says. Returns the state to use, and whether
    /// anything is left to be acknowledged that was before.
    pub fn open(
        &mut self,
        id: EntryId,
        fresh: Arc<BatchAcks>,
        ack_set: &[i64],
    ) -> (Arc<BatchAcks>, Progress) {
        if let Some(known) = self.known(id) {
            if known.size() == fresh.size() {
                let progress = known.keep_only(ack_set);
                self.add_opened(id, &known);
                return (known, progress);
            }
            // It was made of an id that lied about its batch.
            self.remove(id);
        }
        self.add_opened(id, &fresh);
        (fresh, Progress::Unchanged)
    }

    fn add_opened(&mut self, id: EntryId, acks: &Arc<BatchAcks>) {
        if self.opened.len() >= self.sweep_at {
            self.opened.retain(|_, acks| acks.strong_count() > 0);
            self.sweep_at = (2 * self.opened.len()).max(MIN_SWEEP);
        }
        self.opened.insert(id, Arc::downgrade(acks));
    }

    /// State and place of the message that an id names; nothing where the id stands for its whole entry, as
    /// one does that has no batch index. Ids that other clients wrote may lack the size of the batch: where
    /// it is not known either, they too stand for the entry, as they do for those clients.
    ///
    /// Fails for an id that cannot be: of a batch larger than any, of another size than the batch is known to
    /// have, or behind its end. Nothing is kept here: a new state is, once something in it is acknowledged.
    pub fn find(&self, entry: EntryId, id: &MessageId) -> Result<Option<(Arc<BatchAcks>, u32)>, Error> {
        let Ok(index) = u32::try_from(id.batch_index) else {
            return Ok(None);
        };
        let claimed = u32::try_from(id.batch_size).ok().filter(|size| *size > 0);
        let acks = match (self.known(entry), claimed) {
            (None, None) => return Ok(None),
            (Some(known), None) => known,
            (Some(known), Some(size)) if known.size() == size => known,
            (None, Some(size)) if index < size && size <= MAX_BATCH => Arc::new(BatchAcks::new(size, &[])),
            (_, Some(_)) => return Err(no_such_message(id)),
        };
        if index < acks.size() { Ok(Some((acks, index))) } else { Err(no_such_message(id)) }
    }

    /// Keeps a batch that is acknowledged in part.
    pub fn keep(&mut self, id: EntryId, acks: &Arc<BatchAcks>) {
        match self.kept.insert(id, acks.clone()) {
            Some(before) if Arc::ptr_eq(&before, acks) => {}
            before => {
                if let Some(before) = before {
                    self.dropped(&before);
                }
                acks.mark_noted(true);
                self.kept_bytes += acks.bytes();
            }
        }
        while self.kept_bytes > self.max_kept_bytes {
            let Some(lowest) = self.kept.keys().find(|lowest| **lowest != id).copied() else {
                return;
            };
            if let Some(acks) = self.kept.remove(&lowest) {
                self.dropped(&acks);
            }
        }
    }

    /// The batch is done with. Messages of it that are still around have nothing to say any more.
    pub fn remove(&mut self, id: EntryId) {
        self.opened.remove(&id);
        if let Some(acks) = self.kept.remove(&id) {
            self.dropped(&acks);
        }
    }

    /// Everything before the entry is acknowledged.
    pub fn remove_before(&mut self, id: EntryId) {
        let rest = self.kept.split_off(&id);
        for acks in std::mem::replace(&mut self.kept, rest).into_values() {
            self.dropped(&acks);
        }
    }

    fn dropped(&mut self, acks: &BatchAcks) {
        acks.mark_noted(false);
        self.kept_bytes -= acks.bytes();
    }

    /// The batches that are acknowledged in part.
    pub fn kept(&self) -> impl Iterator<Item = (EntryId, &Arc<BatchAcks>)> {
        self.kept.iter().map(|(id, acks)| (*id, acks))
    }
}

fn no_such_message(id: &MessageId) -> Error {
    Error::InvalidMessage(format!("{id}, in a batch of {}, can be no message", id.batch_size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(entry: u64) -> EntryId {
        EntryId { ledger: 1, entry }
    }

    fn batch(size: u32) -> Arc<BatchAcks> {
        Arc::new(BatchAcks::new(size, &[]))
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_lowest_goes_first() {
        let bytes = batch(64).bytes();
        let mut batches = Batches::bounded(3 * bytes);
        let states: Vec<_> = (0..10).map(|_| batch(64)).collect();
        for (number, acks) in states.iter().enumerate() {
            batches.keep(entry(number as u64), acks);
            batches.keep(entry(number as u64), acks);
            assert!(batches.kept_bytes <= 3 * bytes);
        }
        assert_eq!(batches.kept().map(|(id, _)| id.entry).collect::<Vec<_>>(), [7, 8, 9]);
        for (number, acks) in states.iter().enumerate() {
            assert_eq!(acks.is_noted(), number >= 7);
        }
        batches.remove_before(entry(8));
        batches.remove(entry(9));
        assert_eq!(batches.kept_bytes, bytes);
        // One that is larger than all the room is kept alone until the next.
        batches.keep(entry(1), &batch(10_000));
        assert_eq!(batches.kept().map(|(id, _)| id.entry).collect::<Vec<_>>(), [1]);
        batches.keep(entry(2), &batch(1));
        assert_eq!(batches.kept().map(|(id, _)| id.entry).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn dead_batches_are_swept() {
        let mut batches = Batches::default();
        let alive: Vec<_> = (0..10).map(|number| batches.open(entry(number), batch(2), &[]).0).collect();
        for number in 10..100_000 {
            let _ = batches.open(entry(number), batch(2), &[]);
            assert!(batches.opened.len() <= MIN_SWEEP);
        }
        for (number, acks) in alive.iter().enumerate() {
            assert!(Arc::ptr_eq(&batches.known(entry(number as u64)).unwrap(), acks));
        }
    }

    #[test]
    fn the_batch_that_comes_is_believed_before_an_id() {
        let mut batches = Batches::default();
        let id =
            |batch_index, batch_size| MessageId { batch_index, batch_size, ..MessageId::entry(1, 7, -1) };
        let (lie, _) = batches.find(entry(7), &id(3, 5)).unwrap().unwrap();
        batches.keep(entry(7), &lie);
        let (acks, _) = batches.open(entry(7), batch(10), &[]);
        assert_eq!((acks.size(), acks.left(), batches.kept().count()), (10, 10, 0));
        assert!(batches.find(entry(7), &id(3, 5)).is_err());
        assert!(Arc::ptr_eq(&batches.find(entry(7), &id(3, 10)).unwrap().unwrap().0, &acks));
        assert!(Arc::ptr_eq(&batches.find(entry(7), &id(3, 0)).unwrap().unwrap().0, &acks));
        assert_eq!(batches.find(entry(8), &id(3, 0)).unwrap().map(|_| ()), None);
    }
}
