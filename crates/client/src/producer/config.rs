use std::time::Duration;

use pulsar_rs_wire::WireError;

use super::routing::{HashingScheme, RoutingMode};
use crate::{Compression, EncryptionConfig, Error, ReconnectPolicy, Schema};

/// How a producer behaves. The defaults are those of the established clients.
#[derive(Debug, Clone)]
pub struct ProducerConfig {
    /// Name, unique on the topic; absent: the broker gives one.
    pub name: Option<String>,
    /// How long a message may wait for its receipt before it fails; absent: for ever. Default 30 s.
    pub send_timeout: Option<Duration>,
    /// Sequence id before the first message's; absent: go on where the broker's deduplication says, else
    /// begin at 0.
    pub initial_sequence_id: Option<i64>,
    /// Messages accepted and not completed yet; 0: no limit. Default 1000.
    pub max_pending_messages: usize,
    /// The same for all partitions of a topic together: each gets its part of it, where that is less. 0: no
    /// limit. Default 50,000.
    pub max_pending_messages_across_partitions: usize,
    /// At the limit: wait, instead of failing at once. Default false.
    pub block_if_queue_full: bool,
    /// How messages are gathered; absent: each is sent alone.
    pub batching: Option<BatchingConfig>,
    /// Messages that are larger than the broker takes are sent in parts, each of them alone; consumers get them in one
    /// piece. Without it they fail with [`Error::MessageTooBig`]. Default false.
    pub chunking: bool,
    /// Codec for what is sent; absent: none. A batch is compressed as a whole, on the thread that completes it.
    /// Default none.
    pub compression: Option<Compression>,
    /// Partitions for messages that name neither partition nor key. Default round robin.
    pub routing: RoutingMode,
    /// Partitions for keys. Default as the C++ client's: Boost.
    pub hashing: HashingScheme,
    /// Producers of partitions are created when their first message comes, instead of all at once.
    /// Default false.
    pub lazy_start_partitions: bool,
    /// Whether others may send to the topic too. Default shared.
    pub access_mode: AccessMode,
    /// A subscription that begins with the first message, made if it is not there. Default: none.
    pub initial_subscription: Option<String>,
    /// Structure of the messages; absent: bytes. Default absent.
    pub schema: Option<Schema>,
    /// Messages are encrypted for the owners of some keys; absent: they are not. A batch is encrypted as a whole, on the
    /// thread that completes it, and each chunk of a message by itself. Default absent.
    pub encryption: Option<EncryptionConfig>,
    /// Somebody named keys to encrypt for, and nobody who gives them, which programs of the established C API can do:
    /// messages then go out as they are. The producer logs that as an error when it is created. Default false.
    pub lacks_key_source: bool,
    /// How long to wait before each attempt to come back to a broker; absent: doubling from 100 ms to 60 s. Default absent.
    pub reconnect_policy: Option<ReconnectPolicy>,
    /// Metadata of the producer, shown in the topic's statistics.
    pub properties: Vec<(String, String)>,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        ProducerConfig {
            name: None,
            send_timeout: Some(Duration::from_secs(30)),
            initial_sequence_id: None,
            max_pending_messages: 1000,
            max_pending_messages_across_partitions: 50_000,
            block_if_queue_full: false,
            batching: Some(BatchingConfig::default()),
            chunking: false,
            compression: None,
            routing: RoutingMode::default(),
            hashing: HashingScheme::default(),
            lazy_start_partitions: false,
            access_mode: AccessMode::default(),
            initial_subscription: None,
            schema: None,
            encryption: None,
            lacks_key_source: false,
            reconnect_policy: None,
            properties: Vec::new(),
        }
    }
}

/// Who may send to a topic beside a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessMode {
    /// Others in this mode.
    #[default]
    Shared,
    /// Nobody. Creating it fails with [`Error::ProducerFenced`] while another is there.
    Exclusive,
    /// Nobody. Creating it waits until the others are gone, at most the operation timeout.
    WaitForExclusive,
    /// Nobody. Those that are there are fenced: their sends fail with [`Error::ProducerFenced`].
    ExclusiveWithFencing,
}

/// When a batch is sent: at the first of these limits.
#[derive(Debug, Clone)]
pub struct BatchingConfig {
    /// Messages in a batch, at least 2. Default 1000.
    pub max_messages: usize,
    /// Bytes of a batch before compression; 0: only the broker's limit counts. Default 128 KiB.
    pub max_bytes: usize,
    /// How long the first message of a batch may wait for others. Default 10 ms.
    pub max_delay: Duration,
    /// Messages of different keys go into different batches, which key-shared subscriptions need: a batch has one
    /// consumer. The key is the ordering key, else the partition key. The limits count for the batches of all keys
    /// together. Default false.
    pub by_key: bool,
}

impl Default for BatchingConfig {
    fn default() -> Self {
        BatchingConfig {
            max_messages: 1000,
            max_bytes: 128 * 1024,
            max_delay: Duration::from_millis(10),
            by_key: false,
        }
    }
}

impl ProducerConfig {
    /// The same for one of `count` partitions.
    pub(super) fn for_partition(&self, count: usize) -> Self {
        let (one, all) = (self.max_pending_messages, self.max_pending_messages_across_partitions);
        let part = (all / count.max(1)).max(1);
        let max_pending_messages = match (one, all) {
            (one, 0) => one,
            (0, _) => part,
            (one, _) => one.min(part),
        };
        ProducerConfig { max_pending_messages, ..self.clone() }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.batching.as_ref().is_some_and(|batching| batching.max_messages < 2) {
            return Err(Error::InvalidConfiguration("a batch must be allowed at least 2 messages".into()));
        }
        if self.lazy_start_partitions && self.access_mode != AccessMode::Shared {
            return Err(Error::InvalidConfiguration(
                "exclusive producers cannot start their partitions lazily".into(),
            ));
        }
        if self.initial_sequence_id.is_some_and(|id| id < -1) {
            return Err(Error::InvalidConfiguration("the initial sequence id must be -1 or more".into()));
        }
        if let Some(codec) = self.compression.filter(|codec| !codec.is_available()) {
            return Err(Error::NotSupported(WireError::CodecLeftOut(codec).to_string()));
        }
        self.encryption.as_ref().map_or(Ok(()), EncryptionConfig::validate)
    }
}
