//! The entries of one topic.

use std::collections::VecDeque;

use bytes::Bytes;
use pulsar_rs_wire::WireError;
use pulsar_rs_wire::frame::Payload;
use pulsar_rs_wire::metadata::Metadata;
use pulsar_rs_wire::proto::BrokerEntryMetadata;

/// One entry: a message, a chunk or a batch, as its producer sent it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The payload section of the `Send` frame; `Message` frames carry it unchanged.
    pub payload: Bytes,
    /// Messages in it, by the word of the producer.
    pub messages: u32,
    /// What the broker notes in front of the entry, where it is to do so.
    pub stamp: Option<BrokerEntryMetadata>,
    /// Where the encoded metadata starts in `payload`, and its length.
    metadata: (u32, u32),
}

impl Entry {
    /// Checks a payload section as a `Send` frame brought it: framing and checksum. `keep` gives the bytes
    /// to store, which must equal `section`.
    pub fn check(section: &[u8], messages: u32, keep: impl FnOnce() -> Bytes) -> Result<Self, WireError> {
        let parsed = Payload::parse(section)?;
        let start = section.len() - parsed.body.len() - parsed.metadata.len();
        let position =
            |number: usize| u32::try_from(number).map_err(|_| WireError::Frame("entry over 4 GiB"));
        let metadata = (position(start)?, position(parsed.metadata.len())?);
        Ok(Entry { payload: keep(), messages, stamp: None, metadata })
    }

    /// The entry's metadata; `None` where it cannot be read: brokers store such entries all the same.
    pub fn metadata(&self) -> Option<Metadata<'_>> {
        let (start, len) = (self.metadata.0 as usize, self.metadata.1 as usize);
        Metadata::decode(self.payload.get(start..start + len)?).ok()
    }

    /// When it was stored, by the broker's stamp or else by its producer's clock; milliseconds since 1970.
    pub fn time(&self) -> Option<u64> {
        let stamped = self.stamp.and_then(|stamp| stamp.broker_timestamp);
        stamped.or_else(|| Some(self.metadata()?.publish_time))
    }
}

/// Entries in the order they came. An entry's number is its place since the topic began; old ones may be
/// gone from the front.
#[derive(Debug, Default)]
pub(crate) struct Log {
    first: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
    messages: u64,
}

impl Log {
    /// Stores an entry and gives its number.
    pub fn append(&mut self, entry: Entry) -> u64 {
        self.bytes += entry.payload.len();
        self.messages += u64::from(entry.messages);
        self.entries.push_back(entry);
        self.end() - 1
    }

    /// Number of the oldest entry that is still there, or of the next one to come.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the next entry to come.
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Bytes of the entries that are there.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages of the entries that are there.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The entry with this number, while it is there.
    pub fn get(&self, number: u64) -> Option<&Entry> {
        let index = number.checked_sub(self.first)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// The newest entry.
    pub fn last(&self) -> Option<&Entry> {
        self.entries.back()
    }

    /// Drops the oldest entries below `needed` until at most `budget` bytes are left. The newest entry
    /// stays: it answers the question for the last message id.
    pub fn trim(&mut self, needed: u64, budget: usize) {
        while self.bytes > budget && self.first < needed && self.entries.len() > 1 {
            let Some(entry) = self.entries.pop_front() else { return };
            self.first += 1;
            self.bytes -= entry.payload.len();
            self.messages -= u64::from(entry.messages);
        }
    }

    /// Drops all entries below `needed`.
    pub fn drop_below(&mut self, needed: u64) {
        while self.first < needed {
            let Some(entry) = self.entries.pop_front() else { return };
            self.first += 1;
            self.bytes -= entry.payload.len();
            self.messages -= u64::from(entry.messages);
        }
    }

    /// Number of the first entry published at or after `time` (milliseconds since 1970), given that
    /// publish times rise, or of the next one to come.
    pub fn first_published_at(&self, time: u64) -> u64 {
        let earlier = self.entries.partition_point(|entry| entry.time().is_some_and(|stored| stored < time));
        self.first + earlier as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(publish_time: u64) -> Entry {
        let metadata = Metadata { producer_name: b"p", publish_time, ..Metadata::default() };
        let mut payload = Vec::new();
        pulsar_rs_wire::frame::encode_payload_head(&mut payload, &metadata, b"body");
        payload.extend_from_slice(b"body");
        Entry::check(&payload, 1, || Bytes::copy_from_slice(&payload)).unwrap()
    }

    #[test]
    fn the_oldest_entries_go_when_nobody_needs_them() {
        let mut log = Log::default();
        for time in 0..10 {
            assert_eq!(log.append(entry(time)), time);
        }
        let size = log.bytes() / 10;
        log.trim(4, 7 * size);
        assert_eq!((log.first(), log.end(), log.messages()), (3, 10, 7));
        log.trim(4, 0);
        assert_eq!(log.first(), 4, "entry 4 is needed");
        log.trim(10, 0);
        assert_eq!((log.first(), log.end()), (9, 10), "the newest stays");
        assert!(log.get(8).is_none());
        assert!(log.get(9).is_some());
    }

    #[test]
    fn entries_are_found_by_publish_time() {
        let mut log = Log::default();
        for time in [10, 20, 20, 30] {
            log.append(entry(time));
        }
        let found: Vec<u64> = [0, 10, 11, 20, 25, 31].map(|time| log.first_published_at(time)).into();
        assert_eq!(found, [0, 0, 1, 1, 3, 4]);
    }
}
