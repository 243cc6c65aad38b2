//! `pulsar_rs/position.h`

use std::ffi::{CString, c_char, c_int};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use pulsar_rs_client::{Error, MessageId};

use super::bulk::{bulk_limits, fill, ids_at, pulsar_rs_position_t, pulsar_rs_received_t};
use super::completion::of_consumer;
use super::consumer::{one, pairs};
use crate::acknowledgements::Acknowledged;
use crate::completion::{Made, Object, Slot, give};
use crate::ffi::arguments;
use crate::ffi::consumer::pulsar_consumer_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Opaque};
use crate::ffi::message::pulsar_message_t;
use crate::ffi::operations::{Done, Operated, blocking};
use crate::ffi::reader::pulsar_reader_t;
use crate::ffi::result::pulsar_result;
use crate::ffi::string_map::pulsar_string_map_t;
use crate::ffi::text::c_string;
use crate::reader::Target;
use crate::receives::Wanted;

/// Positions, each in a topic.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_positions_t(());

impl Opaque for pulsar_rs_positions_t {
    type Value = Vec<(CString, pulsar_rs_position_t)>;
    const TAG: u32 = 0x5052_5031;
}

/// Acknowledges messages by their positions, see `pulsar_rs_consumer_acknowledge_positions`; the outcome goes to the
/// consumer's completion queue. With ack receipts they are sent at once, with all that is gathered, and the outcome comes
/// when the broker has them all; else it is there when this returns.
///
/// Ownership: everything stays the caller's.
/// Errors: on any result but `pulsar_result_Ok` nothing goes to the queue: `pulsar_result_InvalidConfiguration` without
/// a queue, `pulsar_result_ProducerQueueIsFull` when the queue is full. Outcomes are the results of
/// `pulsar_rs_consumer_acknowledge_positions`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_positions_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    topic: *const c_char,
    positions: *const pulsar_rs_position_t,
    count: usize,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| match ids_at(topic, positions, count) {
        Ok(ids) => {
            consumer.acknowledge_with(Acknowledged::Each(ids.as_slice().into()), done);
            if consumer.has_ack_receipts {
                consumer.core().flush_acknowledgements();
            }
        }
        Err(error) => done(Err(error)),
    })
}

/// Acknowledges the message at a position and all before it in its topic. With ack receipts it blocks until the broker has
/// that. For `topic` see `pulsar_rs_consumer_acknowledge_positions`.
///
/// Ownership: everything stays the caller's.
/// NULL: without a position `pulsar_result_InvalidMessage` is returned.
/// Errors: `pulsar_result_CumulativeAcknowledgementNotAllowedError` on shared subscriptions; as for
/// `pulsar_rs_consumer_acknowledge_positions`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_cumulative_position(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    topic: *const c_char,
    position: *const pulsar_rs_position_t,
) -> pulsar_result {
    blocking(consumer, |consumer| consumer.acknowledge(Acknowledged::UpToId(&id_at(topic, position)?)))
}

/// The same; the outcome goes to the consumer's completion queue, as for
/// `pulsar_rs_consumer_acknowledge_positions_queued`.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_positions_queued`; outcomes are the results of
/// `pulsar_rs_consumer_acknowledge_cumulative_position`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_cumulative_position_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    topic: *const c_char,
    position: *const pulsar_rs_position_t,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| match id_at(topic, position) {
        Ok(id) => {
            consumer.acknowledge_with(Acknowledged::UpToId(&id), done);
            if consumer.has_ack_receipts {
                consumer.core().flush_acknowledgements();
            }
        }
        Err(error) => done(Err(error)),
    })
}

/// Does as `pulsar_rs_consumer_reconsume_later`, without blocking; the outcome goes to the consumer's completion queue.
///
/// Ownership: message and map may be freed right after.
/// NULL: `properties` may be NULL.
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`; outcomes are the results of
/// `pulsar_rs_consumer_reconsume_later`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_reconsume_later_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    delay_ms: u64,
    properties: *const pulsar_string_map_t,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| match one(message) {
        Ok(message) => {
            let delay = Duration::from_millis(delay_ms);
            consumer.reconsume_later_async(message, delay, pairs(properties), done);
        }
        Err(error) => done(Err(error)),
    })
}

/// Reads on behind the message at a position, as `pulsar_rs_consumer_seek_queued` does behind one with an id. For `topic`
/// see `pulsar_rs_consumer_acknowledge_positions`; the topics of several others stay where they are. At -1 and -1 a topic
/// begins; it ends at the largest numbers that there are.
///
/// Ownership: everything stays the caller's, who may free it at once.
/// NULL: without a position the outcome is `pulsar_result_InvalidMessage`.
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_seek_position_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    topic: *const c_char,
    position: *const pulsar_rs_position_t,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| match id_at(topic, position) {
        Ok(id) => consumer.seek_async(Target::Id(id), done),
        Err(error) => done(Err(error)),
    })
}

/// Writes the number of the current reading of a topic to `reading`. It rises with each seek, and when the client moves to
/// another cluster: messages of an earlier one, which the program may still have, are of before and count no more. `topic` is
/// its full name, of a partition with the number.
///
/// Errors: `pulsar_result_InvalidMessage` for a topic that is none of the consumer's, or no more.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_get_reading(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    topic: *const c_char,
    reading: Option<NonNull<u64>>,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        handle::write(reading, consumer.core().reading(&arguments::topic(topic)?)?);
        Ok(())
    })
}

/// Does as `pulsar_rs_consumer_get_reading` for a reader.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_get_reading(
    reader: Option<NonNull<pulsar_reader_t>>,
    topic: *const c_char,
    reading: Option<NonNull<u64>>,
) -> pulsar_result {
    blocking(reader, |reader| {
        handle::write(reading, reader.core().reading(&arguments::topic(topic)?)?);
        Ok(())
    })
}

/// Gets where the last messages of all topics and partitions of the consumer stand, -1 and -1 of one that is empty; the
/// outcome goes to its completion queue, with the `pulsar_rs_positions_t` as its `object`, to be freed with
/// `pulsar_rs_positions_free`.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_get_last_positions_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    token: u64,
) -> pulsar_result {
    let take = |consumer: &crate::consumer::Consumer| consumer.take_slot();
    finding(consumer, token, take, |consumer, done| consumer.last_message_ids_async(done))
}

/// Reads the messages that are there, as `pulsar_rs_consumer_receive_bulk` receives them; for the rest see there.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_read_bulk(
    reader: Option<NonNull<pulsar_reader_t>>,
    max_messages: usize,
    max_bytes: usize,
    timeout_ms: c_int,
    received: Option<NonNull<*mut pulsar_rs_received_t>>,
) -> pulsar_result {
    blocking(reader, |reader| {
        let limits = bulk_limits(max_messages, max_bytes)?;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        fill(received, |list| reader.read_bulk(list, limits, timeout))
    })
}

/// Reads the messages that are there, `max_messages` at most and of `max_bytes` of content together, unless the first has
/// more, as soon as there are any; the outcome goes to the reader's completion queue, with the `pulsar_rs_received_t` as its
/// `object`. It takes turns with the other reads that wait (see `pulsar_rs_reader_read_next_queued`), and counts as one
/// operation.
///
/// Ownership: the caller frees the list with `pulsar_rs_received_free`; messages of one that was not fetched when the queue
/// is freed are lost for this reader.
/// Errors: as for `pulsar_rs_consumer_receive_bulk_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_read_bulk_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    max_messages: usize,
    max_bytes: usize,
    token: u64,
) -> pulsar_result {
    blocking(reader, |reader| reader.read_queued(Wanted::Bulk(bulk_limits(max_messages, max_bytes)?), token))
}

/// Asks whether there is a message to read, see `pulsar_reader_has_message_available`; the outcome goes to the reader's
/// completion queue, with the `answer`.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_has_message_available_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    token: u64,
) -> pulsar_result {
    blocking(reader, |reader| {
        let accepted = reader.take_slot()?.accept(token);
        let keeper = reader.clone();
        reader.has_message_available_async(move |outcome| {
            keeper.last_error.note(&outcome);
            accepted.complete_with_answer(outcome);
        });
        Ok(())
    })
}

/// Reads on behind the message at a position, see `pulsar_rs_consumer_seek_position_queued`; the outcome goes to the reader's
/// completion queue.
///
/// Ownership: everything stays the caller's, who may free it at once.
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_seek_position_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    topic: *const c_char,
    position: *const pulsar_rs_position_t,
    token: u64,
) -> pulsar_result {
    blocking(reader, |reader| {
        let accepted = reader.take_slot()?.accept(token);
        let keeper = reader.clone();
        let done: Done = Box::new(move |outcome| {
            keeper.last_error.note(&outcome);
            accepted.complete(&outcome);
        });
        match id_at(topic, position) {
            Ok(id) => reader.seek_async(Target::Id(id), done),
            Err(error) => done(Err(error)),
        }
        Ok(())
    })
}

/// Gets where the last messages of all topics and partitions of the reader stand, as
/// `pulsar_rs_consumer_get_last_positions_queued` does; the outcome goes to the reader's completion queue.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_get_last_positions_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    token: u64,
) -> pulsar_result {
    let take = |reader: &crate::reader::Reader| reader.take_slot();
    finding(reader, token, take, |reader, done| reader.last_message_ids_async(done))
}

/// Returns how many positions there are.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_positions_count(positions: Option<NonNull<pulsar_rs_positions_t>>) -> usize {
    guard(0, || handle::with(positions, Vec::len).unwrap_or_default())
}

/// Returns the full name of the topic of the position at `index`, from 0; of a partition, with its number. NULL when there is
/// none.
///
/// Ownership: the string belongs to the positions.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_positions_topic(
    positions: Option<NonNull<pulsar_rs_positions_t>>,
    index: usize,
) -> *const c_char {
    guard(std::ptr::null(), || {
        let topic = handle::with(positions, |list| list.get(index).map(|(topic, _)| topic.as_ptr()));
        topic.ok().flatten().unwrap_or(std::ptr::null())
    })
}

/// Writes the position at `index`, from 0, to `position`; nothing when there is none.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_positions_get(
    positions: Option<NonNull<pulsar_rs_positions_t>>,
    index: usize,
    position: Option<NonNull<pulsar_rs_position_t>>,
) {
    guard((), || {
        let found = handle::with(positions, |list| list.get(index).map(|(_, position)| *position));
        if let Ok(Some(found)) = found {
            handle::write(position, found);
        }
    });
}

/// Frees positions.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_positions_free(positions: Option<NonNull<pulsar_rs_positions_t>>) {
    guard((), || drop(handle::reclaim(positions)));
}

/// The id of the message at one position.
fn id_at(topic: *const c_char, position: *const pulsar_rs_position_t) -> Result<MessageId, Error> {
    let count = usize::from(!position.is_null());
    let id = ids_at(topic, position, count)?.pop();
    id.ok_or_else(|| Error::InvalidMessage("NULL instead of a position".into()))
}

/// Starts an operation that finds ids, and keeps the text of its failure.
fn finding<O: Operated>(
    handle: Option<NonNull<O>>,
    token: u64,
    take: impl FnOnce(&O::Owner) -> Result<Slot, Error>,
    start: impl FnOnce(&Arc<O::Owner>, Box<dyn FnOnce(Result<Vec<MessageId>, Error>) + Send>),
) -> pulsar_result {
    blocking(handle, |owner| {
        let accepted = take(owner)?.accept(token);
        let keeper = owner.clone();
        let done = move |found: Result<Vec<MessageId>, Error>| {
            O::last_error(&keeper).note(&found);
            accepted.complete_with(found.map(made_of_ids));
        };
        start(owner, Box::new(done));
        Ok(())
    })
}

fn made_of_ids(ids: Vec<MessageId>) -> Box<dyn Object> {
    Made::boxed(ids, |ids| give::<pulsar_rs_positions_t>(ids.iter().map(placed).collect()), drop)
}

fn placed(id: &MessageId) -> (CString, pulsar_rs_position_t) {
    let position = pulsar_rs_position_t {
        ledger: id.ledger,
        entry: id.entry,
        partition: id.partition,
        batch_index: id.batch_index,
        batch_size: id.batch_size,
    };
    (c_string(id.topic.as_deref().unwrap_or_default()), position)
}
