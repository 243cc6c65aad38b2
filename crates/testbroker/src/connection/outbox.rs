//! What a connection has to send.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

/// Payloads up to this size are copied behind their command: cheaper than one more piece for the kernel.
const INLINE: usize = 4 * 1024;

/// Pieces of one write. More do not make it faster.
pub(super) const PIECES: usize = 64;

/// Sent bytes that may stay at the front of `commands` before they are cut off.
const SLACK: usize = 64 * 1024;

/// Bytes to send, in order: commands in one buffer, large payloads where they are.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    commands: Vec<u8>,
    /// Bytes at the front of `commands` that were sent.
    sent: usize,
    pieces: VecDeque<Piece>,
    len: usize,
}

#[derive(Debug)]
enum Piece {
    /// The next bytes of `commands`.
    Commands(usize),
    Payload(Bytes),
}

impl Outbox {
    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends what `encode` writes.
    pub fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let before = self.commands.len();
        encode(&mut self.commands);
        let added = self.commands.len() - before;
        self.len += added;
        match self.pieces.back_mut() {
            Some(Piece::Commands(len)) => *len += added,
            _ => self.pieces.push_back(Piece::Commands(added)),
        }
    }

    /// Appends a payload.
    pub fn push_payload(&mut self, payload: &Bytes) {
        if payload.len() <= INLINE {
            self.push(|commands| commands.extend_from_slice(payload));
        } else {
            self.len += payload.len();
            self.pieces.push_back(Piece::Payload(payload.clone()));
        }
    }

    /// The first pieces, for a vectored write. Returns how many of `slices` are filled.
    pub fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>; PIECES]) -> usize {
        let mut commands = &self.commands[self.sent..];
        let mut filled = 0;
        for (piece, slice) in self.pieces.iter().zip(slices) {
            let bytes = match piece {
                Piece::Payload(payload) => payload,
                Piece::Commands(len) => {
                    let (head, tail) = commands.split_at(*len);
                    commands = tail;
                    head
                }
            };
            *slice = IoSlice::new(bytes);
            filled += 1;
        }
        filled
    }

    /// Takes out the first `count` bytes, which were sent.
    pub fn consume(&mut self, mut count: usize) {
        self.len -= count;
        while let Some(piece) = self.pieces.front_mut() {
            let len = match piece {
                Piece::Commands(len) => *len,
                Piece::Payload(payload) => payload.len(),
            };
            let taken = count.min(len);
            count -= taken;
            match piece {
                Piece::Commands(left) => {
                    *left -= taken;
                    self.sent += taken;
                }
                Piece::Payload(payload) => *payload = payload.slice(taken..),
            }
            if taken < len {
                break;
            }
            self.pieces.pop_front();
        }
        if self.pieces.is_empty() {
            self.commands.clear();
            self.sent = 0;
        } else if self.sent > SLACK {
            self.commands.drain(..self.sent);
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_leave_in_the_order_they_came(
            pieces in vec((any::<bool>(), 0usize..20_000), 0..40), writes in vec(1usize..30_000, 1..200),
        ) {
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            let mut sent = Vec::new();
            let mut writes = writes.iter().cycle();
            for (number, (is_payload, len)) in pieces.iter().enumerate() {
                let bytes = vec![u8::try_from(number).unwrap(); *len];
                expected.extend_from_slice(&bytes);
                if *is_payload {
                    outbox.push_payload(&bytes.into());
                } else {
                    outbox.push(|out| out.extend_from_slice(&bytes));
                }
                prop_assert_eq!(outbox.len(), expected.len() - sent.len());
                write(&mut outbox, &mut sent, *writes.next().unwrap());
            }
            while !outbox.is_empty() {
                write(&mut outbox, &mut sent, *writes.next().unwrap());
            }
            prop_assert_eq!(sent, expected);
        }
    }

    /// Takes at most `limit` bytes, as a socket would.
    fn write(outbox: &mut Outbox, sent: &mut Vec<u8>, limit: usize) {
        let mut slices = [IoSlice::new(&[]); PIECES];
        let filled = outbox.fill(&mut slices);
        let all: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
        let taken = all.len().min(limit);
        sent.extend_from_slice(&all[..taken]);
        outbox.consume(taken);
    }
}
