//! `pulsar_rs/bulk.h`

use std::ffi::c_void;
use std::ptr::NonNull;

use pulsar_rs_client::{Error, OutgoingMessage, Property};

use crate::ffi::handle;
use crate::ffi::operations::blocking;
use crate::ffi::producer::pulsar_producer_t;
use crate::ffi::result::pulsar_result;
use crate::packed::{HAS_DELIVER_AT, HAS_EVENT_TIME, HAS_PARTITION, HAS_SEQUENCE_ID, NULL_VALUE, Packed};

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
