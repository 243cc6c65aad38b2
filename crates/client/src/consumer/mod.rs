//! Consumers: from an entry to its acknowledgement.
//!
//! Entries wait in the inbox as they came. The receiving thread opens them and takes their messages out;
//! it also gives permits back, acknowledges, and asks for redelivery, each gathered into few commands.

mod ack_calls;
mod acknowledge;
mod acks;
mod arrival;
mod batch_acks;
mod batches;
mod bulk;
mod chunks;
mod close;
mod config;
mod connect;
mod counters;
mod cumulative;
mod dead_letters;
mod event_listener;
mod events;
mod flow;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod group;
mod inbox;
mod key_shared;
mod last_message;
mod letters;
mod locked;
mod message;
mod nack;
mod position;
mod quota;
mod receipts;
mod receive;
mod redelivery;
mod schemas;
mod seek;
mod timers;
mod wake_ups;

pub use ack_calls::AckTarget;
pub use bulk::{Bulk, BulkLimits, BulkMessages, EntryView, MessageView};
pub use config::{
    BatchReceivePolicy, ConsumerConfig, CryptoFailureAction, InitialPosition, SubscriptionType,
};
pub use event_listener::{ActiveChange, EventListener};
pub(crate) use group::Topics;
pub use group::{RegexSubscriptionMode, TopicPattern};
pub use key_shared::{KeyHashes, KeySharedPolicy};
pub use letters::DeadLetterPolicy;
pub use message::Message;
pub use position::SeekTo;
pub use redelivery::RedeliveryBackoff;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::client::{ClientInner, Deadline, MovedTo};
use crate::connection::Connection;
use crate::crypto::Keyring;
use crate::gate::Asker;
use crate::reconnect::Reconnect;
use crate::stats::ConsumerStats;
use crate::{Error, TopicName};
use acks::Acks;
use chunks::Chunks;
use counters::Counters;
use dead_letters::LastChances;
use group::{Group, Place};
use inbox::Inbox;
use letters::{Letters, retry_topic};
use locked::Locked;
use position::Start;
use quota::Quota;
use receipts::Patience;
use redelivery::{NegativeAcks, UnackedEntries};
use schemas::Schemas;
use seek::Seeking;

/// Receives the messages of one subscription, to a topic, its partitions, or several topics. Dropping it closes it in the
/// background.
#[derive(Debug)]
pub struct Consumer {
    parts: Parts,
}

/// A topic without partitions is received without a detour.
#[derive(Debug)]
enum Parts {
    One(Arc<Shared>),
    Several(Arc<Group>),
}

/// How the consumer of one topic is made.
struct SubscribeOptions {
    config: ConsumerConfig,
    /// Its place among several.
    place: Option<Place>,
    /// The broker may create the topic.
    create_topic: bool,
    /// For messages that are put aside.
    letters: Option<Arc<Letters>>,
}

/// The consumer as its tasks and its connection see it.
pub(crate) struct Shared {
    id: u64,
    /// For tasks that it spawns when its connection calls it.
    me: Weak<Shared>,
    topic: TopicName,
    subscription: String,
    name: String,
    config: ConsumerConfig,
    client: Arc<ClientInner>,
    /// What decrypts entries, if something does.
    keyring: Option<Arc<Keyring>>,
    inbox: Inbox,
    /// Among the topics of one consumer; absent: it is the only one.
    place: Option<Place>,
    /// The broker may create the topic.
    create_topic: bool,
    state: Mutex<State>,
    /// Held by a receiver that takes a message or else asks for one; before all other locks.
    asking: Mutex<()>,
    /// Permits that are worth a command.
    threshold: AtomicU32,
    schemas: Schemas,
    timers: Notify,
    /// The broker closed it before it was subscribed there.
    cut_off: Notify,
    /// The broker answered acknowledgements, or will not any more.
    acks_answered: Notify,
    moved_to: MovedTo,
    closed: AtomicBool,
    /// Where messages go that are put aside.
    letters: Option<Arc<Letters>>,
    /// Something has to be noted for each message that is taken.
    notes_taken: bool,
    /// Acknowledgements that were refused.
    acks_failed: AtomicU64,
}

/// What the consumer's lock guards. Messages themselves are in the inbox.
struct State {
    phase: Phase,
    /// Number of the current connection, as the inbox counts them.
    connection: u64,
    /// Id of the connection whose answers to acknowledgements count.
    acks_sent_on: u64,
    /// The cluster that messages come from, as the client counts them.
    cluster: u64,
    /// Rises when what came before means nothing any more: with a seek, or with another cluster.
    reading: u64,
    start: Start,
    /// A seek that is under way.
    seeking: Option<Seeking>,
    /// The broker took permits for an entry that cannot be read; nobody knows how many.
    permits_in_doubt: bool,
    /// Rises with every redelivery of everything; entries that the broker sent before are dropped.
    epoch: u64,
    quota: Quota,
    acks: Acks,
    chunks: Chunks,
    locked: Locked,
    /// When the acknowledgements that wait have to be sent.
    acks_due: Option<Instant>,
    /// Of those who wait for receipts.
    patience: Patience,
    negative_acks: NegativeAcks,
    last_chances: LastChances,
    unacked: Option<UnackedEntries>,
    /// When the timers look next; absent: they sleep until woken.
    alarm: Option<Instant>,
    counters: Counters,
}

/// Where a consumer is in its life.
#[derive(Debug)]
enum Phase {
    /// Created, or cut off.
    Connecting,
    Ready(Arc<Connection>),
    Closed,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Consumer")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .field("subscription", &self.subscription)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// Subscribes to a topic, or to all its partitions; within the operation timeout.
    pub(crate) async fn create(
        client: Arc<ClientInner>,
        topic: TopicName,
        subscription: String,
        config: ConsumerConfig,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        config.validate_for(&topic)?;
        let retry = retry_topic(&topic, &subscription, &config)?;
        if retry.is_some() || client.partitions(&topic, deadline, Asker::Program).await? > 0 {
            let (name, topics) = (topic.shared(), Topics::Listed(vec![topic]));
            return Self::create_for_several(client, name, topics, subscription, config, deadline).await;
        }
        let letters = Letters::new(&client, &topic, &subscription, &config)?;
        let options = SubscribeOptions { config, place: None, create_topic: true, letters };
        let shared = Shared::new(&client, topic, subscription, options);
        shared.start(deadline).await?;
        Ok(Consumer { parts: Parts::One(shared) })
    }

    /// Subscribes to several topics, which are called `name` together.
    pub(crate) async fn create_for_several(
        client: Arc<ClientInner>,
        name: Arc<str>,
        topics: Topics,
        subscription: String,
        config: ConsumerConfig,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let group = Group::create(client, name, topics, subscription, config, deadline).await?;
        Ok(Consumer { parts: Parts::Several(group) })
    }

    /// The topic's full name. Of several: one made up from the last of the list, or the pattern.
    pub fn topic(&self) -> &str {
        match &self.parts {
            Parts::One(shared) => shared.topic.as_str(),
            Parts::Several(group) => group.name(),
        }
    }

    /// Full names of the topics that it receives from now; of partitions, each with its number.
    pub fn topics(&self) -> Vec<TopicName> {
        match &self.parts {
            Parts::One(shared) => vec![shared.topic.clone()],
            Parts::Several(group) => group.members().iter().map(|member| member.topic.clone()).collect(),
        }
    }

    /// Name of the subscription.
    pub fn subscription(&self) -> &str {
        match &self.parts {
            Parts::One(shared) => &shared.subscription,
            Parts::Several(group) => group.subscription(),
        }
    }

    /// Name of the consumer.
    pub fn name(&self) -> &str {
        match &self.parts {
            Parts::One(shared) => &shared.name,
            Parts::Several(group) => group.consumer_name(),
        }
    }

    fn config(&self) -> &ConsumerConfig {
        match &self.parts {
            Parts::One(shared) => &shared.config,
            Parts::Several(group) => group.config(),
        }
    }

    fn client(&self) -> &ClientInner {
        match &self.parts {
            Parts::One(shared) => &shared.client,
            Parts::Several(group) => group.client(),
        }
    }

    /// What the consumer did and is doing; of several topics, the sums. It takes the consumer's locks for a moment.
    pub fn stats(&self) -> ConsumerStats {
        match &self.parts {
            Parts::One(shared) => shared.snapshot(),
            Parts::Several(group) => group.stats(),
        }
    }

    /// Whether a broker is connected right now; of several topics, all their brokers.
    pub fn is_connected(&self) -> bool {
        match &self.parts {
            Parts::One(shared) => shared.is_connected(),
            Parts::Several(group) => group.is_connected(),
        }
    }

    /// Whether the consumer was closed, by itself or with its client, or unsubscribed.
    pub fn is_closed(&self) -> bool {
        match &self.parts {
            Parts::One(shared) => shared.check_open().is_err(),
            Parts::Several(group) => group.is_closed(),
        }
    }
}

impl Shared {
    /// Not subscribed yet: see [`Shared::start`].
    fn new(
        client: &Arc<ClientInner>,
        topic: TopicName,
        subscription: String,
        options: SubscribeOptions,
    ) -> Arc<Self> {
        let SubscribeOptions { config, place, create_topic, letters } = options;
        if let Some(letters) = &letters {
            letters.join();
        }
        let quota = Quota::new(&config);
        let threshold = AtomicU32::new(quota.threshold());
        Arc::new_cyclic(|me| Shared {
            id: client.next_id(),
            me: me.clone(),
            inbox: Inbox::new(topic.shared(), place.is_some(), flow::most_entries(&config)),
            place,
            create_topic,
            topic,
            subscription,
            name: config.name.clone().unwrap_or_else(random_name),
            client: client.clone(),
            keyring: config.key_source.clone().map(|source| Arc::new(Keyring::new(source))),
            asking: Mutex::default(),
            state: Mutex::new(State {
                phase: Phase::Connecting,
                connection: 0,
                acks_sent_on: 0,
                cluster: 0,
                reading: 0,
                start: Start::new(&config),
                seeking: None,
                permits_in_doubt: false,
                epoch: 0,
                quota,
                acks: Acks::default(),
                chunks: Chunks::new(&config),
                locked: Locked::default(),
                acks_due: None,
                patience: Patience::default(),
                negative_acks: NegativeAcks::default(),
                last_chances: LastChances::default(),
                unacked: config
                    .ack_timeout
                    .map(|timeout| UnackedEntries::new(timeout, config.ack_timeout_backoff)),
                alarm: None,
                counters: Counters::default(),
            }),
            notes_taken: config.ack_timeout.is_some() || letters.is_some(),
            letters,
            config,
            threshold,
            schemas: Schemas::default(),
            timers: Notify::new(),
            cut_off: Notify::new(),
            acks_answered: Notify::new(),
            moved_to: MovedTo::default(),
            closed: AtomicBool::new(false),
            acks_failed: AtomicU64::new(0),
        })
    }

    /// Subscribes; within the operation timeout.
    async fn start(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
        // Before connecting, so that closing the client finds it.
        self.client.register(self.id, self.me.clone() as _)?;
        if let Err(error) = self.client.attempt("subscribe", deadline, || self.connect(None, None)).await {
            self.abandon();
            return Err(error);
        }
        self.client.spawn(self.clone().run_timers());
        Ok(())
    }

    fn is_connected(&self) -> bool {
        matches!(&self.state.lock().phase, Phase::Ready(connection) if connection.is_open())
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(already_closed()) } else { Ok(()) }
    }

    /// The current connection, for what makes no sense without one.
    fn connected(&self) -> Result<Arc<Connection>, Error> {
        match &self.state.lock().phase {
            Phase::Ready(connection) => Ok(connection.clone()),
            _ => Err(Error::NotConnected(format!("the consumer on {} has no connection", self.topic))),
        }
    }
}

impl State {
    fn is_current(&self, connection: &Connection) -> bool {
        matches!(&self.phase, Phase::Ready(current) if current.id() == connection.id())
    }
}

fn already_closed() -> Error {
    Error::AlreadyClosed("the consumer is closed".into())
}

/// Why messages of another reading cannot be acknowledged.
fn void() -> Error {
    Error::Disconnected("the message came before a seek, or from a cluster that the client left".into())
}

/// As long as those of the other clients.
fn random_name() -> String {
    (0..10).map(|_| char::from_digit(fastrand::u32(..16), 16).unwrap_or('0')).collect()
}
