//! The body of a batch: messages one behind the other, each `[metadata size][metadata][payload]`.

use std::ops::Range;

use crate::WireError;
use crate::field::varint_len;
use crate::metadata::SingleMetadata;

const SIZE: usize = 4;

/// A message that is about to be appended to a batch. Its length is known before.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a> {
    metadata: SingleMetadata<'a>,
    metadata_len: usize,
    payload: &'a [u8],
}

impl<'a> Prepared<'a> {
    /// A message with this metadata, whose payload size is set here.
    #[inline]
    pub fn new(metadata: SingleMetadata<'a>, payload: &'a [u8]) -> Result<Self, WireError> {
        let payload_size = i32::try_from(payload.len()).map_err(|_| WireError::Batch("payload too large"))?;
        let metadata = SingleMetadata { payload_size: payload_size.cast_unsigned(), ..metadata };
        Ok(Prepared { metadata, metadata_len: metadata.encoded_len(), payload })
    }

    /// Bytes that the message takes in a batch.
    #[inline]
    pub fn len(&self) -> usize {
        SIZE + self.metadata_len + self.payload.len()
    }

    /// A message takes some bytes even without payload.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Appends the message to a batch.
    #[inline]
    pub fn append_to(&self, batch: &mut Vec<u8>) {
        batch.reserve(self.len());
        if let Some(head) = self.plain_head() {
            batch.extend_from_slice(head.as_slice());
        } else {
            put_size(batch, self.metadata_len);
            self.metadata.encode(batch);
        }
        batch.extend_from_slice(self.payload);
    }

    /// Size and metadata of a message that has nothing but its payload size and sequence id, as most have.
    #[inline]
    fn plain_head(&self) -> Option<Head> {
        let sequence_id = self.metadata.sequence_id?;
        if self.metadata_len != plain_len(self.metadata.payload_size, sequence_id) {
            return None;
        }
        // The metadata of such a message has at most 17 bytes, so its size is in the last byte of four.
        let mut head = Head { bytes: [0; 32], len: SIZE - 1 };
        head.put(u8::try_from(self.metadata_len).ok()?);
        head.put_field(PAYLOAD_SIZE, self.metadata.payload_size.into());
        head.put_field(SEQUENCE_ID, sequence_id);
        Some(head)
    }
}

/// Length of metadata with these two fields only. Any other field would make it longer.
fn plain_len(payload_size: u32, sequence_id: u64) -> usize {
    2 + varint_len(payload_size.into()) + varint_len(sequence_id)
}

/// Keys of the two fields in `SingleMessageMetadata`: field numbers 3 and 8, both varints.
const PAYLOAD_SIZE: u8 = 3 << 3;
const SEQUENCE_ID: u8 = 8 << 3;

/// A few bytes that are put together before they are copied to the batch at once.
#[derive(Debug)]
struct Head {
    bytes: [u8; 32],
    len: usize,
}

impl Head {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
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
    let (size, rest) = body
        .get(at..)
        .and_then(<[u8]>::split_first_chunk::<SIZE>)
        .ok_or(WireError::Batch("fewer messages than announced"))?;
    let metadata_len = u32::from_be_bytes(*size) as usize;
    let (metadata, rest) =
        rest.split_at_checked(metadata_len).ok_or(WireError::Batch("metadata is longer than its batch"))?;
    let found = SingleMetadata::decode(metadata)?;
    let payload_len = found.payload_size as usize;
    if payload_len > rest.len() {
        return Err(WireError::Batch("payload is longer than its batch"));
    }
    let start = at + SIZE;
    let payload = start + metadata_len;
    Ok(Slot {
        metadata: start..payload,
        payload: payload..payload + payload_len,
        compacted_out: found.compacted_out,
    })
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
                prop_assert_eq!(body.len() - before, message.len());
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
        fn the_short_way_writes_the_same_bytes(
            payload: Vec<u8>, sequence_id: u64, event_time in proptest::option::of(0u64..3), null_value: bool,
        ) {
            let metadata = SingleMetadata {
                sequence_id: Some(sequence_id), event_time, null_value, ..metadata_of(&payload)
            };
            let mut expected = u32::try_from(metadata.encoded_len()).unwrap().to_be_bytes().to_vec();
            metadata.encode(&mut expected);
            expected.extend_from_slice(&payload);
            let mut batch = Vec::new();
            push(&mut batch, &metadata, &payload);
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
