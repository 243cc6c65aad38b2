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
mod chunks;
mod close;
mod config;
mod connect;
mod counters;
mod cumulative;
mod dead_letters;
mod events;
mod inbox;
mod letters;
mod message;
mod nack;
mod receipts;
mod receive;
mod redelivery;
mod timers;

pub use ack_calls::AckTarget;
pub use config::{BatchReceivePolicy, ConsumerConfig, InitialPosition, SubscriptionType};
pub use letters::DeadLetterPolicy;
pub use message::Message;
pub use redelivery::RedeliveryBackoff;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::CommandGetLastMessageId;
use tokio::sync::Notify;

use crate::client::{ClientInner, Deadline, MovedTo};
use crate::connection::Connection;
use crate::reconnect::Reconnect;
use crate::stats::ConsumerStats;
use crate::{Error, MessageId, TopicName};
use acks::Acks;
use chunks::Chunks;
use counters::Counters;
use dead_letters::LastChances;
use inbox::Inbox;
use letters::Letters;
use receipts::Patience;
use redelivery::{NegativeAcks, UnackedEntries};

/// Receives the messages of one subscription to one topic. Dropping it closes it in the background.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
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
    inbox: Inbox,
    state: Mutex<State>,
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
    /// The broker took permits for an entry that cannot be read; nobody knows how many.
    permits_in_doubt: bool,
    /// Rises with every redelivery of everything; entries that the broker sent before are dropped.
    epoch: u64,
    acks: Acks,
    chunks: Chunks,
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
    /// Subscribes; within the operation timeout.
    pub(crate) async fn create(
        client: Arc<ClientInner>,
        topic: TopicName,
        subscription: String,
        config: ConsumerConfig,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        config.validate()?;
        let letters = Letters::new(&client, &topic, &subscription, &config)?;
        if let Some(letters) = &letters {
            letters.join();
        }
        let id = client.next_id();
        let shared = Arc::new_cyclic(|me| Shared {
            id,
            me: me.clone(),
            inbox: Inbox::new(topic.shared()),
            topic,
            subscription,
            name: config.name.clone().unwrap_or_else(random_name),
            client: client.clone(),
            state: Mutex::new(State {
                phase: Phase::Connecting,
                connection: 0,
                acks_sent_on: 0,
                cluster: 0,
                permits_in_doubt: false,
                epoch: 0,
                acks: Acks::default(),
                chunks: Chunks::new(&config),
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
            timers: Notify::new(),
            cut_off: Notify::new(),
            acks_answered: Notify::new(),
            moved_to: MovedTo::default(),
            closed: AtomicBool::new(false),
            acks_failed: AtomicU64::new(0),
        });
        // Before connecting, so that closing the client finds it.
        client.register(id, Arc::downgrade(&shared) as _)?;
        if let Err(error) = client.attempt("subscribe", deadline, || shared.connect(None)).await {
            shared.abandon();
            return Err(error);
        }
        client.spawn(shared.clone().run_timers());
        Ok(Consumer { shared })
    }

    /// The topic's full name.
    pub fn topic(&self) -> &TopicName {
        &self.shared.topic
    }

    /// Name of the subscription.
    pub fn subscription(&self) -> &str {
        &self.shared.subscription
    }

    /// Name of the consumer.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What the consumer did and is doing. It takes the consumer's locks for a moment.
    pub fn stats(&self) -> ConsumerStats {
        self.shared.snapshot()
    }

    /// Whether a broker is connected right now.
    pub fn is_connected(&self) -> bool {
        matches!(&self.shared.state.lock().phase, Phase::Ready(connection) if connection.is_open())
    }

    /// Whether the consumer was closed, by itself or with its client, or unsubscribed.
    pub fn is_closed(&self) -> bool {
        self.shared.check_open().is_err()
    }

    /// Id of the last message in the topic; [`MessageId::EARLIEST`] when it is empty.
    pub async fn last_message_id(&self) -> Result<MessageId, Error> {
        let connection = self.shared.connected()?;
        let answer = connection
            .request(|request_id| CommandGetLastMessageId { consumer_id: self.shared.id, request_id }.into())
            .await?;
        match answer {
            Command::GetLastMessageIdResponse(answer) => Ok(MessageId::from_data(&answer.last_message_id)),
            other => Err(Error::Unknown(format!("last message id answered with {:?}", other.kind()))),
        }
    }
}

impl Shared {
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

fn left_cluster() -> Error {
    Error::Disconnected("the message is in a cluster that the client left".into())
}

/// As long as those of the other clients.
fn random_name() -> String {
    (0..10).map(|_| char::from_digit(fastrand::u32(..16), 16).unwrap_or('0')).collect()
}
