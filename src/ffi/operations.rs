//! What the operations on clients, producers and consumers have in common: a handle that may be unusable, a
//! text for the last failure, a callback for the result.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use pulsar_rs_client::Error;

use super::guard::guard;
use super::handle::{self, Context, Misuse, Opaque};
use super::result::pulsar_result;
use crate::last_error::LastError;

/// A handle with operations that can fail.
pub(crate) trait Operated: Opaque<Value = Arc<Self::Owner>> + 'static {
    /// What is behind it.
    type Owner: Send + Sync;
    /// What operations on a handle come to that cannot be used.
    const UNUSABLE: pulsar_result;

    fn last_error(owner: &Self::Owner) -> &LastError;
}

/// Takes the outcome of an operation.
pub(super) type Done = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// What operations on a handle that cannot be used come to; one of a forked parent is as good as closed.
pub(super) fn unusable<O: Operated>(why: Misuse) -> pulsar_result {
    match why {
        Misuse::Null | Misuse::Foreign => O::UNUSABLE,
        Misuse::Forked => pulsar_result::pulsar_result_AlreadyClosed,
    }
}

/// Runs an operation and keeps the text of its failure.
pub(super) fn blocking<O: Operated>(
    handle: Option<NonNull<O>>,
    operation: impl FnOnce(&Arc<O::Owner>) -> Result<(), Error>,
) -> pulsar_result {
    guard(pulsar_result::pulsar_result_UnknownError, || match handle::shared(handle) {
        Ok(owner) => {
            let outcome = operation(&owner);
            O::last_error(&owner).note(&outcome);
            pulsar_result::from(&outcome)
        }
        Err(why) => unusable::<O>(why),
    })
}

/// Starts an operation whose result goes to a callback, and keeps the text of its failure.
pub(super) fn asynchronous<O: Operated>(
    handle: Option<NonNull<O>>,
    callback: Option<extern "C" fn(pulsar_result, *mut c_void)>,
    ctx: *mut c_void,
    start: impl FnOnce(&Arc<O::Owner>, Done),
) {
    guard((), || {
        let context = Context::new(ctx);
        let call = move |result| {
            if let Some(callback) = callback {
                callback(result, context.ptr());
            }
        };
        match handle::shared(handle) {
            Ok(owner) => {
                let keeper = owner.clone();
                let done = move |outcome| {
                    O::last_error(&keeper).note(&outcome);
                    call(pulsar_result::from(&outcome));
                };
                start(&owner, Box::new(done));
            }
            Err(why) => call(unusable::<O>(why)),
        }
    });
}

/// Text of the last failure in memory of the C allocator; NULL when nothing failed so far.
pub(crate) fn last_error_text<O: Operated>(handle: Option<NonNull<O>>) -> *mut c_char {
    guard(std::ptr::null_mut(), || {
        let text = match handle::shared(handle) {
            Ok(owner) => O::last_error(&owner).text(),
            Err(why) => why.text(),
        };
        text.map_or(std::ptr::null_mut(), |text| handle::malloc_text(&text))
    })
}
