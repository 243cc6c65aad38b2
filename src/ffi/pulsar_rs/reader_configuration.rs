//! `pulsar_rs/reader_configuration.h`

use std::ffi::{c_char, c_int};
use std::ptr::NonNull;

use crate::ffi::guard::guard;
use crate::ffi::handle;
use crate::ffi::reader_configuration::pulsar_reader_configuration_t;
use crate::ffi::text::{copied, empty};

/// Sets whether the message that the reader starts at, or is moved to, is read itself (any value but 0), or the reader goes
/// on behind it (0). Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_start_message_id_inclusive(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    inclusive: c_int,
) {
    guard((), || {
        let _ = handle::with_mut(configuration, |conf| conf.start_message_id_inclusive = inclusive != 0);
    });
}

/// Returns 1 when the message is read that the reader starts at, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_is_start_message_id_inclusive(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> c_int {
    guard(0, || handle::with(configuration, |conf| conf.start_message_id_inclusive).unwrap_or(false).into())
}

/// Sets the name of the reader's subscription, which ends with the reader. Default: a random one.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_subscription_name(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    subscription_name: *const c_char,
) {
    guard((), || {
        let _ = handle::with_mut(configuration, |conf| {
            if let Some(name) = copied(subscription_name) {
                conf.subscription_name = name;
            }
        });
    });
}

/// Returns the name of the reader's subscription; empty when none was set.
///
/// Ownership: the string belongs to the configuration, until the name is set again.
/// NULL: returns an empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_get_subscription_name(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> *const c_char {
    guard(empty(), || handle::with(configuration, |conf| conf.subscription_name.as_ptr()).unwrap_or(empty()))
}
