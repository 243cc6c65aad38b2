//! Entries from sealing to receipt, in the order of sending.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::chunks::Chunk;
use super::entry::SealedEntry;
use super::sink::Tokens;
use crate::Error;
use crate::connection::EntryFrame;

/// An entry that was sealed and whose outcome is not known.
#[derive(Debug)]
pub(super) struct Pending<T> {
    payload: Payload,
    pub tokens: Tokens<T>,
    pub first_sequence_id: u64,
    pub highest_sequence_id: u64,
    /// When its first message came.
    pub accepted_at: Instant,
    /// Messages in the batch; 0: a single message.
    pub batch_size: i32,
    /// It is a part of a message.
    pub chunk: Option<Chunk>,
    /// What its messages count against the client's memory limit, in bytes.
    pub memory: usize,
    /// When its messages time out.
    pub deadline: Option<Instant>,
    /// The broker found it damaged once already.
    pub was_damaged: bool,
    /// It cannot be sent, or the broker does not take it. It completes when those before it have.
    pub refused: Option<Error>,
}

#[derive(Debug)]
enum Payload {
    Sealed(SealedEntry),
    /// Some thread encodes it, without the producer's lock.
    Encoding,
    Encoded(Arc<EntryFrame>),
}

impl<T> Pending<T> {
    pub fn new(
        sealed: SealedEntry,
        tokens: Tokens<T>,
        batch_size: i32,
        memory: usize,
        deadline: Option<Instant>,
    ) -> Self {
        Pending {
            first_sequence_id: sealed.first_sequence_id,
            highest_sequence_id: sealed.highest_sequence_id,
            accepted_at: sealed.accepted_at,
            payload: Payload::Sealed(sealed),
            tokens,
            batch_size,
            chunk: None,
            memory,
            deadline,
            was_damaged: false,
            refused: None,
        }
    }

    /// Messages that leave with it.
    pub fn messages(&self) -> usize {
        if self.chunk.is_some_and(|chunk| !chunk.is_last()) {
            return 0;
        }
        usize::try_from(self.batch_size).unwrap_or(0).max(1)
    }

    /// The buffer of the body, for another batch, unless the writer still has it.
    pub fn take_body(&mut self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.payload, Payload::Encoding) {
            Payload::Encoded(frame) => Arc::try_unwrap(frame).ok().map(|frame| frame.body),
            _ => None,
        }
    }
}

/// All pending entries. They leave at the front only.
#[derive(Debug)]
pub(super) struct PendingQueue<T> {
    entries: VecDeque<Pending<T>>,
    /// Number of the first entry; numbers rise by one and are never used again.
    first_number: u64,
    /// How many at the front are taken for encoding, or encoded.
    claimed: usize,
    /// How many at the front were handed to the current connection.
    sent: usize,
    /// Sequence ids of entries that were sent on the current connection and given up, in order.
    expired: VecDeque<u64>,
}

impl<T> Default for PendingQueue<T> {
    fn default() -> Self {
        PendingQueue {
            entries: VecDeque::new(),
            first_number: 0,
            claimed: 0,
            sent: 0,
            expired: VecDeque::new(),
        }
    }
}

impl<T> PendingQueue<T> {
    pub fn push(&mut self, pending: Pending<T>) {
        self.entries.push_back(pending);
    }

    pub fn front(&self) -> Option<&Pending<T>> {
        self.entries.front()
    }

    /// The first entry, if it was sent on the current connection: the only one a receipt can be for.
    pub fn sent_front(&mut self) -> Option<&mut Pending<T>> {
        if self.sent == 0 { None } else { self.entries.front_mut() }
    }

    /// The entry with this sequence id, if it was sent on the current connection.
    pub fn sent_entry(&mut self, sequence_id: u64) -> Option<&mut Pending<T>> {
        let mut sent = self.entries.iter_mut().take(self.sent);
        sent.find(|pending| pending.first_sequence_id == sequence_id)
    }

    pub fn pop_front(&mut self) -> Option<Pending<T>> {
        let pending = self.entries.pop_front()?;
        self.first_number += 1;
        self.claimed = self.claimed.saturating_sub(1);
        self.sent = self.sent.saturating_sub(1);
        Some(pending)
    }

    /// The first entry is given up. If it was sent, its receipt may still come.
    pub fn expire_front(&mut self) {
        if self.sent > 0
            && let Some(front) = self.entries.front().filter(|front| front.refused.is_none())
        {
            self.expired.push_back(front.first_sequence_id);
        }
    }

    /// Whether a receipt is for an entry that was given up.
    pub fn is_late(&mut self, sequence_id: u64) -> bool {
        let is_late = self.expired.front() == Some(&sequence_id);
        if is_late {
            self.expired.pop_front();
        }
        is_late
    }

    /// Number of the entry that will be pushed next; all before it have smaller ones.
    pub fn next_number(&self) -> u64 {
        self.first_number + self.entries.len() as u64
    }

    /// Whether all entries with numbers below `number` have left.
    pub fn is_past(&self, number: u64) -> bool {
        self.first_number >= number
    }

    /// Takes the next entry that nobody encodes yet. [`PendingQueue::encoded`] brings it back.
    pub fn claim(&mut self) -> Option<(u64, SealedEntry)> {
        let pending = self.entries.get_mut(self.claimed)?;
        let number = self.first_number + self.claimed as u64;
        self.claimed += 1;
        match std::mem::replace(&mut pending.payload, Payload::Encoding) {
            Payload::Sealed(sealed) => Some((number, sealed)),
            other => {
                pending.payload = other;
                None
            }
        }
    }

    /// Brings an encoded entry back, or says why it cannot be sent; it may have left in the meantime.
    pub fn encoded(&mut self, number: u64, frame: Result<EntryFrame, Error>) {
        let pending = number
            .checked_sub(self.first_number)
            .and_then(|index| self.entries.get_mut(usize::try_from(index).ok()?));
        if let Some(pending) = pending {
            match frame {
                Ok(frame) => pending.payload = Payload::Encoded(Arc::new(frame)),
                Err(error) => pending.refused = Some(error),
            }
        }
    }

    /// The next frame for the connection: in order, so an entry that is still being encoded holds up those
    /// behind it. What is refused is passed over.
    /// [`PendingQueue::mark_sent`] goes on to the one behind it.
    pub fn next_to_send(&mut self) -> Option<&Arc<EntryFrame>> {
        while self.entries.get(self.sent)?.refused.is_some() {
            self.sent += 1;
        }
        match &self.entries.get(self.sent)?.payload {
            Payload::Encoded(frame) => Some(frame),
            Payload::Sealed(_) | Payload::Encoding => None,
        }
    }

    /// The next entry was handed to the connection.
    pub fn mark_sent(&mut self) {
        self.sent += 1;
    }

    /// Why the first entry is refused, if it is.
    pub fn refused_front(&mut self) -> Option<Error> {
        self.entries.front_mut()?.refused.take()
    }

    /// The next entries go where those before them did not: a message of which chunks have left already cannot be completed
    /// there.
    pub fn refuse_rest_of_chunks(&mut self, why: &Error) {
        let front = self.entries.front().filter(|front| front.chunk.is_some_and(|chunk| !chunk.is_first()));
        let Some(sequence_id) = front.map(|front| front.first_sequence_id) else {
            return;
        };
        let rest = self.entries.iter_mut().take_while(|pending| pending.first_sequence_id == sequence_id);
        rest.for_each(|pending| pending.refused = Some(why.clone()));
    }

    /// The connection is gone: everything has to be sent again.
    pub fn unsend_all(&mut self) {
        self.sent = 0;
        self.expired.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Content;
    use super::super::heading::Heading;
    use super::*;

    fn pending(sequence_id: u64) -> Pending<u64> {
        let content = Content::Batch { body: Vec::new(), messages: 1, heading: Heading::default() };
        let sealed = SealedEntry {
            content,
            first_sequence_id: sequence_id,
            highest_sequence_id: sequence_id,
            accepted_at: Instant::now(),
            publish_time: 0,
        };
        Pending::new(sealed, Tokens::One(sequence_id), 1, 0, None)
    }

    fn frame(name: u8) -> EntryFrame {
        EntryFrame { head: vec![name], body: Vec::new() }
    }

    /// Hands the next entry over.
    fn send(queue: &mut PendingQueue<u64>) -> Option<Vec<u8>> {
        let head = queue.next_to_send()?.head.clone();
        queue.mark_sent();
        Some(head)
    }

    #[test]
    fn entries_are_sent_in_order_whatever_is_encoded_first() {
        let mut queue = PendingQueue::default();
        queue.push(pending(0));
        queue.push(pending(1));
        let (first, _) = queue.claim().unwrap();
        let (second, _) = queue.claim().unwrap();
        assert!(queue.claim().is_none());
        queue.encoded(second, Ok(frame(1)));
        assert_eq!(send(&mut queue), None);
        queue.encoded(first, Ok(frame(0)));
        assert_eq!(send(&mut queue), Some(vec![0]));
        assert_eq!(send(&mut queue), Some(vec![1]));
        assert_eq!(send(&mut queue), None);
    }

    #[test]
    fn an_entry_that_left_while_it_was_encoded_is_not_revived() {
        let mut queue = PendingQueue::default();
        queue.push(pending(0));
        queue.push(pending(1));
        let (number, _) = queue.claim().unwrap();
        assert!(queue.pop_front().is_some());
        queue.encoded(number, Ok(frame(0)));
        assert_eq!(send(&mut queue), None);
        let (number, _) = queue.claim().unwrap();
        queue.encoded(number, Ok(frame(1)));
        assert_eq!(send(&mut queue), Some(vec![1]));
        assert_eq!(queue.front().unwrap().first_sequence_id, 1);
    }

    #[test]
    fn after_a_lost_connection_all_are_sent_again() {
        let mut queue = PendingQueue::default();
        for sequence_id in 0..3 {
            queue.push(pending(sequence_id));
            let (number, _) = queue.claim().unwrap();
            queue.encoded(number, Ok(frame(u8::try_from(sequence_id).unwrap())));
            assert!(send(&mut queue).is_some());
        }
        queue.pop_front();
        queue.unsend_all();
        assert!(queue.sent_front().is_none());
        assert_eq!(send(&mut queue), Some(vec![1]));
        assert_eq!(send(&mut queue), Some(vec![2]));
        assert!(queue.is_past(1) && !queue.is_past(2));
    }

    #[test]
    fn a_receipt_that_comes_too_late_is_known() {
        let mut queue = PendingQueue::default();
        // Ids that a program gives may fall.
        for sequence_id in [9, 4] {
            queue.push(pending(sequence_id));
            let (number, _) = queue.claim().unwrap();
            queue.encoded(number, Ok(frame(0)));
        }
        send(&mut queue).unwrap();
        queue.expire_front();
        queue.pop_front();
        queue.expire_front();
        queue.pop_front();
        assert!(!queue.is_late(4), "it was not sent");
        assert!(queue.is_late(9));
        assert!(!queue.is_late(9), "once");
    }
}
