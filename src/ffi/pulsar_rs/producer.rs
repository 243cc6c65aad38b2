//! `pulsar_rs/producer.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::ffi::guard::guard;
use crate::ffi::handle;
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

/// Returns how many partitions the producer's topic has; 0 when it is not partitioned. It grows when the topic does, within
/// the client's interval for that. The partitions are those that `pulsar_rs_record_t` and message routers choose from.
///
/// Threads: any.
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_partitions(producer: Option<NonNull<pulsar_producer_t>>) -> usize {
    guard(0, || handle::with(producer, |producer| producer.partitions()).unwrap_or(0))
}
