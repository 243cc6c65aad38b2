//! `pulsar/c/table_view.h`

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use super::guard::guard;
use super::handle::{self, Context, Opaque, with_c_str};
use super::operations::{Operated, asynchronous, blocking};
use super::result::pulsar_result;
use crate::last_error::LastError;
use crate::table_view::TableView;

/// The newest value of each key of a topic.
#[allow(non_camel_case_types)]
pub struct pulsar_table_view_t(());

impl Opaque for pulsar_table_view_t {
    type Value = Arc<TableView>;
    const TAG: u32 = 0x5054_5631;
    const HAS_THREADS: bool = true;
}

impl Operated for pulsar_table_view_t {
    type Owner = TableView;
    const UNUSABLE: pulsar_result = pulsar_result::pulsar_result_ConsumerNotInitialized;

    fn last_error(owner: &TableView) -> &LastError {
        &owner.last_error
    }
}

/// Gets a key and its value, both of which are valid during the call only. A value of size 0 tells that the key was deleted.
#[allow(non_camel_case_types)]
pub type pulsar_table_view_action =
    Option<extern "C" fn(key: *const c_char, value: *const c_void, value_size: usize, ctx: *mut c_void)>;

/// An action that is there.
pub(crate) type Action = extern "C" fn(*const c_char, *const c_void, usize, *mut c_void);

/// Gets the result of an operation.
#[allow(non_camel_case_types)]
pub type pulsar_result_callback = Option<extern "C" fn(result: pulsar_result, ctx: *mut c_void)>;

/// Takes a key out of the view, until a message brings it back; the topic keeps it. Returns true, and its value in `value`
/// and `value_size`, when the key had one.
///
/// Ownership: the caller frees the value with `free`.
/// NULL: returns false without a view or a key; `value` and `value_size` may be NULL.
/// Errors: `value` and `value_size` are written on success only.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_retrieve_value(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    key: *const c_char,
    value: Option<NonNull<*mut c_void>>,
    value_size: Option<NonNull<usize>>,
) -> bool {
    found(table_view, key, |view, key| {
        view.core().remove(key).is_some_and(|bytes| give(&bytes, value, value_size))
    })
}

/// Returns true, and the value of a key in `value` and `value_size`, when the key has one.
///
/// Ownership: the caller frees the value with `free`.
/// NULL: returns false without a view or a key; `value` and `value_size` may be NULL.
/// Errors: `value` and `value_size` are written on success only.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_get_value(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    key: *const c_char,
    value: Option<NonNull<*mut c_void>>,
    value_size: Option<NonNull<usize>>,
) -> bool {
    found(table_view, key, |view, key| {
        view.core().get(key).is_some_and(|bytes| give(&bytes, value, value_size))
    })
}

/// Returns whether a key has a value.
///
/// NULL: returns false.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_contain_key(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    key: *const c_char,
) -> bool {
    found(table_view, key, |view, key| view.core().contains(key))
}

/// Returns how many keys there are. Those that are there when the view is closed stay.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_size(table_view: Option<NonNull<pulsar_table_view_t>>) -> c_int {
    guard(0, || {
        let size = handle::shared(table_view).map_or(0, |view| view.core().len());
        c_int::try_from(size).unwrap_or(c_int::MAX)
    })
}

/// Calls a function for each key and its value, in no order.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the function runs on this thread, before this returns. It may call anything.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_for_each(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    action: pulsar_table_view_action,
    ctx: *mut c_void,
) {
    guard((), || {
        if let (Ok(view), Some(action)) = (handle::shared(table_view), action) {
            view.for_each(action, Context::new(ctx));
        }
    });
}

/// Calls a function for each key and its value, in no order, and from then on for each message with a key, until the view
/// is closed. Nothing between is missed.
///
/// 1000 messages wait for a function that takes its time; then the view waits for it, and shows nothing new.
///
/// Ownership: `ctx` stays the caller's and must live until the view is closed and a call that runs then, or is about to, has
/// ended: no other follows it, and freeing the client waits for it.
/// Threads: for what is there the function runs on this thread, before this returns; later on a listener thread of the
/// client, one call after the other. It may call anything, also close the view.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_for_each_add_listen(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    action: pulsar_table_view_action,
    ctx: *mut c_void,
) {
    guard((), || {
        if let (Ok(view), Some(action)) = (handle::shared(table_view), action) {
            view.last_error.note(&view.for_each_and_listen(action, Context::new(ctx)));
        }
    });
}

/// Frees the handle. A view that was not closed closes in the background.
///
/// NULL: does nothing, as in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_free(table_view: Option<NonNull<pulsar_table_view_t>>) {
    guard((), || {
        if let Some(view) = handle::reclaim(table_view) {
            view.dispose();
        }
    });
}

/// Closes the view: nothing new comes, what it has stays. Blocks, at most the operation timeout.
///
/// Errors: a second call returns `pulsar_result_ConsumerNotInitialized`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_close(table_view: Option<NonNull<pulsar_table_view_t>>) -> pulsar_result {
    blocking(table_view, |view| view.close())
}

/// Closes the view: nothing new comes, what it has stays.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the view is
/// closed.
/// Errors: a second call gets `pulsar_result_ConsumerNotInitialized`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_close_async(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
) {
    asynchronous(table_view, callback, ctx, |view, done| view.close_async(done));
}

/// What a look at a key finds; false without a view or a key.
fn found(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    key: *const c_char,
    look: impl FnOnce(&TableView, &[u8]) -> bool,
) -> bool {
    guard(false, || {
        let Ok(view) = handle::shared(table_view) else {
            return false;
        };
        with_c_str(key, <[u8]>::to_vec).is_some_and(|key| look(&view, &key))
    })
}

/// Hands out a copy; false when there is no memory for it.
fn give(bytes: &[u8], value: Option<NonNull<*mut c_void>>, value_size: Option<NonNull<usize>>) -> bool {
    if value.is_some() {
        let copy = handle::malloc_bytes(bytes);
        if copy.is_null() {
            return false;
        }
        handle::write(value, copy);
    }
    handle::write(value_size, bytes.len());
    true
}
