//! `pulsar_rs/reconnect.h`

use std::ffi::{CString, c_char, c_void};
use std::ptr::NonNull;
use std::time::Duration;

use pulsar_rs_client::ReconnectPolicy;

use crate::ffi::consumer_configuration::pulsar_consumer_configuration_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Context, Opaque};
use crate::ffi::producer_configuration::pulsar_producer_configuration_t;
use crate::ffi::reader_configuration::pulsar_reader_configuration_t;

/// Says how many milliseconds a producer, consumer or reader that lost its place on a broker waits before its next attempt
/// to come back; a negative number ends the attempts. A producer then fails with everything
/// that is pending; a consumer or reader stays without a connection. `topic` is the topic's full name, of a partition with its
/// number, and valid during the call; `attempt` counts from 0 each time the place is lost.
#[allow(non_camel_case_types)]
pub type pulsar_rs_reconnect_delay =
    Option<extern "C" fn(topic: *const c_char, attempt: u32, ctx: *mut c_void) -> i64>;

/// Has a function say how long a producer waits before each attempt to come back to a broker. Default: none; then it is
/// 100 ms and doubles up to 60 s, shortened by up to 20 % at random.
///
/// Ownership: `ctx` stays the caller's and must live until every client with a producer of this configuration is freed.
/// Threads: the function is called on a thread of the client, one call at a time, never with a lock held. Where the broker
/// names another one, and where the client moves to another cluster, it is not asked. Nobody else may use the configuration
/// meanwhile.
/// NULL: with a NULL function the default is back.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_configuration_set_reconnect_delay(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    delay: pulsar_rs_reconnect_delay,
    ctx: *mut c_void,
) {
    set(conf, delay, ctx, |conf, policy| conf.reconnect_policy = policy);
}

/// The same for a consumer.
///
/// Ownership, threads, NULL: as for `pulsar_rs_producer_configuration_set_reconnect_delay`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_reconnect_delay(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    delay: pulsar_rs_reconnect_delay,
    ctx: *mut c_void,
) {
    set(conf, delay, ctx, |conf, policy| conf.reconnect_policy = policy);
}

/// The same for a reader.
///
/// Ownership, threads, NULL: as for `pulsar_rs_producer_configuration_set_reconnect_delay`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_reconnect_delay(
    conf: Option<NonNull<pulsar_reader_configuration_t>>,
    delay: pulsar_rs_reconnect_delay,
    ctx: *mut c_void,
) {
    set(conf, delay, ctx, |conf, policy| conf.reconnect_policy = policy);
}

fn set<O: Opaque>(
    conf: Option<NonNull<O>>,
    delay: pulsar_rs_reconnect_delay,
    ctx: *mut c_void,
    put: impl FnOnce(&mut O::Value, Option<ReconnectPolicy>),
) {
    let context = Context::new(ctx);
    let policy = delay.map(|function| {
        ReconnectPolicy::new(move |topic, attempt| {
            let topic = CString::new(topic).unwrap_or_default();
            let delay = function(topic.as_ptr(), attempt, context.ptr());
            u64::try_from(delay).ok().map(Duration::from_millis)
        })
    });
    guard((), || {
        let _ = handle::with_mut(conf, |conf| put(conf, policy));
    });
}
