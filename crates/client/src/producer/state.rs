//! What the producer's one lock guards.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use pulsar_rs_wire::batch::BatchMessage;
use pulsar_rs_wire::metadata::Metadata;

use super::chunks::{Chunk, ChunkOutcomes, Chunks};
use super::compressors::Body;
use super::config::ProducerConfig;
use super::counters::Counters;
use super::entry::{Content, SealedEntry, Sender, too_big};
use super::heading::Heading;
use super::open::{BatchLimits, OpenBatch, OpenBatches};
use super::pending::{Pending, PendingQueue};
use super::routing::Router;
use super::sink::{Token, Tokens};
use super::staged::Staged;
use crate::connection::{Connection, Room};
use crate::crypto::Sealer;
use crate::{Error, OutgoingMessage};

/// Buffers of sent batches that are kept for new ones. More than a few are never free at once while sends
/// and receipts keep pace.
const SPARE_BUFFERS: usize = 8;

/// Where a producer is in its life.
#[derive(Debug)]
pub(super) enum Phase {
    /// Created, or cut off: what is sent waits.
    Connecting,
    Ready(Arc<Connection>),
    /// The broker refuses the producer for good.
    Failed(Error),
    Closed,
}

/// Called when everything that was pending has its outcome. Short, and must not call the producer.
pub(super) type FlushDone = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// Somebody waits until all entries below a number have left.
pub(super) struct Flush {
    pub until: u64,
    pub result: Result<(), Error>,
    pub done: FlushDone,
}

pub(super) struct State<T> {
    pub phase: Phase,
    /// A broker had the producer at least once: name and sequence ids are known.
    pub was_connected: bool,
    pub open: OpenBatches<T>,
    pub pending: PendingQueue<T>,
    pub sender: Sender,
    pub max_message_size: usize,
    limits: BatchLimits,
    /// What encrypts entries, if something does.
    sealer: Option<Arc<Sealer>>,
    /// Messages accepted and not completed.
    pub messages: usize,
    pub next_sequence_id: u64,
    /// The broker's number for this producer's right to an exclusive topic.
    pub topic_epoch: Option<u64>,
    /// The cluster it is from, as the client counts them.
    pub cluster: u64,
    /// Highest sequence id that the broker stored, or -1.
    pub last_published: i64,
    /// Threads that wait for room.
    pub blocked: usize,
    pub flushes: Vec<Flush>,
    pub chunks: ChunkOutcomes,
    /// Of a partition: who is told when a batch is complete, and its number.
    pub router: Option<(Arc<Router>, usize)>,
    /// What came before the producer was ever on a broker.
    pub staged: VecDeque<Staged<T>>,
    /// When the timers look next; absent: they sleep until woken.
    pub alarm: Option<Instant>,
    pub counters: Counters,
    spare: Vec<Vec<u8>>,
    /// Tokens of the last batch, the best guess for the next.
    expected_tokens: usize,
}

/// How a message goes into a batch.
#[derive(Debug, Clone, Copy)]
struct BatchKind {
    limits: BatchLimits,
    by_key: bool,
    /// It needs the metadata of an entry for itself.
    alone: bool,
}

/// What [`State::accept_run`] came to.
pub(super) struct Run<'a, T> {
    pub accepted: usize,
    /// A message that was taken from the iterator and cannot go the short way.
    pub next: Option<(OutgoingMessage<'a>, T)>,
    /// The batch is full, and waits to be encoded.
    pub sealed: bool,
}

/// What the caller has to do once the lock is released.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Effects {
    /// Something was sealed and waits to be encoded.
    pub sealed: bool,
    /// The timers sleep longer than they may.
    pub wake_timers: bool,
    /// Wall clock of the entry that took the message, milliseconds since 1970.
    pub publish_time: u64,
}

impl<T: Token> State<T> {
    pub fn new(
        sender: Sender,
        max_message_size: usize,
        config: &ProducerConfig,
        sealer: Option<Arc<Sealer>>,
    ) -> Self {
        let sealed = sealer.as_ref().map_or(0, |sealer| sealer.overhead());
        State {
            limits: BatchLimits::new(max_message_size, &sender, config, sealed),
            sealer,
            phase: Phase::Connecting,
            was_connected: false,
            open: OpenBatches::default(),
            pending: PendingQueue::default(),
            sender,
            max_message_size,
            messages: 0,
            next_sequence_id: 0,
            topic_epoch: None,
            cluster: 0,
            last_published: -1,
            blocked: 0,
            flushes: Vec::new(),
            chunks: ChunkOutcomes::default(),
            router: None,
            staged: VecDeque::new(),
            alarm: None,
            counters: Counters::default(),
            spare: Vec::new(),
            expected_tokens: 0,
        }
    }

    /// Whether something can be sent.
    #[inline]
    pub fn is_usable(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Ready(_))
    }

    /// Why nothing can be sent, if so.
    pub fn check_usable(&self) -> Result<(), Error> {
        match &self.phase {
            Phase::Connecting | Phase::Ready(_) => Ok(()),
            Phase::Failed(error) => Err(error.clone()),
            Phase::Closed => Err(Error::AlreadyClosed("the producer is closed".into())),
        }
    }

    /// Takes a message; from here on its token gets an outcome, exactly once.
    ///
    /// `single` is the payload of a message that is not batched, made ready before the lock was taken.
    pub fn accept(
        &mut self,
        message: &OutgoingMessage<'_>,
        single: Option<Body>,
        token: T,
        config: &ProducerConfig,
    ) -> Result<Effects, Error> {
        let sequence_id = message.sequence_id.unwrap_or(self.next_sequence_id);
        if message.sequence_id.is_none() {
            // Also a message that is refused below uses its number up, as in the C++ client.
            self.next_sequence_id += 1;
        }
        let batching = match (&config.batching, single) {
            (Some(batching), None) => batching,
            (_, single) => {
                return self.add_single(message, sequence_id, single.unwrap_or_default(), token, config);
            }
        };
        let by_key = batching.by_key;
        if message.is_plain() {
            let kind = BatchKind { limits: self.limits, by_key, alone: false };
            let prepared = message.prepare_plain(sequence_id)?;
            self.add_to_batch(message, sequence_id, &prepared, kind, token, config)
        } else {
            let kind =
                BatchKind { limits: self.limits_for(message), by_key, alone: Heading::is_alone(message) };
            let prepared = message.prepare(sequence_id)?;
            self.add_to_batch(message, sequence_id, &prepared, kind, token, config)
        }
    }

    /// Takes messages for the open batch as long as they are plain, get their sequence ids here, and fit: the short way
    /// for many at once.
    pub fn accept_run<'a>(
        &mut self,
        messages: &mut impl Iterator<Item = (OutgoingMessage<'a>, T)>,
        config: &ProducerConfig,
        takes_memory: impl Fn(usize) -> bool,
    ) -> Run<'a, T> {
        let mut run = Run { accepted: 0, next: None, sealed: false };
        let pending = if config.max_pending_messages == 0 { usize::MAX } else { config.max_pending_messages };
        let mut room = pending.saturating_sub(self.messages);
        let limits = self.limits;
        let Some(mut batch) = self.open.extend() else {
            return run;
        };
        for (message, token) in messages {
            let prepared = Some(&message)
                .filter(|message| room > 0 && message.is_plain() && message.deliver_at.is_none())
                .filter(|message| message.sequence_id.is_none())
                .and_then(|message| message.prepare_plain(self.next_sequence_id).ok())
                .filter(|plain| {
                    let size = plain.size();
                    size <= limits.message && batch.may_take(self.next_sequence_id, size, limits)
                })
                .filter(|_| takes_memory(message.payload.len()));
            let Some(plain) = prepared else {
                run.next = Some((message, token));
                break;
            };
            batch.push(&plain, self.next_sequence_id, message.payload.len(), token);
            self.next_sequence_id += 1;
            run.accepted += 1;
            room -= 1;
            if batch.is_full(limits) {
                run.sealed = true;
                break;
            }
        }
        self.messages += run.accepted;
        if run.sealed {
            self.seal_open(config);
        }
        run
    }

    /// Keeps a message until the producer is on a broker for the first time.
    pub fn stage(&mut self, message: &OutgoingMessage<'_>, token: T, config: &ProducerConfig) -> Effects {
        let deadline = config.send_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        self.staged.push_back(Staged::new(message, token, deadline));
        self.messages += 1;
        let wake_timers = self.alarm_is_later_than(deadline);
        Effects { sealed: false, wake_timers, publish_time: wall_clock() }
    }

    /// Flushes that wait for staged messages wait for entries once there are none.
    pub fn settle_flushes(&mut self) {
        if self.staged.is_empty() {
            let next = self.pending.next_number();
            for flush in &mut self.flushes {
                flush.until = flush.until.min(next);
            }
        }
    }

    /// Adds a message to the open batch, or to a new one. `alone`: it needs the metadata of an entry for itself.
    /// The limits are those of [`BatchLimits`].
    #[inline]
    fn add_to_batch(
        &mut self,
        message: &OutgoingMessage<'_>,
        sequence_id: u64,
        prepared: &impl BatchMessage,
        kind: BatchKind,
        token: T,
        config: &ProducerConfig,
    ) -> Result<Effects, Error> {
        let (size, BatchKind { limits, by_key, alone }) = (prepared.size(), kind);
        if size > limits.message {
            return Err(too_big(message.payload.len(), limits.message));
        }
        let mut effects = Effects::default();
        if !self.open.is_empty()
            && (alone || !self.open.may_take(message, sequence_id, size, limits.batch, by_key))
        {
            effects.sealed = self.seal_open(config);
        }
        let is_first = self.open.is_empty();
        let (spare, expected_tokens) = (&mut self.spare, self.expected_tokens);
        let batch = self.open.batch_for(message, by_key, || OpenBatch {
            body: spare.pop().unwrap_or_default(),
            tokens: Vec::with_capacity(expected_tokens),
            messages: 0,
            payload: 0,
            memory: 0,
            first_sequence_id: sequence_id,
            highest_sequence_id: sequence_id,
            opened_at: Instant::now(),
            publish_time: wall_clock(),
            heading: Heading::of(message),
        });
        prepared.append_to(&mut batch.body);
        batch.messages += 1;
        batch.memory += message.memory();
        batch.payload += message.payload.len();
        batch.highest_sequence_id = sequence_id;
        batch.add_token(token);
        effects.publish_time = batch.publish_time;
        let heading = if batch.messages == 1 { message.key_bytes() } else { 0 };
        self.open.count(sequence_id, size + heading);
        self.messages += 1;
        if is_first {
            effects.wake_timers = self.alarm_is_later_than_batch(config);
        }
        if alone || self.open.is_full(limits) {
            effects.sealed |= self.seal_open(config);
        }
        Ok(effects)
    }

    #[cold]
    fn alarm_is_later_than_batch(&self, config: &ProducerConfig) -> bool {
        let due = config.batching.as_ref().and_then(|batching| self.open.due(batching, config));
        self.alarm_is_later_than(due)
    }

    /// The limits for batches with a message that is not plain: its keys and clusters stand in the entry's metadata as
    /// well.
    fn limits_for(&self, message: &OutgoingMessage<'_>) -> BatchLimits {
        let clusters: usize = message.replicate_to.iter().map(|cluster| cluster.len() + 16).sum();
        self.limits.less(clusters + message.key_bytes())
    }

    /// What the broker takes at most, in bytes.
    pub fn set_max_message_size(&mut self, size: usize, config: &ProducerConfig) {
        self.max_message_size = size;
        self.limits = BatchLimits::new(size, &self.sender, config, self.overhead());
    }

    /// After an entry was encrypted it is known how much larger that makes the next.
    pub fn fit_encryption(&mut self, config: &ProducerConfig) {
        if self.limits.sealed != self.overhead() {
            self.set_max_message_size(self.max_message_size, config);
        }
    }

    /// Bytes by which encryption makes an entry larger.
    fn overhead(&self) -> usize {
        self.sealer.as_ref().map_or(0, |sealer| sealer.overhead())
    }

    /// When the first message times out that waits for a broker or a receipt.
    pub fn first_deadline(&self) -> Option<Instant> {
        let pending = self.pending.front().and_then(|front| front.deadline);
        let staged = self.staged.front().and_then(|staged| staged.deadline);
        pending.into_iter().chain(staged).min()
    }

    /// Whether the timers sleep longer than that.
    pub fn timeout_is_before_alarm(&self) -> bool {
        self.alarm_is_later_than(self.first_deadline())
    }

    /// Whether the timers sleep longer than until `due`.
    fn alarm_is_later_than(&self, due: Option<Instant>) -> bool {
        due.is_some_and(|due| self.alarm.is_none_or(|alarm| alarm > due))
    }

    fn add_single(
        &mut self,
        message: &OutgoingMessage<'_>,
        sequence_id: u64,
        body: Body,
        token: T,
        config: &ProducerConfig,
    ) -> Result<Effects, Error> {
        let publish_time = wall_clock();
        let mut metadata = self.sender.single_metadata(message, sequence_id, publish_time, &body);
        if self.sealer.is_some() {
            // Compressed or not: pulsar-client-go returns what is encrypted as it is when the size is not there.
            metadata.uncompressed_size = Some(body.uncompressed_size);
        }
        let overhead = self.overhead();
        let fits = metadata.encoded_len() + body.bytes.len() + overhead <= self.max_message_size;
        let mut parts = Vec::new();
        let begin = |metadata: &Metadata<'_>, body| match &self.sealer {
            None => self.sender.begin_single(metadata, body),
            Some(_) => self.sender.begin_sealed(metadata, body),
        };
        if fits {
            parts.push((None, begin(&metadata, body.bytes)));
        } else if config.chunking {
            let uuid = format!("{}-{sequence_id}", self.sender.producer_name);
            let room = self.max_message_size.saturating_sub(overhead);
            for (chunk, metadata, part) in Chunks::new(&metadata, &uuid, body.bytes, room)? {
                parts.push((Some(chunk), begin(&metadata, part)));
            }
        } else {
            return Err(too_big(body.bytes.len(), self.max_message_size));
        }
        // What was sent before goes before.
        if !self.seal_open(config)
            && let Some((router, partition)) = &self.router
        {
            router.pass_on(*partition);
        }
        let accepted_at = Instant::now();
        let deadline = config.send_timeout.and_then(|timeout| accepted_at.checked_add(timeout));
        for (chunk, content) in parts {
            let sealed = SealedEntry {
                content,
                first_sequence_id: sequence_id,
                highest_sequence_id: sequence_id,
                accepted_at,
                publish_time,
            };
            let mut pending = if chunk.is_none_or(Chunk::is_last) {
                Pending::new(sealed, Tokens::One(token), 0, message.memory(), deadline)
            } else {
                Pending::new(sealed, Tokens::Batch(Vec::new()), 0, 0, deadline)
            };
            pending.chunk = chunk;
            let payload = if pending.messages() > 0 { message.payload.len() } else { 0 };
            self.counters.sealed(&pending, payload, payload);
            self.pending.push(pending);
        }
        self.messages += 1;
        let wake_timers = self.alarm_is_later_than(deadline);
        Ok(Effects { sealed: true, wake_timers, publish_time })
    }

    /// Closes the open batches and queues them; false when there is none.
    pub fn seal_open(&mut self, config: &ProducerConfig) -> bool {
        if self.open.is_empty() {
            return false;
        }
        if let Some((router, partition)) = &self.router {
            router.pass_on(*partition);
        }
        let deadline = self.open.deadline(config);
        for open in self.open.take() {
            let body = open.body.len();
            self.expected_tokens = open.tokens.len();
            // A batch holds no more messages than an i32 counts: its limits are far below.
            let messages = i32::try_from(open.messages).unwrap_or(i32::MAX);
            let sealed = SealedEntry {
                content: Content::Batch { body: open.body, messages, heading: open.heading },
                first_sequence_id: open.first_sequence_id,
                highest_sequence_id: open.highest_sequence_id,
                accepted_at: open.opened_at,
                publish_time: open.publish_time,
            };
            let tokens = Tokens::Batch(open.tokens);
            let pending = Pending::new(sealed, tokens, messages, open.memory, deadline);
            self.counters.sealed(&pending, open.payload, body);
            self.pending.push(pending);
        }
        true
    }

    /// Hands the connection all that is ready and that it has room for, in order. What is `urgent` may wait for
    /// [`Connection::write_now`].
    pub fn pump(&mut self, urgent: bool) {
        if let Phase::Ready(connection) = &self.phase {
            while let Some(frame) = self.pending.next_to_send() {
                if connection.send_entry(self.sender.producer_id, frame, urgent) == Room::Full {
                    break;
                }
                self.pending.mark_sent();
            }
        }
    }

    /// Keeps the buffer of a sent batch for the next.
    pub fn recycle(&mut self, pending: &mut Pending<T>) {
        if pending.batch_size > 0
            && let Some(body) = pending.take_body()
        {
            self.keep_buffer(body);
        }
    }

    /// Keeps a buffer for a batch to come, if it has memory and there are not enough.
    pub fn keep_buffer(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > 0 && self.spare.len() < SPARE_BUFFERS {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Nothing is under way: keep no memory for it.
    pub fn release_buffers(&mut self) {
        self.spare = Vec::new();
    }
}

/// Milliseconds since 1970; 0 on a machine whose clock is before that.
fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
