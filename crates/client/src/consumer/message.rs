use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::metadata::{Metadata, Properties, SingleMetadata};
use pulsar_rs_wire::proto::BrokerEntryMetadata;

use super::arrival::Found;
use super::batch_acks::BatchAcks;
use super::bulk::Place;
use crate::{EncryptionContext, MessageId};

/// One entry as it came: a single message, or a batch that its messages look into.
#[derive(Debug)]
pub(super) struct Entry {
    pub topic: Arc<str>,
    pub id: EntryId,
    pub partition: i32,
    pub redelivery_count: u32,
    /// What the broker noted of it, if it does.
    pub stamp: BrokerEntryMetadata,
    /// Encoded `MessageMetadata`.
    pub metadata: Bytes,
    /// The payload, uncompressed.
    pub body: Bytes,
    /// State of the acknowledgements; absent: the entry is a single message.
    pub acks: Option<Arc<BatchAcks>>,
    /// Of a message in chunks: all their entries; `id` is the last.
    pub chunks: Option<Arc<[EntryId]>>,
    /// The reading that it belongs to, as the consumer counts them.
    pub reading: u64,
    /// Ids name the topic: the consumer has several.
    pub is_of_several: bool,
    /// Wall clock of the producer's client, milliseconds since 1970.
    pub publish_time: u64,
    /// Sequence id of the entry, which is that of a single message.
    pub sequence_id: u64,
    /// The body is as it came: encrypted.
    pub is_encrypted: bool,
}

/// A message that was received.
///
/// Cheap to clone. It keeps the bytes of its whole batch alive; so do not hold single messages of many
/// batches for long, but copy what you need.
#[derive(Debug, Clone)]
pub struct Message {
    pub(super) entry: Arc<Entry>,
    /// Place of its `SingleMessageMetadata` in the body; empty for a single message.
    metadata: Range<u32>,
    /// Place of its payload in the body.
    payload: Range<u32>,
    /// Place in the batch; 0 for a single message.
    pub(super) index: u32,
}

impl Message {
    pub(super) fn new(found: Found<'_>) -> Self {
        let Found { entry, metadata, payload, index, .. } = found;
        Message { entry: entry.clone(), metadata, payload, index }
    }

    /// The message at a place of a bulk.
    pub(super) fn placed(entry: Arc<Entry>, place: &Place) -> Self {
        let (metadata, payload) = (place.metadata.clone(), place.payload.clone());
        Message { entry, metadata, payload, index: place.index }
    }

    /// What it was made of.
    pub(super) fn found(&self) -> Found<'_> {
        Found {
            entry: &self.entry,
            metadata: self.metadata.clone(),
            payload: self.payload.clone(),
            index: self.index,
            single: self.single_metadata(),
        }
    }

    /// The content.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.entry.body[self.payload.start as usize..self.payload.end as usize]
    }

    /// Whether it is the last message of its entry.
    pub(crate) fn ends_entry(&self) -> bool {
        self.entry.acks.as_ref().is_none_or(|acks| self.index + 1 >= acks.size())
    }

    /// The id, which [`Consumer::acknowledge_id`](super::Consumer::acknowledge_id) takes.
    pub fn id(&self) -> MessageId {
        let entry = |EntryId { ledger, entry }| {
            MessageId::entry(ledger.cast_signed(), entry.cast_signed(), self.entry.partition)
        };
        let topic = self.entry.is_of_several.then(|| self.entry.topic.clone());
        let id = MessageId { topic, ..entry(self.entry.id) };
        match &self.entry.acks {
            None => {
                let first = self.entry.chunks.as_ref().and_then(|chunks| chunks.first());
                MessageId { first_chunk: first.map(|first| Box::new(entry(*first))), ..id }
            }
            Some(acks) => MessageId {
                batch_index: self.index.cast_signed(),
                batch_size: acks.size().cast_signed(),
                ..id
            },
        }
    }

    /// The full name of the topic it came from.
    pub fn topic(&self) -> &str {
        &self.entry.topic
    }

    /// How often the broker delivered it before. Counted for shared subscriptions only.
    pub fn redelivery_count(&self) -> u32 {
        self.entry.redelivery_count
    }

    /// The properties, in the order they were sent.
    pub fn properties(&self) -> Properties<'_> {
        match self.single_metadata() {
            Some(single) => single.properties,
            None => self.entry_metadata().properties,
        }
    }

    /// The partition key, if it has one.
    pub fn partition_key(&self) -> Option<&[u8]> {
        match self.single_metadata() {
            Some(single) => single.partition_key,
            None => self.entry_metadata().partition_key,
        }
    }

    /// Whether the partition key is the base64 form of a key of bytes, as the Java client sends such keys.
    pub fn partition_key_is_base64(&self) -> bool {
        match self.single_metadata() {
            Some(single) => single.partition_key_b64_encoded,
            None => self.entry_metadata().partition_key_b64_encoded,
        }
    }

    /// The ordering key, if it has one.
    pub fn ordering_key(&self) -> Option<&[u8]> {
        match self.single_metadata() {
            Some(single) => single.ordering_key,
            None => self.entry_metadata().ordering_key,
        }
    }

    /// Time of the event as the producer gave it, milliseconds since 1970.
    pub fn event_time(&self) -> Option<u64> {
        match self.single_metadata() {
            Some(single) => single.event_time,
            None => self.entry_metadata().event_time,
        }
    }

    /// Whether the message was sent without a value, which is not the same as an empty one.
    pub fn has_null_value(&self) -> bool {
        match self.single_metadata() {
            Some(single) => single.null_value,
            None => self.entry_metadata().null_value,
        }
    }

    /// The sequence id that the producer gave it.
    pub fn sequence_id(&self) -> u64 {
        self.single_metadata().and_then(|single| single.sequence_id).unwrap_or(self.entry.sequence_id)
    }

    /// Wall clock of the producer's client when it sent the entry, milliseconds since 1970.
    pub fn publish_time(&self) -> u64 {
        self.entry.publish_time
    }

    /// Name of the producer.
    pub fn producer_name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.entry_metadata().producer_name)
    }

    /// Version of the schema it was written with, as the broker gave it.
    pub fn schema_version(&self) -> Option<&[u8]> {
        self.entry_metadata().schema_version
    }

    /// How it was, or is, encrypted; nothing for a message that never was.
    pub fn encryption(&self) -> Option<EncryptionContext<'_>> {
        EncryptionContext::of(&self.entry.metadata, &self.entry_metadata(), self.entry.is_encrypted)
    }

    /// Cluster it was replicated from.
    pub fn replicated_from(&self) -> Option<&[u8]> {
        self.entry_metadata().replicated_from
    }

    /// Place of the message among all that the topic ever had, from 0; absent unless the broker counts messages and tells
    /// clients (`AppendIndexMetadataInterceptor` and `exposingBrokerEntryMetadataToClientEnabled` in its configuration).
    pub fn index(&self) -> Option<u64> {
        let last = self.entry.stamp.index?;
        match &self.entry.acks {
            None => Some(last),
            // The broker counts with the last of a batch.
            Some(acks) => last.checked_sub(acks.size().checked_sub(self.index + 1)?.into()),
        }
    }

    /// Wall clock of the broker when it stored the entry, milliseconds since 1970; absent unless the broker notes and tells
    /// it (`AppendBrokerTimestampMetadataInterceptor` and `exposingBrokerEntryMetadataToClientEnabled` in its
    /// configuration).
    pub fn broker_publish_time(&self) -> Option<u64> {
        self.entry.stamp.broker_timestamp
    }

    /// When the producer wanted it delivered at the earliest, milliseconds since 1970; absent: at once. Messages in batches
    /// have none.
    pub fn deliver_at(&self) -> Option<u64> {
        self.entry_metadata().deliver_at_time.and_then(|time| time.try_into().ok())
    }

    /// Whether the partition key is base64 of bytes, as other clients write those.
    pub fn is_key_base64(&self) -> bool {
        match self.single_metadata() {
            Some(single) => single.partition_key_b64_encoded,
            None => self.entry_metadata().partition_key_b64_encoded,
        }
    }

    /// Decoded when asked for: most programs look at payloads only. It could be decoded when the entry
    /// came, so it can be now.
    fn entry_metadata(&self) -> Metadata<'_> {
        Metadata::decode(&self.entry.metadata).unwrap_or_default()
    }

    fn single_metadata(&self) -> Option<SingleMetadata<'_>> {
        self.entry.acks.as_ref()?;
        let encoded = &self.entry.body[self.metadata.start as usize..self.metadata.end as usize];
        SingleMetadata::decode(encoded).ok()
    }
}
