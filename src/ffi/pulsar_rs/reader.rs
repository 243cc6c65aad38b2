//! `pulsar_rs/reader.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::ffi::consumer::set_id;
use crate::ffi::message_id::pulsar_message_id_t;
use crate::ffi::operations::{blocking, last_error_text};
use crate::ffi::reader::pulsar_reader_t;
use crate::ffi::result::pulsar_result;

/// Returns the text of the last failure of this reader, with its cause; NULL when nothing failed so far.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: failures on any thread count.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_last_error(reader: Option<NonNull<pulsar_reader_t>>) -> *mut c_char {
    last_error_text(reader)
}

/// Gets the id of the last message in the topic. Blocks, at most the operation timeout.
///
/// Ownership: `message_id` is an id of the caller's, which gets the new value; it must not be one of the constants.
/// Errors: after closing it returns `pulsar_result_NotConnected`; of a topic with partitions it returns
/// `pulsar_result_OperationNotSupported`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_get_last_message_id(
    reader: Option<NonNull<pulsar_reader_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
) -> pulsar_result {
    blocking(reader, |reader| set_id(message_id, || reader.last_message_id()))
}
