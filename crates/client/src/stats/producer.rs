use std::sync::Arc;

use super::LatencyHistogram;

/// What a producer did since it was created, and what it is doing.
///
/// Counters only rise, and no reconnect sets them back. The numbers of one topic or partition are taken at one moment:
/// `messages` is the sum of `acknowledged`, `failed` and `pending_messages`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerStats {
    /// The topic's full name; of a partition, with its number.
    pub topic: Arc<str>,
    /// Number of the partition, or -1.
    pub partition: i32,
    /// The producer's name; empty until a broker gave it one.
    pub name: Arc<str>,
    /// Whether a broker is connected right now; of several partitions, for each that was started.
    pub is_connected: bool,
    /// Messages that were accepted.
    pub messages: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Batches that were closed, messages outside of batches, and chunks of messages: what the broker stores as an entry each.
    pub entries: u64,
    /// Bytes in entries before compression: payloads, and in batches what belongs to each message.
    pub uncompressed_bytes: u64,
    /// The same as it is sent, compressed if the producer compresses. Entries that are sent again after a reconnect
    /// count once.
    pub compressed_bytes: u64,
    /// Messages that the broker stored, or had stored before.
    pub acknowledged: u64,
    /// Messages that were accepted and whose outcome is an error.
    pub failed: u64,
    /// Those of them that got no receipt within the send timeout.
    pub timed_out: u64,
    /// Messages that were not accepted because too many were pending, or too much memory was in use.
    pub refused: u64,
    /// Messages that have no outcome yet.
    pub pending_messages: u64,
    /// Bytes of payloads, keys and properties in them, as they count against the client's memory limit.
    pub pending_bytes: u64,
    /// How often the producer came onto a broker again after it lost its place there.
    pub reconnects: u64,
    /// Of acknowledged messages, the time to their receipt: since their batch was opened, or since they were accepted
    /// outside of a batch. Of staged messages of a partition that starts lazily, since it was on a broker.
    pub latency: LatencyHistogram,
    /// Of a topic with partitions: those that these numbers are the sum of. Empty in all other cases.
    pub partitions: Vec<ProducerStats>,
}

impl ProducerStats {
    /// The sum over a topic's partitions, but for whether it is connected.
    pub(crate) fn sum(topic: Arc<str>, name: Arc<str>, partitions: Vec<ProducerStats>) -> Self {
        let mut sum = ProducerStats {
            topic,
            partition: -1,
            name,
            is_connected: false,
            messages: 0,
            bytes: 0,
            entries: 0,
            uncompressed_bytes: 0,
            compressed_bytes: 0,
            acknowledged: 0,
            failed: 0,
            timed_out: 0,
            refused: 0,
            pending_messages: 0,
            pending_bytes: 0,
            reconnects: 0,
            latency: LatencyHistogram::default(),
            partitions: Vec::new(),
        };
        for partition in &partitions {
            sum.messages += partition.messages;
            sum.bytes += partition.bytes;
            sum.entries += partition.entries;
            sum.uncompressed_bytes += partition.uncompressed_bytes;
            sum.compressed_bytes += partition.compressed_bytes;
            sum.acknowledged += partition.acknowledged;
            sum.failed += partition.failed;
            sum.timed_out += partition.timed_out;
            sum.refused += partition.refused;
            sum.pending_messages += partition.pending_messages;
            sum.pending_bytes += partition.pending_bytes;
            sum.reconnects += partition.reconnects;
            sum.latency.add(&partition.latency);
        }
        sum.partitions = partitions;
        sum
    }
}
