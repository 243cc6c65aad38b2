//! `pulsar/c/consumer.h`
//!
//! As long as the header: one function for each operation, most of them with and without a callback.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use pulsar_rs_client::{Error, Message as Received, MessageId};

use super::acknowledge::{Named, acknowledge, acknowledge_async};
use super::arguments;
use super::guard::guard;
use super::handle::{self, Context, Misuse, Opaque};
use super::message::pulsar_message_t;
use super::message_id::{is_constant, pulsar_message_id_t};
use super::messages::{MessageList, pulsar_messages_t};
use super::operations::{Operated, asynchronous, blocking, unusable};
use super::result::pulsar_result;
use super::text::empty;
use crate::acknowledgements::Acknowledged;
use crate::consumer::Consumer;
use crate::last_error::LastError;
use crate::message::Message;
use crate::reader::Target;
use crate::recursion;

/// Receives the messages of a subscription.
#[allow(non_camel_case_types)]
pub struct pulsar_consumer_t(());

impl Opaque for pulsar_consumer_t {
    type Value = Arc<Consumer>;
    const TAG: u32 = 0x5043_4f31;
    const HAS_THREADS: bool = true;
}

impl Operated for pulsar_consumer_t {
    type Owner = Consumer;
    const UNUSABLE: pulsar_result = pulsar_result::pulsar_result_ConsumerNotInitialized;

    fn last_error(owner: &Consumer) -> &LastError {
        &owner.last_error
    }
}

/// Gets the result of an operation.
#[allow(non_camel_case_types)]
pub type pulsar_result_callback = Option<extern "C" fn(result: pulsar_result, ctx: *mut c_void)>;

/// Gets a message, which it frees with `pulsar_message_free`; also when the result is an error: then the message
/// is empty.
#[allow(non_camel_case_types)]
pub type pulsar_receive_callback =
    Option<extern "C" fn(result: pulsar_result, msg: *mut pulsar_message_t, ctx: *mut c_void)>;

/// Gets messages, which it frees with `pulsar_messages_free`; NULL when the result is an error.
#[allow(non_camel_case_types)]
pub type pulsar_batch_receive_callback =
    Option<extern "C" fn(result: pulsar_result, msgs: *mut pulsar_messages_t, ctx: *mut c_void)>;

/// Returns the topic's full name.
///
/// Ownership: the string belongs to the consumer.
/// NULL: returns the empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_get_topic(consumer: Option<NonNull<pulsar_consumer_t>>) -> *const c_char {
    guard(empty(), || handle::with(consumer, |consumer| consumer.topic()).unwrap_or(empty()))
}

/// Returns the name of the subscription.
///
/// Ownership: the string belongs to the consumer.
/// NULL: returns the empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_get_subscription_name(
    consumer: Option<NonNull<pulsar_consumer_t>>,
) -> *const c_char {
    guard(empty(), || handle::with(consumer, |consumer| consumer.subscription()).unwrap_or(empty()))
}

/// Deletes the subscription and closes the consumer. Blocks, at most the operation timeout.
///
/// Errors: while the subscription has other consumers it fails with `pulsar_result_BrokerMetadataError` and changes
/// nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_unsubscribe(consumer: Option<NonNull<pulsar_consumer_t>>) -> pulsar_result {
    blocking(consumer, |consumer| consumer.unsubscribe())
}

/// Deletes the subscription and closes the consumer.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_unsubscribe_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(consumer, callback, ctx, |consumer, done| consumer.unsubscribe_async(done));
}

/// Blocks until a message is there.
///
/// Ownership: the caller frees the message with `pulsar_message_free`.
/// Errors: `msg` is written on success only. A consumer with a listener returns `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_receive(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    msg: Option<NonNull<*mut pulsar_message_t>>,
) -> pulsar_result {
    receive(consumer, msg, None)
}

/// Blocks until a message is there, at most `timeout_ms` milliseconds.
///
/// Ownership: the caller frees the message with `pulsar_message_free`.
/// Errors: `msg` is written on success only; without a message it returns `pulsar_result_Timeout`. A time below 0
/// means 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_receive_with_timeout(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    msg: Option<NonNull<*mut pulsar_message_t>>,
    timeout_ms: c_int,
) -> pulsar_result {
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
    receive(consumer, msg, Some(timeout))
}

/// Hands the next message to the callback.
///
/// Ownership: the callback frees the message with `pulsar_message_free`, also when the result is an error: then it
/// is an empty one. `ctx` stays the caller's.
/// Threads: the callback runs on the caller's thread, before this returns, when a message is there; else on the
/// client's callback thread. Calling this again inside the callback does not recurse, and after a hundred messages
/// in a row it goes on on the callback thread, between other callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_receive_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    callback: pulsar_receive_callback,
    ctx: *mut c_void,
) {
    guard((), || {
        let context = Context::new(ctx);
        let call = move |result, message| {
            if let Some(callback) = callback {
                callback(result, handle::give(message), context.ptr());
            }
        };
        match handle::shared(consumer) {
            Ok(consumer) => {
                let owner = consumer.clone();
                recursion::unroll(Arc::as_ptr(&consumer).addr(), &consumer.callbacks().clone(), move || {
                    consumer.receive_async(move |outcome| {
                        owner.last_error.note(&outcome);
                        call(pulsar_result::from(&outcome), outcome.unwrap_or_default());
                    });
                });
            }
            Err(why) => call(unusable::<pulsar_consumer_t>(why), Message::default()),
        }
    });
}

/// Gathers messages as the batch receive policy says, and blocks meanwhile. There may be none.
///
/// Ownership: the caller frees the messages with `pulsar_messages_free`.
/// Errors: `msgs` is written on success only.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_batch_receive(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    msgs: Option<NonNull<*mut pulsar_messages_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        arguments::output(msgs)?;
        let received = consumer.batch_receive()?;
        handle::write(msgs, handle::give(message_list(received)));
        Ok(())
    })
}

/// Gathers messages as the batch receive policy says. There may be none.
///
/// Ownership: the callback frees the messages with `pulsar_messages_free`. `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_batch_receive_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    callback: pulsar_batch_receive_callback,
    ctx: *mut c_void,
) {
    guard((), || {
        let context = Context::new(ctx);
        let call = move |result, messages| {
            if let Some(callback) = callback {
                callback(result, messages, context.ptr());
            }
        };
        match handle::shared(consumer) {
            Ok(consumer) => {
                let owner = consumer.clone();
                consumer.batch_receive_async(move |outcome| {
                    owner.last_error.note(&outcome);
                    let result = pulsar_result::from(&outcome);
                    let messages =
                        outcome.map_or(std::ptr::null_mut(), |list| handle::give(message_list(list)));
                    call(result, messages);
                });
            }
            Err(why) => call(unusable::<pulsar_consumer_t>(why), std::ptr::null_mut()),
        }
    });
}

/// Acknowledges a message. Acknowledgements are gathered and sent together; acknowledging twice does no harm.
/// With ack receipts it blocks until the broker has it.
///
/// Ownership: the message stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
) -> pulsar_result {
    acknowledge(consumer, Named::Message(message))
}

/// Acknowledges the message with this id. Acknowledgements are gathered and sent together; acknowledging twice does
/// no harm.
/// With ack receipts it blocks until the broker has it.
///
/// Ownership: the id stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge_id(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
) -> pulsar_result {
    acknowledge(consumer, Named::Id(message_id))
}

/// Acknowledges a message. Acknowledgements are gathered and sent together; acknowledging twice does no harm.
///
/// Ownership: message and `ctx` stay the caller's.
/// Threads: the callback runs on the caller's thread, before this returns: acknowledging does not wait for the
/// broker. With ack receipts it does, and the callback runs on the client's callback thread.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    acknowledge_async(consumer, callback, ctx, Named::Message(message), |consumer| {
        with_received(message, |message| consumer.note_acknowledged(Acknowledged::one(message)))
    });
}

/// Acknowledges the message with this id. Acknowledgements are gathered and sent together; acknowledging twice does
/// no harm.
///
/// Ownership: id and `ctx` stay the caller's.
/// Threads: the callback runs on the caller's thread, before this returns: acknowledging does not wait for the
/// broker. With ack receipts it does, and the callback runs on the client's callback thread.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge_async_id(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    acknowledge_async(consumer, callback, ctx, Named::Id(message_id), |consumer| {
        consumer.note_acknowledged(Acknowledged::id(&id(message_id)?))
    });
}

/// Acknowledges a message and all before it.
/// With ack receipts it blocks until the broker has it.
///
/// Ownership: the message stays the caller's.
/// Errors: on shared subscriptions it returns `pulsar_result_CumulativeAcknowledgementNotAllowedError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge_cumulative(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
) -> pulsar_result {
    acknowledge(consumer, Named::UpToMessage(message))
}

/// Acknowledges the message with this id and all before it.
/// With ack receipts it blocks until the broker has it.
///
/// Ownership: the id stays the caller's.
/// Errors: on shared subscriptions it returns `pulsar_result_CumulativeAcknowledgementNotAllowedError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge_cumulative_id(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
) -> pulsar_result {
    acknowledge(consumer, Named::UpToId(message_id))
}

/// Acknowledges a message and all before it.
///
/// Ownership: message and `ctx` stay the caller's.
/// Threads: the callback runs on the caller's thread, before this returns: acknowledging does not wait for the
/// broker. With ack receipts it does, and the callback runs on the client's callback thread.
/// Errors: on shared subscriptions it gets `pulsar_result_CumulativeAcknowledgementNotAllowedError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge_cumulative_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    acknowledge_async(consumer, callback, ctx, Named::UpToMessage(message), |consumer| {
        with_received(message, |message| consumer.note_acknowledged(Acknowledged::up_to(message)))
    });
}

/// Acknowledges the message with this id and all before it.
///
/// Ownership: id and `ctx` stay the caller's.
/// Threads: the callback runs on the caller's thread, before this returns: acknowledging does not wait for the
/// broker. With ack receipts it does, and the callback runs on the client's callback thread.
/// Errors: on shared subscriptions it gets `pulsar_result_CumulativeAcknowledgementNotAllowedError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_acknowledge_cumulative_async_id(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    acknowledge_async(consumer, callback, ctx, Named::UpToId(message_id), |consumer| {
        consumer.note_acknowledged(Acknowledged::UpToId(&id(message_id)?))
    });
}

/// Has the message delivered again, after the delay that is configured. Its whole batch comes again, without the
/// messages of it that are acknowledged.
///
/// Ownership: the message stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_negative_acknowledge(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
) {
    guard((), || {
        if let Ok(consumer) = handle::shared(consumer) {
            let _ = with_received(message, |message| {
                message.inspect(|message| consumer.core().negative_acknowledge(message));
                Ok(())
            });
        }
    });
}

/// Has the message with this id delivered again, after the delay that is configured.
///
/// Ownership: the id stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_negative_acknowledge_id(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
) {
    guard((), || {
        if let (Ok(consumer), Ok(id)) = (handle::shared(consumer), id(message_id)) {
            consumer.core().negative_acknowledge_id(&id);
        }
    });
}

/// Closes the consumer, after sending the acknowledgements that wait. The subscription stays. Blocks, at most the
/// operation timeout. Closing twice does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_close(consumer: Option<NonNull<pulsar_consumer_t>>) -> pulsar_result {
    blocking(consumer, |consumer| consumer.close())
}

/// Closes the consumer, after sending the acknowledgements that wait. The subscription stays.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// consumer is closed.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_close_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(consumer, callback, ctx, |consumer, done| consumer.close_async(done));
}

/// Frees the handle. A consumer that was not closed closes in the background.
///
/// NULL: does nothing, as in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_free(consumer: Option<NonNull<pulsar_consumer_t>>) {
    guard((), || {
        if let Some(consumer) = handle::reclaim(consumer) {
            consumer.dispose();
        }
    });
}

/// Holds the listener back until `resume_message_listener`. A call that runs goes on.
///
/// Errors: without a listener it returns `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_pause_message_listener(
    consumer: Option<NonNull<pulsar_consumer_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| consumer.pause_listener())
}

/// Lets the listener go on.
///
/// Errors: without a listener it returns `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn resume_message_listener(consumer: Option<NonNull<pulsar_consumer_t>>) -> pulsar_result {
    blocking(consumer, |consumer| consumer.resume_listener())
}

/// Has everything delivered again that was delivered to this consumer and not acknowledged.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_redeliver_unacknowledged_messages(
    consumer: Option<NonNull<pulsar_consumer_t>>,
) {
    guard((), || {
        if let Ok(consumer) = handle::shared(consumer) {
            consumer.core().redeliver_unacknowledged();
        }
    });
}

/// Returns 1 while the consumer is connected to a broker, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_is_connected(consumer: Option<NonNull<pulsar_consumer_t>>) -> c_int {
    guard(0, || handle::shared(consumer).is_ok_and(|consumer| consumer.is_connected()).into())
}

/// Gets the id of the last message in the topic. Blocks, at most the operation timeout.
///
/// Ownership: `message_id` is an id of the caller's, which gets the new value; it must not be one of the constants.
/// Errors: after closing it returns `pulsar_result_NotConnected`; a consumer of several topics or partitions, which have no
/// last message in common, `pulsar_result_OperationNotSupported`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_get_last_message_id(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| set_id(message_id, || consumer.last_message_id()))
}

/// Reads on behind the message with this id, or with `start_message_id_inclusive` at it, or at an end of the topic. It moves
/// the subscription, for all its consumers: messages and acknowledgements from before count no more. Of several topics, the
/// one is moved that the message is of.
///
/// Ownership: the id stays the caller's, who may free it at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread.
/// Errors: it gets `pulsar_result_AlreadyClosed` after closing, `pulsar_result_NotAllowedError` while another seek is under
/// way. One that fails changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_seek_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    messageId: Option<NonNull<pulsar_message_id_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(consumer, callback, ctx, |consumer, done| match id(messageId) {
        Ok(id) => consumer.seek_async(Target::Id(id), done),
        Err(error) => done(Err(error)),
    });
}

/// Reads on behind the message with this id, see `pulsar_consumer_seek_async`. Blocks, at most the operation timeout.
/// Receives that wait in other threads go on waiting.
///
/// Ownership: the id stays the caller's.
/// Errors: as for `pulsar_consumer_seek_async`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_seek(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    messageId: Option<NonNull<pulsar_message_id_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| consumer.seek(Target::Id(id(messageId)?)))
}

/// Reads on at the first message that was published at or after a time, in milliseconds since 1970; for the rest see
/// `pulsar_consumer_seek_async`.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread.
/// Errors: as for `pulsar_consumer_seek_async`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_seek_by_timestamp_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    timestamp: u64,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(consumer, callback, ctx, |consumer, done| {
        consumer.seek_async(Target::Time(timestamp), done);
    });
}

/// Reads on at the first message that was published at or after a time, in milliseconds since 1970; for the rest see
/// `pulsar_consumer_seek`. Blocks, at most the operation timeout.
///
/// Errors: as for `pulsar_consumer_seek_async`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_seek_by_timestamp(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    timestamp: u64,
) -> pulsar_result {
    blocking(consumer, |consumer| consumer.seek(Target::Time(timestamp)))
}

fn unusable_id(_: Misuse) -> Error {
    Error::InvalidMessage("no message id".into())
}

/// Uses the received message behind a handle; nothing for a message that the program made.
pub(super) fn with_received(
    message: Option<NonNull<pulsar_message_t>>,
    operation: impl FnOnce(Option<&Received>) -> Result<(), Error>,
) -> Result<(), Error> {
    handle::with(message, |message| operation(message.as_received()))
        .unwrap_or_else(|_| Err(Error::InvalidMessage("no message".into())))
}

/// Gives an id of the caller's another value.
pub(super) fn set_id(
    message_id: Option<NonNull<pulsar_message_id_t>>,
    value: impl FnOnce() -> Result<MessageId, Error>,
) -> Result<(), Error> {
    if is_constant(message_id) {
        return Err(Error::InvalidMessage("the id is a constant".into()));
    }
    let value = value()?;
    handle::with_mut(message_id, |id| *id = value).map_err(unusable_id)
}

/// The id behind a handle.
pub(super) fn id(message_id: Option<NonNull<pulsar_message_id_t>>) -> Result<MessageId, Error> {
    handle::with(message_id, Clone::clone).map_err(unusable_id)
}

/// Messages as a program gets them from a batch receive.
pub(crate) fn message_list(received: Vec<Received>) -> MessageList {
    MessageList::new(received.into_iter().map(Message::received))
}

fn receive(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    msg: Option<NonNull<*mut pulsar_message_t>>,
    timeout: Option<Duration>,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        arguments::output(msg)?;
        let message = consumer.receive(timeout)?;
        handle::write(msg, handle::give(message));
        Ok(())
    })
}
