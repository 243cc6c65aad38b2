//! `pulsar_rs/consumer_configuration.h`

use std::ffi::{c_char, c_double, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use pulsar_rs_client::RedeliveryBackoff;

use crate::ffi::consumer_configuration::{get, pulsar_consumer_configuration_t, set};
use crate::ffi::text::copied;

/// Sets whether acknowledging waits for the broker (any value but 0) or just for being gathered (0). Default 0.
///
/// With it, the functions that acknowledge return, call back or complete when the broker has the acknowledgement, or with
/// its error; with `pulsar_result_Timeout` when there is no answer within the operation timeout. Blocking ones have it sent
/// at once, with all that is gathered. A message of a batch whose others are not acknowledged succeeds at once, unless
/// batch-index acknowledgement is enabled: nothing is sent before the last one. What a broker did not confirm is sent again
/// with the next connection in either case. Brokers before Pulsar 2.8 confirm nothing, and nobody waits for them.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_ack_receipt_enabled(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    enabled: c_int,
) {
    set(conf, |conf| conf.ack_receipt_enabled = enabled != 0);
}

/// Returns 1 if acknowledging waits for the broker, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_is_ack_receipt_enabled(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.ack_receipt_enabled.into(), 0)
}

/// Has the delay of negative acknowledgements grow with each redelivery of a message, as the broker counts them for shared
/// subscriptions: `min_ms`, then `multiplier` times the one before each, at most `max_ms` milliseconds. It replaces
/// `pulsar_configure_set_negative_ack_redelivery_delay_ms`. Usual are 1000, 60000 and 2. By the id alone a message is
/// refused as if it came for the first time. Default: the delay does not grow.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
/// Errors: a `multiplier` below 1, or a `min_ms` above `max_ms`, makes subscribing fail with
/// `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_negative_ack_backoff(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    min_ms: u64,
    max_ms: u64,
    multiplier: c_double,
) {
    set(conf, |conf| conf.negative_ack_backoff = Some(backoff(min_ms, max_ms, multiplier)));
}

/// Has the time within which a message must be acknowledged, `pulsar_consumer_set_unacked_messages_timeout_ms`, be longer by
/// a delay that grows with each redelivery of the message. Default: it is always the same.
///
/// Otherwise as `pulsar_rs_consumer_configuration_set_negative_ack_backoff`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_ack_timeout_backoff(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    min_ms: u64,
    max_ms: u64,
    multiplier: c_double,
) {
    set(conf, |conf| conf.ack_timeout_backoff = Some(backoff(min_ms, max_ms, multiplier)));
}

fn backoff(min_ms: u64, max_ms: u64, multiplier: c_double) -> RedeliveryBackoff {
    let (min, max) = (Duration::from_millis(min_ms), Duration::from_millis(max_ms));
    RedeliveryBackoff { min, max, multiplier }
}

/// Sets whether `pulsar_rs_consumer_reconsume_later` can be used (any value but 0), in shared and key-shared
/// subscriptions. The consumer then reads its retry letter topic too. A message can be put off as often as the dead letter
/// policy says, without one 16 times; after that it goes to the dead letter topic, and so do messages that are redelivered
/// more often. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_retry_enabled(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    enabled: c_int,
) {
    set(conf, |conf| conf.retry_enabled = enabled != 0);
}

/// Returns 1 if messages can be reconsumed later, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_is_retry_enabled(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.retry_enabled.into(), 0)
}

/// Sets the topic where messages wait that are reconsumed later. Default: `<topic>-<subscription>-RETRY`.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL or empty name means the default.
/// Errors: a malformed name makes subscribing fail with `pulsar_result_InvalidTopicName`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_retry_letter_topic(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    topic: *const c_char,
) {
    set(conf, |conf| conf.dead_letters.retry_topic = copied(topic).unwrap_or_default());
}
