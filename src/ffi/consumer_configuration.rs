//! `pulsar/c/consumer_configuration.h`
//!
//! As long as the header: a setter and a getter for each setting, with what its users have to know.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::consumer::pulsar_consumer_t;
use super::guard::guard;
use super::handle::{self, CEnum, Context, Opaque};
use super::message::pulsar_message_t;
use super::producer_configuration::{pulsar_schema_type, schema_info};
use super::string_map::pulsar_string_map_t;
use super::text::{copied, empty};
use crate::consumer_configuration::ConsumerConfiguration;
use crate::crypto;
use crate::ffi::pulsar_rs::crypto::replace;
use crate::producer_configuration::set_property;

/// How a consumer behaves.
#[allow(non_camel_case_types)]
pub struct pulsar_consumer_configuration_t(());

impl Opaque for pulsar_consumer_configuration_t {
    type Value = ConsumerConfiguration;
    const TAG: u32 = 0x5043_4332;
}

/// How the consumers of a subscription share its messages.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_consumer_type {
    /// One consumer; others are refused.
    pulsar_ConsumerExclusive = 0,
    /// Each message goes to one of the consumers.
    pulsar_ConsumerShared = 1,
    /// One consumer is active; another takes over when it goes.
    pulsar_ConsumerFailover = 2,
    /// Messages with the same key go to the same consumer.
    pulsar_ConsumerKeyShared = 3,
}

impl CEnum for pulsar_consumer_type {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_consumer_type::pulsar_ConsumerExclusive),
            1 => Some(pulsar_consumer_type::pulsar_ConsumerShared),
            2 => Some(pulsar_consumer_type::pulsar_ConsumerFailover),
            3 => Some(pulsar_consumer_type::pulsar_ConsumerKeyShared),
            _ => None,
        }
    }
}

/// Where a new subscription begins.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum initial_position {
    /// Behind the last message.
    initial_position_latest = 0,
    /// At the first message that the topic still has.
    initial_position_earliest = 1,
}

impl CEnum for initial_position {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(initial_position::initial_position_latest),
            1 => Some(initial_position::initial_position_earliest),
            _ => None,
        }
    }
}

/// What becomes of messages that are encrypted and cannot be decrypted.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_consumer_crypto_failure_action {
    /// They are not delivered, and stay unacknowledged.
    pulsar_ConsumerFail = 0,
    /// They are acknowledged without being delivered.
    pulsar_ConsumerDiscard = 1,
    /// They are delivered as they are: encrypted, still compressed; a batch, and each chunk of a message, as one message.
    pulsar_ConsumerConsume = 2,
}

impl CEnum for pulsar_consumer_crypto_failure_action {
    fn from_number(number: c_int) -> Option<Self> {
        match number {
            0 => Some(pulsar_consumer_crypto_failure_action::pulsar_ConsumerFail),
            1 => Some(pulsar_consumer_crypto_failure_action::pulsar_ConsumerDiscard),
            2 => Some(pulsar_consumer_crypto_failure_action::pulsar_ConsumerConsume),
            _ => None,
        }
    }
}

/// Which of the topics that match a pattern are subscribed to.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_consumer_regex_subscription_mode {
    /// Persistent topics.
    pulsar_consumer_regex_sub_mode_PersistentOnly = 0,
    /// Topics that are not stored.
    pulsar_consumer_regex_sub_mode_NonPersistentOnly = 1,
    /// Both.
    pulsar_consumer_regex_sub_mode_AllTopics = 2,
}

impl CEnum for pulsar_consumer_regex_subscription_mode {
    fn from_number(number: c_int) -> Option<Self> {
        use pulsar_consumer_regex_subscription_mode as Mode;
        match number {
            0 => Some(Mode::pulsar_consumer_regex_sub_mode_PersistentOnly),
            1 => Some(Mode::pulsar_consumer_regex_sub_mode_NonPersistentOnly),
            2 => Some(Mode::pulsar_consumer_regex_sub_mode_AllTopics),
            _ => None,
        }
    }
}

/// When a batch receive is done: at the first of the limits that are above 0.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_snake_case)] // the names are the established ones
pub struct pulsar_consumer_batch_receive_policy_t {
    /// Messages in a batch.
    pub maxNumMessages: c_int,
    /// Bytes of content in a batch.
    pub maxNumBytes: c_long,
    /// How long to gather, in milliseconds.
    pub timeoutMs: c_long,
}

/// What becomes of messages that are redelivered too often.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct pulsar_consumer_config_dead_letter_policy_t {
    /// Where they go; NULL or empty: `<topic>-<subscription>-DLQ`, without the number of a partition.
    pub dead_letter_topic: *const c_char,
    /// Redeliveries of a message at most; 0 and below, or 2147483647: no limit.
    pub max_redeliver_count: c_int,
    /// A subscription that is made with their topic, so that none is lost before somebody subscribes; NULL or empty: none.
    pub initial_subscription_name: *const c_char,
}

/// Gets the messages of a consumer. It frees `msg` with `pulsar_message_free`; `consumer` is valid during the
/// call only.
#[allow(non_camel_case_types)]
pub type pulsar_message_listener =
    Option<extern "C" fn(consumer: *mut pulsar_consumer_t, msg: *mut pulsar_message_t, ctx: *mut c_void)>;

/// The same, where there is one.
pub(crate) type ListenerFunction =
    extern "C" fn(consumer: *mut pulsar_consumer_t, msg: *mut pulsar_message_t, ctx: *mut c_void);

/// Changes a configuration. A handle that cannot be used is left alone: setters have no result.
pub(crate) fn set(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    change: impl FnOnce(&mut ConsumerConfiguration),
) {
    guard((), || _ = handle::with_mut(conf, change));
}

/// Reads a value; that of a new configuration when the handle cannot be used.
pub(crate) fn get<T>(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    read: impl Fn(&ConsumerConfiguration) -> T,
    absent: T,
) -> T {
    guard(None, || handle::with(conf, read).ok()).unwrap_or(absent)
}

/// Creates a consumer configuration with the defaults.
///
/// Ownership: the caller frees it with `pulsar_consumer_configuration_free`. It may be freed right after use: what is
/// created with it takes a copy.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_create() -> *mut pulsar_consumer_configuration_t {
    guard(std::ptr::null_mut(), || handle::give(ConsumerConfiguration::default()))
}

/// Frees a configuration.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_free(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) {
    guard((), || drop(handle::reclaim(consumer_configuration)));
}

/// Sets how the consumers of the subscription share its messages. Default exclusive.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is no type changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_consumer_type(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    consumer_type: MaybeUninit<pulsar_consumer_type>,
) {
    set(consumer_configuration, |conf| {
        if let Some(consumer_type) = handle::enum_value(consumer_type) {
            conf.consumer_type = consumer_type;
        }
    });
}

/// Returns how the consumers of the subscription share its messages.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_consumer_type(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> pulsar_consumer_type {
    get(consumer_configuration, |conf| conf.consumer_type, pulsar_consumer_type::pulsar_ConsumerExclusive)
}

/// Sets the structure of the messages that the program understands, which the broker compares with that of the topic.
/// Default none: messages of every schema come, as with `pulsar_AutoConsume`.
///
/// Ownership: everything is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: name and schema count as empty, a properties map as one without entries.
/// Errors: a number that is no type changes nothing; texts that are not UTF-8 make subscribing fail with
/// `pulsar_result_InvalidConfiguration`, a schema that does not fit with `pulsar_result_IncompatibleSchema`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_schema_info(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    schema_type: MaybeUninit<pulsar_schema_type>,
    name: *const c_char,
    schema: *const c_char,
    properties: Option<NonNull<pulsar_string_map_t>>,
) {
    set(consumer_configuration, |conf| {
        if let Some(schema) = schema_info(schema_type, name, schema, properties) {
            conf.schema = schema;
        }
    });
}

/// Sets a function that gets the messages, instead of receiving them.
///
/// Ownership: each message belongs to the listener, which frees it with `pulsar_message_free`. The consumer pointer
/// that it gets is valid during the call only. `ctx` stays the caller's and must live until the consumer is closed and a
/// call that runs then, or is about to, has ended: no other follows it, and freeing the client waits for it.
/// Threads: it is called on a listener thread of the client, one message after the other. It may call anything, also
/// close its own consumer.
/// NULL: without a function there is no listener.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_message_listener(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    message_listener: pulsar_message_listener,
    ctx: *mut c_void,
) {
    set(consumer_configuration, |conf| {
        conf.listener = message_listener.map(|function| (function, Context::new(ctx)));
    });
}

/// Returns 1 if there is a listener, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_has_message_listener(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.listener.is_some().into(), 0)
}

/// Sets how many messages are fetched ahead; 0: none, the broker is permitted one for each receive that waits. Should a
/// batch come then, the next receives get the rest of it; should a receive time out, the next one gets what comes.
/// Default 1000.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a negative number makes subscribing fail with `pulsar_result_InvalidConfiguration`, as does 0 for a
/// partitioned topic or for several topics.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_receiver_queue_size(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    size: c_int,
) {
    set(consumer_configuration, |conf| conf.receiver_queue_size = size);
}

/// Returns how many messages are fetched ahead.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_receiver_queue_size(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.receiver_queue_size, 1000)
}

/// Sets how many messages are fetched ahead by all consumers of a partitioned topic, or of several topics, together: each
/// of them gets an equal share, the receiver queue size at most. Default 50000.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a negative number makes subscribing fail with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    max_total_receiver_queue_size_across_partitions: c_int,
) {
    set(consumer_configuration, |conf| {
        conf.max_total_receiver_queue_size = max_total_receiver_queue_size_across_partitions;
    });
}

/// Returns how many messages are fetched ahead by all consumers of a partitioned topic, or of several topics, together.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_get_max_total_receiver_queue_size_across_partitions(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.max_total_receiver_queue_size, 50_000)
}

/// Sets the consumer's name. Default: a random one.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL string changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_set_consumer_name(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    consumer_name: *const c_char,
) {
    set(consumer_configuration, |conf| {
        if let Some(text) = copied(consumer_name) {
            conf.consumer_name = text;
        }
    });
}

/// Returns the consumer's name; the empty string when none was set.
///
/// Ownership: the string belongs to the configuration until it is set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_get_consumer_name(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> *const c_char {
    get(consumer_configuration, |conf| conf.consumer_name.as_ptr(), empty())
}

/// Has messages delivered again that are not acknowledged within this time, in milliseconds, at least 10000; 0: never.
/// Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: less than 10000 makes subscribing fail with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_set_unacked_messages_timeout_ms(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    milli_seconds: u64,
) {
    set(consumer_configuration, |conf| conf.unacked_messages_timeout_ms = milli_seconds);
}

/// Returns the time after which unacknowledged messages are delivered again, in milliseconds; 0: never.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_get_unacked_messages_timeout_ms(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_long {
    get(
        consumer_configuration,
        |conf| c_long::try_from(conf.unacked_messages_timeout_ms).unwrap_or(c_long::MAX),
        0,
    )
}

/// Sets how long after a negative acknowledgement the message is delivered again, in milliseconds. Default 60000.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_configure_set_negative_ack_redelivery_delay_ms(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    redelivery_delay_millis: c_long,
) {
    set(consumer_configuration, |conf| conf.negative_ack_redelivery_delay_ms = redelivery_delay_millis);
}

/// Returns the delay of negative acknowledgements in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_configure_get_negative_ack_redelivery_delay_ms(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_long {
    get(consumer_configuration, |conf| conf.negative_ack_redelivery_delay_ms, 60_000)
}

/// Sets how long acknowledgements are gathered, in milliseconds; 0 and less: each is sent at once. Default 100.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_configure_set_ack_grouping_time_ms(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    ack_grouping_millis: c_long,
) {
    set(consumer_configuration, |conf| conf.ack_grouping_time_ms = ack_grouping_millis);
}

/// Returns how long acknowledgements are gathered, in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_configure_get_ack_grouping_time_ms(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_long {
    get(consumer_configuration, |conf| conf.ack_grouping_time_ms, 100)
}

/// Sets how many acknowledgements are gathered at most. Default 1000.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_configure_set_ack_grouping_max_size(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    max_grouping_size: c_long,
) {
    set(consumer_configuration, |conf| conf.ack_grouping_max_size = max_grouping_size);
}

/// Returns how many acknowledgements are gathered at most.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_configure_get_ack_grouping_max_size(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_long {
    get(consumer_configuration, |conf| conf.ack_grouping_max_size, 1000)
}

/// Returns 1 if messages are decrypted, because it is set where keys come from, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_is_encryption_enabled(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.key_source.is_some().into(), 0)
}

/// Sets the files that keys are read from, for all names: RSA keys in PEM. The private one is read whenever a data key comes
/// that the consumer does not know; the public one when a dead letter or a retry letter of an encrypted message is to be
/// encrypted.
///
/// Ownership: both paths are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a key without a path cannot be read.
/// Errors: the files are not looked at here: messages cannot be decrypted then, see
/// `pulsar_consumer_configuration_set_crypto_failure_action`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_default_crypto_key_reader(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    public_key_path: *const c_char,
    private_key_path: *const c_char,
) {
    guard((), || {
        let files = crypto::files(public_key_path, private_key_path);
        replace(consumer_configuration, Some(files), |conf| &mut conf.key_source);
    });
}

/// Returns what becomes of messages that are encrypted and cannot be decrypted.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_crypto_failure_action(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> pulsar_consumer_crypto_failure_action {
    get(
        consumer_configuration,
        |conf| conf.crypto_failure_action,
        pulsar_consumer_crypto_failure_action::pulsar_ConsumerFail,
    )
}

/// Sets what becomes of messages that are encrypted and cannot be decrypted. Default: they are not delivered.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is no action changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_crypto_failure_action(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    crypto_failure_action: MaybeUninit<pulsar_consumer_crypto_failure_action>,
) {
    set(consumer_configuration, |conf| {
        if let Some(action) = handle::enum_value(crypto_failure_action) {
            conf.crypto_failure_action = action;
        }
    });
}

/// Returns 1 if only the newest message of each key is delivered, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_is_read_compacted(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.read_compacted.into(), 0)
}

/// Sets whether only the newest message of each key is delivered (any value but 0), from a topic that is compacted;
/// messages behind the last compaction come as they are. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: with a subscription that is neither exclusive nor failover, or a topic that is not persistent, subscribing fails.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_set_read_compacted(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    compacted: c_int,
) {
    set(consumer_configuration, |conf| conf.read_compacted = compacted != 0);
}

/// Sets where a new subscription begins. Default: behind the last message.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is no position changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_set_subscription_initial_position(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    subscription_initial_position: MaybeUninit<initial_position>,
) {
    set(consumer_configuration, |conf| {
        if let Some(position) = handle::enum_value(subscription_initial_position) {
            conf.initial_position = position;
        }
    });
}

/// Returns where a new subscription begins, as the number of an `initial_position`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_get_subscription_initial_position(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.initial_position as c_int, 0)
}

/// Sets the priority among the consumers of a shared subscription: those with smaller numbers get messages first.
/// Default 0.
///
/// Errors: a negative number makes subscribing fail with `pulsar_result_InvalidConfiguration`.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_priority_level(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    priority_level: c_int,
) {
    set(consumer_configuration, |conf| conf.priority_level = priority_level);
}

/// Returns the priority among the consumers of a shared subscription.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_priority_level(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.priority_level, 0)
}

/// Sets of how many messages in chunks some chunks may be there while others are missing; 0: no limit. Each takes memory
/// up to its size. The oldest is dropped for a new one. Default 10.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a negative number makes subscribing fail with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_max_pending_chunked_message(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    max_pending_chunked_message: c_int,
) {
    set(consumer_configuration, |conf| conf.max_pending_chunked_messages = max_pending_chunked_message);
}

/// Returns of how many messages in chunks some chunks may be there while others are missing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_max_pending_chunked_message(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.max_pending_chunked_messages, 10)
}

/// Sets what becomes of the oldest incomplete message when there are too many: it is acknowledged, and lost for the
/// subscription (any value but 0), or delivered after the unacked messages timeout, if one is set, or with a
/// new connection (0). Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    auto_ack_oldest_chunked_message_on_queue_full: c_int,
) {
    set(consumer_configuration, |conf| {
        conf.ack_oldest_chunked_message = auto_ack_oldest_chunked_message_on_queue_full != 0;
    });
}

/// Returns 1 if the oldest incomplete message is acknowledged when there are too many, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_is_auto_ack_oldest_chunked_message_on_queue_full(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.ack_oldest_chunked_message.into(), 0)
}

/// Sets whether the message that the consumer is moved to is delivered itself (any value but 0), or the next one is the
/// first (0). Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_start_message_id_inclusive(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    start_message_id_inclusive: c_int,
) {
    set(consumer_configuration, |conf| conf.start_message_id_inclusive = start_message_id_inclusive != 0);
}

/// Returns 1 if the message that the consumer is moved to is delivered itself, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_is_start_message_id_inclusive(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.start_message_id_inclusive.into(), 0)
}

/// Sets whether the broker is told which messages of a batch are acknowledged (any value but 0), so that they do not
/// come again with the rest of the batch. The broker must have `acknowledgmentAtBatchIndexLevelEnabled`. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_batch_index_ack_enabled(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    enabled: c_int,
) {
    set(consumer_configuration, |conf| conf.batch_index_ack_enabled = enabled != 0);
}

/// Returns 1 if the broker is told which messages of a batch are acknowledged, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_is_batch_index_ack_enabled(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.batch_index_ack_enabled.into(), 0)
}

/// Sets which of the topics that match a pattern are subscribed to. Default: persistent ones.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number that is no mode changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_regex_subscription_mode(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    regex_sub_mode: MaybeUninit<pulsar_consumer_regex_subscription_mode>,
) {
    set(consumer_configuration, |conf| {
        if let Some(mode) = handle::enum_value(regex_sub_mode) {
            conf.regex_mode = mode;
        }
    });
}

/// Returns which of the topics that match a pattern are subscribed to.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_regex_subscription_mode(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> pulsar_consumer_regex_subscription_mode {
    get(
        consumer_configuration,
        |conf| conf.regex_mode,
        pulsar_consumer_regex_subscription_mode::pulsar_consumer_regex_sub_mode_PersistentOnly,
    )
}

/// Sets whether the listener is paused at first (any value but 0), until `resume_message_listener`. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_start_paused(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    start_paused: c_int,
) {
    set(consumer_configuration, |conf| conf.start_paused = start_paused != 0);
}

/// Returns 1 if the listener is paused at first, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_is_start_paused(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
) -> c_int {
    get(consumer_configuration, |conf| conf.start_paused.into(), 0)
}

/// Sets when a batch receive is done: at the first of the limits that are above 0. Defaults: no limit of messages,
/// 10485760 bytes, 100 milliseconds.
///
/// Ownership: the struct is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: returns 0, or -1 when the policy is NULL or has no limit, and then changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_batch_receive_policy(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    batch_receive_policy: *const pulsar_consumer_batch_receive_policy_t,
) -> c_int {
    guard(-1, || {
        let policy = handle::read(batch_receive_policy).filter(|policy| policy.has_limit());
        let set = policy.map(|policy| {
            handle::with_mut(consumer_configuration, |conf| conf.batch_receive_policy = policy)
        });
        if matches!(set, Some(Ok(()))) { 0 } else { -1 }
    })
}

/// Writes the batch receive policy to `batch_receive_policy`.
///
/// NULL: a NULL output is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_batch_receive_policy(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    batch_receive_policy: Option<NonNull<pulsar_consumer_batch_receive_policy_t>>,
) {
    guard((), || {
        if let Ok(policy) = handle::with(consumer_configuration, |conf| conf.batch_receive_policy) {
            handle::write(batch_receive_policy, policy);
        }
    });
}

/// Sets what becomes of messages that are redelivered too often, in shared and key-shared subscriptions: each goes to the
/// dead letter topic when it would be redelivered once more, and is acknowledged when it is there. Its content, keys, event
/// time and properties stay; `REAL_TOPIC` and `ORIGIN_MESSAGE_ID` are added. Default: there is no limit.
///
/// Ownership: the strings are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL policy changes nothing.
/// Errors: a malformed topic makes subscribing fail with `pulsar_result_InvalidTopicName`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_dlq_policy(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    dlq_policy: *const pulsar_consumer_config_dead_letter_policy_t,
) {
    set(consumer_configuration, |conf| {
        if let Some(policy) = handle::read(dlq_policy) {
            let count = policy.max_redeliver_count;
            let letters = &mut conf.dead_letters;
            letters.topic = copied(policy.dead_letter_topic).unwrap_or_default();
            letters.max_redeliver_count = if count > 0 { count } else { c_int::MAX };
            letters.initial_subscription = copied(policy.initial_subscription_name).unwrap_or_default();
        }
    });
}

/// Writes the dead letter policy to `dlq_policy`; without one, empty strings and 2147483647.
///
/// Ownership: the strings belong to the configuration, and are valid until its policy is set again.
/// NULL: a NULL output is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_get_dlq_policy(
    consumer_configuration: Option<NonNull<pulsar_consumer_configuration_t>>,
    dlq_policy: Option<NonNull<pulsar_consumer_config_dead_letter_policy_t>>,
) {
    let policy = |conf: &ConsumerConfiguration| pulsar_consumer_config_dead_letter_policy_t {
        dead_letter_topic: conf.dead_letters.topic.as_ptr(),
        max_redeliver_count: conf.dead_letters.max_redeliver_count,
        initial_subscription_name: conf.dead_letters.initial_subscription.as_ptr(),
    };
    guard((), || {
        if let Ok(policy) = handle::with(consumer_configuration, policy) {
            handle::write(dlq_policy, policy);
        }
    });
}

/// Sets a property of the consumer, shown in the topic's statistics, in place of an older one with the same name.
///
/// Ownership: both strings are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL name or value nothing changes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_consumer_configuration_set_property(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
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
