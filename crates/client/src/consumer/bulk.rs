//! Receiving and acknowledging many messages at a time.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::metadata::{Metadata, Properties};

use super::arrival::Found;
use super::flow::Asking;
use super::inbox::Taker;
use super::message::Entry;
use super::{Consumer, Message, Parts, Shared};
use crate::Error;

/// How much a bulk receive takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkLimits {
    /// Messages, at least 1.
    pub max_messages: usize,
    /// Bytes of payload, unless the first message has more.
    pub max_bytes: usize,
}

/// A message as a bulk receive shows it: everything it has, looked up once. It borrows from the batch that it came in.
#[derive(Debug, Clone, Copy)]
pub struct MessageView<'a> {
    /// The content.
    pub payload: &'a [u8],
    /// The partition key.
    pub partition_key: Option<&'a [u8]>,
    /// The ordering key.
    pub ordering_key: Option<&'a [u8]>,
    /// The properties, in the order they were sent.
    pub properties: Properties<'a>,
    /// Time of the event as the producer gave it, milliseconds since 1970.
    pub event_time: Option<u64>,
    /// Wall clock of the producer's client, milliseconds since 1970.
    pub publish_time: u64,
    /// The sequence id that the producer gave it.
    pub sequence_id: u64,
    /// It was sent without a value.
    pub null_value: bool,
    /// How often the broker delivered it before.
    pub redelivery_count: u32,
    /// Full name of the topic.
    pub topic: &'a Arc<str>,
    /// Its ledger and entry.
    pub entry: EntryId,
    /// Partition of the topic, or -1.
    pub partition: i32,
    /// Place in the batch, from 0, or -1.
    pub batch_index: i32,
    /// Messages in the batch; 0 when the message is in none.
    pub batch_size: i32,
    /// Number of its entry among those that the bulk has, from 0.
    pub entry_number: u32,
    /// What all messages of the entry have in common; with the first of them that the bulk has.
    pub common: Option<EntryView<'a>>,
}

/// What all messages of one entry have in common. It borrows as a [`MessageView`] does.
#[derive(Debug, Clone, Copy)]
pub struct EntryView<'a> {
    /// Name of the producer.
    pub producer_name: &'a [u8],
    /// Version of the schema they were written with, as the broker gave it.
    pub schema_version: Option<&'a [u8]>,
    /// Cluster they were replicated from.
    pub replicated_from: Option<&'a [u8]>,
    /// Wall clock of the broker when it stored the entry, see [`Message::broker_publish_time`].
    pub broker_publish_time: Option<u64>,
    /// Place of the entry's last message in the topic, see [`Message::index`].
    pub last_index: Option<u64>,
    /// Of a message in chunks: where its first one is.
    pub first_chunk: Option<EntryId>,
    /// It was encrypted and could not be decrypted: the payload is as it came.
    pub is_encrypted: bool,
    /// The reading of its topic that it came in, see [`Consumer::reading`].
    pub reading: u64,
}

impl<'a> EntryView<'a> {
    fn of(entry: &'a Entry, metadata: &Metadata<'a>) -> Self {
        EntryView {
            producer_name: metadata.producer_name,
            schema_version: metadata.schema_version,
            replicated_from: metadata.replicated_from,
            broker_publish_time: entry.stamp.broker_timestamp,
            last_index: entry.stamp.index,
            first_chunk: entry.chunks.as_ref().and_then(|chunks| chunks.first()).copied(),
            is_encrypted: entry.is_encrypted,
            reading: entry.reading,
        }
    }
}

/// Messages that were received together, each as what the receiver made of it.
///
/// It keeps the bytes alive that the views it was made of borrowed.
#[derive(Debug)]
pub struct Bulk<V> {
    entries: Vec<Arc<Entry>>,
    /// Where each value came from: its entry, and its place in there.
    places: Vec<Place>,
    values: Vec<V>,
}

/// Where a message stands.
#[derive(Debug)]
pub(super) struct Place {
    /// Number of its entry in the bulk.
    entry: u32,
    pub index: u32,
    pub metadata: Range<u32>,
    pub payload: Range<u32>,
}

impl<V> Default for Bulk<V> {
    fn default() -> Self {
        Bulk { entries: Vec::new(), places: Vec::new(), values: Vec::new() }
    }
}

impl<V> Bulk<V> {
    /// Lets go of the messages; the room for them stays.
    pub fn clear(&mut self) {
        self.values.clear();
        self.places.clear();
        self.entries.clear();
    }

    /// Messages that it has room for without more memory.
    pub fn capacity(&self) -> usize {
        self.values.capacity().max(self.places.capacity())
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// What was made of the messages, in the order they came.
    pub fn values(&self) -> &[V] {
        &self.values
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> &mut [V] {
        &mut self.values
    }

    /// The message at `index` by itself.
    pub fn message(&self, index: usize) -> Option<Message> {
        let place = self.places.get(index)?;
        let entry = self.entries.get(place.entry as usize)?;
        Some(Message::placed(entry.clone(), place))
    }

    /// Some of the messages, to be acknowledged: those from `range` that there are.
    pub fn messages(&self, range: Range<usize>) -> BulkMessages<'_> {
        let end = range.end.min(self.places.len());
        let places = self.places.get(range.start..end).unwrap_or_default();
        BulkMessages { entries: &self.entries, places }
    }
}

/// Some of the messages of a [`Bulk`].
#[derive(Debug, Clone, Copy)]
pub struct BulkMessages<'a> {
    entries: &'a [Arc<Entry>],
    places: &'a [Place],
}

impl<'a> BulkMessages<'a> {
    /// Messages of the same entry, one after the other: the entry and the places in it.
    pub(super) fn runs(self) -> impl Iterator<Item = (&'a Arc<Entry>, &'a [Place])> {
        let runs = self.places.chunk_by(|one, next| one.entry == next.entry);
        runs.filter_map(move |run| Some((self.entries.get(run.first()?.entry as usize)?, run)))
    }

    /// The messages of each topic that stand together.
    pub(super) fn by_topic(self) -> impl Iterator<Item = (&'a str, Self)> {
        let topic = move |place: &Place| self.entries.get(place.entry as usize).map(|entry| &*entry.topic);
        let runs = self.places.chunk_by(move |one, next| topic(one) == topic(next));
        runs.filter_map(move |places| Some((topic(places.first()?)?, BulkMessages { places, ..self })))
    }
}

/// Fills a bulk.
struct Filling<'f, V, F> {
    bulk: &'f mut Bulk<V>,
    make: F,
    limits: BulkLimits,
    bytes: usize,
}

impl<V, F> Filling<'_, V, F> {
    fn is_full(&self) -> bool {
        self.bulk.len() >= self.limits.max_messages || self.bytes >= self.limits.max_bytes
    }
}

impl<V, F: FnMut(&MessageView<'_>, &mut Vec<V>)> Taker for Filling<'_, V, F> {
    fn room(&self) -> usize {
        // The first may be larger than the limit, or it would never be received.
        if self.bulk.is_empty() { usize::MAX } else { self.limits.max_bytes.saturating_sub(self.bytes) }
    }

    #[allow(clippy::inline_always)] // on the way of every message; what was found is large, and would be copied
    #[inline(always)]
    fn take(&mut self, found: Found<'_>) -> bool {
        let bulk = &mut *self.bulk;
        let is_first = bulk.entries.last().is_none_or(|last| !Arc::ptr_eq(last, found.entry));
        if is_first {
            bulk.entries.push(found.entry.clone());
        }
        // Bounded by what the broker may send ahead, which fits.
        let number = u32::try_from(bulk.entries.len() - 1).unwrap_or(u32::MAX);
        bulk.places.push(Place {
            entry: number,
            index: found.index,
            metadata: found.metadata.clone(),
            payload: found.payload.clone(),
        });
        let view = view(&found, number, is_first);
        self.bytes += view.payload.len();
        (self.make)(&view, &mut bulk.values);
        !self.is_full()
    }
}

#[allow(clippy::inline_always)] // it is large, and would be copied
#[inline(always)]
fn view<'a>(found: &Found<'a>, entry_number: u32, is_first: bool) -> MessageView<'a> {
    let entry: &'a Entry = found.entry;
    let payload = &entry.body[found.payload.start as usize..found.payload.end as usize];
    let view = MessageView {
        payload,
        partition_key: None,
        ordering_key: None,
        properties: Properties::default(),
        event_time: None,
        publish_time: entry.publish_time,
        sequence_id: entry.sequence_id,
        null_value: false,
        redelivery_count: entry.redelivery_count,
        topic: &entry.topic,
        entry: entry.id,
        partition: entry.partition,
        batch_index: -1,
        batch_size: 0,
        entry_number,
        common: None,
    };
    match (&found.single, &entry.acks) {
        (Some(single), Some(acks)) => MessageView {
            partition_key: single.partition_key,
            ordering_key: single.ordering_key,
            properties: single.properties,
            event_time: single.event_time,
            sequence_id: single.sequence_id.unwrap_or(entry.sequence_id),
            null_value: single.null_value,
            batch_index: found.index.cast_signed(),
            batch_size: acks.size().cast_signed(),
            common: is_first.then(|| common_of_batch(entry)),
            ..view
        },
        _ => {
            let metadata = Metadata::decode(&entry.metadata).unwrap_or_default();
            MessageView {
                partition_key: metadata.partition_key,
                ordering_key: metadata.ordering_key,
                properties: metadata.properties,
                event_time: metadata.event_time,
                null_value: metadata.null_value,
                common: is_first.then(|| EntryView::of(entry, &metadata)),
                ..view
            }
        }
    }
}

/// Apart from the way of most messages, which stays short.
#[inline(never)]
fn common_of_batch(entry: &Entry) -> EntryView<'_> {
    EntryView::of(entry, &Metadata::decode(&entry.metadata).unwrap_or_default())
}

impl Consumer {
    /// Takes the messages that are there into `bulk`, up to the limits, in place of those that were in it; there may be
    /// none. `make` makes of each what the bulk then holds, and puts that, one value, behind the others. It is called
    /// with a lock held: it must neither wait nor use the consumer.
    pub fn try_receive_bulk<V>(
        &self,
        bulk: &mut Bulk<V>,
        limits: BulkLimits,
        make: impl FnMut(&MessageView<'_>, &mut Vec<V>),
    ) -> Result<(), Error> {
        bulk.clear();
        let mut filling = Filling { bulk, make, limits, bytes: 0 };
        match &self.parts {
            Parts::One(shared) => {
                shared.take_noted(&mut filling)?;
                Ok(())
            }
            Parts::Several(group) => {
                let fill = |shared: &Shared| {
                    let is_too_large = shared.take_noted(&mut filling)?;
                    Ok((is_too_large || filling.is_full()).then_some(()))
                };
                group.hub().take_with(fill).map(drop)
            }
        }
    }

    /// Like [`Consumer::try_receive_bulk`]; blocks the thread until a message is there, at most `timeout`, then it fails
    /// with [`Error::Timeout`].
    pub fn receive_bulk_blocking<V>(
        &self,
        bulk: &mut Bulk<V>,
        limits: BulkLimits,
        timeout: Option<Duration>,
        mut make: impl FnMut(&MessageView<'_>, &mut Vec<V>),
    ) -> Result<(), Error> {
        // Without a look at the clock when a message is there.
        self.try_receive_bulk(bulk, limits, &mut make)?;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut asking = if bulk.is_empty() { self.asking() } else { None };
        while bulk.is_empty() {
            self.take_bulk_for(asking.as_mut(), bulk, limits, &mut make)?;
            if !bulk.is_empty() {
                break;
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(Error::Timeout(format!("no message within {:?}", timeout.unwrap_or_default())));
            }
            self.wait(deadline)?;
        }
        Ok(())
    }

    /// Asks for messages of a bulk again, see [`Consumer::negative_acknowledge`].
    pub fn negative_acknowledge_bulk<V>(&self, bulk: &Bulk<V>, messages: Range<usize>) {
        let there_are = messages.start..messages.end.min(bulk.len());
        for message in there_are.filter_map(|index| bulk.message(index)) {
            self.negative_acknowledge(&message);
        }
    }

    /// Like [`Consumer::try_receive_bulk`], as soon as a message is there.
    pub async fn receive_bulk<V>(
        &self,
        bulk: &mut Bulk<V>,
        limits: BulkLimits,
        mut make: impl FnMut(&MessageView<'_>, &mut Vec<V>),
    ) -> Result<(), Error> {
        self.try_receive_bulk(bulk, limits, &mut make)?;
        if !bulk.is_empty() {
            return Ok(());
        }
        let mut asking = self.asking();
        let take = || {
            self.take_bulk_for(asking.as_mut(), bulk, limits, &mut make)?;
            Ok((!bulk.is_empty()).then_some(()))
        };
        self.wake_ups().take_when_arrived(take).await
    }

    /// Like [`Consumer::try_receive_bulk`]; `asking` without a queue.
    fn take_bulk_for<V>(
        &self,
        asking: Option<&mut Asking<'_>>,
        bulk: &mut Bulk<V>,
        limits: BulkLimits,
        mut make: impl FnMut(&MessageView<'_>, &mut Vec<V>),
    ) -> Result<(), Error> {
        let mut take = || {
            self.try_receive_bulk(bulk, limits, &mut make)?;
            Ok(!bulk.is_empty())
        };
        match asking {
            Some(asking) => asking.take_with(take, |found| !found).map(drop),
            None => take().map(drop),
        }
    }
}
