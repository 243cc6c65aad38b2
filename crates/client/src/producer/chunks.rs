//! Messages that are larger than the broker takes: sent in chunks, each an entry of its own with the message's sequence
//! id and metadata. The message is sent when its last chunk is.

use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::metadata::Metadata;

use super::entry::too_big;
use super::sink::SentEntry;
use crate::Error;

/// Of each chunk, content is at least one part in so many.
const MIN_SHARE: usize = 16;

/// Which part of its message an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub number: usize,
    pub count: usize,
}

impl Chunk {
    pub fn is_last(self) -> bool {
        self.number + 1 == self.count
    }

    pub fn is_first(self) -> bool {
        self.number == 0
    }
}

/// The chunks of one message.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    metadata: Metadata<'a>,
    /// Bytes in each but the last.
    size: usize,
    count: usize,
    body: Vec<u8>,
    next: usize,
}

impl<'a> Chunks<'a> {
    /// Cuts `body` so that no chunk has more than `max_message_size` bytes with its metadata. `uuid` names the message
    /// among those of all producers.
    pub fn new(
        metadata: &Metadata<'a>,
        uuid: &'a str,
        body: Vec<u8>,
        max_message_size: usize,
    ) -> Result<Self, Error> {
        let total = i32::try_from(body.len()).map_err(|_| too_big(body.len(), i32::MAX as usize))?;
        let metadata = Metadata {
            uuid: Some(uuid.as_bytes()),
            total_chunk_msg_size: Some(total),
            // As large as they can be.
            num_chunks_from_msg: Some(total),
            chunk_id: Some(total),
            ..*metadata
        };
        let size = max_message_size.saturating_sub(metadata.encoded_len());
        // Each chunk has the metadata: with little room beside it, that would be most of what is sent.
        if size == 0 || size < max_message_size / MIN_SHARE {
            return Err(Error::MessageTooBig(format!(
                "its metadata leaves {size} bytes for content in the {max_message_size} that the broker takes"
            )));
        }
        Ok(Chunks { metadata, size, count: body.len().div_ceil(size), body, next: 0 })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (Chunk, Metadata<'a>, Vec<u8>);

    /// The next chunk with its metadata and its part of the body.
    fn next(&mut self) -> Option<Self::Item> {
        let chunk = Chunk { number: self.next, count: self.count };
        let begin = chunk.number * self.size;
        let part =
            self.body.get(begin..self.body.len().min(begin + self.size)).filter(|part| !part.is_empty())?;
        self.next += 1;
        // Both are at most the size of the message, which an i32 holds.
        let int32 = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let metadata = Metadata {
            num_chunks_from_msg: Some(int32(chunk.count)),
            chunk_id: Some(int32(chunk.number)),
            ..self.metadata
        };
        Some((chunk, metadata, part.to_vec()))
    }
}

/// What is known of the message whose chunks leave now. They leave in order, and those of other messages not between
/// them.
#[derive(Debug, Default)]
pub(super) struct ChunkOutcomes {
    first: Option<EntryId>,
    failure: Option<Error>,
}

impl ChunkOutcomes {
    /// Notes the outcome of a chunk; gives that of the message with the last one.
    pub fn gather(
        &mut self,
        chunk: Chunk,
        outcome: &Result<SentEntry, Error>,
    ) -> Option<Result<SentEntry, Error>> {
        if chunk.is_first() {
            *self = ChunkOutcomes::default();
        }
        match outcome {
            Ok(sent) if chunk.is_first() => self.first = sent.entry,
            Ok(_) => {}
            Err(error) => _ = self.failure.get_or_insert_with(|| error.clone()),
        }
        chunk.is_last().then(|| {
            let (first_chunk, failure) = (self.first.take(), self.failure.take());
            let sent = outcome.clone().map(|sent| {
                // One that the broker had before is nowhere.
                let first_chunk = first_chunk.filter(|_| sent.entry.is_some());
                SentEntry { first_chunk, ..sent }
            });
            failure.map_or(sent, Err)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::entry::{Content, SealedEntry};
    use super::super::heading::Heading;
    use super::super::pending::{Pending, PendingQueue};
    use super::super::sink::Tokens;
    use super::*;

    fn chunks(len: usize, max_message_size: usize) -> Result<Vec<(Chunk, usize, usize)>, Error> {
        let metadata = Metadata { producer_name: b"p", ..Metadata::default() };
        let body: Vec<u8> = (0..len).map(|index| (index % 251).to_le_bytes()[0]).collect();
        let chunks = Chunks::new(&metadata, "p-0", body.clone(), max_message_size)?;
        let (mut found, mut joined) = (Vec::new(), Vec::new());
        for (chunk, metadata, part) in chunks {
            found.push((chunk, metadata.encoded_len(), part.len()));
            joined.extend(part);
        }
        assert_eq!(joined, body);
        Ok(found)
    }

    #[test]
    fn no_chunk_is_larger_than_allowed_and_none_is_empty() {
        for (len, limit) in [(1000, 100), (1, 40), (77, 41), (100_000, 1000), (960 * 3, 1000)] {
            let found = chunks(len, limit).unwrap();
            for (number, (chunk, metadata, part)) in found.iter().enumerate() {
                assert_eq!((chunk.number, chunk.count), (number, found.len()));
                assert!(metadata + part <= limit && *part > 0, "{metadata} + {part} of {limit}");
            }
        }
        assert!(matches!(chunks(1000, 20), Err(Error::MessageTooBig(_))));
    }

    #[test]
    fn a_message_is_sent_when_all_its_chunks_are() {
        let entry = |entry| SentEntry {
            entry: Some(EntryId { ledger: 3, entry }),
            partition: -1,
            batch_size: 0,
            first_chunk: None,
        };
        let chunk = |number| Chunk { number, count: 3 };
        let mut outcomes = ChunkOutcomes::default();
        let timeout = Error::Timeout("late".into());
        assert_eq!(outcomes.gather(chunk(0), &Ok(entry(5))), None);
        assert_eq!(outcomes.gather(chunk(1), &Err(timeout.clone())), None);
        assert_eq!(outcomes.gather(chunk(2), &Ok(entry(7))), Some(Err(timeout)));
        assert_eq!(outcomes.gather(chunk(0), &Ok(entry(8))), None);
        assert_eq!(outcomes.gather(chunk(1), &Ok(entry(9))), None);
        let sent = outcomes.gather(chunk(2), &Ok(entry(10))).unwrap().unwrap();
        assert_eq!((sent.entry.unwrap().entry, sent.first_chunk.unwrap().entry), (10, 8));
    }

    fn pending(sequence_id: u64, number: usize) -> Pending<u64> {
        let sealed = SealedEntry {
            content: Content::Batch { body: Vec::new(), messages: 1, heading: Heading::default() },
            first_sequence_id: sequence_id,
            highest_sequence_id: sequence_id,
            accepted_at: Instant::now(),
            publish_time: 0,
        };
        let mut pending = Pending::new(sealed, Tokens::One(sequence_id), 1, 0, None);
        pending.chunk = Some(Chunk { number, count: 2 });
        pending
    }

    #[test]
    fn what_is_left_of_a_message_in_chunks_does_not_go_elsewhere() {
        let why = Error::Disconnected("elsewhere".into());
        let mut queue = PendingQueue::default();
        for (sequence_id, number) in [(4, 0), (4, 1), (5, 0), (5, 1)] {
            queue.push(pending(sequence_id, number));
        }
        queue.refuse_rest_of_chunks(&why);
        assert!(queue.refused_front().is_none(), "all of it is there");
        // The first chunk has its receipt.
        queue.pop_front();
        queue.refuse_rest_of_chunks(&why);
        assert!(queue.refused_front().is_some());
        queue.pop_front();
        assert!(queue.refused_front().is_none());
    }
}
