//! `pulsar_rs/consumer.h`

use std::ffi::{CString, c_char, c_void};
use std::ptr::NonNull;
use std::time::Duration;

use pulsar_rs_client::{AckTarget, Error, Message, Property, SeekTo, TopicName};

use crate::acknowledgements::Acknowledged;
use crate::ffi::consumer::{id, pulsar_consumer_t, pulsar_result_callback, with_received};
use crate::ffi::handle::{self, Context, from_const};
use crate::ffi::message::pulsar_message_t;
use crate::ffi::message_id::pulsar_message_id_t;
use crate::ffi::messages::{pulsar_messages_t, received};
use crate::ffi::operations::{asynchronous, blocking, last_error_text};
use crate::ffi::result::pulsar_result;
use crate::ffi::string_map::pulsar_string_map_t;
use crate::ffi::text::c_string;
use crate::reader::Targets;

/// Returns the text of the last failure of this consumer, with its cause; NULL when nothing failed so far.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: failures on any thread count.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_last_error(consumer: Option<NonNull<pulsar_consumer_t>>) -> *mut c_char {
    last_error_text(consumer)
}

/// Acknowledges the messages of a list, each alone, at the cost of one call. With ack receipts it waits for those of all.
///
/// Ownership: the list stays the caller's.
/// Errors: `pulsar_result_InvalidMessage` without a list; with ack receipts, the first error of any of them.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_messages(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    msgs: Option<NonNull<pulsar_messages_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        let messages = received(msgs)?;
        consumer.acknowledge(Acknowledged::Each(AckTarget::Messages(&messages)))
    })
}

/// Acknowledges the messages with these ids, each alone, at the cost of one call. With ack receipts it waits for those of
/// all.
///
/// Ownership: the ids stay the caller's.
/// NULL: a NULL array has no ids.
/// Errors: `pulsar_result_InvalidMessage` when one of them is NULL or no id, and then nothing is acknowledged; the same
/// for an id that no message can have, and then the others are.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_ids(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_ids: *const Option<NonNull<pulsar_message_id_t>>,
    count: usize,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        let ids: Result<Vec<_>, Error> =
            handle::with_slice(message_ids, count, |ids| ids.iter().map(|one| id(*one)).collect());
        consumer.acknowledge(Acknowledged::Each(AckTarget::Ids(&ids?)))
    })
}

/// Has a message delivered again after `delay_ms` milliseconds, and acknowledges it: a copy goes to the retry letter topic,
/// which the consumer reads too. Blocks until it is stored, at most the operation timeout and the send timeout.
///
/// The copy has the message's properties, those in `properties` in addition or instead, `RECONSUMETIMES`, how often this was
/// done, `DELAY_TIME`, and `REAL_TOPIC` and `ORIGIN_MESSAGE_ID` of the first message. When it was done as often as the
/// dead letter policy says, the copy goes to the dead letter topic.
///
/// Ownership: message and map stay the caller's.
/// NULL: `properties` may be NULL.
/// Errors: `pulsar_result_OperationNotSupported` unless `pulsar_rs_consumer_configuration_set_retry_enabled` was used and
/// the subscription is shared or key-shared; `pulsar_result_InvalidMessage` for a message that was not received; whatever
/// sending can fail with. The message is not acknowledged then.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_reconsume_later(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    delay_ms: u64,
    properties: *const pulsar_string_map_t,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        let (message, properties) = (one(message)?, pairs(properties));
        consumer.reconsume_later(message, Duration::from_millis(delay_ms), properties)
    })
}

/// Does as `pulsar_rs_consumer_reconsume_later`, without blocking.
///
/// Ownership: message and map may be freed right after; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, for a message that was
/// not received.
/// NULL: without a callback nobody is told.
/// Errors: as for `pulsar_rs_consumer_reconsume_later`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_reconsume_later_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    delay_ms: u64,
    properties: *const pulsar_string_map_t,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(consumer, callback, ctx, |consumer, done| match one(message) {
        Ok(message) => {
            let delay = Duration::from_millis(delay_ms);
            consumer.reconsume_later_async(message, delay, pairs(properties), done);
        }
        Err(error) => done(Err(error)),
    });
}

/// The received message behind a handle.
pub(super) fn one(message: Option<NonNull<pulsar_message_t>>) -> Result<Message, Error> {
    let mut received = None;
    with_received(message, |message| {
        received = message.cloned();
        Ok(())
    })?;
    received.ok_or_else(|| Error::InvalidMessage("the message was not received".into()))
}

pub(super) fn pairs(map: *const pulsar_string_map_t) -> Vec<Property> {
    let bytes = |text: &CString| text.as_bytes().to_vec();
    let pairs = handle::with(from_const(map), |map| {
        map.iter().map(|(name, value)| (bytes(name), bytes(value))).collect()
    });
    pairs.unwrap_or_default()
}

/// Says where to read on in a topic: writes a time into `timestamp`, in milliseconds since 1970, or an id into
/// `message_id`, which then counts, and returns true; false leaves the topic where it is. Both are 0 and NULL before. The id
/// stays the program's; it is read when the function has returned.
#[allow(non_camel_case_types)]
pub type pulsar_rs_seek_position = Option<
    extern "C" fn(
        topic: *const c_char,
        message_id: *mut *const pulsar_message_id_t,
        timestamp: *mut u64,
        ctx: *mut c_void,
    ) -> bool,
>;

/// Asks a function, for each topic and partition that the consumer has, where to read on, and does so in all; for the rest
/// see `pulsar_consumer_seek`. Blocks, at most the operation timeout.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the function runs on this thread, before anything is moved.
/// NULL: without a function nothing is moved.
/// Errors: as for `pulsar_consumer_seek`; where one topic fails, others may have been moved.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_seek_with(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    position: pulsar_rs_seek_position,
    ctx: *mut c_void,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        consumer.seek_each(targets(consumer.core().topics(), position, Context::new(ctx))?)
    })
}

/// Where the program wants to read on.
fn targets(
    topics: Vec<TopicName>,
    position: pulsar_rs_seek_position,
    context: Context,
) -> Result<Targets, Error> {
    let mut targets = Targets::new();
    for topic in topics {
        let (mut message_id, mut timestamp) = (std::ptr::null(), 0);
        let name = c_string(topic.as_str());
        let wanted = position.is_some_and(|position| {
            position(name.as_ptr(), &raw mut message_id, &raw mut timestamp, context.ptr())
        });
        if wanted {
            let to = match from_const(message_id) {
                None => SeekTo::Time(timestamp),
                message_id => SeekTo::Id(id(message_id)?),
            };
            targets.insert(topic, to);
        }
    }
    Ok(targets)
}
