//! Memory that a connection reads into.

use std::collections::VecDeque;

use bytes::BytesMut;

/// Small frames are read so many bytes at a time, by how much comes at once: a message that is kept holds the whole
/// buffer, so that little traffic has small ones. Larger ones than the largest do not stay in the processor's cache.
const SMALLEST: usize = 32 * 1024;
const LARGEST: usize = 128 * 1024;

/// With less room than this a read is not worth it.
const MIN_ROOM: usize = 16 * 1024;

/// A frame of which so much is missing has a buffer of its own, and little of what follows is read with it: what is
/// read of the next one has to be copied to the next buffer.
const LARGE_FRAME: usize = 32 * 1024;
const BEHIND_LARGE_FRAME: usize = 4 * 1024;

/// Buffers of large frames are multiples of this, so that another frame of about the same length fits.
const STEP: usize = 32 * 1024;

/// Bytes of buffers that are remembered until their messages are gone.
const MAX_SPENT: usize = 16 * 1024 * 1024;

/// Reads into buffers whose messages are gone, where there is one: memory that is new to the process costs a page fault
/// every 4 KiB.
#[derive(Debug)]
pub(super) struct ReadMemory {
    size: usize,
    /// Of the buffer that is read into.
    current: usize,
    /// Full buffers, the oldest first. Messages still hold parts of them, or did.
    spent: VecDeque<Spent>,
    spent_bytes: usize,
}

#[derive(Debug)]
struct Spent {
    /// Empty; with the messages of it gone it can have all its memory back.
    buffer: BytesMut,
    size: usize,
}

impl Default for ReadMemory {
    fn default() -> Self {
        ReadMemory { size: SMALLEST, current: 0, spent: VecDeque::new(), spent_bytes: 0 }
    }
}

impl ReadMemory {
    /// Makes room behind what `buffer` has for the `missing` bytes of a frame; returns how many bytes to read. Memory for
    /// a large frame is taken as its bytes come: announcing it costs a broker nothing.
    pub fn make_room(&mut self, buffer: &mut BytesMut, missing: usize) -> usize {
        let room = buffer.capacity() - buffer.len();
        if missing < LARGE_FRAME {
            if room < missing.max(MIN_ROOM) {
                self.grow(buffer, self.size);
            }
            return buffer.capacity() - buffer.len();
        }
        let wanted = missing.min(buffer.len().max(LARGEST)) + BEHIND_LARGE_FRAME;
        if room < wanted {
            let size = (buffer.len() + wanted).next_multiple_of(STEP);
            self.grow(buffer, size - buffer.len());
        }
        wanted
    }

    /// Makes room for `more` bytes.
    fn grow(&mut self, buffer: &mut BytesMut, more: usize) {
        if buffer.try_reclaim(more) {
            return;
        }
        let size = buffer.len() + more;
        let new = || Spent { buffer: BytesMut::with_capacity(size), size };
        let mut next = self.free(size).unwrap_or_else(new);
        next.buffer.extend_from_slice(buffer);
        // What is left of its room is of no use, and would count as free.
        let full = std::mem::replace(buffer, next.buffer).split_to(0);
        let full_size = std::mem::replace(&mut self.current, next.size);
        self.remember(Spent { buffer: full, size: full_size });
    }

    /// Learns from a read of `count` bytes into as much `room`.
    pub fn was_read(&mut self, count: usize, room: usize) {
        if count == room {
            self.size = (self.size * 2).min(LARGEST);
        } else if count < self.size / 8 {
            self.size = (self.size / 2).max(SMALLEST);
        }
    }

    /// Whether it has memory that a connection without traffic should not keep.
    pub fn is_worth_releasing(&self) -> bool {
        !self.spent.is_empty()
    }

    /// Gives memory back to the process.
    pub fn release(&mut self) {
        self.spent.clear();
        self.spent_bytes = 0;
        self.size = SMALLEST;
    }

    /// A buffer whose messages are gone, the oldest that is. One that is too small is given up: what comes now is larger.
    fn free(&mut self, size: usize) -> Option<Spent> {
        let mut at = 0;
        while let Some(spent) = self.spent.get_mut(at) {
            if !spent.buffer.try_reclaim(spent.size) {
                at += 1;
                continue;
            }
            let spent = self.spent.remove(at)?;
            self.spent_bytes -= spent.size;
            if spent.size >= size {
                return Some(spent);
            }
        }
        None
    }

    fn remember(&mut self, spent: Spent) {
        self.spent_bytes += spent.size;
        self.spent.push_back(spent);
        while self.spent_bytes > MAX_SPENT {
            let forgotten = self.spent.pop_front();
            self.spent_bytes -= forgotten.map_or(0, |spent| spent.size);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;

    /// Reads `count` bytes, of which a frame is then taken out.
    fn fill(memory: &mut ReadMemory, buffer: &mut BytesMut, count: usize) -> BytesMut {
        let room = memory.make_room(buffer, 0);
        assert!(count <= room, "{count} bytes in {room}");
        buffer.put_bytes(b'x', count);
        buffer.split()
    }

    #[test]
    fn a_buffer_is_used_again_when_its_messages_are_gone() {
        let (mut memory, mut buffer) = (ReadMemory::default(), BytesMut::new());
        let first = fill(&mut memory, &mut buffer, SMALLEST);
        let place = first.as_ptr();
        let second = fill(&mut memory, &mut buffer, SMALLEST);
        assert_ne!(second.as_ptr(), place, "the first is in use");
        drop(first);
        drop(second);
        let places: Vec<_> = (0..4).map(|_| fill(&mut memory, &mut buffer, SMALLEST).as_ptr()).collect();
        assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "{places:?}");
    }

    #[test]
    fn one_that_is_too_small_does_not_stay() {
        let (mut memory, mut buffer) = (ReadMemory::default(), BytesMut::new());
        let small: Vec<_> = (0..3).map(|_| fill(&mut memory, &mut buffer, SMALLEST)).collect();
        drop(small);
        memory.make_room(&mut buffer, LARGEST);
        assert!(memory.spent.len() <= 1, "{memory:?}");
    }

    #[test]
    fn messages_that_are_kept_are_left_alone() {
        let (mut memory, mut buffer) = (ReadMemory::default(), BytesMut::new());
        let kept = fill(&mut memory, &mut buffer, SMALLEST).freeze();
        for _ in 0..20 {
            fill(&mut memory, &mut buffer, SMALLEST).fill(b'y');
        }
        assert!(kept.iter().all(|byte| *byte == b'x'));
    }

    #[test]
    fn buffers_grow_and_shrink_with_what_comes() {
        let (mut memory, mut buffer) = (ReadMemory::default(), BytesMut::new());
        for _ in 0..8 {
            let room = memory.make_room(&mut buffer, 0);
            fill(&mut memory, &mut buffer, room);
            memory.was_read(room, room);
        }
        assert_eq!(memory.size, LARGEST);
        for _ in 0..100 {
            let room = memory.make_room(&mut buffer, 0);
            fill(&mut memory, &mut buffer, 100);
            memory.was_read(100, room);
        }
        assert_eq!(memory.size, SMALLEST);
    }

    #[test]
    fn little_is_read_behind_a_large_frame_and_little_memory_taken_for_one_that_was_only_announced() {
        let (mut memory, mut buffer) = (ReadMemory::default(), BytesMut::new());
        let missing = 100 * 1024;
        assert_eq!(memory.make_room(&mut buffer, missing), missing + BEHIND_LARGE_FRAME);
        buffer.put_bytes(b'x', missing);
        let announced = 1 << 30;
        assert!(memory.make_room(&mut buffer, announced) <= LARGEST + BEHIND_LARGE_FRAME);
        assert!(buffer.capacity() <= 512 * 1024, "{} bytes", buffer.capacity());
    }

    #[test]
    fn remembers_only_so_much() {
        let (mut memory, mut buffer) = (ReadMemory::default(), BytesMut::new());
        let kept: Vec<_> = (0..2000).map(|_| fill(&mut memory, &mut buffer, SMALLEST)).collect();
        assert!(memory.spent_bytes <= MAX_SPENT && memory.is_worth_releasing());
        assert_eq!(memory.spent_bytes, memory.spent.iter().map(|spent| spent.size).sum::<usize>());
        drop(kept);
        memory.release();
        assert!(!memory.is_worth_releasing());
    }
}
