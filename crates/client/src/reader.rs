//! Readers: a consumer without a stored subscription, which begins where the program says.

use std::time::Duration;

use crate::client::Client;
use crate::consumer::{
    Bulk, BulkLimits, Consumer, ConsumerConfig, CryptoFailureAction, Message, MessageView, SeekTo,
};
use crate::{Error, KeySource, MessageId, ReconnectPolicy, Schema, TopicName};

/// How a reader behaves. The defaults are those of the established clients.
#[derive(Debug, Clone)]
pub struct ReaderConfig {
    /// Name, shown in the topic's statistics; absent: a random one.
    pub name: Option<String>,
    /// Name of the subscription, which ends with the reader; absent: a random one that begins with `reader-`.
    pub subscription: Option<String>,
    /// What a random subscription name begins with, and a `-` behind it. Default: none.
    pub subscription_role_prefix: Option<String>,
    /// Messages that are fetched ahead; 0: none, one is asked for whenever somebody reads. Default 1000.
    pub receiver_queue_size: usize,
    /// Deliver only the newest message of each key of a compacted topic. Default false.
    pub read_compacted: bool,
    /// Whether the message that the reader starts at, or was moved to, is read itself. Default false.
    pub start_inclusive: bool,
    /// How far back in time to begin, instead of at a message; to the second. Default: none.
    pub start_rollback: Option<Duration>,
    /// Schema of the messages, see [`ConsumerConfig::schema`].
    pub schema: Option<Schema>,
    /// Where the private keys come from that decrypt messages, see [`ConsumerConfig::key_source`].
    pub key_source: Option<KeySource>,
    /// See [`ConsumerConfig::reconnect_policy`].
    pub reconnect_policy: Option<ReconnectPolicy>,
    /// What becomes of messages that are encrypted and cannot be decrypted. Default: they are not read.
    pub crypto_failure_action: CryptoFailureAction,
    /// Metadata of the reader, shown in the topic's statistics.
    pub properties: Vec<(String, String)>,
    /// Messages of which some chunks are there, see [`ConsumerConfig::max_pending_chunked_messages`]. Default 10.
    pub max_pending_chunked_messages: usize,
    /// The oldest that goes is acknowledged, see [`ConsumerConfig::ack_oldest_chunked_message`]. Default false.
    pub ack_oldest_chunked_message: bool,
    /// How long after one chunk the next may come, see [`ConsumerConfig::chunk_expiry`]. Default 60 s.
    pub chunk_expiry: Option<Duration>,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        let ConsumerConfig {
            receiver_queue_size,
            max_pending_chunked_messages,
            ack_oldest_chunked_message,
            chunk_expiry,
            ..
        } = ConsumerConfig::default();
        ReaderConfig {
            name: None,
            subscription: None,
            subscription_role_prefix: None,
            receiver_queue_size,
            read_compacted: false,
            start_inclusive: false,
            start_rollback: None,
            schema: None,
            key_source: None,
            reconnect_policy: None,
            crypto_failure_action: CryptoFailureAction::default(),
            properties: Vec::new(),
            max_pending_chunked_messages,
            ack_oldest_chunked_message,
            chunk_expiry,
        }
    }
}

impl ReaderConfig {
    fn subscription_name(&self) -> String {
        let random = || format!("reader-{:010x}", fastrand::u64(..1 << 40));
        match (&self.subscription, &self.subscription_role_prefix) {
            (Some(name), _) => name.clone(),
            (None, Some(prefix)) => format!("{prefix}-{}", random()),
            (None, None) => random(),
        }
    }

    fn to_consumer(&self, start: MessageId) -> ConsumerConfig {
        ConsumerConfig {
            durable: false,
            // A time says it instead.
            start: self.start_rollback.is_none().then_some(start),
            start_inclusive: self.start_inclusive,
            start_rollback: self.start_rollback,
            name: self.name.clone(),
            receiver_queue_size: self.receiver_queue_size,
            read_compacted: self.read_compacted,
            schema: self.schema.clone(),
            key_source: self.key_source.clone(),
            reconnect_policy: self.reconnect_policy.clone(),
            crypto_failure_action: self.crypto_failure_action,
            properties: self.properties.clone(),
            max_pending_chunked_messages: self.max_pending_chunked_messages,
            ack_oldest_chunked_message: self.ack_oldest_chunked_message,
            chunk_expiry: self.chunk_expiry,
            ..ConsumerConfig::default()
        }
    }
}

impl Client {
    /// Creates a reader that begins behind the message `start`; or at [`MessageId::EARLIEST`] or [`MessageId::LATEST`].
    ///
    /// With [`start_rollback`](ReaderConfig::start_rollback) the time says where to begin, and `start` nothing. The id of a
    /// message in one partition says nothing about the others: they are for topics without partitions.
    pub async fn create_reader(
        &self,
        topic: &str,
        start: MessageId,
        config: ReaderConfig,
    ) -> Result<Reader, Error> {
        let subscription = config.subscription_name();
        let consumer = self.subscribe(topic, &subscription, config.to_consumer(start)).await?;
        Ok(Reader { consumer })
    }
}

/// Reads the messages of a topic, for itself alone: nothing has to be acknowledged. Dropping it closes it in the background.
///
/// While its connection is lost it keeps its place: it goes on behind the last message that was read.
#[derive(Debug)]
pub struct Reader {
    consumer: Consumer,
}

impl Reader {
    /// The next message, if one is there.
    pub fn try_read_next(&self) -> Result<Option<Message>, Error> {
        Ok(self.consumer.try_receive()?.map(|message| self.read(message)))
    }

    /// Waits for the next message.
    pub async fn read_next(&self) -> Result<Message, Error> {
        Ok(self.read(self.consumer.receive().await?))
    }

    /// Blocks the thread until the next message is there; at most `timeout`, then it fails with [`Error::Timeout`].
    pub fn read_next_blocking(&self, timeout: Option<Duration>) -> Result<Message, Error> {
        Ok(self.read(self.consumer.receive_blocking(timeout)?))
    }

    /// Takes messages into `bulk` as [`Consumer::receive_bulk`] does, as soon as there are any.
    pub async fn read_bulk<V>(
        &self,
        bulk: &mut Bulk<V>,
        limits: BulkLimits,
        make: impl FnMut(&MessageView<'_>, &mut Vec<V>),
    ) -> Result<(), Error> {
        self.consumer.receive_bulk(bulk, limits, make).await?;
        self.tell_of(bulk);
        Ok(())
    }

    /// Takes messages into `bulk` as [`Consumer::receive_bulk_blocking`] does.
    pub fn read_bulk_blocking<V>(
        &self,
        bulk: &mut Bulk<V>,
        limits: BulkLimits,
        timeout: Option<Duration>,
        make: impl FnMut(&MessageView<'_>, &mut Vec<V>),
    ) -> Result<(), Error> {
        self.consumer.receive_bulk_blocking(bulk, limits, timeout, make)?;
        self.tell_of(bulk);
        Ok(())
    }

    /// The broker shows in its statistics how far the reader came.
    fn tell_of<V>(&self, bulk: &Bulk<V>) {
        // Of each topic the last message that ends its entry: what is before it is read, too.
        let topics = self.consumer.topics().len();
        let mut told: Vec<Message> = Vec::new();
        for message in (0..bulk.len()).rev().filter_map(|index| bulk.message(index)) {
            if told.len() >= topics {
                break;
            }
            if message.ends_entry() && told.iter().all(|other| other.topic() != message.topic()) {
                // As for one message.
                let _ = self.consumer.acknowledge_cumulative(&message);
                told.push(message);
            }
        }
    }

    /// The broker shows in its statistics how far the reader came. Once per entry, so that it costs next to nothing.
    fn read(&self, message: Message) -> Message {
        if message.ends_entry() {
            // One that was closed meanwhile tells nothing any more; the message is there all the same.
            let _ = self.consumer.acknowledge_cumulative(&message);
        }
        message
    }

    /// Whether there is a message to read, see [`Consumer::has_message_available`].
    pub async fn has_message_available(&self) -> Result<bool, Error> {
        self.consumer.has_message_available().await
    }

    /// Ids of the last messages of all partitions, see [`Consumer::last_message_ids`].
    pub async fn last_message_ids(&self) -> Result<Vec<MessageId>, Error> {
        self.consumer.last_message_ids().await
    }

    /// Id of the last message in the topic, see [`Consumer::last_message_id`].
    pub async fn last_message_id(&self) -> Result<MessageId, Error> {
        self.consumer.last_message_id().await
    }

    /// Reads on behind the message with this id, see [`Consumer::seek`].
    pub async fn seek(&self, id: &MessageId) -> Result<(), Error> {
        self.consumer.seek(id).await
    }

    /// Reads on at the first message that was published at or after `time`, milliseconds since 1970.
    pub async fn seek_by_time(&self, time: u64) -> Result<(), Error> {
        self.consumer.seek_by_time(time).await
    }

    /// Asks `to`, for each topic that the reader reads, where to read on, see [`Consumer::seek_with`].
    pub async fn seek_with(&self, to: impl Fn(&TopicName) -> Option<SeekTo>) -> Result<(), Error> {
        self.consumer.seek_with(to).await
    }

    /// The number of the current reading of a topic, see [`Consumer::reading`].
    pub fn reading(&self, topic: &str) -> Result<u64, Error> {
        self.consumer.reading(topic)
    }

    /// The topic's full name, of a partitioned one without the number of a partition.
    pub fn topic(&self) -> &str {
        self.consumer.topic()
    }

    /// Full names of the topics that it reads now; of partitions, each with its number.
    pub fn topics(&self) -> Vec<TopicName> {
        self.consumer.topics()
    }

    /// Name of the subscription.
    pub fn subscription(&self) -> &str {
        self.consumer.subscription()
    }

    /// Whether a broker is connected right now.
    pub fn is_connected(&self) -> bool {
        self.consumer.is_connected()
    }

    /// Whether the reader was closed, by itself or with its client.
    pub fn is_closed(&self) -> bool {
        self.consumer.is_closed()
    }

    /// Closes the reader. Closing twice does no harm.
    pub async fn close(&self) -> Result<(), Error> {
        self.consumer.close().await
    }

    /// Closes the reader in the background; `done` is called by the client's runtime.
    pub fn close_with(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.consumer.close_with(done);
    }
}
