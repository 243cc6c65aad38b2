//! What a connection received.

use bytes::{Bytes, BytesMut};
use pulsar_rs_wire::WireError;
use pulsar_rs_wire::frame::frame_len;

/// Memory that is taken at a time. Large entries stay in it, so what it holds besides them is small.
const CHUNK: usize = 256 * 1024;

/// Less room than this is not worth a read.
const MIN_READ: usize = 32 * 1024;

/// Payloads below this size are copied out of the chunk: otherwise a small entry that is kept would keep
/// the whole chunk.
const SHARED_PAYLOAD: usize = CHUNK / 16;

/// Received bytes that are no whole frame yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    buffer: BytesMut,
}

impl Inbox {
    /// The buffer to read into, with room for the rest of the frame that began, or for a good read.
    pub fn buffer(&mut self, limit: usize) -> &mut BytesMut {
        let len = self.buffer.len();
        let begun = frame_len(&self.buffer, limit).ok().flatten().unwrap_or_default();
        let wanted = if begun > len { begun - len } else { MIN_READ };
        if self.buffer.capacity() - len < wanted {
            self.buffer.reserve(CHUNK.max(begun).saturating_sub(len).max(MIN_READ));
        }
        &mut self.buffer
    }

    /// Takes out all whole frames. Fails when a frame is larger than `limit`.
    pub fn take_frames(&mut self, limit: usize) -> Result<Bytes, WireError> {
        let mut end = 0;
        while let Some(len) = frame_len(&self.buffer[end..], limit)? {
            if self.buffer.len() - end < len {
                break;
            }
            end += len;
        }
        Ok(self.buffer.split_to(end).freeze())
    }
}

/// The bytes to keep for a payload that lies in `frames`.
pub(crate) fn keep(frames: &Bytes, payload: &[u8]) -> Bytes {
    if payload.len() < SHARED_PAYLOAD { Bytes::copy_from_slice(payload) } else { frames.slice_ref(payload) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize) -> Vec<u8> {
        let mut frame = u32::try_from(len).unwrap().to_be_bytes().to_vec();
        frame.resize(4 + len, 7);
        frame
    }

    #[test]
    fn whole_frames_are_taken_and_the_rest_stays() {
        let mut inbox = Inbox::default();
        let mut bytes = frame(10);
        bytes.extend(frame(20));
        inbox.buffer(100).extend_from_slice(&bytes[..20]);
        assert_eq!(inbox.take_frames(100).unwrap().len(), 14);
        assert_eq!(inbox.take_frames(100).unwrap().len(), 0);
        inbox.buffer(100).extend_from_slice(&bytes[20..]);
        assert_eq!(inbox.take_frames(100).unwrap(), frame(20));
    }

    #[test]
    fn there_is_room_for_a_frame_that_began() {
        let mut inbox = Inbox::default();
        let large = frame(3 * CHUNK);
        let mut read = 0;
        while read < large.len() {
            let buffer = inbox.buffer(4 * CHUNK);
            let room = buffer.capacity() - buffer.len();
            assert!(room > 0);
            let next = large.len().min(read + room);
            buffer.extend_from_slice(&large[read..next]);
            read = next;
        }
        assert_eq!(inbox.take_frames(4 * CHUNK).unwrap(), large);
    }

    #[test]
    fn a_frame_over_the_limit_is_an_error() {
        let mut inbox = Inbox::default();
        inbox.buffer(100).extend_from_slice(&frame(101));
        assert!(inbox.take_frames(100).is_err());
    }

    #[test]
    fn small_payloads_are_copied() {
        let frames = Bytes::from(vec![1; CHUNK]);
        assert_ne!(keep(&frames, &frames[..100]).as_ptr(), frames.as_ptr());
        assert_eq!(keep(&frames, &frames[..SHARED_PAYLOAD]).as_ptr(), frames.as_ptr());
    }
}
