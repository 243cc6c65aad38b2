//! `pulsar/c/producer_configuration.h`

use std::ffi::{c_char, c_int, c_uint, c_ulong};
use std::ptr::NonNull;

use super::guard::guard;
use super::handle::{self, Opaque};
use super::text::{copied, empty};
use crate::producer_configuration::{ProducerConfiguration, set_property};

/// How a producer behaves.
#[allow(non_camel_case_types)]
pub struct pulsar_producer_configuration_t(());

impl Opaque for pulsar_producer_configuration_t {
    type Value = ProducerConfiguration;
    const TAG: u32 = 0x5050_4331;
}

/// Changes a configuration. A handle that cannot be used is left alone: setters have no result.
fn set(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    change: impl FnOnce(&mut ProducerConfiguration),
) {
    guard((), || _ = handle::with_mut(conf, change));
}

/// Reads a value; that of a new configuration when the handle cannot be used.
fn get<T>(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    read: impl Fn(&ProducerConfiguration) -> T,
    absent: T,
) -> T {
    guard(None, || handle::with(conf, read).ok()).unwrap_or(absent)
}

/// Creates a producer configuration with the defaults.
///
/// Ownership: the caller frees it with `pulsar_producer_configuration_free`, at the earliest when it is no longer to be changed: what is
/// created with it takes a copy.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_create() -> *mut pulsar_producer_configuration_t {
    guard(std::ptr::null_mut(), || handle::give(ProducerConfiguration::default()))
}

/// Frees a configuration.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_free(conf: Option<NonNull<pulsar_producer_configuration_t>>) {
    guard((), || drop(handle::reclaim(conf)));
}

/// Sets the producer's name, which must be unique on the topic. Default: the broker gives one.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL string changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_producer_name(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    producer_name: *const c_char,
) {
    set(conf, |conf| {
        if let Some(text) = copied(producer_name) {
            conf.producer_name = text;
        }
    });
}

/// Returns the producer's name; the empty string when none was set.
///
/// Ownership: the string belongs to the configuration until it is set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_producer_name(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> *const c_char {
    get(conf, |conf| conf.producer_name.as_ptr(), empty())
}

/// Sets how long a message may wait for its receipt before it fails with `pulsar_result_Timeout`, in milliseconds;
/// 0: for ever. Default 30000.
///
/// Errors: a negative time makes creating the producer fail with
/// `pulsar_result_InvalidConfiguration`.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_send_timeout(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    send_timeout_ms: c_int,
) {
    set(conf, |conf| conf.send_timeout_ms = send_timeout_ms);
}

/// Returns the send timeout in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_send_timeout(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.send_timeout_ms, 30_000)
}

/// Sets the sequence id before that of the first message. Default -1: go on where the broker's deduplication says,
/// else begin at 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_initial_sequence_id(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    initial_sequence_id: i64,
) {
    set(conf, |conf| conf.initial_sequence_id = initial_sequence_id);
}

/// Returns the initial sequence id.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_initial_sequence_id(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> i64 {
    get(conf, |conf| conf.initial_sequence_id, -1)
}

/// Sets how many messages may be accepted and not completed; 0: no limit. Default 1000.
///
/// Errors: a negative number makes creating the producer fail with
/// `pulsar_result_InvalidConfiguration`.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_max_pending_messages(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    max_pending_messages: c_int,
) {
    set(conf, |conf| conf.max_pending_messages = max_pending_messages);
}

/// Returns the number of messages that may be pending.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_max_pending_messages(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.max_pending_messages, 1000)
}

/// Sets whether sending blocks (any value but 0) or fails with `pulsar_result_ProducerQueueIsFull` (0) when too many
/// messages are pending. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_block_if_queue_full(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    block_if_queue_full: c_int,
) {
    set(conf, |conf| conf.block_if_queue_full = block_if_queue_full != 0);
}

/// Returns 1 if sending blocks when too many messages are pending, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_block_if_queue_full(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.block_if_queue_full.into(), 0)
}

/// Sets whether messages are gathered in batches (any value but 0) or sent alone (0). Default 1.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_batching_enabled(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    batching_enabled: c_int,
) {
    set(conf, |conf| conf.batching_enabled = batching_enabled != 0);
}

/// Returns 1 if messages are gathered in batches, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_batching_enabled(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.batching_enabled.into(), 1)
}

/// Sets how many messages a batch may have, at least 2. Default 1000.
///
/// Errors: less makes creating the producer fail with
/// `pulsar_result_InvalidConfiguration`.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_batching_max_messages(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    batching_max_messages: c_uint,
) {
    set(conf, |conf| conf.batching_max_messages = batching_max_messages);
}

/// Returns how many messages a batch may have.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_batching_max_messages(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_uint {
    get(conf, |conf| conf.batching_max_messages, 1000)
}

/// Sets how many bytes a batch may have before compression; 0: only the broker's limit counts. Default 131072.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    batching_max_allowed_size_in_bytes: c_ulong,
) {
    set(conf, |conf| conf.batching_max_bytes = batching_max_allowed_size_in_bytes);
}

/// Returns how many bytes a batch may have.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_batching_max_allowed_size_in_bytes(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_ulong {
    get(conf, |conf| conf.batching_max_bytes, 128 * 1024)
}

/// Sets how long a message may wait for others in its batch, in milliseconds. Default 10.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_batching_max_publish_delay_ms(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    batching_max_publish_delay_ms: c_ulong,
) {
    set(conf, |conf| conf.batching_max_delay_ms = batching_max_publish_delay_ms);
}

/// Returns how long a message may wait for others in its batch, in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_batching_max_publish_delay_ms(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_ulong {
    get(conf, |conf| conf.batching_max_delay_ms, 10)
}

/// Sets a property of the producer, shown in the topic's statistics, in place of an older one with the same name.
///
/// Ownership: both strings are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL name or value nothing changes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_property(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    name: *const c_char,
    value: *const c_char,
) {
    set(conf, |conf| {
        let pair = copied(name).zip(copied(value));
        if let Some((name, value)) = pair {
            set_property(&mut conf.properties, name, value);
        }
    });
}
