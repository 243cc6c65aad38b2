//! `pulsar_rs/message.h`

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use pulsar_rs_client::{Compression, EncryptionContext};

use crate::ffi::guard::guard;
use crate::ffi::handle;
use crate::ffi::message::pulsar_message_t;
use crate::ffi::string_map::pulsar_string_map_t;
use crate::ffi::text::c_string;
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

fn encryption<R>(
    message: Option<NonNull<pulsar_message_t>>,
    absent: R,
    read: impl Fn(&EncryptionContext<'_>) -> R,
) -> R {
    let look = |message: &Message| Some(read(&message.as_received()?.encryption()?));
    guard(None, || handle::with(message, look).ok().flatten()).unwrap_or(absent)
}

/// Bytes of a received message, which live as long as it does.
fn bytes(
    message: Option<NonNull<pulsar_message_t>>,
    len: Option<NonNull<usize>>,
    read: impl for<'a> Fn(&EncryptionContext<'a>) -> Option<&'a [u8]>,
) -> *const c_void {
    let found = encryption(message, None, |context| read(context).map(|bytes| (bytes.as_ptr(), bytes.len())));
    let (data, count) = found.unwrap_or((std::ptr::null(), 0));
    handle::write(len, count);
    data.cast()
}

/// Returns 1 if the payload of a received message is still encrypted: it could not be decrypted, and the consumer's crypto
/// failure action is `pulsar_ConsumerConsume`. Else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_is_encrypted(message: Option<NonNull<pulsar_message_t>>) -> c_int {
    encryption(message, 0, |context| context.is_encrypted().into())
}

/// Returns for how many recipients a received message was encrypted; 0 for one that never was, and before it was sent.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_key_count(
    message: Option<NonNull<pulsar_message_t>>,
) -> usize {
    encryption(message, 0, |context| context.keys().count())
}

/// Returns the name of a recipient's key, without NUL at its end; its length goes to `len`. NULL when there are not so many.
///
/// Ownership: the bytes belong to the message.
/// NULL: a NULL message has no keys; a NULL `len` is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_key_name(
    message: Option<NonNull<pulsar_message_t>>,
    index: usize,
    len: Option<NonNull<usize>>,
) -> *const c_void {
    bytes(message, len, |context| Some(context.keys().nth(index)?.name))
}

/// Returns the data key as a recipient gets it, wrapped with RSA-OAEP (SHA-1); its length goes to `len`. NULL when there are
/// not so many recipients.
///
/// Ownership: the bytes belong to the message.
/// NULL: a NULL message has no keys; a NULL `len` is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_key_value(
    message: Option<NonNull<pulsar_message_t>>,
    index: usize,
    len: Option<NonNull<usize>>,
) -> *const c_void {
    bytes(message, len, |context| Some(context.keys().nth(index)?.value))
}

/// Returns what the producer's key reader told of a recipient's key; NULL when there are not so many.
///
/// Ownership: the caller frees the map with `pulsar_string_map_free`.
/// NULL: a NULL message has no keys.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_key_metadata(
    message: Option<NonNull<pulsar_message_t>>,
    index: usize,
) -> *mut pulsar_string_map_t {
    let found = encryption(message, None, |context| {
        let pairs = context.keys().nth(index)?.metadata;
        Some(pairs.iter().map(|(name, value)| (c_string(name), c_string(value))).collect())
    });
    found.map_or(std::ptr::null_mut(), handle::give)
}

/// Returns the initialization vector that a received message was encrypted with, of one in chunks that of the last; its
/// length, which is 12, goes to `len`. NULL for a message that was not encrypted.
///
/// Ownership: the bytes belong to the message.
/// NULL: a NULL message has none; a NULL `len` is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_param(
    message: Option<NonNull<pulsar_message_t>>,
    len: Option<NonNull<usize>>,
) -> *const c_void {
    bytes(message, len, |context| Some(context.param()))
}

/// Returns the name of the algorithm that a received message was encrypted with, without NUL at its end; its length goes to
/// `len`. NULL when it has none, which means AES-256-GCM with the tag behind the payload, as all clients use it.
///
/// Ownership: the bytes belong to the message.
/// NULL: a NULL message has none; a NULL `len` is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_algorithm(
    message: Option<NonNull<pulsar_message_t>>,
    len: Option<NonNull<usize>>,
) -> *const c_void {
    bytes(message, len, |context| context.algorithm())
}

/// Returns the codec of what an encrypted message holds, a number of `pulsar_compression_type`: its payload is still
/// compressed when the program decrypts it.
///
/// NULL: returns `pulsar_CompressionNone`, which is 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_compression(
    message: Option<NonNull<pulsar_message_t>>,
) -> c_int {
    let number = |codec: Option<Compression>| codec.map_or(0, Compression::number);
    encryption(message, 0, |context| context.compression().map_or(0, number))
}

/// Returns how many bytes an encrypted message holds, without compression; 0 where the producer does not say it.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_uncompressed_size(
    message: Option<NonNull<pulsar_message_t>>,
) -> u32 {
    encryption(message, 0, |context| context.uncompressed_size())
}

/// Returns how many messages the batch has that was encrypted; 0 when it was a single message. A batch that cannot be
/// decrypted is one message.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_message_encryption_batch_size(message: Option<NonNull<pulsar_message_t>>) -> u32 {
    encryption(message, 0, |context| context.batch_size().unwrap_or(0))
}
