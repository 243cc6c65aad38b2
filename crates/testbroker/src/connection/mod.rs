//! Client connections.

mod inbox;
mod io;
mod outbox;
mod receipts;
mod transport;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::task::Waker;
use std::time::Instant;

use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::FeatureFlags;
use pulsar_rs_wire::frame::{encode_broker_entry, encode_message_head};
use pulsar_rs_wire::hot::Message;

pub(crate) use inbox::keep;
pub(crate) use receipts::Receipts;
pub(crate) use transport::Transport;

use crate::auth::Principal;
use crate::broker::Watch;
use crate::id_map::IdMap;
use crate::subscription::Outlet;
use crate::topic::{Entry, SubscriptionId, TopicId};
use inbox::Inbox;
use outbox::Outbox;

/// Bytes that wait for a client at which it gets no more messages.
const DISPATCH_STOP: usize = 1024 * 1024;
/// Bytes that wait for a client at which nothing more is read from it, so that its answers are bounded too.
const READ_STOP: usize = 4 * DISPATCH_STOP;

/// Number of a connection, unique for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub u64);

/// A producer on a connection.
#[derive(Debug, Clone)]
pub(crate) enum ProducerState {
    /// It was asked for, and the old holder of its name is asked whether it lives.
    Pending,
    /// It waits for its turn to have the topic for itself.
    Queued { topic: TopicId, name: String },
    /// It publishes.
    Ready { topic: TopicId, name: String },
}

impl ProducerState {
    /// Topic and name, once they are settled.
    pub fn place(&self) -> Option<(TopicId, &str)> {
        match self {
            ProducerState::Pending => None,
            ProducerState::Queued { topic, name } | ProducerState::Ready { topic, name } => {
                Some((*topic, name))
            }
        }
    }
}

/// A consumer on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsumerState {
    /// It was asked for, and the old holder of the subscription is asked whether it lives.
    Pending,
    /// It consumes.
    Ready { topic: TopicId, subscription: SubscriptionId },
}

/// A request that wants what an older connection has: granted if that does not answer a ping in time.
#[derive(Debug)]
pub(crate) struct Claim {
    pub claimant: ConnectionId,
    pub command: Command,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Connection {
    transport: Transport,
    pub peer: SocketAddr,
    /// Who the client's certificate says that it is, where it has one: the common name of its subject.
    pub peer_role: Option<String>,
    inbox: Inbox,
    pub outbox: Outbox,
    pub receipts: Receipts,
    /// Wakes the task that serves the connection.
    waker: Option<Waker>,
    /// `Connect` was accepted.
    pub connected: bool,
    /// Who the client showed to be.
    pub principal: Option<Principal>,
    /// The method it showed that by.
    pub auth_method: String,
    /// It was asked to show it again.
    pub challenged: bool,
    /// What the client understands, by its word.
    pub features: FeatureFlags,
    /// Ends as soon as everything is sent.
    pub closing: bool,
    /// A subscription had more for it than it took.
    stalled: bool,
    pub last_read: Instant,
    /// A ping was sent and nothing came since.
    pub pinged: bool,
    pub claims: Vec<Claim>,
    pub producers: IdMap<u64, ProducerState>,
    pub consumers: IdMap<u64, ConsumerState>,
    /// Producers that the broker closed: the client may have sent before it learned of it.
    pub closed_producers: HashSet<u64>,
    /// Topic lists that the client watches, by the numbers that it gave them.
    pub watches: BTreeMap<u64, Watch>,
}

impl Connection {
    pub fn new(transport: Transport, peer: SocketAddr) -> Self {
        Connection {
            peer_role: transport.role(),
            transport,
            peer,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            receipts: Receipts::default(),
            waker: None,
            connected: false,
            principal: None,
            auth_method: String::new(),
            challenged: false,
            features: FeatureFlags::default(),
            closing: false,
            stalled: false,
            last_read: Instant::now(),
            pinged: false,
            claims: Vec::new(),
            producers: IdMap::default(),
            consumers: IdMap::default(),
            closed_producers: HashSet::new(),
            watches: BTreeMap::new(),
        }
    }

    /// The role of the client.
    pub fn role(&self) -> Option<&str> {
        self.principal.as_ref().map(|principal| principal.role.as_str())
    }

    /// Sends a command.
    pub fn send(&mut self, command: &Command) {
        self.outbox.push(|out| command.encode_frame(out));
        self.wake();
    }

    /// Sees to it that the connection's task runs.
    pub fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Ends the connection as the crash of a broker does: what was not sent is lost, and the client sees a
    /// reset.
    pub fn abort(self) {
        // Where this fails the client sees an orderly end instead.
        drop(self.transport.socket().set_zero_linger());
    }
}

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    map: IdMap<ConnectionId, Connection>,
    next: u64,
    /// Print what is sent and received.
    verbose: bool,
}

impl Connections {
    pub fn new(verbose: bool) -> Self {
        Connections { verbose, ..Connections::default() }
    }

    /// Prints what happens on a connection, where that is wanted.
    #[allow(clippy::print_stderr)] // this is what --verbose is for
    pub fn trace(&self, id: ConnectionId, what: impl FnOnce() -> String) {
        if self.verbose {
            eprintln!("[{}] {}", id.0, what());
        }
    }

    pub fn insert(&mut self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        self.map.insert(id, connection);
        id
    }

    pub fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.map.get_mut(&id)
    }

    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.map.get(&id)
    }

    pub fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.map.remove(&id)
    }

    pub fn ids(&self) -> Vec<ConnectionId> {
        self.map.keys().copied().collect()
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn wake_all(&mut self) {
        self.map.values_mut().for_each(Connection::wake);
    }
}

impl Outlet for Connections {
    fn takes_more(&mut self, connection: ConnectionId) -> bool {
        let Some(connection) = self.map.get_mut(&connection) else { return false };
        let takes_more = connection.outbox.len() < DISPATCH_STOP;
        connection.stalled |= !takes_more;
        takes_more
    }

    fn deliver(&mut self, connection: ConnectionId, message: &Message, entry: &Entry) {
        let payload = &entry.payload;
        self.trace(connection, || format!("< {message:?} and {} bytes", payload.len()));
        let Some(connection) = self.map.get_mut(&connection) else { return };
        let reads_stamps = connection.features.supports_broker_entry_metadata == Some(true);
        let stamp = entry.stamp.filter(|_| reads_stamps).map(|stamp| encode_broker_entry(&stamp));
        let stamp = stamp.unwrap_or_default();
        connection.outbox.push(|out| {
            encode_message_head(out, message, stamp.len() + payload.len());
            out.extend_from_slice(&stamp);
        });
        connection.outbox.push_payload(payload);
        connection.wake();
    }

    fn command(&mut self, connection: ConnectionId, command: Command) {
        self.trace(connection, || format!("< {command:?}"));
        if let Some(connection) = self.map.get_mut(&connection) {
            connection.send(&command);
        }
    }
}
