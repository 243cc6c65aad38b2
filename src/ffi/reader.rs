//! `pulsar/c/reader.h`

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use super::arguments;
use super::consumer::id;
use super::guard::guard;
use super::handle::{self, Opaque};
use super::message::pulsar_message_t;
use super::message_id::pulsar_message_id_t;
use super::operations::{Operated, asynchronous, blocking};
use super::result::pulsar_result;
use super::text::empty;
use crate::last_error::LastError;
use crate::reader::{Reader, Target};

/// Reads the messages of a topic, for itself alone.
#[allow(non_camel_case_types)]
pub struct pulsar_reader_t(());

impl Opaque for pulsar_reader_t {
    type Value = Arc<Reader>;
    const TAG: u32 = 0x5052_4431;
    const HAS_THREADS: bool = true;
}

impl Operated for pulsar_reader_t {
    type Owner = Reader;
    const UNUSABLE: pulsar_result = pulsar_result::pulsar_result_ConsumerNotInitialized;

    fn last_error(owner: &Reader) -> &LastError {
        &owner.last_error
    }
}

/// Gets the result of an operation.
#[allow(non_camel_case_types)]
pub type pulsar_result_callback = Option<extern "C" fn(result: pulsar_result, ctx: *mut c_void)>;

/// Returns the topic's full name, of a partitioned one without the number of a partition.
///
/// Ownership: the string belongs to the reader.
/// NULL: returns an empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_get_topic(reader: Option<NonNull<pulsar_reader_t>>) -> *const c_char {
    guard(empty(), || handle::shared(reader).map_or(empty(), |reader| reader.topic()))
}

/// Reads the next message and blocks until there is one.
///
/// Ownership: the caller frees the message with `pulsar_message_free`.
/// Errors: `msg` is written on success only. A reader with a listener returns `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_read_next(
    reader: Option<NonNull<pulsar_reader_t>>,
    msg: Option<NonNull<*mut pulsar_message_t>>,
) -> pulsar_result {
    read_next(reader, msg, None)
}

/// Reads the next message and blocks until there is one, at most `timeoutMs` milliseconds.
///
/// Ownership: the caller frees the message with `pulsar_message_free`.
/// Errors: `msg` is written on success only. Without a message in time, or when the time is not above 0 and none was
/// fetched, it returns `pulsar_result_Timeout`; a reader with a listener returns `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_read_next_with_timeout(
    reader: Option<NonNull<pulsar_reader_t>>,
    msg: Option<NonNull<*mut pulsar_message_t>>,
    timeoutMs: c_int,
) -> pulsar_result {
    let timeout = Duration::from_millis(u64::try_from(timeoutMs).unwrap_or(0));
    read_next(reader, msg, Some(timeout))
}

/// Reads on behind the message with this id, or at an end of the topic.
///
/// Ownership: the id stays the caller's, who may free it at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread.
/// Errors: it gets `pulsar_result_AlreadyClosed` after closing, `pulsar_result_NotAllowedError` while another seek is under
/// way.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_seek_async(
    reader: Option<NonNull<pulsar_reader_t>>,
    messageId: Option<NonNull<pulsar_message_id_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(reader, callback, ctx, |reader, done| match id(messageId) {
        Ok(id) => reader.seek_async(Target::Id(id), done),
        Err(error) => done(Err(error)),
    });
}

/// Reads on behind the message with this id, or at an end of the topic. Blocks, at most the operation timeout.
///
/// Ownership: the id stays the caller's.
/// Errors: `pulsar_result_AlreadyClosed` after closing, `pulsar_result_NotAllowedError` while another seek is under way. One
/// that fails changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_seek(
    reader: Option<NonNull<pulsar_reader_t>>,
    messageId: Option<NonNull<pulsar_message_id_t>>,
) -> pulsar_result {
    blocking(reader, |reader| reader.seek(Target::Id(id(messageId)?)))
}

/// Reads on at the first message that was published at or after a time, in milliseconds since 1970.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread.
/// Errors: as for `pulsar_reader_seek_async`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_seek_by_timestamp_async(
    reader: Option<NonNull<pulsar_reader_t>>,
    timestamp: u64,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(reader, callback, ctx, |reader, done| reader.seek_async(Target::Time(timestamp), done));
}

/// Reads on at the first message that was published at or after a time, in milliseconds since 1970. Blocks, at most the
/// operation timeout.
///
/// Errors: as for `pulsar_reader_seek`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_seek_by_timestamp(
    reader: Option<NonNull<pulsar_reader_t>>,
    timestamp: u64,
) -> pulsar_result {
    blocking(reader, |reader| reader.seek(Target::Time(timestamp)))
}

/// Closes the reader. Blocks, at most the operation timeout. Closing twice does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_close(reader: Option<NonNull<pulsar_reader_t>>) -> pulsar_result {
    blocking(reader, |reader| reader.close())
}

/// Closes the reader.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the reader is
/// closed.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_close_async(
    reader: Option<NonNull<pulsar_reader_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(reader, callback, ctx, |reader, done| reader.close_async(done));
}

/// Frees the handle. A reader that was not closed closes in the background.
///
/// NULL: does nothing, as in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_free(reader: Option<NonNull<pulsar_reader_t>>) {
    guard((), || {
        if let Some(reader) = handle::reclaim(reader) {
            reader.dispose();
        }
    });
}

/// Tells whether there is a message to read: 1 or 0 in `available`. Asks the broker if none was fetched, and blocks then, at
/// most the operation timeout.
///
/// Errors: `available` is written on success only.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_has_message_available(
    reader: Option<NonNull<pulsar_reader_t>>,
    available: Option<NonNull<c_int>>,
) -> pulsar_result {
    blocking(reader, |reader| {
        arguments::output(available)?;
        let found = reader.has_message_available()?;
        handle::write(available, c_int::from(found));
        Ok(())
    })
}

/// Returns 1 while the reader is connected to a broker, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_is_connected(reader: Option<NonNull<pulsar_reader_t>>) -> c_int {
    guard(0, || handle::shared(reader).is_ok_and(|reader| reader.is_connected()).into())
}

fn read_next(
    reader: Option<NonNull<pulsar_reader_t>>,
    msg: Option<NonNull<*mut pulsar_message_t>>,
    timeout: Option<Duration>,
) -> pulsar_result {
    blocking(reader, |reader| {
        arguments::output(msg)?;
        let message = reader.read_next(timeout)?;
        handle::write(msg, handle::give(message));
        Ok(())
    })
}
