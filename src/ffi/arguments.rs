//! Arguments of functions that create something, and what handles that cannot be used come to.

use std::ffi::c_char;

use pulsar_rs_client::Error;

use super::handle::Misuse;
use super::result::pulsar_result;
use super::text::text;

/// A topic name.
pub(super) fn topic(name: *const c_char) -> Result<String, Error> {
    text(name).map_err(|why| Error::InvalidTopicName(why.to_string()))
}

/// A subscription name.
pub(super) fn subscription(name: *const c_char) -> Result<String, Error> {
    text(name).map_err(|why| Error::InvalidConfiguration(format!("subscription name: {why}")))
}

/// What a function returns for a handle that cannot be used: `unusable`, but a handle of a forked parent is
/// as good as closed.
pub(super) fn misuse(why: Misuse, unusable: pulsar_result) -> pulsar_result {
    match why {
        Misuse::Null | Misuse::Foreign => unusable,
        Misuse::Forked => pulsar_result::pulsar_result_AlreadyClosed,
    }
}
