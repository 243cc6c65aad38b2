//! `pulsar_rs/stats.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use pulsar_rs_client::LatencyHistogram;

use crate::ffi::arguments::output;
use crate::ffi::client::pulsar_client_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Growing, Opaque};
use crate::ffi::operations::blocking;
use crate::ffi::result::pulsar_result;
use crate::stats::{ConsumerSnapshot, ProducerSnapshot, Snapshot};

/// What a client, its producers and its consumers counted at one moment. It does not change.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_stats_t(());

impl Opaque for pulsar_rs_stats_t {
    type Value = Snapshot;
    const TAG: u32 = 0x5052_5354;
}

/// What a client has. Later versions of this library may add fields at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_client_stats_t {
    /// Open connections to brokers.
    pub connections: u64,
    /// Bytes of messages under way, as they count against the memory limit: payloads, keys and properties. With a limit also
    /// what waits in receiver queues that adapt.
    pub memory_used: u64,
    /// The memory limit in bytes; 0: there is none.
    pub memory_limit: u64,
    /// Producers that are not closed.
    pub producers: u64,
    /// Consumers that are not closed.
    pub consumers: u64,
}

/// What a producer did since it was created, and what it is doing. Counters only rise. Each partition has a producer of
/// its own. Later versions of this library may add fields at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_producer_stats_t {
    /// The topic's full name; of a partition, with its number.
    pub topic: *const c_char,
    /// The producer's name; empty until a broker gave it one.
    pub name: *const c_char,
    /// Number of the partition, or -1.
    pub partition: i32,
    /// 1 when a broker is connected right now, else 0.
    pub is_connected: i32,
    /// Counter: messages that were accepted. They are the sum of `acknowledged`, `failed` and `pending_messages`.
    pub messages: u64,
    /// Counter: bytes of payload in them.
    pub bytes: u64,
    /// Counter: batches that were closed, and messages outside of batches.
    pub entries: u64,
    /// Counter: bytes in entries before compression.
    pub uncompressed_bytes: u64,
    /// Counter: the same as it is sent, compressed if the producer compresses.
    pub compressed_bytes: u64,
    /// Counter: messages that the broker stored, or had stored before.
    pub acknowledged: u64,
    /// Counter: messages that were accepted and whose outcome is an error.
    pub failed: u64,
    /// Counter: those of them that got no receipt within the send timeout.
    pub timed_out: u64,
    /// Counter: messages that were not accepted because too many were pending, or too much memory was in use.
    pub refused: u64,
    /// Messages that have no outcome yet.
    pub pending_messages: u64,
    /// Bytes of payloads, keys and properties in them.
    pub pending_bytes: u64,
    /// Counter: how often the producer came onto a broker again after it lost its place there.
    pub reconnects: u64,
    /// Counters: acknowledged messages by their latency, in the buckets of `pulsar_rs_stats_latency_bounds`, each for
    /// itself (not cumulative). The latency is the time to the receipt, from the opening of the batch or, outside of a
    /// batch, from accepting the message.
    pub latency_counts: *const u64,
    /// Number of the buckets.
    pub latency_buckets: u64,
    /// Counter: sum of the latencies, in microseconds.
    pub latency_sum_us: u64,
}

/// What a consumer did since it was created, and what it is doing. Counters only rise. Later versions of this library
/// may add fields at the end.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_consumer_stats_t {
    /// The topic's full name; of a partition, with its number.
    pub topic: *const c_char,
    /// Name of the subscription.
    pub subscription: *const c_char,
    /// The consumer's name.
    pub name: *const c_char,
    /// Number of the partition, or -1.
    pub partition: i32,
    /// 1 when a broker is connected right now, else 0.
    pub is_connected: i32,
    /// Counter: entries that came from the broker; each is a batch or a single message.
    pub entries: u64,
    /// Counter: messages that the program took.
    pub messages: u64,
    /// Counter: bytes of payload in them.
    pub bytes: u64,
    /// Counter: messages that were acknowledged one by one; those of a batch are counted with the last of them.
    pub acknowledged: u64,
    /// Counter: cumulative acknowledgements, however many messages they were for.
    pub cumulative_acks: u64,
    /// Counter: acknowledgements that were sent to the broker, of an entry or of a part of one.
    pub acks_sent: u64,
    /// Counter: acknowledgements that failed, also because the broker refused them or the consumer was closed before it
    /// had them.
    pub acks_failed: u64,
    /// Counter: negative acknowledgements.
    pub negative_acks: u64,
    /// Counter: entries that were not acknowledged within the ack timeout.
    pub ack_timeouts: u64,
    /// Counter: how often the broker was asked to send something again.
    pub redelivery_requests: u64,
    /// Counter: entries that could not be delivered: damaged, or in need of what this library cannot do.
    pub discarded: u64,
    /// Messages that wait for the program.
    pub queued_messages: u64,
    /// Bytes of their entries as they came, without the entry that is being taken from.
    pub queued_bytes: u64,
    /// Messages that the program took and for which the broker was not permitted to send others yet.
    pub unreturned_permits: u64,
    /// Counter: how often the consumer came onto a broker again after it lost its place there.
    pub reconnects: u64,
    /// Acknowledgements that were sent and that the broker has not confirmed.
    pub acks_unanswered: u64,
    /// Counter: messages that went to the dead letter topic because they were redelivered too often.
    pub dead_letters: u64,
}

/// Takes a snapshot of what a client, its producers and its consumers counted. It waits for nothing but, for a moment,
/// their locks. Those that were closed are gone from it, with their numbers.
///
/// Ownership: the caller frees the snapshot with `pulsar_rs_stats_free`; it may outlive the client.
/// Threads: any, also in callbacks.
/// NULL: `pulsar_result_InvalidConfiguration`.
/// Errors: `pulsar_result_AlreadyClosed` for a client that was closed, or made before the process forked.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_stats(
    client: Option<NonNull<pulsar_client_t>>,
    stats: Option<NonNull<*mut pulsar_rs_stats_t>>,
) -> pulsar_result {
    blocking(client, |client| {
        output(stats)?;
        handle::write(stats, handle::give(client.stats()?));
        Ok(())
    })
}

/// Frees a snapshot, with all texts and arrays in it.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_stats_free(stats: Option<NonNull<pulsar_rs_stats_t>>) {
    guard((), || drop(handle::reclaim(stats)));
}

/// Writes what the client has. `size` is `sizeof(pulsar_rs_client_stats_t)` as the caller was compiled: of fields that
/// either side does not know, nothing is written, or 0. Returns 1; 0 when nothing was written.
///
/// Threads: any.
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_stats_client(
    stats: Option<NonNull<pulsar_rs_stats_t>>,
    client: Option<NonNull<pulsar_rs_client_stats_t>>,
    size: usize,
) -> usize {
    if client.is_none() {
        return 0;
    }
    let one = |stats: &Snapshot| vec![pulsar_rs_client_stats_t::of(stats)];
    fill(stats, one, client, size, 1)
}

/// Writes what each producer counted into an array of `max` structs, in the order in which the producers were created,
/// and returns how many there are: more than `max` when the array is too short. `size` is
/// `sizeof(pulsar_rs_producer_stats_t)` as the caller was compiled: of fields that either side does not know, nothing
/// is written, or 0.
///
/// Ownership: texts and latencies belong to the snapshot.
/// Threads: any.
/// NULL: a NULL snapshot has none; with a NULL array they are only counted.
/// Errors: returns 0 for a size that the struct never had.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_stats_producers(
    stats: Option<NonNull<pulsar_rs_stats_t>>,
    producers: Option<NonNull<pulsar_rs_producer_stats_t>>,
    size: usize,
    max: usize,
) -> usize {
    let all = |stats: &Snapshot| stats.producers.iter().map(pulsar_rs_producer_stats_t::of).collect();
    fill(stats, all, producers, size, max)
}

/// The same for consumers, with `sizeof(pulsar_rs_consumer_stats_t)`.
///
/// Ownership: texts belong to the snapshot.
/// Threads: any.
/// NULL: a NULL snapshot has none; with a NULL array they are only counted.
/// Errors: returns 0 for a size that the struct never had.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_stats_consumers(
    stats: Option<NonNull<pulsar_rs_stats_t>>,
    consumers: Option<NonNull<pulsar_rs_consumer_stats_t>>,
    size: usize,
    max: usize,
) -> usize {
    let all = |stats: &Snapshot| stats.consumers.iter().map(pulsar_rs_consumer_stats_t::of).collect();
    fill(stats, all, consumers, size, max)
}

/// Returns the upper bounds of the latency buckets in microseconds, inclusive and rising, and writes how many there
/// are. There is one bucket more, the last, for what took longer than all of them. They are the same for all producers,
/// and as long as the process lives: 16, 32, 48 and 64, then four steps to each further power of two, up to 67 s. Every
/// fourth, from 64 on, is twice the one before.
///
/// Ownership: the array belongs to the library and lives as long as the process.
/// Threads: any.
/// NULL: without a place for the number only the bounds are returned.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_stats_latency_bounds(count: Option<NonNull<usize>>) -> *const u64 {
    let bounds = LatencyHistogram::bounds();
    handle::write(count, bounds.len());
    bounds.as_ptr()
}

/// Writes structs for a caller to whom each has `size` bytes, and returns how many there are.
fn fill<T: Growing>(
    stats: Option<NonNull<pulsar_rs_stats_t>>,
    all: impl Fn(&Snapshot) -> Vec<T>,
    array: Option<NonNull<T>>,
    size: usize,
    max: usize,
) -> usize {
    guard(0, || {
        let Ok(structs) = handle::with(stats, all) else {
            return 0;
        };
        if array.is_some() && !handle::is_size_of::<T>(size) {
            return 0;
        }
        for (index, one) in structs.iter().enumerate().take(max) {
            handle::write_sized_at(array, index, size, one);
        }
        structs.len()
    })
}

impl Growing for pulsar_rs_client_stats_t {
    const FIRST_SIZE: usize = 40;
}

impl Growing for pulsar_rs_producer_stats_t {
    const FIRST_SIZE: usize = 144;
}

impl Growing for pulsar_rs_consumer_stats_t {
    const FIRST_SIZE: usize = 152;
}

impl pulsar_rs_client_stats_t {
    fn of(snapshot: &Snapshot) -> Self {
        pulsar_rs_client_stats_t {
            connections: snapshot.connections,
            memory_used: snapshot.memory_used,
            memory_limit: snapshot.memory_limit,
            producers: snapshot.producers.len() as u64,
            consumers: snapshot.consumers.len() as u64,
        }
    }
}

impl pulsar_rs_producer_stats_t {
    fn of(snapshot: &ProducerSnapshot) -> Self {
        let stats = &snapshot.stats;
        pulsar_rs_producer_stats_t {
            topic: snapshot.topic.as_ptr(),
            name: snapshot.name.as_ptr(),
            partition: stats.partition,
            is_connected: stats.is_connected.into(),
            messages: stats.messages,
            bytes: stats.bytes,
            entries: stats.entries,
            uncompressed_bytes: stats.uncompressed_bytes,
            compressed_bytes: stats.compressed_bytes,
            acknowledged: stats.acknowledged,
            failed: stats.failed,
            timed_out: stats.timed_out,
            refused: stats.refused,
            pending_messages: stats.pending_messages,
            pending_bytes: stats.pending_bytes,
            reconnects: stats.reconnects,
            latency_counts: stats.latency.counts().as_ptr(),
            latency_buckets: stats.latency.counts().len() as u64,
            latency_sum_us: u64::try_from(stats.latency.sum().as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl pulsar_rs_consumer_stats_t {
    fn of(snapshot: &ConsumerSnapshot) -> Self {
        let stats = &snapshot.stats;
        pulsar_rs_consumer_stats_t {
            topic: snapshot.topic.as_ptr(),
            subscription: snapshot.subscription.as_ptr(),
            name: snapshot.name.as_ptr(),
            partition: stats.partition,
            is_connected: stats.is_connected.into(),
            entries: stats.entries,
            messages: stats.messages,
            bytes: stats.bytes,
            acknowledged: stats.acknowledged,
            cumulative_acks: stats.cumulative_acks,
            acks_sent: stats.acks_sent,
            acks_failed: stats.acks_failed,
            negative_acks: stats.negative_acks,
            ack_timeouts: stats.ack_timeouts,
            redelivery_requests: stats.redelivery_requests,
            discarded: stats.discarded,
            queued_messages: stats.queued_messages,
            queued_bytes: stats.queued_bytes,
            unreturned_permits: stats.unreturned_permits,
            reconnects: stats.reconnects,
            acks_unanswered: stats.acks_unanswered,
            dead_letters: stats.dead_letters,
        }
    }
}
