//! `pulsar_rs/producer_configuration.h`

use std::ffi::c_int;
use std::ptr::NonNull;

use crate::ffi::producer_configuration::{get, pulsar_producer_configuration_t, set};

/// Sets whether `pulsar_BoostHash` is the hash of Boost before 1.81 (any value but 0), or that of 1.81 and later, as in
/// the official binaries of the C++ client 4.x (0). Default 0.
///
/// Boost 1.81 changed its hash, and with it the partitions of keys. Set this where other producers of the topic are C++
/// clients, or programs in languages that stand on it, that were built with an older Boost, as those of many Linux
/// distributions are: else messages with the same key land on two partitions, and have no common order. Without effect
/// while another hash is set.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_configuration_set_old_boost_hash(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    old_boost_hash: c_int,
) {
    set(conf, |conf| conf.old_boost_hash = old_boost_hash != 0);
}

/// Returns 1 if `pulsar_BoostHash` is the hash of Boost before 1.81, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_configuration_get_old_boost_hash(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.old_boost_hash.into(), 0)
}

/// Sets whether messages of different keys go into different batches (any value but 0), or into one (0). Default 0.
///
/// A batch goes to one consumer of a key-shared subscription, so producers for such subscriptions want either this or
/// no batching. The key is the ordering key, else the partition key; messages without any have a batch, too. The limits
/// of batches count for all that are open together. Sequence ids of messages stay as they are; those that brokers
/// compare to find duplicates rise from batch to batch. Without effect while batching is off.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_configuration_set_batching_by_key(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    by_key: c_int,
) {
    set(conf, |conf| conf.batching_by_key = by_key != 0);
}

/// Returns 1 if messages of different keys go into different batches, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_configuration_get_batching_by_key(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.batching_by_key.into(), 0)
}
