//! From a frame to an entry whose messages can be taken.

use std::sync::Arc;

use bytes::Bytes;
use pulsar_rs_wire::WireError;
use pulsar_rs_wire::batch::slot_at;
use pulsar_rs_wire::compression::Compression;
use pulsar_rs_wire::frame::Payload;
use pulsar_rs_wire::hot;
use pulsar_rs_wire::metadata::Metadata;

use super::batch_acks::{self, BatchAcks};
use super::message::{Entry, Message};

/// A message in a batch takes at least this: the length of its metadata, and its payload size in there.
const MIN_MESSAGE: usize = 6;

/// An entry that came and was not opened: verified, but still compressed.
#[derive(Debug)]
pub(super) struct Arrival {
    message: hot::Message,
    metadata: Bytes,
    body: Bytes,
    /// Messages in the batch; absent: a single message.
    batch_size: Option<u32>,
    compression: Option<(Compression, usize)>,
    /// What is known of its acknowledgements from an earlier delivery.
    known_acks: Option<Arc<BatchAcks>>,
}

/// `ValidationError` of the protocol: why an entry is acknowledged without being delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Decompression = 1,
    Checksum = 2,
    Batch = 3,
}

/// Why an entry is not delivered.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is broken, and will be broken the next time.
    Damaged(Damage, WireError),
    /// It needs what this client cannot do.
    NotSupported(&'static str),
}

impl Arrival {
    /// Verifies an entry, on the connection's task.
    pub fn check(message: hot::Message, payload: &Bytes) -> Result<Self, Refusal> {
        let (metadata, body, batch_size, compression) = Self::parts(payload)?;
        Ok(Arrival { message, metadata, body, batch_size, compression, known_acks: None })
    }

    #[allow(clippy::type_complexity)] // four parts that live for three lines
    fn parts(payload: &Bytes) -> Result<(Bytes, Bytes, Option<u32>, Option<(Compression, usize)>), Refusal> {
        let parts = Payload::parse(payload).map_err(|error| Refusal::Damaged(Damage::Checksum, error))?;
        let damaged = |error| Refusal::Damaged(Damage::Batch, error);
        let metadata = Metadata::decode(parts.metadata).map_err(damaged)?;
        if metadata.encrypted {
            return Err(Refusal::NotSupported("it is encrypted"));
        }
        if metadata.num_chunks_from_msg.is_some_and(|chunks| chunks > 1) {
            return Err(Refusal::NotSupported("it is a chunk of a larger message"));
        }
        let batch_size = match metadata.num_messages_in_batch {
            None => None,
            Some(size) => match u32::try_from(size) {
                Ok(size) if size > 0 => Some(size),
                _ => return Err(damaged(WireError::Batch("it holds no messages"))),
            },
        };
        let codec = Compression::from_number(metadata.compression.unwrap_or_default())
            .map_err(|error| Refusal::Damaged(Damage::Decompression, error))?;
        let compression = codec.map(|codec| (codec, metadata.uncompressed_size.unwrap_or_default() as usize));
        Ok((payload.slice_ref(parts.metadata), payload.slice_ref(parts.body), batch_size, compression))
    }

    pub fn id(&self) -> hot::EntryId {
        self.message.entry
    }

    pub fn is_batch(&self) -> bool {
        self.batch_size.is_some()
    }

    /// Uses what an earlier delivery left of the acknowledgements, if it is the same batch.
    pub fn adopt(&mut self, acks: Arc<BatchAcks>) {
        if self.batch_size == Some(acks.size()) {
            self.known_acks = Some(acks);
        }
    }

    /// Permits that the broker took for it: it counts the messages that it waits for.
    pub fn permits(&self) -> u32 {
        match self.batch_size {
            None => 1,
            Some(size) if self.message.ack_set.is_empty() => size,
            Some(size) => batch_acks::count_unacked(size, &self.message.ack_set),
        }
    }

    fn restored_body(&self) -> Result<Bytes, (Damage, WireError)> {
        let body = match self.compression {
            None => self.body.clone(),
            Some((codec, size)) => codec
                .decompress(&self.body, size)
                .map(Bytes::from)
                .map_err(|error| (Damage::Decompression, error))?,
        };
        // So that a hostile number cannot make us reserve memory for its acknowledgements.
        if self.batch_size.is_some_and(|size| body.len() / MIN_MESSAGE < size as usize) {
            return Err((Damage::Batch, WireError::Batch("it cannot hold the messages it announces")));
        }
        Ok(body)
    }

    /// Opens the entry, on the receiving thread: this is where it is decompressed.
    pub fn open(self, topic: Arc<str>) -> Result<Cursor, Refusal> {
        let permits = self.permits();
        let body = self.restored_body().map_err(|(damage, error)| Refusal::Damaged(damage, error))?;
        let acks = match (self.known_acks, self.batch_size) {
            (Some(known), _) => Some(known),
            (None, Some(size)) => Some(Arc::new(BatchAcks::new(size, &self.message.ack_set))),
            (None, None) => None,
        };
        let entry = Entry {
            topic,
            id: self.message.entry,
            partition: self.message.partition.unwrap_or(-1),
            redelivery_count: self.message.redelivery_count.unwrap_or_default(),
            metadata: self.metadata,
            body,
            acks,
        };
        Ok(Cursor { entry: Arc::new(entry), at: 0, index: 0, permits })
    }
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
}

/// What a cursor comes to next.
#[derive(Debug)]
pub(super) enum Next {
    Message(Message),
    /// Nothing is left; some permits may be.
    End,
    /// The rest cannot be read.
    Damaged(WireError),
}

impl Cursor {
    /// Permits to give back when the rest is not taken, or at the end.
    pub fn permits_left(&self) -> u32 {
        self.permits
    }

    /// The next message that is not acknowledged.
    #[inline]
    pub fn next(&mut self) -> Next {
        let Some(acks) = &self.entry.acks else {
            if self.permits == 0 {
                return Next::End;
            }
            self.permits = 0;
            return Next::Message(Message::single(self.entry.clone()));
        };
        while self.index < acks.size() {
            let slot = match slot_at(&self.entry.body, self.at) {
                Ok(slot) => slot,
                Err(error) => return Next::Damaged(error),
            };
            let index = self.index;
            self.index += 1;
            self.at = slot.payload.end;
            if slot.compacted_out || !acks.is_unacked(index) {
                continue;
            }
            self.permits = self.permits.saturating_sub(1);
            let message =
                Message::in_batch(self.entry.clone(), narrow(&slot.metadata), narrow(&slot.payload), index);
            return Next::Message(message);
        }
        Next::End
    }

    /// Like [`Cursor::next`], unless its payload has more than `max_bytes`: then the cursor stays.
    pub fn next_within(&mut self, max_bytes: usize) -> Option<Next> {
        let (at, index, permits) = (self.at, self.index, self.permits);
        match self.next() {
            Next::Message(message) if message.payload().len() > max_bytes => {
                (self.at, self.index, self.permits) = (at, index, permits);
                None
            }
            next => Some(next),
        }
    }
}

/// Bodies are far below 4 GiB: frames are bounded, and so is what they decompress to.
fn narrow(range: &std::ops::Range<usize>) -> std::ops::Range<u32> {
    u32::try_from(range.start).unwrap_or(u32::MAX)..u32::try_from(range.end).unwrap_or(u32::MAX)
}
