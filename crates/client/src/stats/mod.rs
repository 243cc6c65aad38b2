//! What a client and its producers and consumers count.
//!
//! Counting costs the way of a message next to nothing: most is counted once for an entry, and always where a lock is
//! held anyway. Looking takes these locks, for a moment.

mod consumer;
mod latency;
mod producer;
mod report;

pub use consumer::ConsumerStats;
pub use latency::LatencyHistogram;
pub use producer::ProducerStats;
pub(crate) use report::run_reports;

/// What a client and its producers and consumers did and are doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStats {
    /// Open connections to brokers.
    pub connections: usize,
    /// Bytes of messages under way, as they count against the memory limit: payloads, keys and properties. With a limit also
    /// what waits in receiver queues that adapt.
    pub memory_used: u64,
    /// The memory limit in bytes; 0: there is none.
    pub memory_limit: u64,
    /// Producers that are not closed, in the order in which they were created. Each partition has one of its own.
    pub producers: Vec<ProducerStats>,
    /// Consumers that are not closed, in the order in which they were created.
    pub consumers: Vec<ConsumerStats>,
}

/// What one producer or consumer counts.
#[derive(Debug, Clone)]
pub(crate) enum MemberStats {
    // The larger by far.
    Producer(Box<ProducerStats>),
    Consumer(ConsumerStats),
}
