use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

const WORD_BITS: u32 = u64::BITS;

/// Memory of a batch beside its words, rounded up: the struct, its counters, two allocations, a place in a
/// table.
const FIXED_BYTES: usize = 128;

/// Which messages of a batch are not acknowledged yet: the one place that decides when the whole entry is.
#[derive(Debug)]
pub(super) struct BatchAcks {
    /// A bit per message, set until it is acknowledged.
    words: Box<[AtomicU64]>,
    /// Bits that are set.
    left: AtomicU32,
    size: u32,
    /// Messages that had to be acknowledged at first.
    expected: u32,
    /// [`Acks`](super::acks::Acks) has it in its list of batches to tell the broker of.
    queued: AtomicBool,
    /// [`Batches`](super::batches::Batches) keeps it as a batch that is acknowledged in part.
    noted: AtomicBool,
}

/// What an acknowledgement did to its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing: these messages were acknowledged before.
    Unchanged,
    /// Messages are left.
    Partial,
    /// This was the last one. Said to one caller only.
    Complete,
}

impl BatchAcks {
    /// A batch of `size` messages; `ack_set` has the bits of those that the broker still waits for, all if
    /// it is empty.
    pub fn new(size: u32, ack_set: &[i64]) -> Self {
        let words: Box<[AtomicU64]> = (0..size.div_ceil(WORD_BITS))
            .map(|index| AtomicU64::new(waited_for(size, ack_set, index)))
            .collect();
        let left = words.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum();
        BatchAcks {
            words,
            left: AtomicU32::new(left),
            size,
            expected: left,
            queued: AtomicBool::new(false),
            noted: AtomicBool::new(false),
        }
    }

    /// Messages in the batch.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Messages that had to be acknowledged when its state was made.
    pub fn expected(&self) -> u32 {
        self.expected
    }

    /// Whether message `index` still has to be acknowledged.
    pub fn is_unacked(&self, index: u32) -> bool {
        let bit = 1u64 << (index % WORD_BITS);
        self.words
            .get((index / WORD_BITS) as usize)
            .is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Acknowledges one message.
    pub fn ack(&self, index: u32) -> Progress {
        let bit = 1u64 << (index % WORD_BITS);
        self.clear((index / WORD_BITS) as usize, bit)
    }

    /// Acknowledges messages; those that stand together cost little more than one.
    pub fn ack_each(&self, indexes: impl Iterator<Item = u32>) -> Progress {
        let mut progress = Progress::Unchanged;
        let (mut word, mut bits) = (0, 0);
        let mut clear = |word: u32, bits: u64| match self.clear(word as usize, bits) {
            Progress::Unchanged => {}
            changed => progress = changed,
        };
        for index in indexes {
            if index / WORD_BITS != word {
                clear(word, bits);
                (word, bits) = (index / WORD_BITS, 0);
            }
            bits |= 1 << (index % WORD_BITS);
        }
        clear(word, bits);
        progress
    }

    /// Acknowledges the message and all before it in the batch.
    pub fn ack_up_to(&self, index: u32) -> Progress {
        let last = index.min(self.size.saturating_sub(1));
        let mut progress = Progress::Unchanged;
        for word in 0..=last / WORD_BITS {
            let bits = mask_below(last + 1 - word * WORD_BITS);
            match self.clear(word as usize, bits) {
                Progress::Unchanged => {}
                changed => progress = changed,
            }
        }
        progress
    }

    /// Acknowledges what the broker does not wait for any more, by its `ack_set`: others may have
    /// acknowledged it.
    pub fn keep_only(&self, ack_set: &[i64]) -> Progress {
        let mut progress = Progress::Unchanged;
        for (word, index) in (0..self.size.div_ceil(WORD_BITS)).enumerate() {
            match self.clear(word, !waited_for(self.size, ack_set, index)) {
                Progress::Unchanged => {}
                changed => progress = changed,
            }
        }
        progress
    }

    fn clear(&self, word: usize, bits: u64) -> Progress {
        let Some(word) = self.words.get(word) else {
            return Progress::Unchanged;
        };
        let cleared = (word.fetch_and(!bits, Ordering::AcqRel) & bits).count_ones();
        if cleared == 0 {
            Progress::Unchanged
        } else if self.left.fetch_sub(cleared, Ordering::AcqRel) == cleared {
            Progress::Complete
        } else {
            Progress::Partial
        }
    }

    /// The bits as the protocol wants them: set for messages that stay unacknowledged.
    pub fn ack_set(&self) -> Vec<i64> {
        self.words.iter().map(|word| word.load(Ordering::Acquire).cast_signed()).collect()
    }

    /// Whether it stands in the table of batches that are acknowledged in part.
    pub fn is_noted(&self) -> bool {
        self.noted.load(Ordering::Acquire)
    }

    /// It stands in that table now, or no more.
    pub fn mark_noted(&self, noted: bool) {
        self.noted.store(noted, Ordering::Release);
    }

    /// True for the caller who has to put it into the list of batches to tell the broker of.
    pub fn mark_queued(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// It left that list. Call before reading the bits, so that later acknowledgements queue it again.
    pub fn clear_queued(&self) {
        self.queued.store(false, Ordering::Release);
    }

    /// Memory that it takes: its words and, roughly, what surrounds them.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.words) + FIXED_BYTES
    }

    /// Messages that still have to be acknowledged.
    pub fn left(&self) -> u32 {
        self.left.load(Ordering::Acquire)
    }
}

/// How many messages of a batch the broker waits for, by its `ack_set`.
pub(super) fn count_unacked(size: u32, ack_set: &[i64]) -> u32 {
    (0..size.div_ceil(WORD_BITS))
        .take(ack_set.len())
        .map(|index| waited_for(size, ack_set, index).count_ones())
        .sum()
}

/// Word `index` of the bits for a batch of `size` messages.
fn waited_for(size: u32, ack_set: &[i64], index: u32) -> u64 {
    let in_batch = mask_below(size - index * WORD_BITS);
    match ack_set.get(index as usize) {
        Some(word) => in_batch & word.cast_unsigned(),
        None if ack_set.is_empty() => in_batch,
        None => 0,
    }
}

/// The lowest `bits` bits; all for 64 and more.
fn mask_below(bits: u32) -> u64 {
    1u64.checked_shl(bits).map_or(u64::MAX, |bit| bit - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Against the plain model: a set of indexes.
        #[test]
        fn it_is_a_set_of_messages(
            size in 1u32..200,
            steps in vec((any::<bool>(), 0u32..200), 0..300),
        ) {
            let acks = BatchAcks::new(size, &[]);
            let mut model: BTreeSet<u32> = (0..size).collect();
            for (cumulative, index) in steps {
                let before = model.len();
                let progress = if cumulative {
                    let last = index.min(size - 1);
                    model.retain(|left| *left > last);
                    acks.ack_up_to(index)
                } else {
                    model.remove(&index);
                    acks.ack(index)
                };
                let expected = match model.len() {
                    len if len == before => Progress::Unchanged,
                    0 => Progress::Complete,
                    _ => Progress::Partial,
                };
                prop_assert_eq!(progress, expected);
                prop_assert_eq!(acks.left() as usize, model.len());
                for index in 0..size {
                    prop_assert_eq!(acks.is_unacked(index), model.contains(&index));
                }
                let again = BatchAcks::new(size, &acks.ack_set());
                if !model.is_empty() {
                    prop_assert_eq!(again.left(), acks.left());
                }
            }
        }

        #[test]
        fn what_the_broker_does_not_wait_for_counts_as_acknowledged(
            size in 1u32..200, acked in vec(0u32..200, 0..200), ack_set in vec(any::<i64>(), 0..5),
        ) {
            let acks = BatchAcks::new(size, &[]);
            for index in acked {
                acks.ack(index);
            }
            let (before, broker) = (acks.ack_set(), BatchAcks::new(size, &ack_set));
            let progress = acks.keep_only(&ack_set);
            for index in 0..size {
                let was_unacked = before[(index / 64) as usize] >> (index % 64) & 1 == 1;
                prop_assert_eq!(acks.is_unacked(index), was_unacked && broker.is_unacked(index));
            }
            let expected = match acks.left() {
                _ if acks.ack_set() == before => Progress::Unchanged,
                0 => Progress::Complete,
                _ => Progress::Partial,
            };
            prop_assert_eq!(progress, expected);
        }

        #[test]
        fn the_brokers_ack_set_counts(size in 1u32..200, ack_set in vec(any::<i64>(), 1..5)) {
            let acks = BatchAcks::new(size, &ack_set);
            for index in 0..size {
                let word = ack_set.get((index / 64) as usize).copied().unwrap_or(0);
                prop_assert_eq!(acks.is_unacked(index), word >> (index % 64) & 1 == 1);
            }
        }
    }

    #[test]
    fn only_one_of_many_threads_completes_the_batch() {
        for _ in 0..50 {
            let acks = BatchAcks::new(128, &[]);
            let completed = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (acks, completed) = (&acks, &completed);
                    scope.spawn(move || {
                        for index in (thread..128).step_by(2) {
                            if acks.ack(index) == Progress::Complete {
                                completed.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    });
                }
            });
            assert_eq!(completed.into_inner(), 1);
        }
    }
}
