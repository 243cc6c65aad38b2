//! `pulsar_rs/producer.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::ffi::operations::last_error_text;
use crate::ffi::producer::pulsar_producer_t;

/// Returns the text of the last failure of this producer, with its cause; NULL when nothing failed so far.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: failures on any thread count.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_last_error(producer: Option<NonNull<pulsar_producer_t>>) -> *mut c_char {
    last_error_text(producer)
}
