//! `pulsar_rs/message.h`

use std::ffi::c_int;
use std::ptr::NonNull;

use crate::ffi::guard::guard;
use crate::ffi::handle;
use crate::ffi::message::pulsar_message_t;
use crate::message::Message;

/// Writes a number that a message may have; 1 if it has it.
fn number(
    message: Option<NonNull<pulsar_message_t>>,
    output: Option<NonNull<u64>>,
    read: impl Fn(&Message) -> Option<u64>,
) -> c_int {
    guard(0, || match handle::with(message, read) {
        Ok(Some(number)) => {
            handle::write(output, number);
            1
        }
        _ => 0,
    })
}

/// Writes the place of a received message among all that its topic ever had, from 0, to `index`. Brokers count messages
/// and tell clients if `brokerEntryMetadataInterceptors` has `AppendIndexMetadataInterceptor` and
/// `exposingBrokerEntryMetadataToClientEnabled` is set.
///
/// Returns 1, or 0 when the message has no index; then nothing is written.
/// NULL: a NULL message has none; a NULL output is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_get_index(
    message: Option<NonNull<pulsar_message_t>>,
    index: Option<NonNull<u64>>,
) -> c_int {
    number(message, index, |message| message.as_received()?.index())
}

/// Writes when the broker stored a received message, by its own clock, in milliseconds since 1970, to `time_ms`. Brokers
/// note and tell it if `brokerEntryMetadataInterceptors` has `AppendBrokerTimestampMetadataInterceptor` and
/// `exposingBrokerEntryMetadataToClientEnabled` is set.
///
/// Returns 1, or 0 when the message has no such time; then nothing is written.
/// NULL: a NULL message has none; a NULL output is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_get_broker_publish_timestamp(
    message: Option<NonNull<pulsar_message_t>>,
    time_ms: Option<NonNull<u64>>,
) -> c_int {
    number(message, time_ms, |message| message.as_received()?.broker_publish_time())
}

/// Writes when the producer wanted a received message delivered at the earliest, in milliseconds since 1970, to
/// `time_ms`.
///
/// Returns 1, or 0 when it was to be delivered at once; then nothing is written.
/// NULL: a NULL message has no such time; a NULL output is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_get_deliver_at(
    message: Option<NonNull<pulsar_message_t>>,
    time_ms: Option<NonNull<u64>>,
) -> c_int {
    number(message, time_ms, |message| message.as_received()?.deliver_at())
}

/// Writes the sequence id that the producer gave a received message to `sequence_id`.
///
/// Returns 1, or 0 when the message was not received; then nothing is written.
/// NULL: a NULL message has none; a NULL output is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_get_sequence_id(
    message: Option<NonNull<pulsar_message_t>>,
    sequence_id: Option<NonNull<u64>>,
) -> c_int {
    number(message, sequence_id, |message| Some(message.as_received()?.sequence_id()))
}

/// Returns 1 if the partition key of a received message is base64 of bytes, as other clients write keys that are no text,
/// else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_is_key_base64(message: Option<NonNull<pulsar_message_t>>) -> c_int {
    let is_base64 =
        |message: &Message| message.as_received().is_some_and(pulsar_rs_client::Message::is_key_base64);
    guard(0, || handle::with(message, is_base64).is_ok_and(|is_base64| is_base64).into())
}
