//! Which of the consumers of a Failover subscription is active.

use std::collections::BTreeMap;

use super::consumer::Consumer;
use super::key_hash::murmur3;

/// How a topic chooses among the consumers of the best priority, sorted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A partition takes the one of its number, so that partitions spread over consumers.
    Partition(u32),
    /// Another topic takes the one that comes next to its name on a ring of hashes.
    Hash(u32),
}

/// Places of each consumer on the ring, as in a real broker.
const PLACES: u32 = 100;

impl Turn {
    /// The turn of the topic with this name, which is partition `partition`, or -1 for none.
    pub fn of(name: &str, partition: i32) -> Self {
        u32::try_from(partition).map_or_else(|_| Turn::Hash(hash(name)), Turn::Partition)
    }

    /// Index of the active consumer.
    pub(super) fn choose(self, candidates: &[&Consumer]) -> Option<usize> {
        match self {
            Turn::Partition(number) => (number as usize).checked_rem(candidates.len()),
            Turn::Hash(hash) => next_on_ring(hash, candidates),
        }
    }
}

fn next_on_ring(hash_of_topic: u32, candidates: &[&Consumer]) -> Option<usize> {
    let mut ring = BTreeMap::new();
    for (index, consumer) in candidates.iter().enumerate() {
        ring.extend((0..PLACES).map(|place| (hash(&format!("{}{place}", consumer.name)), index)));
    }
    ring.range(hash_of_topic..).chain(&ring).next().map(|(_, index)| *index)
}

/// Java's hashes are signed; brokers drop the sign.
fn hash(text: &str) -> u32 {
    murmur3(text.as_bytes()) & (u32::MAX >> 1)
}
