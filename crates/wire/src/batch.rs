//! The body of a batch: messages one behind the other, each `[metadata size][metadata][payload]`.

use std::ops::Range;

use crate::WireError;
use crate::field::varint_len;
use crate::metadata::SingleMetadata;

const SIZE: usize = 4;

/// A message that is about to be appended to a batch.
pub trait BatchMessage {
    /// Bytes that it takes in a batch.
    fn size(&self) -> usize;

    /// Appends it to a batch.
    fn append_to(&self, batch: &mut Vec<u8>);
}

/// A message with any metadata.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a> {
    metadata: SingleMetadata<'a>,
    metadata_len: usize,
    payload: &'a [u8],
}

impl<'a> Prepared<'a> {
    /// A message with this metadata, whose payload size is set here.
    pub fn new(metadata: SingleMetadata<'a>, payload: &'a [u8]) -> Result<Self, WireError> {
        let metadata = SingleMetadata { payload_size: payload_size(payload)?, ..metadata };
        Ok(Prepared { metadata, metadata_len: metadata.encoded_len(), payload })
    }
}

impl BatchMessage for Prepared<'_> {
    fn size(&self) -> usize {
        SIZE + self.metadata_len + self.payload.len()
    }

    fn append_to(&self, batch: &mut Vec<u8>) {
        batch.reserve(self.size());
        put_size(batch, self.metadata_len);
        self.metadata.encode(batch);
        batch.extend_from_slice(self.payload);
    }
}

/// A message that has nothing but its payload and its sequence id, as most have: the short way.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a> {
    payload: &'a [u8],
    payload_size: u32,
    sequence_id: u64,
    metadata_len: usize,
}

impl<'a> Plain<'a> {
    /// A message with this content.
    #[inline]
    pub fn new(sequence_id: u64, payload: &'a [u8]) -> Result<Self, WireError> {
        let payload_size = payload_size(payload)?;
        let metadata_len = 2 + varint_len(payload_size.into()) + varint_len(sequence_id);
        Ok(Plain { payload, payload_size, sequence_id, metadata_len })
    }
}

impl BatchMessage for Plain<'_> {
    #[inline]
    fn size(&self) -> usize {
        SIZE + self.metadata_len + self.payload.len()
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // such metadata has at most 17 bytes
    fn append_to(&self, batch: &mut Vec<u8>) {
        let mut head = Head { bytes: [0; HEAD], len: SIZE - 1 };
        head.put(self.metadata_len as u8);
        head.put_field(PAYLOAD_SIZE, self.payload_size.into());
        head.put_field(SEQUENCE_ID, self.sequence_id);
        batch.reserve(HEAD + self.payload.len());
        // All of it, and then back: a copy whose length is known is much shorter.
        let end = batch.len() + head.len;
        batch.extend_from_slice(&head.bytes);
        batch.truncate(end);
        batch.extend_from_slice(self.payload);
    }
}

#[inline]
fn payload_size(payload: &[u8]) -> Result<u32, WireError> {
    let size = i32::try_from(payload.len()).map_err(|_| WireError::Batch("payload too large"))?;
    Ok(size.cast_unsigned())
}

/// Keys of the two fields in `SingleMessageMetadata`: field numbers 3 and 8, both varints.
const PAYLOAD_SIZE: u8 = 3 << 3;
const SEQUENCE_ID: u8 = 8 << 3;

/// Room for the size and the two fields: 21 bytes at most.
const HEAD: usize = 32;

/// A few bytes that are put together before they are copied to the batch at once.
#[derive(Debug)]
struct Head {
    bytes: [u8; HEAD],
    len: usize,
}

impl Head {
    #[inline]
    fn put(&mut self, byte: u8) {
        // It never gets as far as `HEAD`; the remainder spares the check.
        self.bytes[self.len % HEAD] = byte;
        self.len += 1;
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // each byte takes the low seven bits on purpose
    fn put_field(&mut self, key: u8, mut value: u64) {
        self.put(key);
        while value >= 0x80 {
            self.put(value as u8 | 0x80);
            value >>= 7;
        }
        self.put(value as u8);
    }
}

/// Metadata of one message is made of what an application gave; it fits 32 bits or the batch would be over
/// the broker's limit long before.
#[allow(clippy::cast_possible_truncation)]
fn put_size(batch: &mut Vec<u8>, size: usize) {
    debug_assert!(u32::try_from(size).is_ok());
    batch.extend_from_slice(&(size as u32).to_be_bytes());
}

/// Appends one message to a batch. `metadata.payload_size` must be the length of `payload`.
pub fn push(batch: &mut Vec<u8>, metadata: &SingleMetadata<'_>, payload: &[u8]) {
    debug_assert_eq!(metadata.payload_size as usize, payload.len());
    Prepared { metadata: *metadata, metadata_len: metadata.encoded_len(), payload }.append_to(batch);
}

/// Where one message stands in the body of its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its encoded `SingleMessageMetadata`.
    pub metadata: Range<usize>,
    /// Its payload. The next message starts at its end.
    pub payload: Range<usize>,
    /// Compaction removed the message.
    pub compacted_out: bool,
}

/// Finds the message that starts at `at` in the body of a batch.
#[inline]
pub fn slot_at(body: &[u8], at: usize) -> Result<Slot, WireError> {
    message_at(body, at).map(|(slot, _)| slot)
}

/// Finds the message that starts at `at` in the body of a batch, and what its metadata says.
#[allow(clippy::inline_always)] // on the way of every message; what it finds is large, and would be copied
#[inline(always)]
pub fn message_at(body: &[u8], at: usize) -> Result<(Slot, SingleMetadata<'_>), WireError> {
    // Errors are made where they are: with `ok_or` each message would make one and drop it.
    let Some((size, rest)) = body.get(at..).and_then(<[u8]>::split_first_chunk::<SIZE>) else {
        return Err(WireError::Batch("fewer messages than announced"));
    };
    let metadata_len = u32::from_be_bytes(*size) as usize;
    let Some((metadata, rest)) = rest.split_at_checked(metadata_len) else {
        return Err(WireError::Batch("metadata is longer than its batch"));
    };
    let found = SingleMetadata::decode(metadata)?;
    let payload_len = found.payload_size as usize;
    if payload_len > rest.len() {
        return Err(WireError::Batch("payload is longer than its batch"));
    }
    let start = at + SIZE;
    let payload = start + metadata_len;
    let slot = Slot {
        metadata: start..payload,
        payload: payload..payload + payload_len,
        compacted_out: found.compacted_out,
    };
    Ok((slot, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn metadata_of(payload: &[u8]) -> SingleMetadata<'_> {
        SingleMetadata { payload_size: u32::try_from(payload.len()).unwrap(), ..SingleMetadata::default() }
    }

    proptest! {
        #[test]
        fn messages_come_back_as_they_went(payloads in vec(any::<Vec<u8>>(), 0..20)) {
            let mut body = Vec::new();
            for payload in &payloads {
                let before = body.len();
                let message = Prepared::new(SingleMetadata::default(), payload).unwrap();
                message.append_to(&mut body);
                prop_assert_eq!(body.len() - before, message.size());
            }
            let mut at = 0;
            for payload in &payloads {
                let slot = slot_at(&body, at).unwrap();
                prop_assert_eq!(&body[slot.payload.clone()], payload);
                prop_assert_eq!(SingleMetadata::decode(&body[slot.metadata]).unwrap(), metadata_of(payload));
                at = slot.payload.end;
            }
            prop_assert_eq!(at, body.len());
            prop_assert!(slot_at(&body, at).is_err());
        }

        #[test]
        fn the_short_way_writes_the_same_bytes(payload: Vec<u8>, sequence_id: u64, before: Vec<u8>) {
            let metadata = SingleMetadata { sequence_id: Some(sequence_id), ..SingleMetadata::default() };
            let prepared = Prepared::new(metadata, &payload).unwrap();
            let plain = Plain::new(sequence_id, &payload).unwrap();
            prop_assert_eq!(plain.size(), prepared.size());
            let (mut expected, mut batch) = (before.clone(), before);
            prepared.append_to(&mut expected);
            plain.append_to(&mut batch);
            prop_assert_eq!(batch, expected);
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>, at: usize) {
            let _ = slot_at(&bytes, at);
            let mut at = 0;
            while let Ok(slot) = slot_at(&bytes, at) {
                prop_assert!(slot.payload.end > at);
                at = slot.payload.end;
            }
        }
    }
}
