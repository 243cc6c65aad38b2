//! Producers: from a message to its receipt.
//!
//! The sending thread writes the message into the open batch, under one short lock. A batch that is full,
//! or whose time has come, is sealed, encoded without the lock, and queued on the connection; it stays
//! pending until its receipt, over reconnects, until its timeout, or until the producer is closed.

mod close;
mod compressors;
mod config;
mod connect;
mod entry;
mod future;
mod pending;
mod receipt;
mod sink;
mod state;
mod timers;

pub use config::{BatchingConfig, ProducerConfig};
pub use future::{FutureSink, Sending};
pub use sink::{SendSink, SentEntry, Tokens};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::client::{ClientInner, Deadline};
use crate::reconnect::Reconnect;
use crate::{Error, OutgoingMessage, TopicName};
use compressors::Compressors;
use entry::Sender;
use state::{Flush, Phase, State};

/// Sends messages to one topic.
///
/// Generic over the [`SendSink`] that takes the outcomes; with [`FutureSink`] they are futures. Dropping it
/// sends what is pending and then closes the producer, in the background.
#[derive(Debug)]
pub struct Producer<S: SendSink> {
    shared: Arc<Shared<S>>,
}

/// What the call of an accepted message has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Wall clock in the metadata of its entry, milliseconds since 1970.
    pub publish_time: u64,
}

/// The producer as its tasks and its connection see it.
pub(crate) struct Shared<S: SendSink> {
    id: u64,
    topic: TopicName,
    config: ProducerConfig,
    client: Arc<ClientInner>,
    sink: S,
    compressors: Compressors,
    /// Alone on its cache lines: senders and the connection's task both write here.
    state: CachePadded<Mutex<State<S::Token>>>,
    /// Room below the pending limit.
    room: Condvar,
    timers: Notify,
    /// How often the producer was created on a broker; the broker lets a later one replace an earlier.
    epoch: AtomicU64,
}

impl<S: SendSink> std::fmt::Debug for Shared<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Producer").field("id", &self.id).field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl<S: SendSink> Producer<S> {
    /// Creates the producer on the broker; within the operation timeout.
    pub(crate) async fn create(
        client: Arc<ClientInner>,
        topic: TopicName,
        config: ProducerConfig,
        sink: S,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        config.validate()?;
        let id = client.next_id();
        let name = config.name.clone().unwrap_or_default();
        let sender = Sender { producer_id: id, producer_name: name.into() };
        let state = State::new(sender, pulsar_rs_wire::DEFAULT_MAX_MESSAGE_SIZE);
        let shared = Arc::new(Shared {
            id,
            topic,
            compressors: Compressors::new(config.compression),
            config,
            client: client.clone(),
            sink,
            state: CachePadded::new(Mutex::new(state)),
            room: Condvar::new(),
            timers: Notify::new(),
            epoch: AtomicU64::new(0),
        });
        // Before connecting, so that closing the client finds it.
        client.register(id, Arc::downgrade(&shared) as _)?;
        if let Err(error) = client.attempt("create the producer", deadline, || shared.connect(None)).await {
            shared.abandon();
            return Err(error);
        }
        client.spawn(shared.clone().run_timers());
        Ok(Producer { shared })
    }

    /// Accepts a message and returns; the outcome goes to the sink with `token`.
    ///
    /// At the limit of pending messages it waits or fails, as configured. On an error the message was not
    /// accepted and the token is not used.
    pub fn send_with(&self, message: &OutgoingMessage<'_>, token: S::Token) -> Result<Accepted, Error> {
        let shared = &*self.shared;
        let batched = shared.config.batching.is_some() && message.deliver_at.is_none();
        let single =
            if batched { None } else { Some(shared.compressors.compress(&mut message.payload.to_vec())?) };
        let mut state = shared.lock_with_room()?;
        let effects = state.accept(message, single, token, &shared.config)?;
        drop(state);
        if effects.sealed {
            shared.encode_sealed();
        }
        if effects.wake_timers {
            shared.timers.notify_one();
        }
        Ok(Accepted { publish_time: effects.publish_time })
    }

    /// Sends the open batch at once instead of at its limits.
    pub fn send_now(&self) {
        if self.shared.state.lock().seal_open(&self.shared.config) {
            self.shared.encode_sealed();
        }
    }

    /// Sends what is gathered and calls `done` when everything accepted so far has its outcome: with the
    /// last error among them, if there was one.
    ///
    /// `done` must be short and must not call the producer. When there is nothing to wait for it is not
    /// called, but given back with the result.
    pub fn flush_with<F>(&self, done: F) -> Option<(F, Result<(), Error>)>
    where
        F: FnOnce(Result<(), Error>) + Send + 'static,
    {
        self.shared.flush(done)
    }

    /// The topic's full name.
    pub fn topic(&self) -> &TopicName {
        &self.shared.topic
    }

    /// The producer's name, as configured or as the broker gave it.
    pub fn name(&self) -> Arc<str> {
        self.shared.state.lock().sender.producer_name.clone()
    }

    /// Highest sequence id that the broker stored, or -1.
    pub fn last_sequence_id(&self) -> i64 {
        self.shared.state.lock().last_published
    }

    /// Whether a broker is connected right now.
    pub fn is_connected(&self) -> bool {
        matches!(&self.shared.state.lock().phase, Phase::Ready(connection) if connection.is_open())
    }

    /// Where the outcomes go.
    pub fn sink(&self) -> &S {
        &self.shared.sink
    }
}

impl<S: SendSink> Shared<S> {
    /// Locks the state with room for one more message.
    fn lock_with_room(&self) -> Result<MutexGuard<'_, State<S::Token>>, Error> {
        let limit = self.config.max_pending_messages;
        let mut state = self.state.lock();
        loop {
            state.check_usable()?;
            if limit == 0 || state.messages < limit {
                return Ok(state);
            }
            if !self.config.block_if_queue_full {
                return Err(Error::ProducerQueueIsFull(format!("{limit} messages are pending")));
            }
            // Waiting for a batch that waits for this message would take until its delay.
            if state.seal_open(&self.config) {
                drop(state);
                self.encode_sealed();
                state = self.state.lock();
                continue;
            }
            state.blocked += 1;
            self.room.wait(&mut state);
            state.blocked -= 1;
        }
    }

    /// Encodes what is sealed, without the lock, and hands it to the connection in order.
    fn encode_sealed(&self) {
        let mut state = self.state.lock();
        while let Some((number, sealed)) = state.pending.claim() {
            let (sender, max_message_size) = (state.sender.clone(), state.max_message_size);
            drop(state);
            let mut spare = Vec::new();
            let frame = sender.encode(sealed, &self.compressors, max_message_size, &mut spare);
            state = self.state.lock();
            state.keep_buffer(spare);
            let is_refused = frame.is_err();
            state.pending.encoded(number, frame);
            state.pump();
            if is_refused {
                self.complete_refused(&mut state);
            }
        }
    }

    fn flush<F>(&self, done: F) -> Option<(F, Result<(), Error>)>
    where
        F: FnOnce(Result<(), Error>) + Send + 'static,
    {
        let mut state = self.state.lock();
        if let Err(error) = state.check_usable() {
            return Some((done, Err(error)));
        }
        let sealed = state.seal_open(&self.config);
        if state.pending.front().is_none() {
            return Some((done, Ok(())));
        }
        let until = state.pending.next_number();
        state.flushes.push(Flush { until, result: Ok(()), done: Box::new(done) });
        drop(state);
        if sealed {
            self.encode_sealed();
        }
        None
    }

    fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::Relaxed)
    }
}
