//! The producer of one topic or partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex, MutexGuard};
use pulsar_rs_wire::DEFAULT_MAX_MESSAGE_SIZE;
use pulsar_rs_wire::compression::MAX_RESTORED;
use tokio::sync::Notify;

use super::Accepted;
use super::compressors::{Body, Compressors};
use super::config::ProducerConfig;
use super::entry::{Sender, Work, too_big};
use super::routing::Router;
use super::sink::SendSink;
use super::state::{Effects, Flush, Phase, State};
use crate::client::{ClientInner, Deadline, MovedTo};
use crate::crypto::Sealer;
use crate::reconnect::{self, Reconnect};
use crate::{Error, OutgoingMessage, TopicName};

/// What a message may take beside what it has: numbers and the name of its producer, in bytes.
const METADATA_MARGIN: usize = 1024;

/// What each property, and each cluster, takes beside its text, in bytes.
const ITEM_MARGIN: usize = 16;

/// The producer as its tasks and its connection see it.
pub(super) struct Shared<S: SendSink> {
    pub(super) id: u64,
    pub(super) topic: TopicName,
    pub(super) config: ProducerConfig,
    pub(super) client: Arc<ClientInner>,
    pub(super) sink: Arc<S>,
    pub(super) compressors: Compressors,
    pub(super) sealer: Option<Arc<Sealer>>,
    /// Alone on its cache lines: senders and the connection's task both write here.
    pub(super) state: CachePadded<Mutex<State<S::Token>>>,
    /// Room below the pending limit.
    pub(super) room: Condvar,
    pub(super) timers: Notify,
    /// It is closed: whoever waits for a broker need not.
    pub(super) over: Notify,
    /// The broker's, or the one that brokers have by default, for a look without the lock.
    pub(super) max_message_size: AtomicUsize,
    /// The broker closed it before it was created there.
    pub(super) cut_off: Notify,
    pub(super) moved_to: MovedTo,
    /// How often the producer was created on a broker; the broker lets a later one replace an earlier.
    pub(super) epoch: AtomicU64,
    /// It is created on a broker, or tries to be.
    started: AtomicBool,
}

impl<S: SendSink> std::fmt::Debug for Shared<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Producer").field("id", &self.id).field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl<S: SendSink> Shared<S> {
    /// A producer that is not on a broker yet; `place` is that of a partition.
    pub fn new(
        client: &Arc<ClientInner>,
        topic: TopicName,
        config: ProducerConfig,
        sink: Arc<S>,
        place: Option<(Arc<Router>, usize)>,
    ) -> Result<Arc<Self>, Error> {
        let id = client.next_id();
        let name = config.name.clone().unwrap_or_default();
        let sender = Sender { producer_id: id, producer_name: name.into(), schema_version: None };
        let sealer = config.encryption.clone().map(|encryption| Arc::new(Sealer::new(encryption)));
        let mut state = State::new(sender, DEFAULT_MAX_MESSAGE_SIZE, &config, sealer.clone());
        state.router = place;
        let shared = Arc::new(Shared {
            id,
            topic,
            compressors: Compressors::new(config.compression),
            sealer,
            config,
            client: client.clone(),
            sink,
            state: CachePadded::new(Mutex::new(state)),
            room: Condvar::new(),
            timers: Notify::new(),
            over: Notify::new(),
            cut_off: Notify::new(),
            moved_to: MovedTo::default(),
            max_message_size: AtomicUsize::new(DEFAULT_MAX_MESSAGE_SIZE),
            epoch: AtomicU64::new(0),
            started: AtomicBool::new(false),
        });
        // Before connecting, so that closing the client finds it.
        client.register(id, Arc::downgrade(&shared) as _)?;
        Ok(shared)
    }

    /// Creates it on the broker.
    pub async fn start(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
        self.started.store(true, Ordering::Relaxed);
        if let Err(error) =
            self.client.attempt("create the producer", deadline, || self.connect(None, None)).await
        {
            self.abandon();
            return Err(error);
        }
        self.client.spawn(self.clone().run_timers());
        Ok(())
    }

    /// Creates it on the broker in the background, unless that was begun. What is sent meanwhile waits.
    #[inline]
    pub fn start_lazily(self: &Arc<Self>) {
        if !self.is_started() && !self.is_closed() && !self.started.swap(true, Ordering::Relaxed) {
            self.client.spawn(self.clone().run_timers());
            self.client.spawn(reconnect::connect(self.clone()));
        }
    }

    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// Accepts a message and returns; see [`super::Producer::send_with`].
    pub fn send(&self, message: &OutgoingMessage<'_>, token: S::Token) -> Result<Accepted, Error> {
        let single = self.single(message)?;
        let mut state = self.lock_with_room(message)?;
        let effects = self.accept(&mut state, message, single, token)?;
        drop(state);
        if effects.sealed {
            self.encode_sealed();
        }
        if effects.wake_timers {
            self.timers.notify_one();
        }
        Ok(Accepted { publish_time: effects.publish_time })
    }

    /// Accepts a message and sends it, with all that is gathered, before it returns if possible.
    pub fn send_at_once(&self, message: &OutgoingMessage<'_>, token: S::Token) -> Result<Accepted, Error> {
        let single = self.single(message)?;
        let mut state = self.lock_with_room(message)?;
        let effects = self.accept(&mut state, message, single, token)?;
        state.seal_open(&self.config);
        let wake_timers = state.timeout_is_before_alarm();
        drop(state);
        self.encode_and_hand_over(true);
        if wake_timers {
            self.timers.notify_one();
        }
        Ok(Accepted { publish_time: effects.publish_time })
    }

    /// The payload of a message that is not batched, as it travels; made ready before the lock is taken.
    #[inline]
    fn single(&self, message: &OutgoingMessage<'_>) -> Result<Option<Body>, Error> {
        if let Some(sealer) = self.sealer.as_ref().filter(|_| self.config.chunking) {
            // Only with the keys it is known how much room they take in each chunk.
            sealer.prepare(self.client.log());
        }
        self.single_if_known(message)
    }

    /// The same without asking the program for keys: chunks leave as much room for them as they usually take.
    #[inline]
    pub(super) fn single_if_known(&self, message: &OutgoingMessage<'_>) -> Result<Option<Body>, Error> {
        if self.is_batched(message) { Ok(None) } else { self.single_body(message).map(Some) }
    }

    fn single_body(&self, message: &OutgoingMessage<'_>) -> Result<Body, Error> {
        let size = message.payload.len();
        if size > MAX_RESTORED {
            return Err(too_big(size, MAX_RESTORED));
        }
        self.compressors.compress(&mut message.payload.to_vec())
    }

    /// Accepts several under one lock, which is let go for each batch that is complete.
    pub fn send_many<'a>(
        &self,
        mut messages: impl Iterator<Item = (OutgoingMessage<'a>, S::Token)>,
    ) -> Result<usize, (usize, Error)> {
        let mut accepted = 0;
        let mut locked: Option<MutexGuard<'_, State<S::Token>>> = None;
        let mut next = messages.next();
        while let Some((message, token)) = next.take() {
            let failed = |error| (accepted, error);
            if !self.is_batched(&message) {
                locked = None;
                self.send(&message, token).map_err(failed)?;
                accepted += 1;
                next = messages.next();
                continue;
            }
            let mut state = match locked.take().filter(|state| self.takes_another(state, &message)) {
                Some(state) => state,
                None => self.lock_with_room(&message).map_err(failed)?,
            };
            let mut effects = self.accept(&mut state, &message, None, token).map_err(failed)?;
            accepted += 1;
            // At once: what follows may wait for what only the timers bring about.
            if effects.wake_timers {
                self.timers.notify_one();
            }
            if !effects.sealed {
                let takes_memory = |bytes| self.client.memory.try_take(bytes).is_ok();
                let run = state.accept_run(&mut messages, &self.config, takes_memory);
                accepted += run.accepted;
                next = run.next;
                effects.sealed = run.sealed;
            }
            if effects.sealed {
                drop(state);
                self.encode_sealed();
            } else {
                locked = Some(state);
            }
            if next.is_none() {
                next = messages.next();
            }
        }
        Ok(accepted)
    }

    /// Takes the memory of one more message, if there is room.
    #[inline]
    fn takes_another(&self, state: &State<S::Token>, message: &OutgoingMessage<'_>) -> bool {
        self.has_room(state) && self.client.memory.try_take(message.memory()).is_ok()
    }

    #[inline]
    fn is_batched(&self, message: &OutgoingMessage<'_>) -> bool {
        self.config.batching.is_some() && message.deliver_at.is_none() && !self.may_need_chunks(message)
    }

    /// Whether a message may be larger than the broker takes: if so it is sent alone, in chunks if it must be.
    #[inline]
    fn may_need_chunks(&self, message: &OutgoingMessage<'_>) -> bool {
        let size = || {
            let clusters: usize = message.replicate_to.iter().map(Vec::len).sum();
            let items = message.properties.len() + message.replicate_to.len();
            let name = self.config.name.as_ref().map_or(0, String::len);
            // Keys stand with the message and with its batch.
            let sealed = self.sealer.as_ref().map_or(0, |sealer| sealer.overhead());
            let metadata = message.key_bytes() + clusters + items * ITEM_MARGIN + name + METADATA_MARGIN;
            message.memory() + metadata + sealed
        };
        self.config.chunking && size() > self.max_message_size.load(Ordering::Relaxed)
    }

    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    pub fn name(&self) -> Arc<str> {
        self.state.lock().sender.producer_name.clone()
    }

    pub fn last_sequence_id(&self) -> i64 {
        self.state.lock().last_published
    }

    pub fn is_connected(&self) -> bool {
        matches!(&self.state.lock().phase, Phase::Ready(connection) if connection.is_open())
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Closed)
    }

    pub fn sink(&self) -> &S {
        &self.sink
    }

    fn has_room(&self, state: &State<S::Token>) -> bool {
        let limit = self.config.max_pending_messages;
        limit == 0 || state.messages < limit
    }

    /// Accepts a message for which there is room; an error gives its memory back.
    #[inline]
    fn accept(
        &self,
        state: &mut State<S::Token>,
        message: &OutgoingMessage<'_>,
        single: Option<Body>,
        token: S::Token,
    ) -> Result<Effects, Error> {
        if !state.was_connected {
            return Ok(state.stage(message, token, &self.config));
        }
        let accepted = state.accept(message, single, token, &self.config);
        if accepted.is_err() {
            self.client.memory.give_back(message.memory());
        }
        accepted
    }

    /// Locks the state with room for one more message, whose memory is taken.
    #[inline]
    fn lock_with_room(
        &self,
        message: &OutgoingMessage<'_>,
    ) -> Result<MutexGuard<'_, State<S::Token>>, Error> {
        let state = self.state.lock();
        if state.is_usable() && self.takes_another(&state, message) {
            return Ok(state);
        }
        self.wait_for_room(state, message)
    }

    #[cold]
    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<S::Token>>,
        message: &OutgoingMessage<'_>,
    ) -> Result<MutexGuard<'a, State<S::Token>>, Error> {
        loop {
            state.check_usable()?;
            let has_room = self.has_room(&state);
            let full = if has_room {
                match self.client.memory.try_take(message.memory()) {
                    Ok(()) => return Ok(state),
                    Err(full) => full,
                }
            } else {
                let limit = self.config.max_pending_messages;
                Error::ProducerQueueIsFull(format!("{limit} messages are pending"))
            };
            if !self.config.block_if_queue_full {
                state.counters.refused();
                return Err(full);
            }
            // Waiting for a batch that waits for this message would take until its delay.
            if state.seal_open(&self.config) {
                drop(state);
                self.encode_sealed();
                state = self.state.lock();
                continue;
            }
            if has_room {
                drop(state);
                self.client.memory.wait(|| !self.is_over());
                state = self.state.lock();
                continue;
            }
            state.blocked += 1;
            self.room.wait(&mut state);
            state.blocked -= 1;
        }
    }

    /// Like [`Shared::encode_sealed`], for tasks: these run on the connection's thread too, and compressing, encrypting, and
    /// asking the program for keys would hold it up.
    pub(super) fn encode_in_background(self: &Arc<Self>) {
        if self.compressors.is_some() || self.sealer.is_some() {
            let shared = self.clone();
            let work = move || shared.encode_sealed();
            match self.sealer.as_ref().and_then(|sealer| sealer.has_to_ask()) {
                Some(source) => source.spawn(&self.client, work),
                None => self.client.spawn_blocking(work),
            }
        } else {
            self.encode_sealed();
        }
    }

    /// Encodes what is sealed, without the lock, and hands it to the connection in order.
    pub(super) fn encode_sealed(&self) {
        self.encode_and_hand_over(false);
    }

    /// What is `urgent` is written by this thread, if the connection has nothing else to do: somebody waits for it,
    /// and waking the connection's thread takes longer.
    fn encode_and_hand_over(&self, urgent: bool) {
        let sealer = self.sealer.as_deref();
        let work = Work { compressors: &self.compressors, sealer, log: self.client.log() };
        let mut state = self.state.lock();
        while let Some((number, sealed)) = state.pending.claim() {
            let (sender, max_message_size) = (state.sender.clone(), state.max_message_size);
            drop(state);
            let mut spare = Vec::new();
            let frame = sender.encode(sealed, &work, max_message_size, &mut spare);
            state = self.state.lock();
            state.keep_buffer(spare);
            state.fit_encryption(&self.config);
            let is_refused = frame.is_err();
            state.counters.encoded(frame.as_ref().map_or(0, |frame| frame.body.len()));
            state.pending.encoded(number, frame);
            state.pump(urgent);
            if is_refused {
                self.complete_refused(&mut state);
            }
        }
        if urgent && let Phase::Ready(connection) = &state.phase {
            let connection = connection.clone();
            drop(state);
            connection.write_now();
        }
    }

    /// See [`super::Producer::send_gathered`].
    pub fn send_gathered(&self) {
        if self.state.lock().seal_open(&self.config) {
            self.encode_and_hand_over(true);
        }
    }

    /// See [`super::Producer::flush_with`].
    pub fn flush<F>(&self, done: F) -> Option<(F, Result<(), Error>)>
    where
        F: FnOnce(Result<(), Error>) + Send + 'static,
    {
        let mut state = self.state.lock();
        if let Err(error) = state.check_usable() {
            return Some((done, Err(error)));
        }
        let sealed = state.seal_open(&self.config);
        if state.pending.front().is_none() && state.staged.is_empty() {
            return Some((done, Ok(())));
        }
        let until = if state.staged.is_empty() { state.pending.next_number() } else { u64::MAX };
        state.flushes.push(Flush { until, result: Ok(()), done: Box::new(done) });
        drop(state);
        if sealed {
            self.encode_sealed();
        }
        None
    }

    pub(super) fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::Relaxed)
    }
}
