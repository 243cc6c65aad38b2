//! Frames: the unit that travels on a connection.
//!
//! ```text
//! [total size][command size][command]                                              simple command
//! [total size][command size][command][payload section]                             Send and Message
//! payload section: ([0e02][size][broker entry metadata])? ([0e01][CRC32-C])? [metadata size][metadata][body]
//! ```
//!
//! All sizes are 32-bit big-endian; the total size does not count itself. The checksum covers everything
//! behind it (pulsar.apache.org, "Pulsar binary protocol specification").

use prost::Message as _;

use crate::WireError;
use crate::checksum::{crc32c, crc32c_append};
use crate::command::Kind;
use crate::field::{FieldWriter, delimited_len, uint_len};
use crate::hot::Send;
use crate::metadata::Metadata;
use crate::proto::BrokerEntryMetadata;

const MAGIC_CHECKSUM: [u8; 2] = [0x0e, 0x01];
const MAGIC_BROKER_ENTRY: [u8; 2] = [0x0e, 0x02];

/// Bytes of a size field.
const SIZE: usize = 4;

/// One frame in a read buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Bytes the frame takes in the buffer, its size field included.
    pub len: usize,
    /// The encoded `BaseCommand`; [`crate::command::split`] reads it.
    pub command: &'a [u8],
    /// The payload section; empty for simple commands.
    pub payload: &'a [u8],
}

/// Length of the frame that starts at `buffer`, its size field included, as soon as that is known.
///
/// Fails when the frame announces more than `limit` bytes.
pub fn frame_len(buffer: &[u8], limit: usize) -> Result<Option<usize>, WireError> {
    let Some((size, _)) = buffer.split_first_chunk::<SIZE>() else {
        return Ok(None);
    };
    let size = u32::from_be_bytes(*size) as usize;
    if size > limit {
        return Err(WireError::FrameTooLarge { size, limit });
    }
    Ok(Some(size + SIZE))
}

/// The frame at the start of `buffer`, or `None` when more bytes are needed.
pub fn peek(buffer: &[u8], limit: usize) -> Result<Option<Frame<'_>>, WireError> {
    let Some(len) = frame_len(buffer, limit)? else {
        return Ok(None);
    };
    let Some(frame) = buffer.get(SIZE..len) else {
        return Ok(None);
    };
    let (command, payload) = take_sized(frame, "command is longer than its frame")?;
    Ok(Some(Frame { len, command, payload }))
}

fn take_sized<'a>(bytes: &'a [u8], what: &'static str) -> Result<(&'a [u8], &'a [u8]), WireError> {
    let (size, rest) = bytes.split_first_chunk::<SIZE>().ok_or(WireError::Frame(what))?;
    rest.split_at_checked(u32::from_be_bytes(*size) as usize).ok_or(WireError::Frame(what))
}

/// The payload section of a `Send` or `Message` frame, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    /// Encoded `BrokerEntryMetadata`, where the broker sends it.
    pub broker_entry_metadata: Option<&'a [u8]>,
    /// Encoded `MessageMetadata`.
    pub metadata: &'a [u8],
    /// The message, or the batch, as the metadata describes it.
    pub body: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Takes the section apart and verifies its checksum.
    ///
    /// Old producers send none; then there is nothing to verify, as in the other clients.
    pub fn parse(section: &'a [u8]) -> Result<Self, WireError> {
        let (broker_entry_metadata, rest) = match section.strip_prefix(&MAGIC_BROKER_ENTRY) {
            Some(rest) => {
                let (metadata, rest) = take_sized(rest, "broker entry metadata is longer than its frame")?;
                (Some(metadata), rest)
            }
            None => (None, section),
        };
        let rest = match rest.strip_prefix(&MAGIC_CHECKSUM) {
            Some(rest) => verify_checksum(rest)?,
            None => rest,
        };
        let (metadata, body) = take_sized(rest, "metadata is longer than its frame")?;
        Ok(Payload { broker_entry_metadata, metadata, body })
    }
}

fn verify_checksum(section: &[u8]) -> Result<&[u8], WireError> {
    let (stored, covered) =
        section.split_first_chunk().ok_or(WireError::Frame("frame ends before the checksum"))?;
    let stored = u32::from_be_bytes(*stored);
    let computed = crc32c(covered);
    if computed == stored { Ok(covered) } else { Err(WireError::Checksum { computed, stored }) }
}

/// Writes the head of a frame whose command has `body_len` bytes of body; the body itself comes next.
pub(crate) fn put_command_head(out: &mut Vec<u8>, kind: Kind, body_len: usize, payload_len: usize) {
    let command_len = command_len(kind, body_len);
    put_size(out, SIZE + command_len + payload_len);
    put_size(out, command_len);
    put_base_command(out, kind, body_len);
}

fn command_len(kind: Kind, body_len: usize) -> usize {
    uint_len(1, kind.number().into()) + delimited_len(kind.number(), body_len)
}

/// The start of a `BaseCommand`: its type, then the field that holds the command. Field numbers equal
/// type numbers.
fn put_base_command(out: &mut Vec<u8>, kind: Kind, body_len: usize) {
    out.put_uint(1, kind.number().into());
    out.put_nested(kind.number(), body_len);
}

/// Sizes fit: frames are limited to the broker's maximum message size, an `i32`, before they get here.
#[allow(clippy::cast_possible_truncation)]
fn put_size(out: &mut Vec<u8>, size: usize) {
    debug_assert!(u32::try_from(size).is_ok());
    out.extend_from_slice(&(size as u32).to_be_bytes());
}

/// Writes a `Send` frame up to, but without, its body: the caller writes `body` to the socket behind it.
pub fn encode_send(out: &mut Vec<u8>, send: &Send, metadata: &Metadata<'_>, body: &[u8]) {
    let open = begin_send(out, send, metadata, body.len());
    open.finish(out, body);
}

/// Like [`encode_send`], but leaves the checksum open, because that takes time in proportion to the body
/// and need not be done at the same place.
pub fn begin_send(out: &mut Vec<u8>, send: &Send, metadata: &Metadata<'_>, body_len: usize) -> OpenChecksum {
    let metadata_len = metadata.encoded_len();
    let section = MAGIC_CHECKSUM.len() + SIZE + SIZE + metadata_len + body_len;
    out.reserve(64 + metadata_len);
    put_command_head(out, Kind::Send, send.encoded_len(), section);
    send.encode_body(out);
    put_payload_head(out, metadata, metadata_len)
}

/// Like [`encode_send`], for metadata that is encoded already; it may stand in several pieces.
pub fn encode_send_of(out: &mut Vec<u8>, send: &Send, metadata: &[&[u8]], body: &[u8]) {
    let metadata_len: usize = metadata.iter().map(|piece| piece.len()).sum();
    let section = MAGIC_CHECKSUM.len() + SIZE + SIZE + metadata_len + body.len();
    out.reserve(64 + metadata_len);
    put_command_head(out, Kind::Send, send.encoded_len(), section);
    send.encode_body(out);
    out.extend_from_slice(&MAGIC_CHECKSUM);
    let open = OpenChecksum { at: out.len() };
    out.extend_from_slice(&[0; SIZE]);
    put_size(out, metadata_len);
    for piece in metadata {
        out.extend_from_slice(piece);
    }
    open.finish(out, body);
}

/// Writes the payload section up to, but without, its body.
pub fn encode_payload_head(out: &mut Vec<u8>, metadata: &Metadata<'_>, body: &[u8]) {
    put_payload_head(out, metadata, metadata.encoded_len()).finish(out, body);
}

fn put_payload_head(out: &mut Vec<u8>, metadata: &Metadata<'_>, metadata_len: usize) -> OpenChecksum {
    out.extend_from_slice(&MAGIC_CHECKSUM);
    let open = OpenChecksum { at: out.len() };
    out.extend_from_slice(&[0; SIZE]);
    put_size(out, metadata_len);
    metadata.encode(out);
    open
}

/// Place of a checksum that is not computed yet.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct OpenChecksum {
    at: usize,
}

impl OpenChecksum {
    /// Computes the checksum over what stands behind its place in `head`, and over `body`, and fills it in.
    pub fn finish(self, head: &mut [u8], body: &[u8]) {
        let (place, covered) = head[self.at..].split_at_mut(SIZE);
        place.copy_from_slice(&crc32c_append(crc32c(covered), body).to_be_bytes());
    }
}

/// Writes a `Message` frame up to, but without, its payload section, which a broker stores as it came.
pub fn encode_message_head(out: &mut Vec<u8>, message: &crate::hot::Message, payload_len: usize) {
    put_command_head(out, Kind::Message, message.encoded_len(), payload_len);
    message.encode_body(out);
}

/// What a broker puts in front of the payload section of a `Message` frame.
pub fn encode_broker_entry(metadata: &BrokerEntryMetadata) -> Vec<u8> {
    let mut out = MAGIC_BROKER_ENTRY.to_vec();
    put_size(&mut out, metadata.encoded_len());
    metadata.encode_raw(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn send_frame(body: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        let metadata = Metadata { producer_name: b"p", sequence_id: 7, ..Metadata::default() };
        encode_send(&mut frame, &Send { producer_id: 1, sequence_id: 7, ..Send::default() }, &metadata, body);
        frame.extend_from_slice(body);
        frame
    }

    #[test]
    fn metadata_in_pieces_makes_the_same_frame() {
        let metadata = Metadata { producer_name: b"p", sequence_id: 7, ..Metadata::default() };
        let mut encoded = Vec::new();
        metadata.encode(&mut encoded);
        let (front, back) = encoded.split_at(3);
        let mut frame = Vec::new();
        let send = Send { producer_id: 1, sequence_id: 7, ..Send::default() };
        encode_send_of(&mut frame, &send, &[front, back], b"hello");
        frame.extend_from_slice(b"hello");
        assert_eq!(frame, send_frame(b"hello"));
    }

    #[test]
    fn a_frame_arrives_only_when_it_is_whole() {
        let frame = send_frame(b"hello");
        for end in 0..frame.len() {
            assert_eq!(peek(&frame[..end], 1024), Ok(None), "after {end} bytes");
        }
        let found = peek(&frame, 1024).unwrap().unwrap();
        assert_eq!(found.len, frame.len());
        let payload = Payload::parse(found.payload).unwrap();
        assert_eq!(payload.body, b"hello");
        assert_eq!(payload.broker_entry_metadata, None);
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let frame = send_frame(b"hello");
        let found = peek(&frame, 1024).unwrap().unwrap();
        for index in MAGIC_CHECKSUM.len()..found.payload.len() {
            let mut section = found.payload.to_vec();
            section[index] ^= 1;
            assert!(matches!(Payload::parse(&section), Err(WireError::Checksum { .. })), "byte {index}");
        }
    }

    #[test]
    fn broker_entry_metadata_is_told_apart() {
        let frame = send_frame(b"hello");
        let found = peek(&frame, 1024).unwrap().unwrap();
        let stamp = BrokerEntryMetadata { broker_timestamp: Some(5), index: Some(6) };
        let mut section = encode_broker_entry(&stamp);
        section.extend_from_slice(found.payload);
        let payload = Payload::parse(&section).unwrap();
        assert_eq!(payload.broker_entry_metadata, Some(&[8, 5, 16, 6][..]));
        assert_eq!(payload.body, b"hello");
    }

    #[test]
    fn a_payload_without_checksum_is_accepted() {
        let payload = Payload::parse(&[0, 0, 0, 2, 9, 9, 7]).unwrap();
        assert_eq!((payload.metadata, payload.body), (&[9, 9][..], &[7][..]));
    }

    #[test]
    fn an_oversize_frame_is_refused_by_its_first_bytes() {
        assert_eq!(peek(&[0, 0, 4, 1], 1024), Err(WireError::FrameTooLarge { size: 1025, limit: 1024 }));
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes: Vec<u8>) {
            if let Ok(Some(frame)) = peek(&bytes, 1 << 20) {
                let _ = Payload::parse(frame.payload);
            }
            let _ = Payload::parse(&bytes);
        }
    }
}
