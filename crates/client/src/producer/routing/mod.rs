//! Which partition a message goes to.

mod hashing;

pub use hashing::HashingScheme;

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

use crate::{Error, OutgoingMessage};

/// Where messages go that name neither a partition nor a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RoutingMode {
    /// All to one partition, chosen at random for each producer.
    SinglePartition,
    /// To one partition after the other: a batch each, or a message each without batching.
    #[default]
    RoundRobin,
}

/// Chooses partitions for one producer.
#[derive(Debug)]
pub(super) struct Router {
    mode: RoutingMode,
    hashing: HashingScheme,
    /// Every message goes to the next partition, instead of every batch.
    each_message: bool,
    /// Partitions there are.
    count: AtomicUsize,
    turn: CachePadded<AtomicUsize>,
}

impl Router {
    pub fn new(mode: RoutingMode, hashing: HashingScheme, is_batching: bool, count: usize) -> Self {
        // Producers begin at different partitions, so that those that send little do not all use the first.
        let first = fastrand::usize(..1 << 31) % count.max(1);
        Router {
            mode,
            hashing,
            each_message: !is_batching,
            count: AtomicUsize::new(count),
            turn: CachePadded::new(AtomicUsize::new(first)),
        }
    }

    /// Partitions were added.
    pub fn grow(&self, count: usize) {
        self.count.store(count, Ordering::Release);
    }

    /// The partition for a message.
    pub fn choose(&self, message: &OutgoingMessage<'_>) -> Result<usize, Error> {
        let count = self.count.load(Ordering::Acquire);
        if let Some(chosen) = message.partition {
            let partition = usize::try_from(chosen).ok().filter(|partition| *partition < count);
            return partition
                .ok_or_else(|| Error::Unknown(format!("there is no partition {chosen} of {count}")));
        }
        if let Some(key) = message.partition_key {
            return Ok(self.hashing.hash(key) as usize % count);
        }
        if self.mode == RoutingMode::SinglePartition {
            // Also when there are more partitions by now: messages of one producer stay together.
            return Ok(self.turn.load(Ordering::Relaxed));
        }
        let turn = if self.each_message {
            self.turn.fetch_add(1, Ordering::Relaxed)
        } else {
            self.turn.load(Ordering::Relaxed)
        };
        Ok(turn % count)
    }

    /// A batch of this partition is complete. If it was its turn, the next has it now.
    pub fn pass_on(&self, partition: usize) {
        let count = self.count.load(Ordering::Relaxed);
        let turn = self.turn.load(Ordering::Relaxed);
        if self.mode == RoutingMode::RoundRobin && !self.each_message && turn % count == partition {
            // Another thread may have been faster, which is as good.
            let next = turn.wrapping_add(1);
            let _ = self.turn.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> OutgoingMessage<'static> {
        "x".into()
    }

    #[test]
    fn batches_take_turns() {
        let router = Router::new(RoutingMode::RoundRobin, HashingScheme::default(), true, 3);
        let first = router.choose(&plain()).unwrap();
        assert_eq!(router.choose(&plain()), Ok(first));
        router.pass_on((first + 1) % 3);
        assert_eq!(router.choose(&plain()), Ok(first), "the batch of another partition");
        router.pass_on(first);
        assert_eq!(router.choose(&plain()), Ok((first + 1) % 3));
    }

    #[test]
    fn single_messages_take_turns() {
        let router = Router::new(RoutingMode::RoundRobin, HashingScheme::default(), false, 3);
        let chosen: Vec<_> = (0..6).map(|_| router.choose(&plain()).unwrap()).collect();
        let expected: Vec<_> = (0..6).map(|offset| (chosen[0] + offset) % 3).collect();
        assert_eq!(chosen, expected);
    }

    #[test]
    fn one_partition_gets_all_but_what_names_its_own() {
        let router = Router::new(RoutingMode::SinglePartition, HashingScheme::JavaString, false, 3);
        let first = router.choose(&plain()).unwrap();
        router.pass_on(first);
        assert_eq!(router.choose(&plain()), Ok(first));
        let keyed = OutgoingMessage { partition_key: Some(b"b"), ..plain() };
        assert_eq!(router.choose(&keyed), Ok(usize::from(b'b') % 3));
        let named = OutgoingMessage { partition: Some(2), ..keyed };
        assert_eq!(router.choose(&named), Ok(2));
        let missing = OutgoingMessage { partition: Some(3), ..keyed };
        assert!(router.choose(&missing).is_err());
        router.grow(4);
        assert_eq!(router.choose(&missing), Ok(3));
    }
}
