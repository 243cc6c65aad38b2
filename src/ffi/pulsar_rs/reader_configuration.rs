//! `pulsar_rs/reader_configuration.h`

use std::ffi::{c_char, c_int, c_uint};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::ffi::guard::guard;
use crate::ffi::handle;
use crate::ffi::producer_configuration::{pulsar_schema_type, schema_info};
use crate::ffi::reader_configuration::pulsar_reader_configuration_t;
use crate::ffi::string_map::pulsar_string_map_t;
use crate::ffi::text::{copied, empty};
use crate::producer_configuration::set_property;
use crate::reader_configuration::ReaderConfiguration;

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

/// Sets the structure of the messages that the program understands; for the rest see
/// `pulsar_consumer_configuration_set_schema_info`. Creating the reader then fails where subscribing would.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_schema_info(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    schema_type: MaybeUninit<pulsar_schema_type>,
    name: *const c_char,
    schema: *const c_char,
    properties: Option<NonNull<pulsar_string_map_t>>,
) {
    set(configuration, |conf| {
        if let Some(schema) = schema_info(schema_type, name, schema, properties) {
            conf.schema = schema;
        }
    });
}

/// Sets a property of the reader, in place of an older one with the same name. They are shown in the topic's statistics.
///
/// Ownership: both strings are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL name or value nothing changes.
/// Errors: texts that are not UTF-8 make creating the reader fail with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_property(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    name: *const c_char,
    value: *const c_char,
) {
    set(configuration, |conf| {
        if let Some((name, value)) = copied(name).zip(copied(value)) {
            set_property(&mut conf.properties, name, value);
        }
    });
}

/// Sets how many messages may be there of which chunks are missing; 0: no limit. The oldest goes for a new one, and is
/// acknowledged if `ack_oldest` is any value but 0. Default 10 and 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_max_pending_chunked_message(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    messages: c_uint,
    ack_oldest: c_int,
) {
    set(configuration, |conf| {
        conf.max_pending_chunked_messages = messages;
        conf.ack_oldest_chunked_message = ack_oldest != 0;
    });
}

/// Sets how long after one chunk of a message the next may come, in milliseconds; 0: for ever. Then what came of the
/// message is not read: its producer is gone. Default 60000.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_chunk_expiry_ms(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    expiry_ms: c_uint,
) {
    set(configuration, |conf| conf.chunk_expiry_ms = expiry_ms);
}

fn set(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    change: impl FnOnce(&mut ReaderConfiguration),
) {
    guard((), || _ = handle::with_mut(configuration, change));
}
