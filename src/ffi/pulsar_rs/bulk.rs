//! `pulsar_rs/bulk.h`
//!
//! As long as the header: records, views and the functions that take and give many of them.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread::LocalKey;
use std::time::Duration;

use pulsar_rs_client::{BulkLimits, Error, MessageId, OutgoingMessage, Property};

use crate::acknowledgements::Acknowledged;
use crate::ffi::arguments;
use crate::ffi::consumer::pulsar_consumer_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::pool::{Pool, Pooled, give_pooled, recycle};
use crate::ffi::handle::{self, Opaque};
use crate::ffi::message::pulsar_message_t;
use crate::ffi::operations::blocking;
use crate::ffi::producer::pulsar_producer_t;
use crate::ffi::result::pulsar_result;
use crate::message::Message;
use crate::packed::{HAS_DELIVER_AT, HAS_EVENT_TIME, HAS_PARTITION, HAS_SEQUENCE_ID, NULL_VALUE, Packed};
use crate::received::Received;
use crate::receives::Wanted;

/// `event_time` of a record counts.
pub const PULSAR_RS_RECORD_HAS_EVENT_TIME: u32 = 1;
/// `sequence_id` of a record counts.
pub const PULSAR_RS_RECORD_HAS_SEQUENCE_ID: u32 = 2;
/// `deliver_at` of a record counts.
pub const PULSAR_RS_RECORD_HAS_DELIVER_AT: u32 = 4;
/// `partition` of a record counts.
pub const PULSAR_RS_RECORD_HAS_PARTITION: u32 = 8;
/// The message has no value, which is not the same as an empty one.
pub const PULSAR_RS_RECORD_NULL_VALUE: u32 = 16;
/// Packed records only: a partition key follows.
pub const PULSAR_RS_RECORD_HAS_KEY: u32 = 32;
/// Packed records only: an ordering key follows.
pub const PULSAR_RS_RECORD_HAS_ORDERING_KEY: u32 = 64;
/// Packed records only: properties follow.
pub const PULSAR_RS_RECORD_HAS_PROPERTIES: u32 = 128;
/// Packed records only: clusters to replicate to follow.
pub const PULSAR_RS_RECORD_HAS_REPLICATION_CLUSTERS: u32 = 256;

/// A name and a value of a message's metadata.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_property_t {
    /// The name.
    pub name: *const c_void,
    /// Bytes of the name.
    pub name_len: usize,
    /// The value.
    pub value: *const c_void,
    /// Bytes of the value.
    pub value_len: usize,
}

/// A message to send. With all zeros it is an empty one.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_record_t {
    /// The content.
    pub payload: *const c_void,
    /// Bytes of the content.
    pub payload_len: usize,
    /// Key for partitions, compaction and key-shared subscriptions; NULL: none.
    pub key: *const c_void,
    /// Bytes of the key.
    pub key_len: usize,
    /// Key for the order in key-shared subscriptions, in place of `key`; NULL: none.
    pub ordering_key: *const c_void,
    /// Bytes of the ordering key.
    pub ordering_key_len: usize,
    /// Properties; NULL: none.
    pub properties: *const pulsar_rs_property_t,
    /// Number of properties.
    pub property_count: usize,
    /// `PULSAR_RS_RECORD_HAS_*`: which of the numbers below count.
    pub flags: u32,
    /// Partition of the topic, from 0; else as the producer's routing says.
    pub partition: u32,
    /// Time of the event, milliseconds since 1970.
    pub event_time: u64,
    /// Sequence id; else the producer counts.
    pub sequence_id: u64,
    /// Deliver at this time or later, milliseconds since 1970.
    pub deliver_at: i64,
}

/// Where a message stands in its topic. The numbers are those of its id.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_position_t {
    /// The ledger.
    pub ledger: i64,
    /// The entry in the ledger.
    pub entry: i64,
    /// The partition, or -1.
    pub partition: i32,
    /// Place in the batch, from 0, or -1.
    pub batch_index: i32,
    /// Messages in the batch; 0: the message is in none.
    pub batch_size: i32,
}

/// A message that was received in bulk. All pointers are valid until the list that it is in is freed.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_view_t {
    /// The content.
    pub payload: *const c_void,
    /// Bytes of the content.
    pub payload_len: usize,
    /// The partition key; NULL: none.
    pub key: *const c_void,
    /// Bytes of the key.
    pub key_len: usize,
    /// The ordering key; NULL: none.
    pub ordering_key: *const c_void,
    /// Bytes of the ordering key.
    pub ordering_key_len: usize,
    /// The properties; NULL: none.
    pub properties: *const pulsar_rs_property_t,
    /// Number of properties.
    pub property_count: usize,
    /// Where it stands in its topic.
    pub position: pulsar_rs_position_t,
    /// Number of its topic, for `pulsar_rs_received_topic`.
    pub topic: u32,
    /// How often the broker delivered it before. Counted for shared subscriptions only.
    pub redelivery_count: u32,
    /// `PULSAR_RS_RECORD_HAS_EVENT_TIME` and `PULSAR_RS_RECORD_NULL_VALUE`.
    pub flags: u32,
    /// Number of its entry, for `pulsar_rs_received_entries`.
    pub entry: u32,
    /// When its producer sent it, milliseconds since 1970.
    pub publish_time: u64,
    /// Time of the event, milliseconds since 1970, if `flags` says that it has one.
    pub event_time: u64,
    /// Sequence id.
    pub sequence_id: u64,
}

// SAFETY: what it points to belongs to its list, and nobody changes it.
unsafe impl Send for pulsar_rs_view_t {}

// SAFETY: as a view points into its list, it points to what nobody changes.
unsafe impl Send for pulsar_rs_property_t {}

/// `broker_publish_time` of an entry counts.
pub const PULSAR_RS_ENTRY_HAS_BROKER_PUBLISH_TIME: u32 = 1;
/// `last_index` of an entry counts.
pub const PULSAR_RS_ENTRY_HAS_INDEX: u32 = 2;
/// The entry is a message in chunks, and `first_chunk` counts.
pub const PULSAR_RS_ENTRY_HAS_CHUNKS: u32 = 4;
/// The entry was encrypted and could not be decrypted. Its payload is as it came; what decrypts it,
/// `pulsar_rs_message_encryption_*` tell of any of its messages, see `pulsar_rs_received_message`.
pub const PULSAR_RS_ENTRY_IS_ENCRYPTED: u32 = 8;

/// What all messages have in common that were received in bulk and are of one batch, or of one message that was in none.
/// All pointers are valid until the list is freed.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_rs_entry_t {
    /// Name of the producer.
    pub producer_name: *const c_void,
    /// Bytes of the name.
    pub producer_name_len: usize,
    /// Version of the schema that the messages were written with, as the broker gave it; NULL: none.
    pub schema_version: *const c_void,
    /// Bytes of the version.
    pub schema_version_len: usize,
    /// Cluster that the messages were replicated from; NULL: they were not.
    pub replicated_from: *const c_void,
    /// Bytes of the cluster's name.
    pub replicated_from_len: usize,
    /// When the broker stored the entry, milliseconds since 1970, if `flags` says that it told.
    pub broker_publish_time: u64,
    /// Place of the entry's last message among all that the topic ever had, from 0, if `flags` says that the broker told.
    /// The message at `batch_index` of `batch_size` stands `batch_size - 1 - batch_index` before it.
    pub last_index: u64,
    /// The reading of the topic that the messages came in, see `pulsar_rs_consumer_get_reading`.
    pub reading: u64,
    /// Where the first chunk is, if `flags` says that there are chunks; a message's own position is that of the last.
    pub first_chunk: pulsar_rs_position_t,
    /// `PULSAR_RS_ENTRY_*`.
    pub flags: u32,
}

// SAFETY: as a view points into its list, it points to what nobody changes.
unsafe impl Send for pulsar_rs_entry_t {}

/// Messages that were received in bulk.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_received_t(());

impl Opaque for pulsar_rs_received_t {
    type Value = Received;
    const TAG: u32 = 0x5052_4231;
}

thread_local!(static WAITING: Pool<Received> = Pool::new());

impl Pooled for pulsar_rs_received_t {
    fn pool() -> &'static LocalKey<Pool<Received>> {
        &WAITING
    }

    fn fresh() -> Received {
        Received::default()
    }

    fn renew(value: &mut Received) -> bool {
        value.renew()
    }
}

/// Sends messages, one after the other. Their tokens are `first_token` and the numbers behind it; their outcomes go to
/// the producer's completion queue, several in one entry. Without a queue nobody is told.
///
/// Ownership: everything may be freed as soon as this returns.
/// Threads: any.
/// NULL: `accepted` may be NULL.
/// Errors: it ends at the first message that is not accepted; `accepted` gets how many were before it, whose outcomes
/// come. When too many messages are pending, or the queue is full, it blocks or fails with
/// `pulsar_result_ProducerQueueIsFull`, as the producer is configured. Producers with a message router do
/// not send in bulk: `pulsar_result_OperationNotSupported`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_send_bulk(
    producer: Option<NonNull<pulsar_producer_t>>,
    records: *const pulsar_rs_record_t,
    count: usize,
    first_token: u64,
    accepted: Option<NonNull<usize>>,
) -> pulsar_result {
    blocking(producer, |producer| {
        handle::with_slice(records, count, |records| {
            let properties = properties_of(records);
            let messages = records.iter().enumerate().map(|(index, record)| {
                let properties = properties.get(index).map(Vec::as_slice).unwrap_or_default();
                message(records, record, properties)
            });
            report(accepted, producer.send_bulk(messages, count, first_token))
        })
    })
}

/// Sends messages that stand in one buffer, one behind the other, without pointers and without gaps. All numbers have
/// the low byte first. A record is:
///
///     u32 flags, PULSAR_RS_RECORD_*, which tell what follows; in this order:
///     u32 bytes of the payload
///     u64 event time, u64 sequence id, i64 time of delivery, u32 partition
///     u32 length and bytes of the key; the same of the ordering key
///     u32 number of properties; u32 length and bytes of each name and value
///     u32 number of clusters to replicate to; u32 length and bytes of each; __local__ stands for none
///     the payload
///
/// Otherwise as `pulsar_rs_producer_send_bulk`.
///
/// Errors: `pulsar_result_InvalidMessage` when the buffer is not made like this; then nothing is sent.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_send_packed(
    producer: Option<NonNull<pulsar_producer_t>>,
    buffer: *const c_void,
    len: usize,
    first_token: u64,
    accepted: Option<NonNull<usize>>,
) -> pulsar_result {
    blocking(producer, |producer| {
        handle::with_bytes(buffer, len, |buffer| {
            let packed = Packed::check(buffer)?;
            report(accepted, producer.send_bulk(packed.messages(), packed.count(), first_token))
        })
    })
}

/// Sends messages as `pulsar_rs_producer_send_packed` does, and at once what is gathered then, also when one of them is not
/// accepted: for those who wait for the outcome. With an empty buffer it just sends what is gathered.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_send_packed_at_once(
    producer: Option<NonNull<pulsar_producer_t>>,
    buffer: *const c_void,
    len: usize,
    first_token: u64,
    accepted: Option<NonNull<usize>>,
) -> pulsar_result {
    blocking(producer, |producer| {
        handle::with_bytes(buffer, len, |buffer| {
            let packed = Packed::check(buffer)?;
            let sent = producer.send_bulk(packed.messages(), packed.count(), first_token);
            producer.send_gathered();
            report(accepted, sent)
        })
    })
}

/// Receives the messages that are there, `max_messages` at most and of `max_bytes` of content together, unless the first
/// has more. Waits for the first: `timeout_ms` milliseconds, not at all for 0, as long as it takes below 0.
///
/// Ownership: the caller frees the list with `pulsar_rs_received_free`. It holds the batches that its messages came in.
/// Threads: any. The list may be used by one thread at a time, and looked at by many.
/// Errors: `received` is written on success only; without a message `pulsar_result_Timeout` is returned. With a
/// `max_messages` of 0, and for a consumer with a listener, `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_receive_bulk(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    max_messages: usize,
    max_bytes: usize,
    timeout_ms: c_int,
    received: Option<NonNull<*mut pulsar_rs_received_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        let limits = bulk_limits(max_messages, max_bytes)?;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        fill(received, |list| consumer.receive_bulk(list, limits, timeout))
    })
}

/// Gives the program a list that was filled.
pub(super) fn fill(
    received: Option<NonNull<*mut pulsar_rs_received_t>>,
    receive: impl FnOnce(&mut Received) -> Result<(), Error>,
) -> Result<(), Error> {
    arguments::output(received)?;
    let list = give_pooled::<pulsar_rs_received_t>(|_| ());
    // Nobody else knows it yet.
    match handle::with_mut(NonNull::new(list), receive) {
        Ok(Ok(())) => {
            handle::write(received, list);
            Ok(())
        }
        Ok(Err(error)) => {
            recycle(NonNull::new(list));
            Err(error)
        }
        Err(_) => Err(Error::Unknown("a new list is no list".into())),
    }
}

/// Receives the messages that are there, as `pulsar_rs_consumer_receive_bulk` does, as soon as there are any; the outcome
/// goes to the consumer's completion queue, with the `pulsar_rs_received_t` as its `object`. It takes turns with the other
/// receives that wait (see `pulsar_rs_consumer_receive_queued`), and counts as one operation.
///
/// Ownership: the caller frees the list with `pulsar_rs_received_free`; messages of one that was not fetched when the queue
/// is freed come again, as if they were negatively acknowledged.
/// Errors: on any result but `pulsar_result_Ok` nothing goes to the queue; as for `pulsar_rs_consumer_receive_queued`, and
/// with a `max_messages` of 0 `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_receive_bulk_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    max_messages: usize,
    max_bytes: usize,
    token: u64,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        consumer.receive_queued(Wanted::Bulk(bulk_limits(max_messages, max_bytes)?), token)
    })
}

/// What a program asks of a bulk receive.
pub(super) fn bulk_limits(max_messages: usize, max_bytes: usize) -> Result<BulkLimits, Error> {
    if max_messages == 0 {
        return Err(Error::InvalidConfiguration("no messages are to be received".into()));
    }
    Ok(BulkLimits { max_messages, max_bytes })
}

/// Returns the messages of a list, in the order they came, and writes their number to `count`.
///
/// Ownership: they belong to the list.
/// NULL: returns NULL and writes 0; `count` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_received_messages(
    received: Option<NonNull<pulsar_rs_received_t>>,
    count: Option<NonNull<usize>>,
) -> *const pulsar_rs_view_t {
    guard(std::ptr::null(), || {
        let views = handle::with(received, |list| (list.views().as_ptr(), list.views().len()));
        let (views, len) = views.unwrap_or((std::ptr::null(), 0));
        handle::write(count, len);
        views
    })
}

/// Returns what the messages of a list have in common by their entries, which `entry` of a message counts from 0, and writes
/// the number of entries to `count`.
///
/// Ownership: they belong to the list.
/// NULL: returns NULL and writes 0; `count` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_received_entries(
    received: Option<NonNull<pulsar_rs_received_t>>,
    count: Option<NonNull<usize>>,
) -> *const pulsar_rs_entry_t {
    guard(std::ptr::null(), || {
        let entries = handle::with(received, |list| (list.entries().as_ptr(), list.entries().len()));
        let (entries, len) = entries.unwrap_or((std::ptr::null(), 0));
        handle::write(count, len);
        entries
    })
}

/// Returns the full name of a topic by its number in the messages of a list; NULL when there is none.
///
/// Ownership: the string belongs to the list.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_received_topic(
    received: Option<NonNull<pulsar_rs_received_t>>,
    topic: u32,
) -> *const c_char {
    guard(std::ptr::null(), || {
        handle::with(received, |list| list.topic(topic)).ok().flatten().unwrap_or(std::ptr::null())
    })
}

/// Returns one message of a list by itself, for what only `pulsar_message_*` and `pulsar_consumer_*` can do; NULL when
/// there is none at `index`, from 0.
///
/// Ownership: the caller frees the message with `pulsar_message_free`; it outlives the list.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_received_message(
    received: Option<NonNull<pulsar_rs_received_t>>,
    index: usize,
) -> *mut pulsar_message_t {
    guard(std::ptr::null_mut(), || {
        let message = handle::with(received, |list| list.bulk().message(index)).ok().flatten();
        message.map_or(std::ptr::null_mut(), |message| handle::give(Message::received(message)))
    })
}

/// Frees a list.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_received_free(received: Option<NonNull<pulsar_rs_received_t>>) {
    guard((), || recycle(received));
}

/// Acknowledges messages of a list: `count` of them from `first`, as far as there are. They are gathered and sent together
/// with others, as by `pulsar_consumer_acknowledge`; with ack receipts it blocks until the broker has them.
///
/// Ownership: the list stays the caller's.
/// Errors: `pulsar_result_InvalidMessage` when there is no list.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_received(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    received: Option<NonNull<pulsar_rs_received_t>>,
    first: usize,
    count: usize,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        handle::with(received, |list| {
            let messages = list.bulk().messages(first..first.saturating_add(count));
            consumer.acknowledge(Acknowledged::Each(messages.into()))
        })
        .unwrap_or_else(|_| Err(no_list()))
    })
}

/// Has messages of a list delivered again: `count` of them from `first`, as far as there are. Otherwise as
/// `pulsar_consumer_negative_acknowledge`.
///
/// Ownership: the list stays the caller's.
/// Errors: `pulsar_result_InvalidMessage` when there is no list.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_negative_acknowledge_received(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    received: Option<NonNull<pulsar_rs_received_t>>,
    first: usize,
    count: usize,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        let refuse = |list: &Received| {
            consumer.core().negative_acknowledge_bulk(list.bulk(), first..first.saturating_add(count));
        };
        handle::with(received, refuse).map_err(|_| no_list())
    })
}

/// Acknowledges messages by their positions, which a program may keep when the list is gone. `topic` is the full name of
/// their topic, with the partition if it is one; it may be NULL for a consumer of one topic, whose partitions the
/// positions tell.
///
/// Ownership: everything stays the caller's.
/// Errors: positions that no message of the consumer can have are left out, and give `pulsar_result_InvalidMessage`, or
/// `pulsar_result_OperationNotSupported` where a topic is missing; all others are acknowledged.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_positions(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    topic: *const c_char,
    positions: *const pulsar_rs_position_t,
    count: usize,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        let ids = ids_at(topic, positions, count)?;
        consumer.acknowledge(Acknowledged::Each(ids.as_slice().into()))
    })
}

/// Has messages delivered again by their positions; for `topic` see `pulsar_rs_consumer_acknowledge_positions`.
///
/// Ownership: everything stays the caller's.
/// Errors: positions that no message of the consumer can have are left out.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_negative_acknowledge_positions(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    topic: *const c_char,
    positions: *const pulsar_rs_position_t,
    count: usize,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        for id in &ids_at(topic, positions, count)? {
            consumer.core().negative_acknowledge_id(id);
        }
        Ok(())
    })
}

fn no_list() -> Error {
    Error::InvalidMessage("no list of messages".into())
}

/// Ids of the messages at these positions of a topic.
pub(super) fn ids_at(
    topic: *const c_char,
    positions: *const pulsar_rs_position_t,
    count: usize,
) -> Result<Vec<MessageId>, Error> {
    let topic: Option<Arc<str>> = if topic.is_null() { None } else { Some(arguments::topic(topic)?.into()) };
    let to_ids = |positions: &[pulsar_rs_position_t]| {
        positions.iter().map(|position| position.to_id(topic.as_ref())).collect()
    };
    Ok(handle::with_slice(positions, count, to_ids))
}

fn report(accepted: Option<NonNull<usize>>, outcome: Result<usize, (usize, Error)>) -> Result<(), Error> {
    match outcome {
        Ok(count) => {
            handle::write(accepted, count);
            Ok(())
        }
        Err((count, error)) => {
            handle::write(accepted, count);
            Err(error)
        }
    }
}

/// Properties of all records; empty when none has any.
fn properties_of(records: &[pulsar_rs_record_t]) -> Vec<Vec<Property>> {
    if records.iter().all(|record| record.property_count == 0) {
        return Vec::new();
    }
    let of_one = |record: &pulsar_rs_record_t| {
        handle::with_slice(record.properties, record.property_count, |properties| {
            let pairs = properties.iter().map(|property| {
                let name = handle::bytes_beside(properties, property.name, property.name_len);
                let value = handle::bytes_beside(properties, property.value, property.value_len);
                (name.unwrap_or_default().to_vec(), value.unwrap_or_default().to_vec())
            });
            pairs.collect()
        })
    };
    records.iter().map(of_one).collect()
}

fn message<'a>(
    records: &'a [pulsar_rs_record_t],
    record: &pulsar_rs_record_t,
    properties: &'a [Property],
) -> OutgoingMessage<'a> {
    let has = |flag: u32| record.flags & flag != 0;
    OutgoingMessage {
        payload: handle::bytes_beside(records, record.payload, record.payload_len).unwrap_or_default(),
        properties,
        partition_key: handle::bytes_beside(records, record.key, record.key_len),
        ordering_key: handle::bytes_beside(records, record.ordering_key, record.ordering_key_len),
        event_time: has(HAS_EVENT_TIME).then_some(record.event_time),
        sequence_id: has(HAS_SEQUENCE_ID).then_some(record.sequence_id),
        deliver_at: has(HAS_DELIVER_AT).then_some(record.deliver_at),
        partition: has(HAS_PARTITION).then_some(record.partition),
        null_value: has(NULL_VALUE),
        ..OutgoingMessage::default()
    }
}
