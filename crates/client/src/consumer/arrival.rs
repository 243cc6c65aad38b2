//! From a frame to an entry whose messages can be taken.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use pulsar_rs_wire::WireError;
use pulsar_rs_wire::batch::message_at;
use pulsar_rs_wire::compression::Compression;
use pulsar_rs_wire::frame::Payload;
use pulsar_rs_wire::hot;
use pulsar_rs_wire::metadata::{Metadata, SingleMetadata};
use pulsar_rs_wire::proto::BrokerEntryMetadata;

use super::batch_acks::{self, BatchAcks};
use super::chunks::{Chunk, Part, Whole};
use super::message::Entry;
use super::position::Position;
use crate::Error;
use crate::client::Held;
use crate::crypto::OpeningKey;

/// A message in a batch takes at least this: the length of its metadata, and its payload size in there.
pub(super) const MIN_MESSAGE: usize = 6;

/// An entry that came and was not opened: verified, but still compressed.
#[derive(Debug)]
pub(super) struct Arrival {
    message: hot::Message,
    /// What the broker noted of it, if it does.
    stamp: BrokerEntryMetadata,
    metadata: Bytes,
    body: Bytes,
    /// Messages in the batch; absent: a single message.
    batch_size: Option<u32>,
    compression: Option<(Compression, usize)>,
    /// It is one chunk of a message.
    chunk: Option<Chunk>,
    /// It stands for all chunks of a message.
    whole: Option<Whole>,
    cover: Cover,
    /// If it cannot be decrypted, it is delivered as it is.
    takes_encrypted: bool,
    /// Its bytes count against the client's memory limit.
    held: Option<Held>,
    /// The reading that it belongs to, as the consumer counts them.
    reading: u64,
    /// Wall clock of the producer's client, milliseconds since 1970.
    publish_time: u64,
    /// Sequence id of the entry.
    sequence_id: u64,
}

/// Whether the body can be read.
#[derive(Debug)]
pub(super) enum Cover {
    /// It is not encrypted.
    None,
    /// It is encrypted, and nobody looked for the key yet.
    Locked,
    /// It is encrypted, and this is the key.
    Unlocked(OpeningKey),
    /// It is encrypted, and delivered as it is, in one piece.
    Left,
}

/// What becomes of entries that are encrypted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decryption {
    /// Somebody can be asked for keys.
    pub has_keys: bool,
    /// What cannot be decrypted is delivered as it is.
    pub takes_encrypted: bool,
}

/// `ValidationError` of the protocol: why an entry is acknowledged without being delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Decompression = 1,
    Checksum = 2,
    Batch = 3,
    Decryption = 4,
}

/// Why an entry is not delivered.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is broken, and will be broken the next time.
    Damaged(Damage, WireError),
    /// It is encrypted, and cannot be decrypted: why.
    Encrypted(String),
    /// This build lacks what reads it; another client may have it.
    LeftOut(WireError),
}

/// An entry that cannot be delivered, as its frame shows already.
#[derive(Debug)]
pub(super) struct Rejected {
    pub why: Refusal,
    /// Permits that the broker took for it; absent: nobody knows.
    pub permits: Option<u32>,
}

impl Arrival {
    /// Verifies an entry, on the connection's task.
    pub fn check(message: hot::Message, payload: &Bytes, decryption: Decryption) -> Result<Self, Rejected> {
        // Where the metadata cannot be read, the ack set still says how many messages the broker counts; it
        // came in the command.
        let by_ack_set = count_by_ack_set(&message.ack_set);
        let unknown = |why| Rejected { why, permits: by_ack_set };
        let damaged = |error| unknown(Refusal::Damaged(Damage::Batch, error));
        let parts =
            Payload::parse(payload).map_err(|error| unknown(Refusal::Damaged(Damage::Checksum, error)))?;
        let metadata = Metadata::decode(parts.metadata).map_err(damaged)?;
        // Worth no message: what cannot be read is as good as absent.
        let stamp = parts.broker_entry_metadata.and_then(|stamp| BrokerEntryMetadata::decode(stamp).ok());
        let batch_size = batch_size(&metadata).map_err(damaged)?;
        let permits = Some(count_permits(batch_size, &message.ack_set));
        let cover = match decryption {
            _ if !metadata.encrypted => Cover::None,
            Decryption { has_keys: true, .. } => Cover::Locked,
            Decryption { takes_encrypted: true, .. } => Cover::Left,
            _ => {
                let why = "the consumer has no key reader".into();
                return Err(Rejected { why: Refusal::Encrypted(why), permits });
            }
        };
        // What only its plain text has.
        let (compression, chunk) = if matches!(cover, Cover::Left) {
            (None, None)
        } else {
            let compression = compression(&metadata).map_err(|why| Rejected { why, permits })?;
            let impossible = |error| Rejected { why: Refusal::Damaged(Damage::Batch, error), permits };
            (compression, Chunk::of(&metadata).map_err(impossible)?)
        };
        let (publish_time, sequence_id) = (metadata.publish_time, metadata.sequence_id);
        let (metadata, body) = (payload.slice_ref(parts.metadata), payload.slice_ref(parts.body));
        Ok(Arrival {
            publish_time,
            sequence_id,
            message,
            stamp: stamp.unwrap_or_default(),
            metadata,
            body,
            batch_size,
            compression,
            chunk,
            whole: None,
            cover,
            takes_encrypted: decryption.takes_encrypted,
            held: None,
            reading: 0,
        })
    }

    /// It came in this reading, as the consumer counts them.
    pub fn came_in(&mut self, reading: u64) {
        self.reading = reading;
    }

    /// Whether there is nothing in it behind its first `skipped` messages.
    pub fn is_within(&self, skipped: u32) -> bool {
        skipped >= self.batch_size.unwrap_or(1)
    }

    /// Which chunk it is, if it is one.
    pub fn chunk(&self) -> Option<&Chunk> {
        self.chunk.as_ref()
    }

    /// Takes out which chunk it is, if it is one.
    pub fn take_chunk(&mut self) -> Option<Chunk> {
        self.chunk.take()
    }

    /// The last chunk of a message becomes the message.
    pub fn into_whole(self, whole: Whole) -> Self {
        Arrival { body: Bytes::new(), whole: Some(whole), ..self }
    }

    #[cfg(test)]
    pub fn whole(&self) -> Option<&Whole> {
        self.whole.as_ref()
    }

    /// Its part of a message in chunks.
    pub fn part(&self) -> Part {
        let key = match &self.cover {
            Cover::Unlocked(key) => Some(key.clone()),
            Cover::None | Cover::Locked | Cover::Left => None,
        };
        Part { body: self.body.clone(), key }
    }

    /// Whether nobody looked for its key yet.
    pub fn is_locked(&self) -> bool {
        matches!(self.cover, Cover::Locked)
    }

    /// Its encoded metadata.
    pub fn metadata(&self) -> &Bytes {
        &self.metadata
    }

    /// The key was looked for: with it, or delivered as it is, it goes on. Nothing if it is refused.
    pub fn unlock(mut self, key: Result<OpeningKey, Error>) -> Result<Self, Rejected> {
        match key {
            Ok(key) => self.cover = Cover::Unlocked(key),
            Err(_) if self.takes_encrypted => self.leave_encrypted(),
            Err(error) => {
                let permits = Some(self.permits());
                return Err(Rejected { why: Refusal::Encrypted(error.to_string()), permits });
            }
        }
        Ok(self)
    }

    /// It is delivered as it is: what it says of its plain text means nothing.
    fn leave_encrypted(&mut self) {
        self.cover = Cover::Left;
        self.compression = None;
        self.chunk = None;
    }

    pub fn id(&self) -> hot::EntryId {
        self.message.entry
    }

    pub fn is_batch(&self) -> bool {
        self.batch_size.is_some()
    }

    /// The consumer's epoch when the broker sent it.
    pub fn epoch(&self) -> Option<u64> {
        self.message.consumer_epoch
    }

    /// Permits that the broker took for it.
    pub fn permits(&self) -> u32 {
        count_permits(self.batch_size, &self.message.ack_set)
    }

    /// From now on, and until all its messages are taken, it counts against the client's memory limit.
    pub fn hold(&mut self, held: Option<Held>) {
        self.held = held;
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.metadata.len() + self.body_len()
    }

    /// Bytes of its body as it came.
    pub fn body_len(&self) -> usize {
        self.whole.as_ref().map_or(self.body.len(), Whole::len)
    }

    /// Messages in the batch, if it is one that can be taken apart.
    fn readable_batch(&self) -> Option<u32> {
        self.batch_size.filter(|_| !matches!(self.cover, Cover::Left))
    }

    /// The body as it travelled, or before it was encrypted.
    fn decrypted_body(&mut self) -> Result<Bytes, Refusal> {
        let opened = match (&self.whole, &self.cover) {
            (Some(whole), _) => whole.open(),
            (None, Cover::Unlocked(key)) => key.open(&self.body).map(Bytes::from),
            (None, _) => Ok(self.body.clone()),
        };
        match opened {
            Ok(body) => Ok(body),
            Err(error @ WireError::Cipher(_)) if !self.takes_encrypted => {
                Err(Refusal::Encrypted(error.to_string()))
            }
            Err(WireError::Cipher(_)) => {
                self.leave_encrypted();
                Ok(self.whole.as_ref().map_or_else(|| self.body.clone(), Whole::join))
            }
            Err(error) => Err(Refusal::Damaged(Damage::Batch, error)),
        }
    }

    fn restored_body(&mut self) -> Result<Bytes, Refusal> {
        let body = self.decrypted_body()?;
        let body = match self.compression {
            None => body,
            Some((codec, size)) => codec
                .decompress(&body, size)
                .map(Bytes::from)
                .map_err(|error| Refusal::Damaged(Damage::Decompression, error))?,
        };
        // So that a hostile number cannot make us reserve memory for its acknowledgements.
        if self.readable_batch().is_some_and(|size| body.len() / MIN_MESSAGE < size as usize) {
            let error = WireError::Batch("it cannot hold the messages it announces");
            return Err(Refusal::Damaged(Damage::Batch, error));
        }
        Ok(body)
    }

    /// Opens the entry, on the receiving thread: this is where it is decrypted and decompressed. `share` gets the
    /// reading it belongs to, a new state for the batch's acknowledgements and the broker's ack set, and gives the state
    /// to use.
    pub fn open(
        mut self,
        topic: Arc<str>,
        is_of_several: bool,
        share: impl FnOnce(u64, hot::EntryId, Arc<BatchAcks>, &[i64]) -> Arc<BatchAcks>,
    ) -> Result<Cursor, Refusal> {
        let permits = self.permits();
        let body = self.restored_body()?;
        let ack_set = &self.message.ack_set;
        let acks = self.readable_batch().map(|size| {
            share(self.reading, self.message.entry, Arc::new(BatchAcks::new(size, ack_set)), ack_set)
        });
        let entry = Entry {
            topic,
            id: self.message.entry,
            partition: self.message.partition.unwrap_or(-1),
            redelivery_count: self.message.redelivery_count.unwrap_or_default(),
            stamp: self.stamp,
            metadata: self.metadata,
            body,
            acks,
            chunks: self.whole.map(|whole| whole.entries),
            reading: self.reading,
            is_of_several,
            publish_time: self.publish_time,
            sequence_id: self.sequence_id,
            is_encrypted: matches!(self.cover, Cover::Left),
        };
        Ok(Cursor { entry: Arc::new(entry), at: 0, index: 0, permits, _held: self.held })
    }
}

/// What must be known of a batch before its body: how many messages it has; nothing for a single message.
fn batch_size(metadata: &Metadata<'_>) -> Result<Option<u32>, WireError> {
    match metadata.num_messages_in_batch.map(u32::try_from) {
        None => Ok(None),
        Some(Ok(size)) if size > 0 => Ok(Some(size)),
        Some(_) => Err(WireError::Batch("it holds no messages")),
    }
}

/// How to read the body, if this client can.
fn compression(metadata: &Metadata<'_>) -> Result<Option<(Compression, usize)>, Refusal> {
    let codec = Compression::from_number(metadata.compression.unwrap_or_default())
        .map_err(|error| Refusal::Damaged(Damage::Decompression, error))?;
    if let Some(codec) = codec.filter(|codec| !codec.is_available()) {
        return Err(Refusal::LeftOut(WireError::CodecLeftOut(codec)));
    }
    Ok(codec.map(|codec| (codec, metadata.uncompressed_size.unwrap_or_default() as usize)))
}

/// Permits that the broker takes for an entry: it counts the messages that it waits for.
fn count_permits(batch_size: Option<u32>, ack_set: &[i64]) -> u32 {
    match batch_size {
        None => 1,
        Some(size) if ack_set.is_empty() => size,
        Some(size) => batch_acks::count_unacked(size, ack_set),
    }
}

/// The same for an entry whose metadata cannot be read.
fn count_by_ack_set(ack_set: &[i64]) -> Option<u32> {
    let words = ack_set.iter().map(|word| word.count_ones());
    (!ack_set.is_empty()).then(|| words.fold(0, u32::saturating_add))
}

/// Takes the messages out of an entry, one by one.
#[derive(Debug)]
pub(super) struct Cursor {
    pub entry: Arc<Entry>,
    /// Where the next message of the batch starts.
    at: usize,
    /// Its place in the batch.
    index: u32,
    /// Permits of messages that were not taken.
    permits: u32,
    _held: Option<Held>,
}

/// What a cursor comes to next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    Message(Found<'a>),
    /// The payload of the next message is larger than asked for; it stays.
    TooLarge,
    /// Nothing is left; some permits may be.
    End,
    /// The rest cannot be read.
    Damaged(WireError),
}

/// A message in its entry.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub entry: &'a Arc<Entry>,
    /// Position of its metadata in the body; empty for a single message.
    pub metadata: Range<u32>,
    pub payload: Range<u32>,
    /// Position in the batch; 0 for a single message.
    pub index: u32,
    /// Of a message in a batch.
    pub single: Option<SingleMetadata<'a>>,
}

impl Cursor {
    /// Permits to give back when the rest is not taken, or at the end.
    pub fn permits_left(&self) -> u32 {
        self.permits
    }

    /// The place behind what was taken; nothing when nothing was.
    pub fn place(&self) -> Option<Position> {
        match &self.entry.acks {
            None => (self.permits == 0).then(|| Position::behind_entry(self.entry.id)),
            Some(_) => (self.index > 0).then_some(Position { entry: self.entry.id, taken: self.index }),
        }
    }

    /// Whether there is another message; the cursor stays.
    pub fn has_next(&self) -> bool {
        let mut ahead = Cursor { entry: self.entry.clone(), _held: None, ..*self };
        matches!(ahead.next(usize::MAX), Next::Message(_))
    }

    /// The next message that is not acknowledged, if its payload has at most `max_bytes`.
    #[allow(clippy::inline_always)] // on the way of every message; what it finds is large, and would be copied
    #[inline(always)]
    pub fn next(&mut self, max_bytes: usize) -> Next<'_> {
        let entry = &self.entry;
        let Some(acks) = &entry.acks else {
            if self.permits == 0 {
                return Next::End;
            }
            if entry.body.len() > max_bytes {
                return Next::TooLarge;
            }
            self.permits = 0;
            let payload = narrow(&(0..entry.body.len()));
            return Next::Message(Found { entry, metadata: 0..0, payload, index: 0, single: None });
        };
        while self.index < acks.size() {
            let (slot, single) = match message_at(&entry.body, self.at) {
                Ok(found) => found,
                Err(error) => return Next::Damaged(error),
            };
            let index = self.index;
            let is_wanted = !slot.compacted_out && acks.is_unacked(index);
            if is_wanted && slot.payload.len() > max_bytes {
                return Next::TooLarge;
            }
            self.index += 1;
            self.at = slot.payload.end;
            if !is_wanted {
                continue;
            }
            self.permits = self.permits.saturating_sub(1);
            let (metadata, payload) = (narrow(&slot.metadata), narrow(&slot.payload));
            return Next::Message(Found { entry, metadata, payload, index, single: Some(single) });
        }
        Next::End
    }
}

/// Bodies are far below 4 GiB: frames are bounded, and so is what they decompress to.
fn narrow(range: &Range<usize>) -> Range<u32> {
    u32::try_from(range.start).unwrap_or(u32::MAX)..u32::try_from(range.end).unwrap_or(u32::MAX)
}
