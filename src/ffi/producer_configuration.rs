//! `pulsar/c/producer_configuration.h`
//!
//! As long as the header: six enums and forty functions, each with what its users have to know.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::guard::guard;
use super::handle::{self, CEnum, Context, Opaque};
use super::message_router::{ForeignRouter, pulsar_message_router};
use super::string_map::pulsar_string_map_t;
use super::text::{copied, empty};
use crate::crypto;
use crate::ffi::pulsar_rs::crypto::replace;
use crate::producer_configuration::{ProducerConfiguration, SchemaInfo, set_property};

/// How a producer behaves.
#[allow(non_camel_case_types)]
pub struct pulsar_producer_configuration_t(());

impl Opaque for pulsar_producer_configuration_t {
    type Value = ProducerConfiguration;
    const TAG: u32 = 0x5050_4331;
}

/// Codec for what is sent.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_compression_type {
    /// None.
    pulsar_CompressionNone = 0,
    /// LZ4: little time, and little gained.
    pulsar_CompressionLZ4 = 1,
    /// ZLIB, level 6: much time.
    pulsar_CompressionZLib = 2,
    /// Zstandard, level 3: most gained for its time.
    pulsar_CompressionZSTD = 3,
    /// Snappy: least time.
    pulsar_CompressionSNAPPY = 4,
}

impl CEnum for pulsar_compression_type {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_compression_type::pulsar_CompressionNone),
            1 => Some(pulsar_compression_type::pulsar_CompressionLZ4),
            2 => Some(pulsar_compression_type::pulsar_CompressionZLib),
            3 => Some(pulsar_compression_type::pulsar_CompressionZSTD),
            4 => Some(pulsar_compression_type::pulsar_CompressionSNAPPY),
            _ => None,
        }
    }
}

/// Partitions for messages without a key.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_partitions_routing_mode {
    /// One, chosen at random for each producer.
    pulsar_UseSinglePartition = 0,
    /// One after the other: a batch each, or a message each without batching.
    pulsar_RoundRobinDistribution = 1,
    /// As a router says: see `pulsar_producer_configuration_set_message_router`.
    pulsar_CustomPartition = 2,
}

impl CEnum for pulsar_partitions_routing_mode {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_partitions_routing_mode::pulsar_UseSinglePartition),
            1 => Some(pulsar_partitions_routing_mode::pulsar_RoundRobinDistribution),
            2 => Some(pulsar_partitions_routing_mode::pulsar_CustomPartition),
            _ => None,
        }
    }
}

/// Hash of a key, which chooses its partition.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_hashing_scheme {
    /// Murmur3, 32 bits: the same partitions as with clients in other languages that are set to it.
    pulsar_Murmur3_32Hash = 0,
    /// `boost::hash`, as in the official binaries of the C++ client 4.x; see
    /// `pulsar_rs_producer_configuration_set_old_boost_hash` for that of older ones.
    pulsar_BoostHash = 1,
    /// `String.hashCode` of Java: the Java client's default.
    pulsar_JavaStringHash = 2,
}

impl CEnum for pulsar_hashing_scheme {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_hashing_scheme::pulsar_Murmur3_32Hash),
            1 => Some(pulsar_hashing_scheme::pulsar_BoostHash),
            2 => Some(pulsar_hashing_scheme::pulsar_JavaStringHash),
            _ => None,
        }
    }
}

/// How messages are encoded.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_schema_type {
    /// No schema.
    pulsar_None = 0,
    /// UTF-8 text.
    pulsar_String = 1,
    /// JSON, with an Avro definition.
    pulsar_Json = 2,
    /// Protocol buffers, with an Avro definition.
    pulsar_Protobuf = 3,
    /// Avro, with its definition.
    pulsar_Avro = 4,
    /// One byte, 0 or 1.
    pulsar_Boolean = 5,
    /// A signed byte.
    pulsar_Int8 = 6,
    /// Two bytes, the high one first, as all numbers.
    pulsar_Int16 = 7,
    /// Four bytes.
    pulsar_Int32 = 8,
    /// Eight bytes.
    pulsar_Int64 = 9,
    /// IEEE 754, four bytes.
    pulsar_Float32 = 10,
    /// IEEE 754, eight bytes.
    pulsar_Float64 = 11,
    /// A key and a value, each with a schema.
    pulsar_KeyValue = 15,
    /// Bytes: no schema.
    pulsar_Bytes = -1,
    /// For consumers.
    pulsar_AutoConsume = -3,
    /// As the topic has it: producers register none.
    pulsar_AutoPublish = -4,
}

impl CEnum for pulsar_schema_type {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_schema_type::pulsar_None),
            1 => Some(pulsar_schema_type::pulsar_String),
            2 => Some(pulsar_schema_type::pulsar_Json),
            3 => Some(pulsar_schema_type::pulsar_Protobuf),
            4 => Some(pulsar_schema_type::pulsar_Avro),
            5 => Some(pulsar_schema_type::pulsar_Boolean),
            6 => Some(pulsar_schema_type::pulsar_Int8),
            7 => Some(pulsar_schema_type::pulsar_Int16),
            8 => Some(pulsar_schema_type::pulsar_Int32),
            9 => Some(pulsar_schema_type::pulsar_Int64),
            10 => Some(pulsar_schema_type::pulsar_Float32),
            11 => Some(pulsar_schema_type::pulsar_Float64),
            15 => Some(pulsar_schema_type::pulsar_KeyValue),
            -1 => Some(pulsar_schema_type::pulsar_Bytes),
            -3 => Some(pulsar_schema_type::pulsar_AutoConsume),
            -4 => Some(pulsar_schema_type::pulsar_AutoPublish),
            _ => None,
        }
    }
}

/// Who may send to a topic beside a producer.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_producer_access_mode {
    /// Others in this mode.
    pulsar_ProducerAccessModeShared = 0,
    /// Nobody. Creating it fails with `pulsar_result_ProducerFenced` or `pulsar_result_ProducerBusy` while another is
    /// there.
    pulsar_ProducerAccessModeExclusive = 1,
    /// Nobody. Creating it waits until the others are gone, at most the operation timeout.
    pulsar_ProducerAccessModeWaitForExclusive = 2,
    /// Nobody. Those that are there are fenced: their sends fail with `pulsar_result_ProducerFenced`.
    pulsar_ProducerAccessModeExclusiveWithFencing = 3,
}

impl CEnum for pulsar_producer_access_mode {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_producer_access_mode::pulsar_ProducerAccessModeShared),
            1 => Some(pulsar_producer_access_mode::pulsar_ProducerAccessModeExclusive),
            2 => Some(pulsar_producer_access_mode::pulsar_ProducerAccessModeWaitForExclusive),
            3 => Some(pulsar_producer_access_mode::pulsar_ProducerAccessModeExclusiveWithFencing),
            _ => None,
        }
    }
}

/// What becomes of messages that cannot be encrypted.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_producer_crypto_failure_action {
    /// They are not sent: sends fail with `pulsar_result_CryptoError`.
    pulsar_ProducerFail = 0,
    /// They are sent as they are, for everybody to read.
    pulsar_ProducerSend = 1,
}

impl CEnum for pulsar_producer_crypto_failure_action {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_producer_crypto_failure_action::pulsar_ProducerFail),
            1 => Some(pulsar_producer_crypto_failure_action::pulsar_ProducerSend),
            _ => None,
        }
    }
}

/// Changes a configuration. A handle that cannot be used is left alone: setters have no result.
pub(crate) fn set(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    change: impl FnOnce(&mut ProducerConfiguration),
) {
    guard((), || _ = handle::with_mut(conf, change));
}

/// Reads a value; that of a new configuration when the handle cannot be used.
pub(super) fn get<T>(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    read: impl Fn(&ProducerConfiguration) -> T,
    absent: T,
) -> T {
    guard(None, || handle::with(conf, read).ok()).unwrap_or(absent)
}

/// Creates a producer configuration with the defaults.
///
/// Ownership: the caller frees it with `pulsar_producer_configuration_free`. It may be freed right after use: what is
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

/// Sets how many messages may be pending: accepted and without their outcome; 0: no limit. Default 1000. As many
/// again may have their outcome and wait for their callbacks.
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

/// Sets the codec for what is sent. A batch is compressed as a whole, on the thread that completes it. Default none.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is none of them changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_compression_type(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    compression: MaybeUninit<pulsar_compression_type>,
) {
    set(conf, |conf| {
        if let Some(compression) = handle::enum_value(compression) {
            conf.compression = compression;
        }
    });
}

/// Returns the codec for what is sent.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_compression_type(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> pulsar_compression_type {
    get(conf, |conf| conf.compression, pulsar_compression_type::pulsar_CompressionNone)
}

/// Sets how many messages may be pending on all partitions together; each gets its part of it, where that is less than
/// what `pulsar_producer_configuration_set_max_pending_messages` says. 0: no limit. Default 50000.
///
/// Errors: a negative number makes creating the producer fail with
/// `pulsar_result_InvalidConfiguration`.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_max_pending_messages_across_partitions(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    max_pending_messages_across_partitions: c_int,
) {
    set(conf, |conf| conf.max_pending_messages_across_partitions = max_pending_messages_across_partitions);
}

/// Returns how many messages may be pending on all partitions together.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_max_pending_messages_across_partitions(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.max_pending_messages_across_partitions, 50_000)
}

/// Sets which partitions messages without a key go to. Default round robin.
///
/// `pulsar_CustomPartition` without a router makes creating the producer fail with
/// `pulsar_result_InvalidConfiguration`.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is none of them changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_partitions_routing_mode(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    mode: MaybeUninit<pulsar_partitions_routing_mode>,
) {
    set(conf, |conf| {
        if let Some(mode) = handle::enum_value(mode) {
            conf.routing_mode = mode;
        }
    });
}

/// Returns which partitions messages without a key go to.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_partitions_routing_mode(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> pulsar_partitions_routing_mode {
    get(conf, |conf| conf.routing_mode, pulsar_partitions_routing_mode::pulsar_RoundRobinDistribution)
}

/// Sets a function that chooses the partition of every message, and the routing mode `pulsar_CustomPartition`.
///
/// Ownership: `ctx` stays the caller's and must live as long as the producers.
/// Threads: it is called on the threads that send.
/// NULL: a NULL function changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_message_router(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    router: pulsar_message_router,
    ctx: *mut c_void,
) {
    set(conf, |conf| {
        if let Some(function) = router {
            conf.router = Some(ForeignRouter { function, context: Context::new(ctx) });
            conf.routing_mode = pulsar_partitions_routing_mode::pulsar_CustomPartition;
        }
    });
}

/// Sets the hash that chooses the partition for a key. Default `pulsar_BoostHash`.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is none of them changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_hashing_scheme(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    scheme: MaybeUninit<pulsar_hashing_scheme>,
) {
    set(conf, |conf| {
        if let Some(scheme) = handle::enum_value(scheme) {
            conf.hashing_scheme = scheme;
        }
    });
}

/// Returns the hash that chooses the partition for a key.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_hashing_scheme(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> pulsar_hashing_scheme {
    get(conf, |conf| conf.hashing_scheme, pulsar_hashing_scheme::pulsar_BoostHash)
}

/// Sets whether the producers of partitions are created when their first message comes (any value but 0), or all with
/// the producer (0). Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_lazy_start_partitioned_producers(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    use_lazy_start_partitioned_producers: c_int,
) {
    set(conf, |conf| conf.lazy_start_partitions = use_lazy_start_partitioned_producers != 0);
}

/// Returns 1 if the producers of partitions are created when their first message comes, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_lazy_start_partitioned_producers(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.lazy_start_partitions.into(), 0)
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

/// Sets the structure of the messages, which the broker compares with that of the topic. Default none.
///
/// Ownership: everything is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: name and schema count as empty, a properties map as one without entries.
/// Errors: a number that is no type changes nothing; texts that are not UTF-8 make creating the producer fail with
/// `pulsar_result_InvalidConfiguration`, a schema that does not fit with `pulsar_result_IncompatibleSchema`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_schema_info(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    schema_type: MaybeUninit<pulsar_schema_type>,
    name: *const c_char,
    schema: *const c_char,
    properties: Option<NonNull<pulsar_string_map_t>>,
) {
    set(conf, |conf| {
        if let Some(schema) = schema_info(schema_type, name, schema, properties) {
            conf.schema = schema;
        }
    });
}

/// A schema as a program gives it; nothing when its type is none.
pub(super) fn schema_info(
    schema_type: MaybeUninit<pulsar_schema_type>,
    name: *const c_char,
    schema: *const c_char,
    properties: Option<NonNull<pulsar_string_map_t>>,
) -> Option<SchemaInfo> {
    Some(SchemaInfo {
        kind: handle::enum_value(schema_type)?,
        name: copied(name).unwrap_or_default(),
        definition: copied(schema).unwrap_or_default(),
        properties: pairs(properties),
    })
}

fn pairs(map: Option<NonNull<pulsar_string_map_t>>) -> Vec<(CString, CString)> {
    let copy = |map: &BTreeMap<CString, CString>| {
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    handle::with(map, copy).unwrap_or_default()
}

/// Sets whether messages that are larger than the broker takes are sent in chunks (any value but 0), or fail with
/// `pulsar_result_MessageTooBig` (0). Consumers get such a message in one piece. It is sent alone, whatever
/// batching does with the others. At most 256 MiB. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_chunking_enabled(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    chunking_enabled: c_int,
) {
    set(conf, |conf| conf.chunking_enabled = chunking_enabled != 0);
}

/// Returns 1 if messages that are larger than the broker takes are sent in chunks, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_is_chunking_enabled(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.chunking_enabled.into(), 0)
}

/// Returns who may send to the topic beside the producer.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_access_mode(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> pulsar_producer_access_mode {
    get(conf, |conf| conf.access_mode, pulsar_producer_access_mode::pulsar_ProducerAccessModeShared)
}

/// Sets who may send to the topic beside the producer. Default shared.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is no mode changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_access_mode(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    access_mode: MaybeUninit<pulsar_producer_access_mode>,
) {
    set(conf, |conf| {
        if let Some(access_mode) = handle::enum_value(access_mode) {
            conf.access_mode = access_mode;
        }
    });
}

/// Returns 1 if messages are encrypted: both keys and where they come from are set. Else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_is_encryption_enabled(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.is_encryption_enabled().into(), 0)
}

/// Sets the files that keys are read from, for all names: RSA keys in PEM. The public one is read with the first message,
/// and again every 4 hours; a producer needs no private one.
///
/// Ownership: both paths are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a key without a path cannot be read.
/// Errors: the files are not looked at here: sends fail with `pulsar_result_CryptoError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_default_crypto_key_reader(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    public_key_path: *const c_char,
    private_key_path: *const c_char,
) {
    guard((), || {
        let files = crypto::files(public_key_path, private_key_path);
        replace(conf, Some(files), |conf| &mut conf.key_source);
    });
}

/// Returns what becomes of messages that cannot be encrypted.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_get_crypto_failure_action(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
) -> pulsar_producer_crypto_failure_action {
    get(conf, |conf| conf.crypto_failure_action, pulsar_producer_crypto_failure_action::pulsar_ProducerFail)
}

/// Sets what becomes of messages that cannot be encrypted. Default `pulsar_ProducerFail`: they are not sent.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is no action changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_crypto_failure_action(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    crypto_failure_action: MaybeUninit<pulsar_producer_crypto_failure_action>,
) {
    set(conf, |conf| {
        if let Some(action) = handle::enum_value(crypto_failure_action) {
            conf.crypto_failure_action = action;
        }
    });
}

/// Adds the name of a key that messages are encrypted for. Whoever has one of the private keys can decrypt them.
///
/// Names alone encrypt nothing: without a key reader (`pulsar_producer_configuration_set_default_crypto_key_reader`, or
/// `pulsar_rs_producer_configuration_set_crypto_key_reader`) messages are sent in the clear, as by the official library.
/// That is logged as an error when the producer is created; `pulsar_producer_is_encryption_enabled` tells it before.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL name changes nothing.
/// Errors: with more than 256 names, or one that is not UTF-8, creating the producer fails with
/// `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_producer_configuration_set_encryption_key(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    key: *const c_char,
) {
    set(conf, |conf| {
        if let Some(key) = copied(key).filter(|key| !conf.encryption_keys.contains(key)) {
            conf.encryption_keys.push(key);
        }
    });
}
