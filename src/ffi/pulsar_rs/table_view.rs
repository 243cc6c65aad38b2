//! `pulsar_rs/table_view.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::ffi::operations::last_error_text;
use crate::ffi::table_view::pulsar_table_view_t;

/// Returns the text of the last failure of this table view, with its cause; NULL when nothing failed so far.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: failures on any thread count.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_table_view_last_error(
    table_view: Option<NonNull<pulsar_table_view_t>>,
) -> *mut c_char {
    last_error_text(table_view)
}
