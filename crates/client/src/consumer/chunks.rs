//! Messages in chunks: gathered until the last chunk is there, and remembered until they are acknowledged.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pulsar_rs_wire::WireError;
use pulsar_rs_wire::cipher::TAG_LEN;
use pulsar_rs_wire::compression::MAX_RESTORED;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::metadata::Metadata;

use super::arrival::Arrival;
use super::config::ConsumerConfig;
use crate::crypto::OpeningKey;

/// Names of messages that are remembered after they were given up, at most: a name may be long. It takes the chunks of more
/// producers that come in turns to forget one too early. What then comes of its message is taken for one without a
/// beginning, which is acknowledged when chunks expire, unless the beginning has come again before.
const MAX_GIVEN_UP: usize = 1000;

/// What an entry says of the message that it is a chunk of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    uuid: Bytes,
    number: usize,
    count: usize,
    /// Bytes of the message as it travels.
    total: usize,
}

impl Chunk {
    /// Nothing for an entry that is no chunk.
    pub fn of(metadata: &Metadata<'_>) -> Result<Option<Self>, WireError> {
        let size = |number: Option<i32>| number.and_then(|number| usize::try_from(number).ok());
        let count = size(metadata.num_chunks_from_msg).unwrap_or_default();
        if count < 2 {
            return Ok(None);
        }
        let chunk = || {
            Some(Chunk {
                uuid: Bytes::copy_from_slice(metadata.uuid?),
                number: size(metadata.chunk_id).filter(|number| *number < count)?,
                count,
                total: size(metadata.total_chunk_msg_size).filter(|total| *total <= MAX_RESTORED)?,
            })
        };
        // A batch is not cut into chunks.
        let chunk = chunk().filter(|_| metadata.num_messages_in_batch.is_none());
        chunk.map(Some).ok_or(WireError::Batch("it is no chunk that can be"))
    }

    pub fn is_last(&self) -> bool {
        self.number + 1 == self.count
    }
}

/// A message whose last chunk has come.
#[derive(Debug)]
pub(super) struct Whole {
    /// Entries of the chunks.
    pub entries: Arc<[EntryId]>,
    parts: Vec<Part>,
    total: usize,
}

/// What one chunk has of its message.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub body: Bytes,
    /// What opens it, if it is encrypted.
    pub key: Option<OpeningKey>,
}

impl Part {
    /// Bytes without the tag of encryption.
    fn len(&self) -> usize {
        self.body.len().saturating_sub(if self.key.is_some() { TAG_LEN } else { 0 })
    }
}

impl Whole {
    /// Bytes of the message as it travels.
    pub fn len(&self) -> usize {
        self.total
    }

    /// The message as it was before its chunks were encrypted, in one piece.
    pub fn open(&self) -> Result<Bytes, WireError> {
        if self.parts.iter().map(Part::len).sum::<usize>() != self.total {
            return Err(WireError::Batch("its chunks do not have the bytes that they announce"));
        }
        let mut joined = Vec::with_capacity(self.total);
        for Part { body, key } in &self.parts {
            match key {
                None => joined.extend_from_slice(body),
                Some(key) => joined.extend_from_slice(&key.open(body)?),
            }
        }
        Ok(joined.into())
    }

    /// The chunks as they travelled, one behind the other.
    pub fn join(&self) -> Bytes {
        self.parts.iter().flat_map(|part| part.body.iter().copied()).collect()
    }
}

/// A message of which chunks are missing.
#[derive(Debug)]
struct Gathering {
    uuid: Bytes,
    entries: Vec<EntryId>,
    parts: Vec<Part>,
    bytes: usize,
    /// When the last chunk came that is of use.
    last: Instant,
    /// A chunk in the middle or at the beginning never came: it cannot be completed.
    has_gap: bool,
}

/// What became of a chunk that came.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// It was the last.
    pub complete: Option<Arrival>,
    /// Nobody needs these entries.
    pub acknowledge: Vec<EntryId>,
    /// These entries were dropped, and have to come again.
    pub again: Vec<EntryId>,
}

/// The messages in chunks of one consumer.
#[derive(Debug)]
pub(super) struct Chunks {
    /// The one that began first is in front.
    gathering: VecDeque<Gathering>,
    /// Messages that went for others and shall come again, the last ones.
    given_up: VecDeque<Bytes>,
    /// Entries of messages that are there as a whole and not acknowledged, by their last.
    whole: HashMap<EntryId, Arc<[EntryId]>>,
    /// Messages that are gathered at the same time, at most.
    limit: usize,
    acknowledge_oldest: bool,
    expire_after: Option<Duration>,
}

impl Chunks {
    pub fn new(config: &ConsumerConfig) -> Self {
        let limit = config.max_pending_chunked_messages;
        Chunks {
            gathering: VecDeque::new(),
            given_up: VecDeque::new(),
            whole: HashMap::new(),
            limit: if limit == 0 { usize::MAX } else { limit },
            acknowledge_oldest: config.ack_oldest_chunked_message,
            expire_after: config.chunk_expiry,
        }
    }

    /// Adds a chunk.
    pub fn add(&mut self, arrival: Arrival, chunk: &Chunk, now: Instant) -> Added {
        let mut added = Added::default();
        let id = arrival.id();
        if chunk.number == 0 {
            self.given_up.retain(|uuid| *uuid != chunk.uuid);
        } else if self.given_up.contains(&chunk.uuid) {
            added.again.push(id);
            return added;
        }
        let place = match self.gathering.iter().position(|gathering| gathering.uuid == chunk.uuid) {
            Some(place) if chunk.number == 0 => {
                // The broker sends all of it again; or it was sent again from the beginning, or a producer of the same name
                // counts from the beginning again: then what came before is of no use. What stands behind belongs to it.
                if let Some(old) =
                    self.gathering.remove(place).filter(|old| old.has_gap || old.entries[0] != id)
                {
                    let others = old.entries.into_iter().filter(|entry| *entry != id);
                    (added.acknowledge, added.again) = others.partition(|entry| *entry < id);
                }
                self.begin(chunk, &mut added, now)
            }
            Some(place) => place,
            None => self.begin(chunk, &mut added, now),
        };
        let gathering = &mut self.gathering[place];
        match gathering.entries.get(chunk.number) {
            _ if gathering.has_gap && gathering.entries.contains(&id) => {}
            // More than the message can have.
            _ if gathering.has_gap && gathering.entries.len() >= chunk.count => added.acknowledge.push(id),
            // Its producer sent it twice.
            Some(known) if !gathering.has_gap && *known != id => added.acknowledge.push(id),
            Some(_) if !gathering.has_gap => {}
            _ => {
                gathering.take(&arrival, chunk, now);
                if chunk.is_last() && !gathering.has_gap {
                    added.complete =
                        self.gathering.remove(place).map(|whole| self.complete(arrival, whole, chunk));
                }
            }
        }
        added
    }

    /// Begins to gather a message; the oldest goes when there are too many.
    fn begin(&mut self, chunk: &Chunk, added: &mut Added, now: Instant) -> usize {
        while self.gathering.len() >= self.limit
            && let Some(oldest) = self.gathering.pop_front()
        {
            if self.acknowledge_oldest {
                added.acknowledge.extend(oldest.entries);
            } else {
                added.again.extend(oldest.entries);
                self.give_up(oldest.uuid);
            }
        }
        self.gathering.push_back(Gathering {
            uuid: chunk.uuid.clone(),
            entries: Vec::new(),
            parts: Vec::new(),
            bytes: 0,
            last: now,
            has_gap: false,
        });
        self.gathering.len() - 1
    }

    /// A chunk cannot be read now, but perhaps later: the message shall come again as a whole. Returns those entries of it
    /// that were there.
    pub fn refuse(&mut self, chunk: &Chunk) -> Vec<EntryId> {
        let place = self.gathering.iter().position(|gathering| gathering.uuid == chunk.uuid);
        let gathered = place.and_then(|place| self.gathering.remove(place));
        self.give_up(chunk.uuid.clone());
        gathered.map(|gathered| gathered.entries).unwrap_or_default()
    }

    /// A message that shall come again later: so shall the chunks of it that come now.
    fn give_up(&mut self, uuid: Bytes) {
        self.given_up.retain(|known| *known != uuid);
        self.given_up.push_back(uuid);
        if self.given_up.len() > MAX_GIVEN_UP {
            self.given_up.pop_front();
        }
    }

    fn complete(&mut self, last: Arrival, gathered: Gathering, chunk: &Chunk) -> Arrival {
        let entries: Arc<[EntryId]> = gathered.entries.into();
        self.whole.insert(last.id(), entries.clone());
        last.into_whole(Whole { entries, parts: gathered.parts, total: chunk.total })
    }

    /// Entries of messages whose chunks stopped coming. Their rest is not waited for.
    pub fn take_expired(&mut self, now: Instant) -> Vec<EntryId> {
        let Some(expire_after) = self.expire_after else {
            return Vec::new();
        };
        let is_over = |gathering: &Gathering| now.duration_since(gathering.last) >= expire_after;
        let mut expired = Vec::new();
        self.gathering.retain_mut(|gathering| {
            let is_over = is_over(gathering);
            if is_over {
                expired.append(&mut gathering.entries);
            }
            !is_over
        });
        expired
    }

    /// When the first of them expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        let first = self.gathering.iter().map(|gathering| gathering.last).min();
        first?.checked_add(self.expire_after?)
    }

    /// Entries of the message in chunks that ends with this entry, if it is one; it is forgotten.
    pub fn take(&mut self, last: EntryId) -> Option<Arc<[EntryId]>> {
        if self.whole.is_empty() { None } else { self.whole.remove(&last) }
    }

    /// Whether the entry is of a message that is there as a whole.
    pub fn is_of_whole(&self, id: EntryId) -> bool {
        self.whole.values().any(|entries| entries.contains(&id))
    }

    /// Everything up to the entry is acknowledged.
    pub fn remove_up_to(&mut self, id: EntryId) {
        self.whole.retain(|last, _| *last > id);
    }

    /// Whether chunks of the same message are there.
    pub fn gathers(&self, chunk: &Chunk) -> bool {
        self.gathering.iter().any(|gathering| gathering.uuid == chunk.uuid)
    }

    /// The first entry of the messages that are not complete, or that end behind `place`.
    pub fn oldest_behind(&self, place: EntryId) -> Option<EntryId> {
        let incomplete = self.gathering.iter().filter_map(|gathering| gathering.entries.first());
        let whole = self.whole.iter().filter(|(last, _)| **last > place);
        incomplete.chain(whole.filter_map(|(_, entries)| entries.first())).min().copied()
    }

    /// Everything that is not acknowledged comes again.
    pub fn clear(&mut self) {
        self.gathering.clear();
        self.given_up.clear();
        self.whole.clear();
    }
}

impl Gathering {
    /// Takes a chunk that is not known yet.
    fn take(&mut self, arrival: &Arrival, chunk: &Chunk, now: Instant) {
        let part = arrival.part();
        self.bytes += part.len();
        self.has_gap |= self.entries.len() != chunk.number;
        // More than announced, or nothing, as often as somebody likes: that would be a way to take our memory.
        let is_wrong = self.bytes > chunk.total || part.len() == 0;
        if self.has_gap || is_wrong {
            self.has_gap = true;
            self.parts = Vec::new();
        } else {
            self.last = now;
            self.parts.push(part);
        }
        self.entries.push(arrival.id());
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrival::Decryption;
    use super::*;
    use pulsar_rs_wire::frame::encode_payload_head;
    use pulsar_rs_wire::hot;

    fn id(entry: u64) -> EntryId {
        EntryId { ledger: 1, entry }
    }

    /// A chunk as it comes, of a message of ten bytes a chunk.
    fn chunk(uuid: &str, number: i32, count: i32, entry: u64) -> (Arrival, Chunk) {
        chunk_with(uuid, (number, count), entry, &[number.to_le_bytes()[0]; 10], count * 10)
    }

    fn chunk_with(
        uuid: &str,
        (number, count): (i32, i32),
        entry: u64,
        body: &[u8],
        total: i32,
    ) -> (Arrival, Chunk) {
        let metadata = Metadata {
            producer_name: b"p",
            uuid: Some(uuid.as_bytes()),
            num_chunks_from_msg: Some(count),
            chunk_id: Some(number),
            total_chunk_msg_size: Some(total),
            ..Metadata::default()
        };
        let mut payload = Vec::new();
        encode_payload_head(&mut payload, &metadata, body);
        payload.extend_from_slice(body);
        let message = hot::Message { entry: id(entry), ..hot::Message::default() };
        let no_keys = Decryption { has_keys: false, takes_encrypted: false };
        let mut arrival = Arrival::check(message, &payload.into(), no_keys).unwrap();
        let chunk = arrival.take_chunk().unwrap();
        (arrival, chunk)
    }

    fn add(chunks: &mut Chunks, (arrival, chunk): (Arrival, Chunk), now: Instant) -> Added {
        chunks.add(arrival, &chunk, now)
    }

    /// Adds chunks of one message; the entries of the message if it is complete, and those to acknowledge.
    fn add_all(
        chunks: &mut Chunks,
        count: i32,
        numbers_and_entries: &[(i32, u64)],
    ) -> (Option<Vec<u64>>, Vec<u64>) {
        let (mut complete, mut acknowledge) = (None, Vec::new());
        for (number, entry) in numbers_and_entries {
            let added = add(chunks, chunk("a", *number, count, *entry), Instant::now());
            acknowledge.extend(added.acknowledge.iter().map(|id| id.entry));
            if let Some(whole) = added.complete {
                let entries = chunks.take(whole.id()).unwrap();
                complete = Some(entries.iter().map(|id| id.entry).collect());
            }
        }
        (complete, acknowledge)
    }

    #[test]
    fn messages_whose_chunks_come_in_turns_are_told_apart() {
        let mut chunks = Chunks::new(&ConsumerConfig::default());
        for entry in 0..4 {
            let (uuid, number) = if entry % 2 == 0 { ("a", entry / 2) } else { ("b", entry / 2) };
            let added =
                add(&mut chunks, chunk(uuid, number, 3, entry.cast_unsigned().into()), Instant::now());
            assert!(added.complete.is_none() && added.acknowledge.is_empty());
        }
        for (uuid, entry) in [("b", 4), ("a", 5)] {
            let whole = add(&mut chunks, chunk(uuid, 2, 3, entry), Instant::now()).complete.unwrap();
            assert_eq!(whole.id(), id(entry));
        }
        let entries = |last| chunks.whole[&id(last)].iter().map(|id| id.entry).collect::<Vec<_>>();
        assert_eq!((entries(4), entries(5)), (vec![1, 3, 4], vec![0, 2, 5]));
        chunks.remove_up_to(id(4));
        assert!(chunks.take(id(4)).is_none() && chunks.take(id(5)).is_some());
    }

    #[test]
    fn what_a_producer_sent_twice_is_acknowledged_and_what_the_broker_sends_again_is_not() {
        let complete = |sent: &[(i32, u64)]| add_all(&mut Chunks::new(&ConsumerConfig::default()), 3, sent);
        assert_eq!(complete(&[(0, 0), (1, 1), (1, 2), (2, 3)]), (Some(vec![0, 1, 3]), vec![2]));
        assert_eq!(complete(&[(0, 0), (1, 1), (1, 1), (2, 3)]), (Some(vec![0, 1, 3]), vec![]));
        // From the beginning: what came before is of no use.
        assert_eq!(complete(&[(0, 0), (1, 1), (0, 2), (1, 3), (2, 4)]), (Some(vec![2, 3, 4]), vec![0, 1]));
        assert_eq!(complete(&[(0, 0), (1, 1), (0, 0), (1, 1), (2, 4)]), (Some(vec![0, 1, 4]), vec![]));
    }

    #[test]
    fn what_cannot_be_completed_expires() {
        let mut chunks = Chunks::new(&ConsumerConfig::default());
        assert_eq!(chunks.next_expiry(), None);
        assert_eq!(add_all(&mut chunks, 4, &[(1, 1), (2, 2), (3, 3)]), (None, vec![]));
        let now = Instant::now();
        assert_eq!(chunks.take_expired(now), []);
        assert!(chunks.next_expiry().unwrap() > now);
        assert_eq!(chunks.take_expired(now + Duration::from_mins(2)), [id(1), id(2), id(3)]);
        assert_eq!(chunks.next_expiry(), None);
        // A hole, and then all of it.
        assert_eq!(add_all(&mut chunks, 3, &[(0, 10), (2, 12)]), (None, vec![]));
        let (complete, acknowledge) = add_all(&mut chunks, 3, &[(0, 13), (1, 14), (2, 15)]);
        assert_eq!((complete, acknowledge), (Some(vec![13, 14, 15]), vec![10, 12]));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        for acknowledge in [false, true] {
            let config = ConsumerConfig {
                max_pending_chunked_messages: 2,
                ack_oldest_chunked_message: acknowledge,
                ..ConsumerConfig::default()
            };
            let mut chunks = Chunks::new(&config);
            for (entry, uuid) in ["a", "b"].iter().enumerate() {
                add(&mut chunks, chunk(uuid, 0, 2, entry as u64), Instant::now());
            }
            let added = add(&mut chunks, chunk("c", 0, 2, 2), Instant::now());
            let dropped = if acknowledge { &added.acknowledge } else { &added.again };
            assert_eq!(dropped, &[id(0)]);
            assert_eq!(added.acknowledge.len() + added.again.len(), 1);
            assert!(add(&mut chunks, chunk("b", 1, 2, 3), Instant::now()).complete.is_some());
        }
    }

    #[test]
    fn the_rest_of_a_message_that_went_for_others_comes_again_with_it() {
        let config = ConsumerConfig { max_pending_chunked_messages: 1, ..ConsumerConfig::default() };
        let mut chunks = Chunks::new(&config);
        add(&mut chunks, chunk("a", 0, 2, 0), Instant::now());
        assert_eq!(add(&mut chunks, chunk("b", 0, 2, 1), Instant::now()).again, [id(0)]);
        assert!(add(&mut chunks, chunk("b", 1, 2, 2), Instant::now()).complete.is_some());
        let tail = add(&mut chunks, chunk("a", 1, 2, 3), Instant::now());
        assert_eq!((tail.again, tail.acknowledge), (vec![id(3)], vec![]));
        assert_eq!(chunks.take_expired(Instant::now() + Duration::from_mins(2)), []);
        add(&mut chunks, chunk("a", 0, 2, 0), Instant::now());
        assert!(add(&mut chunks, chunk("a", 1, 2, 3), Instant::now()).complete.is_some());
    }

    #[test]
    fn nothing_is_acknowledged_of_a_message_with_a_chunk_that_cannot_be_read_now() {
        let mut chunks = Chunks::new(&ConsumerConfig::default());
        // The first, one in the middle, the last.
        for refused in 0..3 {
            for number in 0..3_u8 {
                let (arrival, which) = chunk("a", number.into(), 3, number.into());
                if number == refused {
                    let again: Vec<_> = (0..refused).map(|number| id(number.into())).collect();
                    assert_eq!(chunks.refuse(&which), again);
                } else {
                    let added = add(&mut chunks, (arrival, which), Instant::now());
                    let again = if number > refused { vec![id(number.into())] } else { vec![] };
                    assert_eq!((added.again, added.acknowledge), (again, vec![]));
                }
            }
            assert_eq!(chunks.take_expired(Instant::now() + Duration::from_mins(2)), []);
        }
        assert_eq!(add_all(&mut chunks, 3, &[(0, 0), (1, 1), (2, 2)]), (Some(vec![0, 1, 2]), vec![]));
    }

    #[test]
    fn what_stands_behind_the_beginning_of_a_message_is_not_acknowledged_for_it() {
        let mut chunks = Chunks::new(&ConsumerConfig::default());
        assert_eq!(add_all(&mut chunks, 3, &[(2, 12)]), (None, vec![]));
        let head = add(&mut chunks, chunk("a", 0, 3, 10), Instant::now());
        assert_eq!((head.again, head.acknowledge), (vec![id(12)], vec![]));
    }

    #[test]
    fn what_cannot_be_completed_is_bounded_and_expires_whatever_comes() {
        let mut chunks = Chunks::new(&ConsumerConfig::default());
        let start = Instant::now();
        add(&mut chunks, chunk("a", 1, 3, 0), start);
        let mut acknowledged = 0;
        for entry in 1..1000 {
            let now = start + Duration::from_millis(50 * entry);
            let added = add(&mut chunks, chunk("a", 1, 3, entry), now);
            assert!(added.complete.is_none());
            acknowledged += added.acknowledge.len();
        }
        assert_eq!(acknowledged, 997);
        assert_eq!(chunks.take_expired(start + Duration::from_mins(1)), [id(0), id(1), id(2)]);
    }

    #[test]
    fn a_message_is_never_larger_than_announced() {
        let mut chunks = Chunks::new(&ConsumerConfig::default());
        for (number, body) in [(0, &[1; 10][..]), (1, &[1; 10]), (2, &[1; 1])] {
            let added = add(&mut chunks, chunk_with("a", (number, 3), 0, body, 20), Instant::now());
            assert!(added.complete.is_none());
        }
        for (number, body) in [(0, &[1; 10][..]), (1, &[])] {
            let added = add(&mut chunks, chunk_with("b", (number, 2), 0, body, 20), Instant::now());
            assert!(added.complete.is_none());
        }
        add(&mut chunks, chunk_with("c", (0, 2), 0, &[1; 10], 20), Instant::now());
        let short = add(&mut chunks, chunk_with("c", (1, 2), 1, &[1; 9], 20), Instant::now());
        assert!(short.complete.unwrap().whole().unwrap().open().is_err());
    }

    #[test]
    fn impossible_chunks_are_refused() {
        const UUID: &[u8] = b"u";
        let of = |metadata: Metadata<'static>| Chunk::of(&metadata);
        let good = Metadata {
            uuid: Some(UUID),
            num_chunks_from_msg: Some(2),
            chunk_id: Some(1),
            total_chunk_msg_size: Some(20),
            ..Metadata::default()
        };
        assert!(of(good).unwrap().is_some());
        assert_eq!(of(Metadata { num_chunks_from_msg: Some(1), ..good }), Ok(None));
        for bad in [
            Metadata { uuid: None, ..good },
            Metadata { chunk_id: Some(2), ..good },
            Metadata { chunk_id: Some(-1), ..good },
            Metadata { chunk_id: None, ..good },
            Metadata { total_chunk_msg_size: None, ..good },
            Metadata { total_chunk_msg_size: Some(-1), ..good },
            Metadata { total_chunk_msg_size: Some(i32::MAX), ..good },
            Metadata { num_messages_in_batch: Some(1), ..good },
        ] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }
}
