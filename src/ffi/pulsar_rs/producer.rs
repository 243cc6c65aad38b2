//! `pulsar_rs/producer.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::ffi::guard::guard;
use crate::ffi::handle;
use crate::ffi::producer::pulsar_producer_t;

/// Returns the text of the last failure of this producer, with its cause; NULL when nothing failed so far.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: failures on any thread count.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_last_error(producer: Option<NonNull<pulsar_producer_t>>) -> *mut c_char {
    guard(std::ptr::null_mut(), || {
        let text = match handle::shared(producer) {
            Ok(producer) => producer.last_error.text(),
            Err(why) => why.text(),
        };
        text.map_or(std::ptr::null_mut(), |text| handle::malloc_text(&text))
    })
}
