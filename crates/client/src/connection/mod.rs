//! One connection to a broker: handshake, requests, and the frames of producers and consumers.
//!
//! A connection is one task that reads, writes and keeps alive; it blocks on nothing but its socket. A thread that
//! waits for an answer may write in its place. Others
//! hand it frames through [`Outbound`] and are told of theirs through [`ProducerChannel`] and
//! [`ConsumerChannel`].

mod challenge;
mod channels;
mod handshake;
mod open;
mod outbound;
mod pool;
mod read;
mod read_memory;
mod requests;
mod socket;
mod topic_watch;
mod write;

pub(crate) use channels::{Assigned, ChannelClosed, ConsumerChannel, ProducerChannel};
pub(crate) use open::{ConnectionConfig, connect_tcp, enter};
pub(crate) use outbound::{EntryFrame, Room};
pub(crate) use pool::{Broker, Cluster, ConnectionPool};
#[cfg(feature = "tls")]
pub(crate) use socket::poll_send;
pub(crate) use topic_watch::TopicWatch;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pulsar_rs_wire::Command;
use tokio::sync::Notify;

use crate::Error;
use crate::auth::Identity;
use crate::log::Log;
use channels::Channels;
use handshake::encode_secret;
use outbound::Outbound;
use requests::Requests;

/// Why a connection ends whose commands pile up.
const DOES_NOT_READ: &str = "the broker does not read";

/// Version of the protocol since which brokers can answer acknowledgements.
const ACK_ANSWERS: i32 = 17;

/// Tells connections apart in logs and where a late event must not be taken for a new one.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

#[derive(Debug)]
pub(crate) struct Connection {
    id: u64,
    /// Number of its cluster among those that the client used.
    cluster: u64,
    /// `[local -> remote]`, the prefix of log lines.
    name: String,
    /// It speaks TLS, and so do those that the broker names.
    tls: bool,
    /// Largest message that the broker accepts, in bytes.
    max_message_size: usize,
    /// The broker tells when topics come and go, if asked to.
    has_topic_watchers: bool,
    /// Version of the protocol that the broker speaks with us.
    protocol_version: i32,
    operation_timeout: Duration,
    log: Log,
    identity: Identity,
    outbound: Outbound,
    requests: Requests,
    channels: Channels,
    /// Something came since the last look of the keep-alive.
    heard: AtomicBool,
    close_requested: Notify,
    /// Why somebody asked for the end.
    closing: OnceLock<String>,
    /// A challenge of the broker is being answered.
    answering: AtomicBool,
}

impl Connection {
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Tells connections to one cluster from those to the next: ids of messages and epochs mean nothing there.
    pub fn cluster(&self) -> u64 {
        self.cluster
    }

    pub fn max_message_size(&self) -> usize {
        self.max_message_size
    }

    /// Whether the broker answers acknowledgements when it is asked to.
    pub fn answers_acks(&self) -> bool {
        self.protocol_version >= ACK_ANSWERS
    }

    /// Number for a request whose answer goes to a producer or consumer.
    pub fn next_request_id(&self) -> u64 {
        self.requests.next_id()
    }

    pub fn is_open(&self) -> bool {
        self.channels.is_open()
    }

    /// Sends a request and waits for its answer, at most the operation timeout.
    ///
    /// `make` gets the number of the request.
    pub async fn request(&self, make: impl FnOnce(u64) -> Command) -> Result<Command, Error> {
        let mut answer = self.requests.register()?;
        self.send(&make(answer.id()));
        match tokio::time::timeout(self.operation_timeout, answer.wait()).await {
            Ok(answer) => answer,
            Err(_) if answer.is_queued() => answer.wait().await,
            Err(_) => {
                Err(Error::Timeout(format!("{} no answer within {:?}", self.name, self.operation_timeout)))
            }
        }
    }

    /// Sends a request whose answer nobody waits for.
    pub fn post(&self, make: impl FnOnce(u64) -> Command) {
        self.send(&make(self.requests.next_id()));
    }

    /// Sends a command that has no answer, or whose answer is awaited elsewhere.
    pub fn send(&self, command: &Command) {
        self.send_encoded(|out| command.encode_frame(out));
    }

    /// Sends a command that may hold secrets, whose copies are overwritten.
    fn send_secret(&self, command: Command) {
        if !self.outbound.push_secret(encode_secret(command)) {
            self.close(DOES_NOT_READ);
        }
    }

    /// Writes a frame with `encode` behind those already queued.
    pub fn send_encoded(&self, encode: impl FnOnce(&mut Vec<u8>)) {
        if !self.outbound.push_bytes(encode) {
            self.close(DOES_NOT_READ);
        }
    }

    /// Queues the frame of an entry. An `urgent` one may wait until [`Connection::write_now`] is called, which has to
    /// follow.
    pub fn send_entry(&self, producer: u64, entry: &Arc<EntryFrame>, urgent: bool) -> Room {
        self.outbound.push_entry(producer, entry, urgent)
    }

    /// Writes what is queued on this thread, as far as it goes without waiting.
    pub fn write_now(&self) {
        self.outbound.write_now();
    }

    /// From now on receipts for `id` go to `producer`.
    pub fn add_producer(&self, id: u64, producer: Arc<dyn ProducerChannel>) -> Result<(), Error> {
        self.channels.add_producer(id, producer)
    }

    pub fn remove_producer(&self, id: u64) {
        self.channels.remove_producer(id);
    }

    /// False when the broker closed the producer, or the connection ended.
    pub fn has_producer(&self, id: u64) -> bool {
        self.channels.has_producer(id)
    }

    /// From now on messages for `id` go to `consumer`.
    pub fn add_consumer(&self, id: u64, consumer: Arc<dyn ConsumerChannel>) -> Result<(), Error> {
        self.channels.add_consumer(id, consumer)
    }

    pub fn remove_consumer(&self, id: u64) {
        self.channels.remove_consumer(id);
    }

    /// False when the broker closed the consumer, or the connection ended.
    pub fn has_consumer(&self, id: u64) -> bool {
        self.channels.has_consumer(id)
    }

    /// Ends the connection; producers and consumers on it are told and connect again.
    pub fn close(&self, why: &str) {
        if self.closing.set(why.to_owned()).is_ok() {
            self.log.warn(format_args!("{} closing: {why}", self.name));
        }
        self.close_requested.notify_one();
    }

    /// Ends the connection as part of closing the client.
    pub fn shut_down(&self) {
        self.close_requested.notify_one();
    }

    /// What ended it, once the end was asked for.
    fn why_closed(&self) -> Error {
        Error::Disconnected(self.closing.get().map_or("closed by this client", String::as_str).into())
    }

    /// Tells everybody that the connection is gone.
    fn tear_down(self: &Arc<Self>, why: &Error) {
        let residents = self.channels.close(why);
        self.outbound.close();
        self.requests.close(why);
        for producer in residents.producers {
            producer.closed(self, ChannelClosed::Disconnected(why.clone()));
        }
        for consumer in residents.consumers {
            consumer.closed(self, ChannelClosed::Disconnected(why.clone()));
        }
    }

    fn mark_heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }
}
