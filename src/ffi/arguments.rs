//! Arguments that several functions take.

use std::ffi::{c_char, c_int};
use std::ptr::NonNull;

use pulsar_rs_client::Error;

use super::handle;
use super::text::text;

/// A topic name.
pub(super) fn topic(name: *const c_char) -> Result<String, Error> {
    text(name).map_err(|why| Error::InvalidTopicName(why.to_string()))
}

/// Names of topics; there may be none.
pub(super) fn topics(names: *mut *const c_char, count: c_int) -> Result<Vec<String>, Error> {
    each(names, count, |names| names.iter().map(|name| topic(*name)).collect())
        .unwrap_or_else(|| Err(Error::InvalidConfiguration("a number of topics without a list".into())))
}

/// The strings of a list; nothing when there is none, or less than none in it.
pub(super) fn each<T>(
    names: *mut *const c_char,
    count: c_int,
    operation: impl FnOnce(&[*const c_char]) -> T,
) -> Option<T> {
    let count = usize::try_from(count).ok().filter(|count| *count == 0 || !names.is_null())?;
    Some(handle::with_slice(names.cast_const(), count, operation))
}

/// A subscription name.
pub(super) fn subscription(name: *const c_char) -> Result<String, Error> {
    text(name).map_err(|why| Error::InvalidConfiguration(format!("subscription name: {why}")))
}

/// A result without a place for it would be lost.
pub(super) fn output<T>(output: Option<NonNull<T>>) -> Result<(), Error> {
    match output {
        Some(_) => Ok(()),
        None => Err(Error::InvalidConfiguration("NULL instead of a place for the result".into())),
    }
}
