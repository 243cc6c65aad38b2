//! `pulsar/c/string_map.h`

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::ptr::NonNull;

use super::guard::guard;
use super::handle::{self, Opaque};
use super::text::copied;

/// A map from strings to strings, ordered by key.
#[allow(non_camel_case_types)]
pub struct pulsar_string_map_t(());

impl Opaque for pulsar_string_map_t {
    type Value = BTreeMap<CString, CString>;
    const TAG: u32 = 0x5053_4d31;
}

/// Creates an empty map.
///
/// Ownership: the caller frees it with `pulsar_string_map_free`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_map_create() -> *mut pulsar_string_map_t {
    guard(std::ptr::null_mut(), || handle::give(BTreeMap::new()))
}

/// Frees a map and its strings.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_map_free(map: Option<NonNull<pulsar_string_map_t>>) {
    guard((), || drop(handle::reclaim(map)));
}

/// Returns the number of keys.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_map_size(map: Option<NonNull<pulsar_string_map_t>>) -> c_int {
    guard(0, || handle::with(map, |map| c_int::try_from(map.len()).unwrap_or(c_int::MAX)).unwrap_or(0))
}

/// Sets the value of a key, in place of an older one.
///
/// Ownership: both strings are copied.
/// Threads: nobody else may use the map meanwhile.
/// NULL: with a NULL key or value nothing changes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_map_put(
    map: Option<NonNull<pulsar_string_map_t>>,
    key: *const c_char,
    value: *const c_char,
) {
    guard((), || {
        let pair = copied(key).zip(copied(value));
        if let Some((key, value)) = pair {
            let _ = handle::with_mut(map, |map| map.insert(key, value));
        }
    });
}

/// Returns the value of a key; NULL when there is none.
///
/// Ownership: the string belongs to the map.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_map_get(
    map: Option<NonNull<pulsar_string_map_t>>,
    key: *const c_char,
) -> *const c_char {
    guard(std::ptr::null(), || {
        let key = copied(key);
        let found = handle::with(map, |map| key.and_then(|key| map.get(&key).map(|value| value.as_ptr())));
        found.ok().flatten().unwrap_or(std::ptr::null())
    })
}

/// Returns the key at `idx`, from 0, in the order of keys; NULL when there is none.
///
/// Ownership: the string belongs to the map.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_map_get_key(
    map: Option<NonNull<pulsar_string_map_t>>,
    idx: c_int,
) -> *const c_char {
    guard(std::ptr::null(), || at(map, idx, |(key, _)| key.as_ptr()))
}

/// Returns the value of the key at `idx`, from 0, in the order of keys; NULL when there is none.
///
/// Ownership: the string belongs to the map.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_string_map_get_value(
    map: Option<NonNull<pulsar_string_map_t>>,
    idx: c_int,
) -> *const c_char {
    guard(std::ptr::null(), || at(map, idx, |(_, value)| value.as_ptr()))
}

fn at(
    map: Option<NonNull<pulsar_string_map_t>>,
    index: c_int,
    pick: impl FnOnce((&CString, &CString)) -> *const c_char,
) -> *const c_char {
    let found = handle::with(map, |map| map.iter().nth(usize::try_from(index).ok()?).map(pick));
    found.ok().flatten().unwrap_or(std::ptr::null())
}
