//! `pulsar_rs/consumer_configuration.h`

use std::ffi::{c_char, c_double, c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::time::Duration;

use pulsar_rs_client::RedeliveryBackoff;

use crate::ffi::consumer_configuration::{get, pulsar_consumer_configuration_t, set};
use crate::ffi::handle::{Context, with_slice};
use crate::ffi::text::copied;
use crate::producer_configuration::set_property;

/// Sets a property of the subscription, in place of an older one with the same name. They are stored with the
/// subscription if this consumer creates it, and shown in the topic's statistics; one that exists keeps its own.
///
/// Ownership: both strings are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL name or value nothing changes.
/// Errors: texts that are not UTF-8 make subscribing fail with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_subscription_property(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    name: *const c_char,
    value: *const c_char,
) {
    set(conf, |conf| {
        if let Some((name, value)) = copied(name).zip(copied(value)) {
            set_property(&mut conf.subscription_properties, name, value);
        }
    });
}

/// Sets whether the clusters that the topic is replicated to are told where the subscription is (any value but 0), so
/// that it goes on there after a failover. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_replicate_subscription_state(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    replicate: c_int,
) {
    set(conf, |conf| conf.replicate_subscription_state = replicate != 0);
}

/// Returns 1 if other clusters are told where the subscription is, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_get_replicate_subscription_state(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.replicate_subscription_state.into(), 0)
}

/// Sets the hashes of keys that the consumer gets in a key-shared subscription, whichever other consumers there are.
/// Brokers hash a key with Murmur3, to 0..65535. `bounds` has the first and the last hash of each range, one pair after
/// the other. All consumers of the subscription must have ranges; messages whose hash nobody has are not delivered.
/// Default: the broker divides the keys among the consumers that there are.
///
/// Ownership: the numbers are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with NULL `bounds`, or a `ranges` of 0, the broker divides the keys.
/// Errors: subscribing fails with `pulsar_result_InvalidConfiguration` when a number is not within 0..65535, a range is
/// empty, ranges overlap, or the subscription is not key-shared; with `pulsar_result_ConsumerAssignError` when another
/// consumer has some of the hashes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_sticky_hash_ranges(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    bounds: *const c_int,
    ranges: usize,
) {
    set(conf, |conf| {
        conf.sticky_ranges = with_slice(bounds, ranges.saturating_mul(2), |bounds| {
            bounds.as_chunks().0.iter().map(|[first, last]| (*first, *last)).collect()
        });
    });
}

/// Sets whether a key-shared subscription delivers messages of a key also while earlier ones of it are unacknowledged at
/// the consumer that had the key before (any value but 0): when consumers come and go nobody waits, and for a while a
/// key may be at two consumers. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
/// Errors: if the subscription is not key-shared, subscribing fails with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_allow_out_of_order_delivery(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    allow: c_int,
) {
    set(conf, |conf| conf.allow_out_of_order_delivery = allow != 0);
}

/// Returns 1 if messages of a key may come out of order, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_get_allow_out_of_order_delivery(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.allow_out_of_order_delivery.into(), 0)
}

/// Sets whether the receiver queue adapts to the program (any value but 0): one message is fetched ahead at first, and
/// twice as many whenever all that may be fetched had come and the program was faster, up to the receiver queue size.
/// What waits counts against the client's memory limit, and half as many are fetched ahead whenever more than 75 % of
/// that come to be in use. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
/// Errors: with a receiver queue size of 0 subscribing fails with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    auto_scaled: c_int,
) {
    set(conf, |conf| conf.auto_scaled_receiver_queue = auto_scaled != 0);
}

/// Returns 1 if the receiver queue adapts to the program, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_get_auto_scaled_receiver_queue(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.auto_scaled_receiver_queue.into(), 0)
}

/// Sets how often a consumer of a pattern looks for topics that match it, in milliseconds; 0: only when the broker tells
/// of them. Default 60000.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_pattern_discovery_interval_ms(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    interval_ms: c_uint,
) {
    set(conf, |conf| conf.pattern_discovery_interval_ms = interval_ms);
}

/// Returns how often to look for topics that match a pattern, in milliseconds.
///
/// NULL: returns 60000.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_get_pattern_discovery_interval_ms(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_uint {
    get(conf, |conf| conf.pattern_discovery_interval_ms, 60_000)
}

/// Sets how long after one chunk of a message the next may come, in milliseconds; 0: for ever. Then what came of the
/// message is acknowledged, and lost for the subscription: its producer is gone. Default 60000.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_chunk_expiry_ms(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    expiry_ms: c_uint,
) {
    set(conf, |conf| conf.chunk_expiry_ms = expiry_ms);
}

/// Returns how long after one chunk of a message the next may come, in milliseconds; 0: for ever.
///
/// NULL: returns 60000.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_get_chunk_expiry_ms(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_uint {
    get(conf, |conf| conf.chunk_expiry_ms, 60_000)
}

/// Hears that a consumer became the one of its failover subscription that the broker serves (`is_active` is 1), or is
/// another one's stand-in (0). `topic` is the topic's full name, of a partition with its number, and valid during the
/// call only; `partition` is the number, or -1.
#[allow(non_camel_case_types)]
pub type pulsar_rs_consumer_event_listener =
    Option<extern "C" fn(topic: *const c_char, partition: c_int, is_active: c_int, ctx: *mut c_void)>;

/// Sets a function that hears which consumer of a failover subscription is served: after subscribing, and whenever
/// another consumer takes over, for each partition and topic of the consumer. Default none.
///
/// Ownership: `ctx` stays the caller's and must live until the consumer is closed and a call that runs then, or is about to,
/// has ended: no other follows it, and freeing the client waits for it.
/// Threads: it is called on the callback thread of the client; the first time possibly before subscribing returns. Of
/// changes of one topic that come while that thread is busy, it hears the last. It may call anything.
/// NULL: without a function nothing is told.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_event_listener(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    listener: pulsar_rs_consumer_event_listener,
    ctx: *mut c_void,
) {
    set(conf, |conf| conf.event_listener = listener.map(|function| (function, Context::new(ctx))));
}

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

/// Sets whether the subscription is stored (any value but 0), and stays where it is without consumers. Else it ends with
/// this consumer, which begins at the initial position and, after its connection was lost, goes on behind the last message
/// that was received. Default 1.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_durable(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    durable: c_int,
) {
    set(conf, |conf| conf.durable = durable != 0);
}

/// Returns 1 if the subscription is stored, else 0.
///
/// NULL: returns 1.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_is_durable(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.durable.into(), 1)
}
