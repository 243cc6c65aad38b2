//! `pulsar/c/string_list.h`

use std::ffi::{CString, c_char, c_int};
use std::ptr::NonNull;

use super::guard::guard;
use super::handle::{self, Opaque};
use super::text::copied;

/// A list of strings.
#[allow(non_camel_case_types)]
pub struct pulsar_string_list_t(());

impl Opaque for pulsar_string_list_t {
    type Value = Vec<CString>;
    const TAG: u32 = 0x5053_4c31;
}

/// Creates an empty list.
///
/// Ownership: the caller frees it with `pulsar_string_list_free`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_list_create() -> *mut pulsar_string_list_t {
    guard(std::ptr::null_mut(), || handle::give(Vec::new()))
}

/// Frees a list and its strings.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_list_free(list: Option<NonNull<pulsar_string_list_t>>) {
    guard((), || drop(handle::reclaim(list)));
}

/// Returns the number of strings in the list.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_list_size(list: Option<NonNull<pulsar_string_list_t>>) -> c_int {
    guard(0, || handle::with(list, |list| c_int::try_from(list.len()).unwrap_or(c_int::MAX)).unwrap_or(0))
}

/// Appends a string.
///
/// Ownership: `item` is copied.
/// Threads: nobody else may use the list meanwhile.
/// NULL: a NULL `item` is not appended.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_list_append(
    list: Option<NonNull<pulsar_string_list_t>>,
    item: *const c_char,
) {
    guard((), || {
        if let Some(item) = copied(item) {
            let _ = handle::with_mut(list, |list| list.push(item));
        }
    });
}

/// Returns the string at `index`, from 0; NULL when there is none.
///
/// Ownership: the string belongs to the list.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_list_get(
    map: Option<NonNull<pulsar_string_list_t>>,
    index: c_int,
) -> *const c_char {
    guard(std::ptr::null(), || {
        let found = handle::with(map, |list| {
            let index = usize::try_from(index).ok()?;
            list.get(index).map(|item| item.as_ptr())
        });
        found.ok().flatten().unwrap_or(std::ptr::null())
    })
}
