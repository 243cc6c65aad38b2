//! Messages that are put aside: into a dead letter topic, or into a retry letter topic for later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{ConsumerConfig, Message};
use crate::client::ClientInner;
use crate::producer::{FutureSink, Producer, ProducerConfig, Sending};
use crate::{EncryptionConfig, EncryptionKey, Error, KeySource, OutgoingMessage, Property, TopicName};

/// Redeliveries of a message before it is a dead letter, where nothing else is said; as in the Java client.
const MAX_REDELIVERIES: u32 = 16;

/// Names of properties, which the Java client gave them.
const REAL_TOPIC: &[u8] = b"REAL_TOPIC";
const ORIGIN_MESSAGE_ID: &[u8] = b"ORIGIN_MESSAGE_ID";
const RECONSUME_TIMES: &[u8] = b"RECONSUMETIMES";
const DELAY_TIME: &[u8] = b"DELAY_TIME";

/// What becomes of messages that are redelivered too often, in shared and key-shared subscriptions: they go to a topic of
/// their own, the dead letter topic, and are acknowledged.
///
/// A dead letter has the content, keys, event time, properties and schema version of its message, and two properties more,
/// if the message does not have them: `REAL_TOPIC`, where it came from, and `ORIGIN_MESSAGE_ID`, its id there.
///
/// What was decrypted is encrypted again, for the keys that the message was encrypted for: the consumer's
/// [`key_source`](super::ConsumerConfig::key_source) is asked for the public ones. Until it gives them, the message is no
/// letter, and comes again. [`encryption`](ProducerConfig::encryption) of `producer` is for other keys.
///
/// Messages that are still encrypted, as
/// [`CryptoFailureAction::Consume`](super::CryptoFailureAction::Consume) delivers them, are never letters: nobody could
/// decrypt these. They are delivered again however often that was.
#[derive(Debug, Clone)]
pub struct DeadLetterPolicy {
    /// Redeliveries of a message at most; also how often it can be
    /// [reconsumed later](super::Consumer::reconsume_later). Default 16.
    pub max_redeliveries: u32,
    /// Where dead letters go. Default: `<topic>-<subscription>-DLQ`, without the number of a partition.
    pub dead_letter_topic: Option<String>,
    /// Where messages wait that are reconsumed later. Default: `<topic>-<subscription>-RETRY`.
    pub retry_letter_topic: Option<String>,
    /// A subscription that is made with the dead letter topic, so that no letter is lost before somebody subscribes.
    /// Default: none.
    pub initial_subscription: Option<String>,
    /// How letters are sent. Default: each alone, large ones in chunks, and as many pending as there are.
    pub producer: ProducerConfig,
}

impl Default for DeadLetterPolicy {
    fn default() -> Self {
        DeadLetterPolicy {
            max_redeliveries: MAX_REDELIVERIES,
            dead_letter_topic: None,
            retry_letter_topic: None,
            initial_subscription: None,
            producer: ProducerConfig {
                batching: None,
                chunking: true,
                // There are never more than the messages that the broker lets a consumer have unacknowledged.
                max_pending_messages: 0,
                max_pending_messages_across_partitions: 0,
                ..ProducerConfig::default()
            },
        }
    }
}

/// The topic that a consumer with [`retry`](ConsumerConfig::retry) has to read beside its own, or beside the partitions of
/// its own; nothing for one without.
pub(crate) fn retry_topic(
    topic: &TopicName,
    subscription: &str,
    config: &ConsumerConfig,
) -> Result<Option<TopicName>, Error> {
    if !config.retry || !config.subscription_type.is_shared() {
        return Ok(None);
    }
    let named = config.dead_letter.as_ref().and_then(|policy| policy.retry_letter_topic.as_deref());
    named_or(named, topic, subscription, "RETRY").map(Some)
}

/// The topic that is named, or one with the default name.
fn named_or(
    named: Option<&str>,
    topic: &TopicName,
    subscription: &str,
    end: &str,
) -> Result<TopicName, Error> {
    match named {
        Some(named) => TopicName::parse(named),
        None => TopicName::parse(&format!("{}-{subscription}-{end}", topic.without_partition())),
    }
}

/// Sends messages that are put aside. The consumers of all partitions of a topic share one.
#[derive(Debug)]
pub(crate) struct Letters {
    client: Arc<ClientInner>,
    max_redeliveries: u32,
    dead: Outbox,
    retry: Option<Outbox>,
    /// Consumers that are open.
    users: AtomicUsize,
}

/// A topic for letters, with a producer once one was needed.
#[derive(Debug)]
struct Outbox {
    topic: TopicName,
    config: ProducerConfig,
    /// The consumer's, for letters that were encrypted as messages.
    key_source: Option<KeySource>,
    producers: tokio::sync::Mutex<Vec<LetterProducer>>,
}

/// A producer of letters, and the names of the keys that it encrypts for as the messages were; none for the others.
type LetterProducer = (Vec<String>, Arc<Producer<FutureSink>>);

/// Producers of an outbox at most: messages of one topic rarely have more than one kind of recipients.
const MAX_PRODUCERS: usize = 4;

impl Letters {
    /// For the consumers of `topic`, as it was asked for; nothing when the configuration puts no messages aside. They are
    /// put aside in shared subscriptions only, since others count no redeliveries.
    pub fn new(
        client: &Arc<ClientInner>,
        topic: &TopicName,
        subscription: &str,
        config: &ConsumerConfig,
    ) -> Result<Option<Arc<Self>>, Error> {
        let is_wanted = config.dead_letter.is_some() || config.retry;
        if !is_wanted || !config.subscription_type.is_shared() {
            return Ok(None);
        }
        let mut policy = config.dead_letter.clone().unwrap_or_default();
        // Letters are sent where nobody may wait; what finds no room is sent again.
        policy.producer.block_if_queue_full = false;
        let dead = named_or(policy.dead_letter_topic.as_deref(), topic, subscription, "DLQ")?;
        let retry = retry_topic(topic, subscription, config)?;
        let keys = &config.key_source;
        let retry = retry.map(|topic| Outbox::new(topic, policy.producer.clone(), keys.clone()));
        let initial_subscription = policy.initial_subscription.filter(|name| !name.is_empty());
        let producer = ProducerConfig { initial_subscription, ..policy.producer };
        Ok(Some(Arc::new(Letters {
            client: client.clone(),
            max_redeliveries: policy.max_redeliveries,
            dead: Outbox::new(dead, producer, keys.clone()),
            retry,
            users: AtomicUsize::new(0),
        })))
    }

    /// Whether this delivery of a message is its last. Those that are still encrypted have no last one.
    pub fn is_last(&self, message: &Message) -> bool {
        if message.redelivery_count() < self.max_redeliveries {
            return false;
        }
        if message.entry.is_encrypted {
            self.client.log().warn(format_args!(
                "message {} of {} is delivered again instead of going to the dead letter topic: it is encrypted",
                message.id(),
                message.topic()
            ));
        }
        !message.entry.is_encrypted
    }

    /// Whether a message was delivered for the last time before.
    pub fn is_past(&self, message: &Message) -> bool {
        message.redelivery_count() > self.max_redeliveries && !message.entry.is_encrypted
    }

    /// A consumer is open.
    pub fn join(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// A consumer is closed. With the last one the producers go, when they have sent what is pending.
    pub fn leave(self: &Arc<Self>) {
        if self.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            let letters = self.clone();
            self.client.spawn(async move {
                for outbox in std::iter::once(&letters.dead).chain(&letters.retry) {
                    outbox.producers.lock().await.clear();
                }
            });
        }
    }

    /// Sends messages to the dead letter topic. The outcome of each, in their order.
    pub async fn bury(&self, messages: &[Message]) -> Vec<Result<(), Error>> {
        let mut sending = Vec::with_capacity(messages.len());
        for message in messages {
            sending.push(self.dead.post(&self.client, message, with_origin(message), None).await);
        }
        let mut outcomes = Vec::with_capacity(messages.len());
        for one in sending {
            outcomes.push(match one {
                Ok(one) => one.await.map(drop),
                Err(error) => Err(error),
            });
        }
        outcomes
    }

    /// Sends a message to the retry letter topic, from where it comes again after the delay; to the dead letter topic, if
    /// that happened to it too often.
    pub async fn postpone(
        &self,
        message: &Message,
        delay: Duration,
        custom: &[Property],
    ) -> Result<(), Error> {
        let Some(retry) = &self.retry else {
            return Err(not_enabled());
        };
        let mut properties = with_origin(message);
        for (name, value) in custom {
            put(&mut properties, name, value.clone());
        }
        let times = properties.iter().rev().find(|(name, _)| name == RECONSUME_TIMES);
        let times = times.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse::<u32>().ok());
        let times = times.unwrap_or_default().saturating_add(1);
        put(&mut properties, RECONSUME_TIMES, times.to_string().into());
        put(&mut properties, DELAY_TIME, delay.as_millis().to_string().into());
        let is_dead = times > self.max_redeliveries;
        let outbox = if is_dead { &self.dead } else { retry };
        let deliver_at = (!is_dead && !delay.is_zero()).then(|| from_now(delay));
        let sending = outbox.post(&self.client, message, properties, deliver_at).await?;
        sending.await.map(drop)
    }
}

pub(super) fn not_enabled() -> Error {
    Error::NotSupported(
        "messages can be reconsumed later by shared and key-shared consumers that are configured for it"
            .into(),
    )
}

impl Outbox {
    fn new(topic: TopicName, config: ProducerConfig, key_source: Option<KeySource>) -> Self {
        Outbox { topic, config, key_source, producers: tokio::sync::Mutex::default() }
    }

    /// Sends a letter. One that is encrypted goes from a thread for blocking work: the program may be asked for keys.
    async fn post(
        &self,
        client: &Arc<ClientInner>,
        message: &Message,
        properties: Vec<Property>,
        deliver_at: Option<i64>,
    ) -> Result<Sending, Error> {
        if message.entry.is_encrypted {
            // A letter has no place for the keys that open it.
            return Err(Error::Crypto(
                "a message that is still encrypted cannot be put aside: give the consumer the private key"
                    .into(),
            ));
        }
        let keys = self.recipients(message)?;
        let own = self.config.encryption.as_ref().map(|encryption| &encryption.key_source);
        let source = own.or_else(|| self.key_source.as_ref().filter(|_| !keys.is_empty())).cloned();
        let producer = self.producer(client, keys).await?;
        let Some(source) = source else {
            return Ok(post(&producer, message, &properties, deliver_at));
        };
        let (posted, sending) = tokio::sync::oneshot::channel();
        let message = message.clone();
        source.spawn(client, move || _ = posted.send(post(&producer, &message, &properties, deliver_at)));
        sending.await.map_err(|_| Error::AlreadyClosed("the client is closed".into()))
    }

    /// The producer for a letter, which is created for the first of its kind, and anew when it was closed.
    async fn producer(
        &self,
        client: &Arc<ClientInner>,
        keys: Vec<String>,
    ) -> Result<Arc<Producer<FutureSink>>, Error> {
        let mut producers = self.producers.lock().await;
        producers.retain(|(_, producer)| !producer.is_closed());
        if let Some((_, producer)) = producers.iter().find(|(known, _)| *known == keys) {
            return Ok(producer.clone());
        }
        client.check_open()?;
        let (topic, mut config) = (self.topic.clone(), self.config.clone());
        if let Some(source) = self.key_source.clone().filter(|_| !keys.is_empty()) {
            config.encryption = Some(EncryptionConfig::new(source, keys.clone()));
        }
        let producer =
            Arc::new(Producer::create(client.clone(), topic, config, FutureSink::default()).await?);
        if producers.len() >= MAX_PRODUCERS {
            producers.remove(0);
        }
        producers.push((keys, producer.clone()));
        Ok(producer)
    }

    /// Whose keys a letter is encrypted with: what this client decrypted must not lie in the open, so it is for those that
    /// the message was for, unless the producer is configured for others. For a message that is not encrypted any more.
    fn recipients(&self, message: &Message) -> Result<Vec<String>, Error> {
        let Some(context) = message.encryption().filter(|_| self.config.encryption.is_none()) else {
            return Ok(Vec::new());
        };
        let text = |key: EncryptionKey<'_>| {
            let not_text = |_| Error::Crypto("the name of a key of the message is not UTF-8".into());
            String::from_utf8(key.name.to_vec()).map_err(not_text)
        };
        context.keys().map(text).collect()
    }
}

/// Sends a copy of a message with other properties.
fn post(
    producer: &Producer<FutureSink>,
    message: &Message,
    properties: &[Property],
    deliver_at: Option<i64>,
) -> Sending {
    producer.send(OutgoingMessage {
        payload: message.payload(),
        properties,
        partition_key: message.partition_key(),
        partition_key_is_base64: message.partition_key_is_base64(),
        ordering_key: message.ordering_key(),
        event_time: message.event_time(),
        deliver_at,
        schema_version: message.schema_version(),
        null_value: message.has_null_value(),
        ..OutgoingMessage::default()
    })
}

/// The message's properties, and where it came from first.
fn with_origin(message: &Message) -> Vec<Property> {
    let pairs = message.properties();
    let mut properties: Vec<Property> =
        pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let id = message.id().to_string();
    for (name, value) in [(REAL_TOPIC, message.topic().as_bytes()), (ORIGIN_MESSAGE_ID, id.as_bytes())] {
        if pairs.get(name).is_none() {
            properties.push((name.to_vec(), value.to_vec()));
        }
    }
    properties
}

/// Sets a property, in place of any that have its name.
fn put(properties: &mut Vec<Property>, name: &[u8], value: Vec<u8>) {
    properties.retain(|(found, _)| found != name);
    properties.push((name.to_vec(), value));
}

/// Milliseconds since 1970.
fn from_now(delay: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_add(delay).as_millis()).unwrap_or(i64::MAX)
}
