//! Batches that take messages: one, or with batching by key one for each key.

use std::collections::HashMap;
use std::time::Instant;

use pulsar_rs_wire::batch::{BatchMessage, Plain};
use pulsar_rs_wire::compression::MAX_RESTORED;

use super::config::{BatchingConfig, ProducerConfig};
use super::entry::Sender;
use super::heading::Heading;
use super::sink::Token;
use crate::OutgoingMessage;

/// A batch that takes messages.
#[derive(Debug)]
pub(super) struct OpenBatch<T> {
    pub body: Vec<u8>,
    pub tokens: Vec<T>,
    /// Messages in it; a token may stand for several.
    pub messages: usize,
    /// Bytes of their payloads.
    pub payload: usize,
    /// What they count against the client's memory limit, in bytes.
    pub memory: usize,
    pub first_sequence_id: u64,
    pub highest_sequence_id: u64,
    /// When the first message came.
    pub opened_at: Instant,
    /// Wall clock at that moment, milliseconds since 1970.
    pub publish_time: u64,
    pub heading: Heading,
}

/// What fits into batches; all but `messages` in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimits {
    /// What the broker takes, without the metadata of the entry.
    broker: usize,
    /// Largest single message.
    pub message: usize,
    /// All messages of a batch.
    pub batch: usize,
    /// Messages in a batch.
    pub messages: usize,
    /// By so much encryption is taken to make an entry larger.
    pub sealed: usize,
}

/// What entry metadata takes at most beside names: a dozen numbers with their keys.
const METADATA_NUMBERS: usize = 128;

impl BatchLimits {
    /// `sealed`: bytes by which encryption makes an entry larger.
    pub fn new(max_message_size: usize, sender: &Sender, config: &ProducerConfig, sealed: usize) -> Self {
        let batching = config.batching.as_ref();
        let max_bytes = batching.map_or(0, |batching| batching.max_bytes);
        BatchLimits {
            broker: max_message_size,
            // What can be compressed may be larger: its size is known when that is done. It is sent alone.
            message: if config.compression.is_some() { MAX_RESTORED } else { max_message_size },
            batch: if max_bytes == 0 { max_message_size } else { max_bytes },
            messages: batching.map_or(1, |batching| batching.max_messages),
            sealed,
        }
        .less(sender.producer_name.len() + METADATA_NUMBERS + sealed)
    }

    /// With so many bytes more of metadata.
    pub fn less(self, metadata: usize) -> Self {
        let broker = self.broker.saturating_sub(metadata);
        BatchLimits {
            broker,
            message: if self.message > self.broker { self.message } else { broker },
            batch: self.batch.min(broker),
            messages: self.messages,
            sealed: self.sealed,
        }
    }
}

/// The batches that take messages. The limits count for all of them together, and they are sealed together.
#[derive(Debug)]
pub(super) struct OpenBatches<T> {
    /// In the order of their first messages.
    batches: Vec<OpenBatch<T>>,
    /// With batching by key: where each key's batch is.
    by_key: HashMap<Box<[u8]>, usize>,
    messages: usize,
    bytes: usize,
    highest_sequence_id: u64,
    /// The program gave the sequence ids.
    ids_are_given: bool,
}

impl<T> Default for OpenBatches<T> {
    fn default() -> Self {
        OpenBatches {
            batches: Vec::new(),
            by_key: HashMap::new(),
            messages: 0,
            bytes: 0,
            highest_sequence_id: 0,
            ids_are_given: false,
        }
    }
}

impl<T> OpenBatches<T> {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &OpenBatch<T>> {
        self.batches.iter()
    }

    /// When the first message came.
    pub fn opened_at(&self) -> Option<Instant> {
        self.batches.first().map(|first| first.opened_at)
    }

    /// When its messages time out.
    pub fn deadline(&self, config: &ProducerConfig) -> Option<Instant> {
        config.send_timeout.and_then(|timeout| self.opened_at()?.checked_add(timeout))
    }

    /// When something has to be done about it.
    pub fn due(&self, batching: &BatchingConfig, config: &ProducerConfig) -> Option<Instant> {
        let full = self.opened_at().and_then(|opened_at| opened_at.checked_add(batching.max_delay));
        full.into_iter().chain(self.deadline(config)).min()
    }

    /// Whether a message of `len` bytes may join, where all together may have `limit`.
    #[inline]
    pub fn may_take(
        &self,
        message: &OutgoingMessage<'_>,
        sequence_id: u64,
        len: usize,
        limit: usize,
        by_key: bool,
    ) -> bool {
        self.bytes + len <= limit
            && sequence_id > self.highest_sequence_id
            && (!by_key || self.keeps_ids_in_order(message))
    }

    /// Whether the ids of the batches can still rise from one to the next: a broker that looks for duplicates takes
    /// what falls back for one. Ids that the producer counts can be shared out when all is sealed.
    fn keeps_ids_in_order(&self, message: &OutgoingMessage<'_>) -> bool {
        let is_given = message.sequence_id.is_some();
        let joins_an_earlier_one = || {
            let place = self.by_key.get(batch_key(message));
            place.is_some_and(|place| place + 1 < self.batches.len())
        };
        is_given == self.ids_are_given && !(is_given && joins_an_earlier_one())
    }

    /// The batch for a message, made by `open` if there is none.
    #[inline]
    pub fn batch_for(
        &mut self,
        message: &OutgoingMessage<'_>,
        by_key: bool,
        open: impl FnOnce() -> OpenBatch<T>,
    ) -> &mut OpenBatch<T> {
        let place = if by_key { self.place_of_key(message) } else { 0 };
        if place == self.batches.len() {
            if self.batches.is_empty() {
                self.ids_are_given = message.sequence_id.is_some();
            }
            self.batches.push(open());
        }
        &mut self.batches[place]
    }

    fn place_of_key(&mut self, message: &OutgoingMessage<'_>) -> usize {
        let key = batch_key(message);
        let next = self.batches.len();
        match self.by_key.get(key) {
            Some(place) => *place,
            None => *self.by_key.entry(key.into()).or_insert(next),
        }
    }

    /// The one batch that takes messages, if there is only one and the producer counts the sequence ids.
    pub fn extend(&mut self) -> Option<Extended<'_, T>> {
        match self.batches.as_mut_slice() {
            [batch] if self.by_key.is_empty() && !self.ids_are_given => Some(Extended {
                batch,
                messages: &mut self.messages,
                bytes: &mut self.bytes,
                highest_sequence_id: &mut self.highest_sequence_id,
            }),
            _ => None,
        }
    }

    /// A message of `len` bytes joined one of them.
    #[inline]
    pub fn count(&mut self, sequence_id: u64, len: usize) {
        self.messages += 1;
        self.bytes += len;
        self.highest_sequence_id = sequence_id;
    }

    #[inline]
    pub fn is_full(&self, limits: BatchLimits) -> bool {
        self.messages >= limits.messages || self.bytes >= limits.batch
    }

    /// Takes the batches out, to be sent in this order.
    pub fn take(&mut self) -> impl Iterator<Item = OpenBatch<T>> {
        if self.batches.len() > 1 && !self.ids_are_given {
            self.share_ids_out();
        }
        self.by_key.clear();
        (self.messages, self.bytes, self.highest_sequence_id) = (0, 0, 0);
        self.batches.drain(..)
    }

    /// Gives the batches, whose messages came in turns, ids that rise from one batch to the next.
    fn share_ids_out(&mut self) {
        let mut next = self.batches[0].first_sequence_id;
        for batch in &mut self.batches {
            batch.first_sequence_id = next;
            next += batch.messages as u64;
            batch.highest_sequence_id = next - 1;
        }
        if let Some(last) = self.batches.last_mut() {
            last.highest_sequence_id = self.highest_sequence_id;
        }
    }
}

/// A batch that takes several messages in a row.
#[derive(Debug)]
pub(super) struct Extended<'b, T> {
    batch: &'b mut OpenBatch<T>,
    messages: &'b mut usize,
    bytes: &'b mut usize,
    highest_sequence_id: &'b mut u64,
}

impl<T: Token> Extended<'_, T> {
    #[inline]
    pub fn may_take(&self, sequence_id: u64, size: usize, limits: BatchLimits) -> bool {
        *self.bytes + size <= limits.batch && sequence_id > *self.highest_sequence_id
    }

    #[inline]
    pub fn is_full(&self, limits: BatchLimits) -> bool {
        *self.messages >= limits.messages || *self.bytes >= limits.batch
    }

    /// Adds a message whose sequence id is higher than all before.
    #[inline]
    pub fn push(&mut self, message: &Plain<'_>, sequence_id: u64, payload: usize, token: T) {
        message.append_to(&mut self.batch.body);
        self.batch.messages += 1;
        self.batch.payload += payload;
        self.batch.memory += payload;
        self.batch.highest_sequence_id = sequence_id;
        self.batch.add_token(token);
        *self.messages += 1;
        *self.bytes += message.size();
        *self.highest_sequence_id = sequence_id;
    }
}

impl<T: Token> OpenBatch<T> {
    #[inline]
    pub fn add_token(&mut self, token: T) {
        if !self.tokens.last_mut().is_some_and(|last| last.absorb(&token)) {
            self.tokens.push(token);
        }
    }
}

/// By what batches are told apart: the ordering key, else the partition key, else nothing.
fn batch_key<'a>(message: &OutgoingMessage<'a>) -> &'a [u8] {
    message.ordering_key.or(message.partition_key).unwrap_or_default()
}
