//! What stands behind a consumer configuration handle.

use std::ffi::{CString, c_int, c_long};
use std::time::Duration;

use pulsar_rs_client::{
    BatchReceivePolicy, ConsumerConfig, DeadLetterPolicy, Error, InitialPosition, RedeliveryBackoff,
    SubscriptionType,
};

use crate::ffi::consumer_configuration::{
    initial_position, pulsar_consumer_batch_receive_policy_t, pulsar_consumer_type,
};
use crate::ffi::handle::Context;
use crate::producer_configuration::text_pairs;

use crate::ffi::consumer_configuration::ListenerFunction;

/// Values as the program set them; they are checked when a consumer is created.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerConfiguration {
    pub consumer_type: pulsar_consumer_type,
    pub initial_position: initial_position,
    pub listener: Option<(ListenerFunction, Context)>,
    pub start_paused: bool,
    pub receiver_queue_size: i32,
    pub consumer_name: CString,
    pub unacked_messages_timeout_ms: u64,
    pub negative_ack_redelivery_delay_ms: c_long,
    pub ack_grouping_time_ms: c_long,
    pub ack_grouping_max_size: c_long,
    pub batch_index_ack_enabled: bool,
    pub priority_level: i32,
    pub properties: Vec<(CString, CString)>,
    pub batch_receive_policy: pulsar_consumer_batch_receive_policy_t,
    pub max_pending_chunked_messages: i32,
    pub ack_oldest_chunked_message: bool,
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
            listener: None,
            start_paused: false,
            receiver_queue_size: 1000,
            consumer_name: CString::default(),
            unacked_messages_timeout_ms: 0,
            negative_ack_redelivery_delay_ms: 60_000,
            ack_grouping_time_ms: 100,
            ack_grouping_max_size: 1000,
            batch_index_ack_enabled: false,
            priority_level: 0,
            properties: Vec::new(),
            batch_receive_policy: pulsar_consumer_batch_receive_policy_t {
                maxNumMessages: -1,
                maxNumBytes: 10 * 1024 * 1024,
                timeoutMs: 100,
            },
            max_pending_chunked_messages: 10,
            ack_oldest_chunked_message: false,
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
        let receiver_queue_size = usize::try_from(self.receiver_queue_size)
            .map_err(|_| invalid("the receiver queue size must not be negative"))?;
        if self.priority_level < 0 {
            return Err(invalid("the priority level must not be negative"));
        }
        Ok(ConsumerConfig {
            subscription_type: self.consumer_type.to_core(),
            initial_position: self.initial_position.to_core(),
            name: (!name.is_empty()).then(|| name.to_owned()),
            receiver_queue_size,
            ack_grouping_time: millis(self.ack_grouping_time_ms).unwrap_or_default(),
            ack_grouping_max_size: usize::try_from(self.ack_grouping_max_size).unwrap_or(0),
            batch_index_ack: self.batch_index_ack_enabled,
            negative_ack_delay: millis(self.negative_ack_redelivery_delay_ms).unwrap_or_default(),
            ack_timeout: (self.unacked_messages_timeout_ms > 0)
                .then(|| Duration::from_millis(self.unacked_messages_timeout_ms)),
            priority_level: self.priority_level,
            properties: text_pairs(&self.properties)?,
            batch_receive: self.batch_receive_policy.to_core(),
            max_pending_chunked_messages: usize::try_from(self.max_pending_chunked_messages)
                .map_err(|_| invalid("the number of pending chunked messages must not be negative"))?,
            ack_oldest_chunked_message: self.ack_oldest_chunked_message,
            dead_letter: self.dead_letters.to_core(self.retry_enabled)?,
            retry: self.retry_enabled,
            ack_receipts: self.ack_receipt_enabled,
            negative_ack_backoff: self.negative_ack_backoff,
            ack_timeout_backoff: self.ack_timeout_backoff,
            ..ConsumerConfig::default()
        })
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
