use std::time::Duration;

use pulsar_rs_wire::proto::command_subscribe::{InitialPosition as WirePosition, SubType};

use super::event_listener::EventListener;
use super::group::RegexSubscriptionMode;
use super::key_shared::KeySharedPolicy;
use super::letters::DeadLetterPolicy;
use super::redelivery::RedeliveryBackoff;
use crate::{Error, KeySource, MessageId, ReconnectPolicy, Schema, TopicName};

/// How the consumers of a subscription share its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubscriptionType {
    /// One consumer; others are refused.
    #[default]
    Exclusive,
    /// Each message goes to one of the consumers.
    Shared,
    /// One consumer is active; another takes over when it goes.
    Failover,
    /// Messages with the same key go to the same consumer.
    KeyShared,
}

impl SubscriptionType {
    pub(super) fn to_wire(self) -> SubType {
        match self {
            SubscriptionType::Exclusive => SubType::Exclusive,
            SubscriptionType::Shared => SubType::Shared,
            SubscriptionType::Failover => SubType::Failover,
            SubscriptionType::KeyShared => SubType::KeyShared,
        }
    }

    /// Whether several consumers get messages at the same time.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, SubscriptionType::Shared | SubscriptionType::KeyShared)
    }
}

/// Where a new subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitialPosition {
    /// Behind the last message.
    #[default]
    Latest,
    /// At the first message that the topic still has.
    Earliest,
}

impl InitialPosition {
    pub(super) fn to_wire(self) -> WirePosition {
        match self {
            InitialPosition::Latest => WirePosition::Latest,
            InitialPosition::Earliest => WirePosition::Earliest,
        }
    }
}

/// What becomes of messages that are encrypted and cannot be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CryptoFailureAction {
    /// They are not delivered, and stay unacknowledged.
    #[default]
    Fail,
    /// They are acknowledged without being delivered.
    Discard,
    /// They are delivered as they came: encrypted, still compressed; a batch, and each chunk of a message, as one message.
    /// If a chunk was altered after it was encrypted, all chunks of its message come one behind the other as one message.
    Consume,
}

/// When a batch receive is done: at the first of these limits. At least one must be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchReceivePolicy {
    /// Messages in a batch; absent: no limit. Default: none.
    pub max_messages: Option<usize>,
    /// Bytes of payload in a batch, unless one message has more; absent: no limit. Default 10 MiB.
    pub max_bytes: Option<usize>,
    /// How long to gather; absent: until one of the others is reached. Default 100 ms.
    pub timeout: Option<Duration>,
}

impl Default for BatchReceivePolicy {
    fn default() -> Self {
        BatchReceivePolicy {
            max_messages: None,
            max_bytes: Some(10 * 1024 * 1024),
            timeout: Some(Duration::from_millis(100)),
        }
    }
}

/// How a consumer behaves. The defaults are those of the established clients.
#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    /// How the consumers of the subscription share its messages. Default exclusive.
    pub subscription_type: SubscriptionType,
    /// Where a new subscription begins. Default: latest.
    pub initial_position: InitialPosition,
    /// Name, shown in the topic's statistics; absent: a random one.
    pub name: Option<String>,
    /// Deliver only the newest message of each key of a compacted topic.
    /// Messages that are not compacted yet come as they are. For exclusive and failover subscriptions to persistent
    /// topics. Default false.
    pub read_compacted: bool,
    /// Whether the subscription is stored, and stays where it is without consumers. Otherwise it ends with this consumer,
    /// which begins at [`start`](Self::start) and, after its connection was lost, goes on behind the last message that was
    /// received. Default true.
    pub durable: bool,
    /// Where a subscription that is not durable begins: behind this message; or at [`MessageId::EARLIEST`] or
    /// [`MessageId::LATEST`]. Absent: at the initial position. Default: none.
    pub start: Option<MessageId>,
    /// How far back in time a subscription that is not durable begins, if no `start` is given: at the first message that
    /// was published since; to the second. Default: none.
    pub start_rollback: Option<Duration>,
    /// Whether the message that the consumer starts at, or was moved to, is delivered itself. Default false.
    pub start_inclusive: bool,
    /// Which consumer of a key-shared subscription gets which keys. Default: the broker divides them.
    pub key_shared: KeySharedPolicy,
    /// Messages that are fetched ahead. 0: none; the broker is permitted one for each receiver that waits. Should a batch
    /// come then, the next receivers get the rest of it; should a receiver give up, the next one gets what comes. 0 is
    /// not possible for partitioned topics and for several. Default 1000.
    pub receiver_queue_size: usize,
    /// Fetch ahead what the program needs: one message at first, and twice as many whenever all that may be fetched had
    /// come and the program was faster, up to [`receiver_queue_size`](Self::receiver_queue_size). What waits counts
    /// against the client's [memory limit](crate::ClientConfig::memory_limit), and half as many are fetched ahead
    /// whenever more than 75 % of that come to be in use. Default false.
    pub auto_scaled_queue: bool,
    /// How long acknowledgements are gathered; zero: each is sent at once. Default 100 ms.
    pub ack_grouping_time: Duration,
    /// Acknowledgements gathered at most. Default 1000.
    pub ack_grouping_max_size: usize,
    /// Tell the broker which messages of a batch are acknowledged, so that a new consumer does not get them
    /// again with the rest of the batch. Needs `acknowledgmentAtBatchIndexLevelEnabled` there. Default false.
    pub batch_index_ack: bool,
    /// Calls of [`acknowledge_with`](super::Consumer::acknowledge_with) and its kind tell what the broker says, instead of
    /// that the acknowledgement is gathered. What the broker did not answer when a connection is lost is sent again in
    /// either case. Needs a broker of protocol version 17, Pulsar 2.8. Default false.
    pub ack_receipts: bool,
    /// How long after a negative acknowledgement the message is delivered again. Default 60 s.
    pub negative_ack_delay: Duration,
    /// Instead: the delay grows with each redelivery of the message, as the broker counts them for shared subscriptions.
    /// Default: it does not.
    pub negative_ack_backoff: Option<RedeliveryBackoff>,
    /// Messages that are not acknowledged within this time are delivered again; absent: never. Default: none;
    /// at least 10 s.
    pub ack_timeout: Option<Duration>,
    /// What the ack timeout is longer by, for each message as often as it was redelivered. Default: nothing.
    pub ack_timeout_backoff: Option<RedeliveryBackoff>,
    /// What becomes of messages that are redelivered too often, in shared and key-shared subscriptions. Default: they are
    /// redelivered for ever.
    pub dead_letter: Option<DeadLetterPolicy>,
    /// Messages can be [reconsumed later](super::Consumer::reconsume_later), in shared and key-shared subscriptions; the
    /// policy above, or its default, says from which topic and how often. Default false.
    pub retry: bool,
    /// Consumers with a smaller number are served first, in shared subscriptions. Default 0.
    pub priority_level: i32,
    /// Metadata of the consumer, shown in the topic's statistics.
    pub properties: Vec<(String, String)>,
    /// Properties of the subscription, stored with it if this consumer creates it, and shown in the topic's statistics.
    /// One that exists keeps those that it has.
    pub subscription_properties: Vec<(String, String)>,
    /// Have the clusters that the topic is replicated to know where the subscription is, so that it goes on there after a
    /// failover. Default false.
    pub replicate_subscription_state: bool,
    /// Schema of the messages that the program understands; the broker refuses the consumer with
    /// [`Error::IncompatibleSchema`] where it does not fit the topic's. Absent: messages of every schema come, and
    /// [`Consumer::schema`](super::Consumer::schema) tells it.
    pub schema: Option<Schema>,
    /// Where the private keys come from that decrypt messages; absent: encrypted ones are not decrypted. Default absent.
    pub key_source: Option<KeySource>,
    /// What becomes of messages that are encrypted and cannot be decrypted. Default: they are not delivered.
    pub crypto_failure_action: CryptoFailureAction,
    /// Hears which consumer of a failover subscription is served. Default: none.
    pub event_listener: Option<EventListener>,
    /// How long to wait before each attempt to come back to a broker; absent: doubling from 100 ms to 60 s. Default absent.
    pub reconnect_policy: Option<ReconnectPolicy>,
    /// When a batch receive is done.
    pub batch_receive: BatchReceivePolicy,
    /// Messages that are fetched ahead for all topics and partitions together, at least one for each. Default 50,000.
    pub max_total_receiver_queue_size: usize,
    /// Which topics a pattern is for. Default: those that are stored.
    pub regex_mode: RegexSubscriptionMode,
    /// How often to look for topics that match a pattern; zero: only when the broker tells of them. Default 60 s.
    pub pattern_discovery_interval: Duration,
    /// Messages of which some chunks are there, at the same time; 0: no limit. The oldest goes for a new one. Default 10.
    pub max_pending_chunked_messages: usize,
    /// The oldest that goes is acknowledged, and lost for this subscription; else it comes again after the ack timeout,
    /// if there is one, or with a new connection. Default false.
    pub ack_oldest_chunked_message: bool,
    /// How long after one chunk of a message the next may come. Then what came of it is acknowledged: its producer is gone.
    /// Absent: for ever. Default 60 s.
    pub chunk_expiry: Option<Duration>,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        ConsumerConfig {
            subscription_type: SubscriptionType::default(),
            initial_position: InitialPosition::default(),
            name: None,
            read_compacted: false,
            durable: true,
            start: None,
            start_rollback: None,
            start_inclusive: false,
            key_shared: KeySharedPolicy::default(),
            receiver_queue_size: 1000,
            auto_scaled_queue: false,
            ack_grouping_time: Duration::from_millis(100),
            ack_grouping_max_size: 1000,
            batch_index_ack: false,
            ack_receipts: false,
            negative_ack_delay: Duration::from_mins(1),
            negative_ack_backoff: None,
            ack_timeout: None,
            ack_timeout_backoff: None,
            dead_letter: None,
            retry: false,
            priority_level: 0,
            properties: Vec::new(),
            subscription_properties: Vec::new(),
            replicate_subscription_state: false,
            schema: None,
            key_source: None,
            crypto_failure_action: CryptoFailureAction::default(),
            event_listener: None,
            reconnect_policy: None,
            batch_receive: BatchReceivePolicy::default(),
            max_total_receiver_queue_size: 50_000,
            regex_mode: RegexSubscriptionMode::default(),
            pattern_discovery_interval: Duration::from_mins(1),
            max_pending_chunked_messages: 10,
            ack_oldest_chunked_message: false,
            chunk_expiry: Some(Duration::from_mins(1)),
        }
    }
}

/// Shortest ack timeout, as in the other clients: below it, messages come again that are being worked on.
const MIN_ACK_TIMEOUT: Duration = Duration::from_secs(10);

impl ConsumerConfig {
    /// For a consumer of this topic.
    pub(super) fn validate_for(&self, topic: &TopicName) -> Result<(), Error> {
        if self.read_compacted && !topic.is_persistent() {
            let text = format!("{topic} is not stored, so it cannot be compacted");
            return Err(Error::InvalidConfiguration(text));
        }
        self.validate()
    }

    /// For a consumer of several topics.
    pub(super) fn validate_for_several(&self) -> Result<(), Error> {
        if self.receiver_queue_size == 0 {
            let text = "a consumer of several topics or partitions needs a receiver queue";
            return Err(Error::InvalidConfiguration(text.into()));
        }
        let is_one_message = |start: &MessageId| !self.durable && !start.is_end();
        if self.start.as_ref().is_some_and(is_one_message) {
            let text = "a message of one topic or partition says nothing of where to begin in others";
            return Err(Error::InvalidConfiguration(text.into()));
        }
        self.validate()
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let invalid = |why: &str| Err(Error::InvalidConfiguration(why.into()));
        if self.receiver_queue_size == 0 && self.auto_scaled_queue {
            return invalid("a queue that grows needs a receiver queue size to grow to");
        }
        if self.read_compacted && self.subscription_type.is_shared() {
            return invalid("compacted topics are read by exclusive and failover subscriptions");
        }
        if u32::try_from(self.receiver_queue_size).is_err() {
            return invalid("the receiver queue size must fit 32 bits");
        }
        if self.ack_timeout.is_some_and(|timeout| timeout < MIN_ACK_TIMEOUT) {
            return invalid("the ack timeout must be at least 10 seconds");
        }
        let mut backoffs = [self.negative_ack_backoff, self.ack_timeout_backoff].into_iter().flatten();
        if !backoffs.all(|backoff| backoff.is_valid()) {
            return invalid(
                "a redelivery backoff must have a multiplier of 1 or more, and min must not be above max",
            );
        }
        if self.subscription_type != SubscriptionType::KeyShared
            && self.key_shared != KeySharedPolicy::default()
        {
            return invalid("a key-shared policy needs a key-shared subscription");
        }
        self.key_shared.validate()?;
        let policy = &self.batch_receive;
        if policy.max_messages.is_none() && policy.max_bytes.is_none() && policy.timeout.is_none() {
            return invalid("the batch receive policy has no limit");
        }
        Ok(())
    }
}
