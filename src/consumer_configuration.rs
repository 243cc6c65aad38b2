//! What stands behind a consumer configuration handle.

use std::ffi::{CString, c_int, c_long};
use std::time::Duration;

use pulsar_rs_client::{
    BatchReceivePolicy, ConsumerConfig, CryptoFailureAction, DeadLetterPolicy, Error, InitialPosition,
    KeyHashes, KeySharedPolicy, KeySource, ReconnectPolicy, RedeliveryBackoff, RegexSubscriptionMode,
    SubscriptionType,
};

use crate::event_listener::EventFunction;
use crate::ffi::consumer_configuration::{
    ListenerFunction, initial_position, pulsar_consumer_batch_receive_policy_t,
    pulsar_consumer_crypto_failure_action, pulsar_consumer_regex_subscription_mode, pulsar_consumer_type,
};
use crate::ffi::handle::Context;
use crate::producer_configuration::{SchemaInfo, text_pairs};

/// Values as the program set them; they are checked when a consumer is created.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerConfiguration {
    pub consumer_type: pulsar_consumer_type,
    pub initial_position: initial_position,
    pub schema: SchemaInfo,
    pub listener: Option<(ListenerFunction, Context)>,
    pub start_paused: bool,
    pub receiver_queue_size: i32,
    pub auto_scaled_receiver_queue: bool,
    pub max_total_receiver_queue_size: i32,
    pub consumer_name: CString,
    pub unacked_messages_timeout_ms: u64,
    pub negative_ack_redelivery_delay_ms: c_long,
    pub ack_grouping_time_ms: c_long,
    pub ack_grouping_max_size: c_long,
    pub batch_index_ack_enabled: bool,
    pub priority_level: i32,
    pub properties: Vec<(CString, CString)>,
    pub subscription_properties: Vec<(CString, CString)>,
    pub replicate_subscription_state: bool,
    /// First and last hashes; none: the broker divides the keys.
    pub sticky_ranges: Vec<(i32, i32)>,
    pub allow_out_of_order_delivery: bool,
    pub batch_receive_policy: pulsar_consumer_batch_receive_policy_t,
    pub pattern_discovery_interval_ms: u32,
    pub chunk_expiry_ms: u32,
    pub event_listener: Option<(EventFunction, Context)>,
    pub reconnect_policy: Option<ReconnectPolicy>,
    pub max_pending_chunked_messages: i32,
    pub ack_oldest_chunked_message: bool,
    pub key_source: Option<KeySource>,
    pub crypto_failure_action: pulsar_consumer_crypto_failure_action,
    pub read_compacted: bool,
    pub start_message_id_inclusive: bool,
    pub durable: bool,
    pub regex_mode: pulsar_consumer_regex_subscription_mode,
    pub dead_letters: DeadLetters,
    pub retry_enabled: bool,
    pub ack_receipt_enabled: bool,
    pub negative_ack_backoff: Option<RedeliveryBackoff>,
    pub ack_timeout_backoff: Option<RedeliveryBackoff>,
}

/// The dead letter policy as the program set it; names are empty where there are none.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetters {
    pub topic: CString,
    pub max_redeliver_count: c_int,
    pub initial_subscription: CString,
    pub retry_topic: CString,
}

/// As in the official library: messages are redelivered for ever.
impl Default for DeadLetters {
    fn default() -> Self {
        DeadLetters {
            topic: CString::default(),
            max_redeliver_count: c_int::MAX,
            initial_subscription: CString::default(),
            retry_topic: CString::default(),
        }
    }
}

impl DeadLetters {
    fn to_core(&self, retry_enabled: bool) -> Result<Option<DeadLetterPolicy>, Error> {
        let is_limited = self.max_redeliver_count < c_int::MAX;
        if !is_limited && !retry_enabled {
            return Ok(None);
        }
        let name = |name: &CString| match name.to_str() {
            Ok(name) => Ok((!name.is_empty()).then(|| name.to_owned())),
            Err(_) => {
                Err(Error::InvalidConfiguration("a name of the dead letter policy is not UTF-8".into()))
            }
        };
        let default = DeadLetterPolicy::default();
        let limit = u32::try_from(self.max_redeliver_count).ok().filter(|_| is_limited);
        Ok(Some(DeadLetterPolicy {
            max_redeliveries: limit.unwrap_or(default.max_redeliveries),
            dead_letter_topic: name(&self.topic)?,
            retry_letter_topic: name(&self.retry_topic)?,
            initial_subscription: name(&self.initial_subscription)?,
            ..default
        }))
    }
}

impl Default for ConsumerConfiguration {
    fn default() -> Self {
        ConsumerConfiguration {
            consumer_type: pulsar_consumer_type::pulsar_ConsumerExclusive,
            initial_position: initial_position::initial_position_latest,
            schema: SchemaInfo::default(),
            listener: None,
            start_paused: false,
            receiver_queue_size: 1000,
            auto_scaled_receiver_queue: false,
            max_total_receiver_queue_size: 50_000,
            consumer_name: CString::default(),
            unacked_messages_timeout_ms: 0,
            negative_ack_redelivery_delay_ms: 60_000,
            ack_grouping_time_ms: 100,
            ack_grouping_max_size: 1000,
            batch_index_ack_enabled: false,
            priority_level: 0,
            properties: Vec::new(),
            subscription_properties: Vec::new(),
            replicate_subscription_state: false,
            sticky_ranges: Vec::new(),
            allow_out_of_order_delivery: false,
            batch_receive_policy: pulsar_consumer_batch_receive_policy_t {
                maxNumMessages: -1,
                maxNumBytes: 10 * 1024 * 1024,
                timeoutMs: 100,
            },
            pattern_discovery_interval_ms: 60_000,
            chunk_expiry_ms: 60_000,
            event_listener: None,
            reconnect_policy: None,
            max_pending_chunked_messages: 10,
            ack_oldest_chunked_message: false,
            key_source: None,
            crypto_failure_action: pulsar_consumer_crypto_failure_action::pulsar_ConsumerFail,
            read_compacted: false,
            start_message_id_inclusive: false,
            durable: true,
            regex_mode:
                pulsar_consumer_regex_subscription_mode::pulsar_consumer_regex_sub_mode_PersistentOnly,
            dead_letters: DeadLetters::default(),
            retry_enabled: false,
            ack_receipt_enabled: false,
            negative_ack_backoff: None,
            ack_timeout_backoff: None,
        }
    }
}

impl ConsumerConfiguration {
    pub fn to_core(&self) -> Result<ConsumerConfig, Error> {
        let invalid = |why: &str| Error::InvalidConfiguration(why.into());
        let name = self.consumer_name.to_str().map_err(|_| invalid("the consumer name is not UTF-8"))?;
        let size = |size: i32| {
            usize::try_from(size).map_err(|_| invalid("the size of a receiver queue must not be negative"))
        };
        if self.priority_level < 0 {
            return Err(invalid("the priority level must not be negative"));
        }
        Ok(ConsumerConfig {
            subscription_type: self.consumer_type.to_core(),
            initial_position: self.initial_position.to_core(),
            name: (!name.is_empty()).then(|| name.to_owned()),
            receiver_queue_size: size(self.receiver_queue_size)?,
            auto_scaled_queue: self.auto_scaled_receiver_queue,
            max_total_receiver_queue_size: size(self.max_total_receiver_queue_size)?,
            schema: self.schema.to_core()?,
            key_source: self.key_source.clone(),
            reconnect_policy: self.reconnect_policy.clone(),
            crypto_failure_action: self.crypto_failure_action.to_core(),
            read_compacted: self.read_compacted,
            start_inclusive: self.start_message_id_inclusive,
            durable: self.durable,
            regex_mode: self.regex_mode.to_core(),
            ack_grouping_time: millis(self.ack_grouping_time_ms).unwrap_or_default(),
            ack_grouping_max_size: usize::try_from(self.ack_grouping_max_size).unwrap_or(0),
            batch_index_ack: self.batch_index_ack_enabled,
            negative_ack_delay: millis(self.negative_ack_redelivery_delay_ms).unwrap_or_default(),
            ack_timeout: (self.unacked_messages_timeout_ms > 0)
                .then(|| Duration::from_millis(self.unacked_messages_timeout_ms)),
            priority_level: self.priority_level,
            properties: text_pairs(&self.properties)?,
            subscription_properties: text_pairs(&self.subscription_properties)?,
            replicate_subscription_state: self.replicate_subscription_state,
            key_shared: self.key_shared()?,
            batch_receive: self.batch_receive_policy.to_core(),
            max_pending_chunked_messages: usize::try_from(self.max_pending_chunked_messages)
                .map_err(|_| invalid("the number of pending chunked messages must not be negative"))?,
            ack_oldest_chunked_message: self.ack_oldest_chunked_message,
            pattern_discovery_interval: Duration::from_millis(self.pattern_discovery_interval_ms.into()),
            chunk_expiry: millis(self.chunk_expiry_ms.into()),
            dead_letter: self.dead_letters.to_core(self.retry_enabled)?,
            retry: self.retry_enabled,
            ack_receipts: self.ack_receipt_enabled,
            negative_ack_backoff: self.negative_ack_backoff,
            ack_timeout_backoff: self.ack_timeout_backoff,
            ..ConsumerConfig::default()
        })
    }
}

impl ConsumerConfiguration {
    fn key_shared(&self) -> Result<KeySharedPolicy, Error> {
        let hash = |number: i32| {
            let wrong =
                |_| Error::InvalidConfiguration(format!("{number} is no hash of a key: 0 to 65535 are"));
            u16::try_from(number).map_err(wrong)
        };
        let ranges = self.sticky_ranges.iter().map(|(first, last)| Ok(hash(*first)?..=hash(*last)?));
        let hashes = match ranges.collect::<Result<Vec<_>, Error>>()? {
            ranges if ranges.is_empty() => KeyHashes::AutoSplit,
            ranges => KeyHashes::Sticky(ranges),
        };
        Ok(KeySharedPolicy { hashes, allow_out_of_order: self.allow_out_of_order_delivery })
    }
}

/// A time in milliseconds; nothing for zero and below.
fn millis(millis: c_long) -> Option<Duration> {
    u64::try_from(millis).ok().filter(|millis| *millis > 0).map(Duration::from_millis)
}

impl pulsar_consumer_batch_receive_policy_t {
    /// Whether anything ends a batch receive.
    pub(crate) fn has_limit(&self) -> bool {
        self.maxNumMessages > 0 || self.maxNumBytes > 0 || self.timeoutMs > 0
    }

    fn to_core(self) -> BatchReceivePolicy {
        BatchReceivePolicy {
            max_messages: usize::try_from(self.maxNumMessages).ok().filter(|count| *count > 0),
            max_bytes: usize::try_from(self.maxNumBytes).ok().filter(|bytes| *bytes > 0),
            timeout: millis(self.timeoutMs),
        }
    }
}

impl pulsar_consumer_type {
    fn to_core(self) -> SubscriptionType {
        match self {
            pulsar_consumer_type::pulsar_ConsumerExclusive => SubscriptionType::Exclusive,
            pulsar_consumer_type::pulsar_ConsumerShared => SubscriptionType::Shared,
            pulsar_consumer_type::pulsar_ConsumerFailover => SubscriptionType::Failover,
            pulsar_consumer_type::pulsar_ConsumerKeyShared => SubscriptionType::KeyShared,
        }
    }
}

impl initial_position {
    fn to_core(self) -> InitialPosition {
        match self {
            initial_position::initial_position_latest => InitialPosition::Latest,
            initial_position::initial_position_earliest => InitialPosition::Earliest,
        }
    }
}

impl pulsar_consumer_crypto_failure_action {
    pub fn to_core(self) -> CryptoFailureAction {
        match self {
            pulsar_consumer_crypto_failure_action::pulsar_ConsumerFail => CryptoFailureAction::Fail,
            pulsar_consumer_crypto_failure_action::pulsar_ConsumerDiscard => CryptoFailureAction::Discard,
            pulsar_consumer_crypto_failure_action::pulsar_ConsumerConsume => CryptoFailureAction::Consume,
        }
    }
}

impl pulsar_consumer_regex_subscription_mode {
    fn to_core(self) -> RegexSubscriptionMode {
        use pulsar_consumer_regex_subscription_mode as Mode;
        match self {
            Mode::pulsar_consumer_regex_sub_mode_PersistentOnly => RegexSubscriptionMode::Persistent,
            Mode::pulsar_consumer_regex_sub_mode_NonPersistentOnly => RegexSubscriptionMode::NonPersistent,
            Mode::pulsar_consumer_regex_sub_mode_AllTopics => RegexSubscriptionMode::All,
        }
    }
}
