//! Arguments that several functions take.

use std::ffi::c_char;
use std::ptr::NonNull;

use pulsar_rs_client::Error;

use super::text::text;

/// A topic name.
pub(super) fn topic(name: *const c_char) -> Result<String, Error> {
    text(name).map_err(|why| Error::InvalidTopicName(why.to_string()))
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
