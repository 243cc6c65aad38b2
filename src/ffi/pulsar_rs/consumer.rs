//! `pulsar_rs/consumer.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::ffi::consumer::pulsar_consumer_t;
use crate::ffi::operations::last_error_text;

/// Returns the text of the last failure of this consumer, with its cause; NULL when nothing failed so far.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: failures on any thread count.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_last_error(consumer: Option<NonNull<pulsar_consumer_t>>) -> *mut c_char {
    last_error_text(consumer)
}
