//! Compaction: of all messages with one key, only the newest stays.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use pulsar_rs_wire::WireError;
use pulsar_rs_wire::batch::{self, Slot};
use pulsar_rs_wire::compression::Compression;
use pulsar_rs_wire::compressor::Compressor;
use pulsar_rs_wire::frame::{Payload, encode_payload_head};
use pulsar_rs_wire::metadata::{Metadata, SingleMetadata};

use super::{Entry, Log};

/// The compacted start of a topic, beside its log.
#[derive(Debug, Default)]
pub(crate) struct Compacted {
    /// Number of the first entry behind it.
    horizon: u64,
    entries: BTreeMap<u64, Entry>,
}

/// Where the newest message of a key is: number of the entry, and index in the batch.
type Newest = HashMap<Vec<u8>, (u64, Option<u32>)>;

impl Compacted {
    /// Number of the first entry that was not there when the topic was compacted.
    pub fn horizon(&self) -> u64 {
        self.horizon
    }

    /// What is left of the entry with this number.
    pub fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// Number of the oldest entry that is left.
    pub fn first(&self) -> Option<u64> {
        self.entries.keys().next().copied()
    }

    /// The newest entry that is left, its number, and in a batch the index of the newest message that is left.
    pub fn last(&self) -> Option<(u64, Option<u32>)> {
        let (number, entry) = self.entries.last_key_value()?;
        let Ok(Some(batch)) = Batch::open(entry) else { return Some((*number, None)) };
        let kept = batch.messages().filter(|(_, metadata, _)| !metadata.compacted_out);
        Some((*number, kept.map(|(index, ..)| index).last()))
    }

    /// Compacts again, up to the end of the log.
    pub fn compact(&mut self, log: &Log) {
        let start = self.horizon.max(log.first());
        let old = std::mem::take(&mut self.entries);
        let tail = (start..log.end()).filter_map(|number| Some((number, log.get(number)?)));
        let mut newest = Newest::new();
        for (number, entry) in old.iter().map(|(number, entry)| (*number, entry)).chain(tail.clone()) {
            note_keys(&mut newest, number, entry);
        }
        for (number, entry) in old.iter().map(|(number, entry)| (*number, entry)).chain(tail) {
            if let Some(kept) = keep(&newest, number, entry) {
                self.entries.insert(number, kept);
            }
        }
        self.horizon = log.end();
    }
}

fn note_keys(newest: &mut Newest, number: u64, entry: &Entry) {
    let mut note = |key: Option<&[u8]>, index, is_empty| match key {
        Some(key) if is_empty => _ = newest.remove(key),
        Some(key) => _ = newest.insert(key.to_vec(), (number, index)),
        None => {}
    };
    if let Ok(Some(batch)) = Batch::open(entry) {
        for (index, metadata, payload) in batch.messages().filter(|(_, metadata, _)| !metadata.compacted_out)
        {
            note(metadata.partition_key, Some(index), payload.is_empty());
        }
    } else if let Some(metadata) = entry.metadata() {
        // As with a real broker, a message without the size of its payload in the metadata counts as not empty.
        note(metadata.partition_key, None, metadata.uncompressed_size == Some(0));
    }
}

/// What is left of an entry. Messages without a key go, as in a real broker whose `topicCompactionRetainNullKey` is off.
fn keep(newest: &Newest, number: u64, entry: &Entry) -> Option<Entry> {
    let is_newest = |key: Option<&[u8]>, index| key.and_then(|key| newest.get(key)) == Some(&(number, index));
    if let Ok(Some(batch)) = Batch::open(entry) {
        let keeps = |index, metadata: &SingleMetadata<'_>| is_newest(metadata.partition_key, Some(index));
        return batch.rebuild(entry, keeps).ok().flatten();
    }
    is_newest(entry.metadata()?.partition_key, None).then(|| entry.clone())
}

/// An entry whose messages can be looked at.
struct Batch<'a> {
    metadata: Metadata<'a>,
    body: Vec<u8>,
    slots: Vec<Slot>,
}

impl<'a> Batch<'a> {
    /// Nothing for what is no batch, or an encrypted one.
    fn open(entry: &'a Entry) -> Result<Option<Self>, WireError> {
        let payload = Payload::parse(&entry.payload)?;
        let metadata = Metadata::decode(payload.metadata)?;
        if metadata.num_messages_in_batch.is_none() || metadata.encrypted {
            return Ok(None);
        }
        let codec = Compression::from_number(metadata.compression.unwrap_or_default())?;
        let size = metadata.uncompressed_size.unwrap_or_default() as usize;
        let body = match codec {
            Some(codec) => codec.decompress(payload.body, size)?,
            None => payload.body.to_vec(),
        };
        let mut slots = Vec::new();
        let mut at = 0;
        for _ in 0..entry.messages {
            let slot = batch::slot_at(&body, at)?;
            SingleMetadata::decode(&body[slot.metadata.clone()])?;
            at = slot.payload.end;
            slots.push(slot);
        }
        Ok(Some(Batch { metadata, body, slots }))
    }

    fn messages(&self) -> impl Iterator<Item = (u32, SingleMetadata<'_>, &[u8])> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| {
            let metadata = SingleMetadata::decode(&self.body[slot.metadata.clone()]).ok()?;
            Some((index, metadata, &self.body[slot.payload.clone()]))
        })
    }

    /// The batch with the messages that `keeps` says, and empty places for the others; nothing if none is left.
    fn rebuild(
        &self,
        entry: &Entry,
        keeps: impl Fn(u32, &SingleMetadata<'_>) -> bool,
    ) -> Result<Option<Entry>, WireError> {
        let mut body = Vec::new();
        let mut kept = 0;
        for (index, metadata, payload) in self.messages() {
            if !metadata.compacted_out && keeps(index, &metadata) {
                kept += 1;
                batch::push(&mut body, &metadata, payload);
            } else {
                let out = SingleMetadata { compacted_out: true, ..SingleMetadata::default() };
                batch::push(&mut body, &out, b"");
            }
        }
        if kept == 0 {
            return Ok(None);
        }
        let size = u32::try_from(body.len()).map_err(|_| WireError::Batch("over 4 GiB"))?;
        let metadata = Metadata { uncompressed_size: Some(size), ..self.metadata };
        if let Some(codec) = Compression::from_number(metadata.compression.unwrap_or_default())? {
            body = Compressor::new(codec)?.compress(&body)?;
        }
        let mut section = Vec::new();
        encode_payload_head(&mut section, &metadata, &body);
        section.extend_from_slice(&body);
        let mut rebuilt = Entry::check(&section, entry.messages, || Bytes::copy_from_slice(&section))?;
        rebuilt.stamp = entry.stamp;
        Ok(Some(rebuilt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of messages, each with a key and a value, compressed.
    fn entry(messages: &[(&str, &str)], codec: Option<Compression>) -> Entry {
        let mut body = Vec::new();
        for (key, value) in messages {
            let payload_size = value.len().try_into().unwrap();
            let partition_key = Some(key.as_bytes());
            let single = SingleMetadata { partition_key, payload_size, ..SingleMetadata::default() };
            batch::push(&mut body, &single, value.as_bytes());
        }
        let metadata = Metadata {
            producer_name: b"p",
            num_messages_in_batch: Some(messages.len().try_into().unwrap()),
            compression: codec.map(Compression::number),
            uncompressed_size: Some(body.len().try_into().unwrap()),
            ..Metadata::default()
        };
        if let Some(codec) = codec {
            body = Compressor::new(codec).unwrap().compress(&body).unwrap();
        }
        let mut section = Vec::new();
        encode_payload_head(&mut section, &metadata, &body);
        section.extend_from_slice(&body);
        let count = messages.len().try_into().unwrap();
        Entry::check(&section, count, || Bytes::copy_from_slice(&section)).unwrap()
    }

    fn values(entry: &Entry) -> Vec<Option<String>> {
        let batch = Batch::open(entry).unwrap().unwrap();
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
        batch
            .messages()
            .map(|(_, metadata, payload)| (!metadata.compacted_out).then(|| text(payload)))
            .collect()
    }

    #[test]
    fn compressed_batches_stay_compressed() {
        for codec in [None, Some(Compression::Lz4), Some(Compression::Zstd), Some(Compression::Zlib)] {
            let mut log = Log::default();
            let value = "a1".repeat(500);
            log.append(entry(&[("a", "old"), ("b", &value), ("a", "new")], codec));
            log.append(entry(&[("b", ""), ("c", "c1")], codec));
            let mut compacted = Compacted::default();
            compacted.compact(&log);
            let kept = compacted.get(0).unwrap();
            assert_eq!(kept.metadata().unwrap().compression, codec.map(Compression::number));
            assert_eq!((kept.messages, values(kept)), (3, vec![None, None, Some("new".into())]));
            assert_eq!(values(compacted.get(1).unwrap()), [None, Some("c1".to_owned())]);
            assert_eq!((compacted.last(), compacted.horizon()), (Some((1, Some(1))), 2));

            // What came since takes the places of the first ones.
            log.append(entry(&[("a", "newest")], codec));
            compacted.compact(&log);
            assert!(compacted.get(0).is_none());
            assert_eq!(values(compacted.get(2).unwrap()), [Some("newest".to_owned())]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let mut broken = entry(&[("a", "1")], None);
        broken.messages = 9;
        let mut log = Log::default();
        log.append(broken);
        let mut compacted = Compacted::default();
        compacted.compact(&log);
        assert_eq!((compacted.last(), compacted.horizon()), (None, 1));
    }
}
