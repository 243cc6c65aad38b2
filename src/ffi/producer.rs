//! `pulsar/c/producer.h`

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use pulsar_rs_client::Error;

use super::guard::guard;
use super::handle::{self, Context, Misuse, Opaque};
use super::message::pulsar_message_t;
use super::message_id::pulsar_message_id_t;
use super::operations::{Operated, asynchronous, blocking, unusable};
use super::result::pulsar_result;
use super::text::empty;
use crate::last_error::LastError;
use crate::producer::Producer;
use crate::sends::{SendToken, SyncSend};

/// Sends messages to a topic.
#[allow(non_camel_case_types)]
pub struct pulsar_producer_t(());

impl Opaque for pulsar_producer_t {
    type Value = Arc<Producer>;
    const TAG: u32 = 0x5050_5231;
    const HAS_THREADS: bool = true;
}

impl Operated for pulsar_producer_t {
    type Owner = Producer;
    const UNUSABLE: pulsar_result = pulsar_result::pulsar_result_ProducerNotInitialized;

    fn last_error(owner: &Producer) -> &LastError {
        &owner.last_error
    }
}

/// Gets the outcome of sending one message. The callee frees `msg_id` with `pulsar_message_id_free`; it is NULL
/// when the message was not stored.
#[allow(non_camel_case_types)]
pub type pulsar_send_callback =
    Option<extern "C" fn(result: pulsar_result, msg_id: *mut pulsar_message_id_t, ctx: *mut c_void)>;

/// The same, where there is one.
pub(crate) type SendFunction =
    extern "C" fn(result: pulsar_result, msg_id: *mut pulsar_message_id_t, ctx: *mut c_void);

/// Gets the result of closing.
#[allow(non_camel_case_types)]
pub type pulsar_close_callback = Option<extern "C" fn(result: pulsar_result, ctx: *mut c_void)>;

/// Gets the result of flushing.
#[allow(non_camel_case_types)]
pub type pulsar_flush_callback = Option<extern "C" fn(result: pulsar_result, ctx: *mut c_void)>;

/// Returns the topic's full name.
///
/// Ownership: the string belongs to the producer.
/// NULL: returns the empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_get_topic(producer: Option<NonNull<pulsar_producer_t>>) -> *const c_char {
    guard(empty(), || handle::with(producer, |producer| producer.topic()).unwrap_or(empty()))
}

/// Returns the producer's name, as configured or as the broker gave it.
///
/// Ownership: the string belongs to the producer.
/// NULL: returns the empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_get_producer_name(
    producer: Option<NonNull<pulsar_producer_t>>,
) -> *const c_char {
    guard(empty(), || handle::with(producer, |producer| producer.name()).unwrap_or(empty()))
}

/// Sends a message and blocks until the broker stored it, at most the send timeout. Works inside callbacks.
///
/// Ownership: the message stays the caller's; it then has an id, and cannot be sent again.
/// Threads: nobody else may use the message meanwhile.
/// Errors: `pulsar_rs_producer_last_error` has the text of a failure.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_send(
    producer: Option<NonNull<pulsar_producer_t>>,
    msg: Option<NonNull<pulsar_message_t>>,
) -> pulsar_result {
    blocking(producer, |producer| {
        let id = begin_send(producer, msg)?.wait()?;
        let _ = handle::with_mut(msg, |message| message.set_id(id));
        Ok(())
    })
}

fn begin_send(producer: &Producer, msg: Option<NonNull<pulsar_message_t>>) -> Result<SyncSend, Error> {
    let partition = producer.route(msg)?;
    let begun = handle::with_mut(msg, |message| {
        let outgoing = message.to_send()?.outgoing(partition);
        let (publish_time, send) = producer.begin_send(&outgoing)?;
        message.mark_sent(producer.origin(), publish_time);
        Ok(send)
    });
    begun.unwrap_or_else(|why| Err(unusable_message(why)))
}

/// Sends a message; the callback gets the outcome, once, whatever happens. Callbacks of one producer run in the
/// order of sending.
///
/// Ownership: the message may be freed as soon as this returns; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// message is not accepted. Nobody else may use the message meanwhile.
/// NULL: without a callback nobody is told.
/// Errors: given to the callback; when too many messages are pending this blocks or fails, as configured. Messages
/// whose callbacks have not begun are pending, too; inside a callback of the same client this does not wait for
/// those.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_send_async(
    producer: Option<NonNull<pulsar_producer_t>>,
    msg: Option<NonNull<pulsar_message_t>>,
    callback: pulsar_send_callback,
    ctx: *mut c_void,
) {
    guard((), || {
        let result = match handle::shared(producer) {
            Ok(producer) => {
                let sent = send(&producer, msg, SendToken::callback(callback, Context::new(ctx)));
                producer.last_error.note(&sent);
                pulsar_result::from(&sent)
            }
            Err(why) => unusable::<pulsar_producer_t>(why),
        };
        if result != pulsar_result::pulsar_result_Ok
            && let Some(callback) = callback
        {
            callback(result, std::ptr::null_mut(), ctx);
        }
    });
}

#[inline]
pub(super) fn send(
    producer: &Producer,
    msg: Option<NonNull<pulsar_message_t>>,
    token: SendToken,
) -> Result<(), Error> {
    let partition = producer.route(msg)?;
    let sent = handle::with_mut(msg, |message| {
        let outgoing = message.to_send()?.outgoing(partition);
        let publish_time = producer.send(&outgoing, token)?;
        message.mark_sent(producer.origin(), publish_time);
        Ok(())
    });
    sent.unwrap_or_else(|why| Err(unusable_message(why)))
}

/// Returns the highest sequence id that the broker stored; -1 when there is none.
///
/// NULL: returns -1.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_get_last_sequence_id(producer: Option<NonNull<pulsar_producer_t>>) -> i64 {
    guard(-1, || handle::shared(producer).map_or(-1, |producer| producer.last_sequence_id()))
}

/// Closes the producer. What is pending fails with `pulsar_result_AlreadyClosed`, and its callbacks have run when
/// this returns; flush first to have it sent. Inside a callback, those callbacks run after it.
///
/// Errors: a second call returns `pulsar_result_AlreadyClosed`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_close(producer: Option<NonNull<pulsar_producer_t>>) -> pulsar_result {
    blocking(producer, |producer| producer.close())
}

/// Closes the producer. What is pending fails with `pulsar_result_AlreadyClosed`.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread, behind those of what was pending; on the
/// caller's, before this returns, when the producer is closed.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_close_async(
    producer: Option<NonNull<pulsar_producer_t>>,
    callback: pulsar_close_callback,
    ctx: *mut c_void,
) {
    asynchronous(producer, callback, ctx, |producer, done| producer.close_async(done));
}

/// Sends what is gathered, and blocks until everything accepted so far is stored or failed and its callbacks
/// have run. Inside a callback it does not wait for callbacks.
///
/// Errors: the last one among the messages that failed.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_flush(producer: Option<NonNull<pulsar_producer_t>>) -> pulsar_result {
    blocking(producer, |producer| producer.flush())
}

/// Sends what is gathered; the callback is called when everything accepted so far is stored or failed.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread, behind those of what was pending; on the
/// caller's, before this returns, when nothing is and no callback is due.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_flush_async(
    producer: Option<NonNull<pulsar_producer_t>>,
    callback: pulsar_flush_callback,
    ctx: *mut c_void,
) {
    asynchronous(producer, callback, ctx, |producer, done| producer.flush_async(done));
}

/// Frees the handle. A producer that was not closed sends what is pending and closes in the background.
///
/// NULL: does nothing, as in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_free(producer: Option<NonNull<pulsar_producer_t>>) {
    guard((), || drop(handle::reclaim(producer)));
}

/// Returns 1 while the producer is connected to a broker, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_is_connected(producer: Option<NonNull<pulsar_producer_t>>) -> c_int {
    guard(0, || handle::shared(producer).is_ok_and(|producer| producer.is_connected()).into())
}

#[cold]
fn unusable_message(why: Misuse) -> Error {
    Error::InvalidMessage(match why {
        Misuse::Null => "NULL instead of a message".into(),
        Misuse::Foreign | Misuse::Forked => "the handle is no message, or was freed".into(),
    })
}
