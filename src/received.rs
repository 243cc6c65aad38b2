//! What stands behind a list of messages that were received in bulk.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use pulsar_rs_client::{Bulk, EntryId, EntryView, MessageId, MessageView, Properties};

use crate::ffi::pulsar_rs::bulk::{
    PULSAR_RS_ENTRY_HAS_BROKER_PUBLISH_TIME as HAS_BROKER_PUBLISH_TIME,
    PULSAR_RS_ENTRY_HAS_CHUNKS as HAS_CHUNKS, PULSAR_RS_ENTRY_HAS_INDEX as HAS_INDEX,
    PULSAR_RS_ENTRY_IS_ENCRYPTED as IS_ENCRYPTED, pulsar_rs_entry_t, pulsar_rs_position_t,
    pulsar_rs_property_t, pulsar_rs_view_t,
};
use crate::ffi::text::c_string;
use crate::packed::{HAS_EVENT_TIME, NULL_VALUE};

/// Lists with room for more messages than this are not worth keeping.
const KEPT: usize = 2048;

/// Messages that were received together.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// What the program sees of each. It points into the batches that the bulk holds, and into `properties`.
    bulk: Bulk<pulsar_rs_view_t>,
    properties: Vec<pulsar_rs_property_t>,
    /// What the messages of each entry have in common. It points into the entries that the bulk holds.
    entries: Vec<pulsar_rs_entry_t>,
    topics: Vec<(Arc<str>, CString)>,
}

impl Received {
    pub fn views(&self) -> &[pulsar_rs_view_t] {
        self.bulk.values()
    }

    pub fn bulk(&self) -> &Bulk<pulsar_rs_view_t> {
        &self.bulk
    }

    pub fn entries(&self) -> &[pulsar_rs_entry_t] {
        &self.entries
    }

    /// Name of a topic, by its number in the views.
    pub fn topic(&self, number: u32) -> Option<*const c_char> {
        self.topics.get(number as usize).map(|(_, text)| text.as_ptr())
    }

    /// The parts that are filled together: the bulk, and what makes a view of a message for it.
    pub fn fill(
        &mut self,
    ) -> (&mut Bulk<pulsar_rs_view_t>, impl FnMut(&MessageView<'_>, &mut Vec<pulsar_rs_view_t>)) {
        self.properties.clear();
        self.entries.clear();
        self.topics.clear();
        let Received { bulk, properties, entries, topics } = self;
        (bulk, |message, views| {
            if let Some(common) = &message.common {
                add_entry(entries, message.partition, common);
            }
            views.push(view(properties, topics, message));
        })
    }

    /// Has the views point to their properties, which stand still from now on.
    pub fn finish(&mut self) {
        if self.properties.is_empty() {
            return;
        }
        let mut first = 0;
        for view in self.bulk.values_mut() {
            let properties = self.properties.get(first..first + view.property_count).unwrap_or_default();
            if !properties.is_empty() {
                view.properties = properties.as_ptr();
            }
            first += view.property_count;
        }
    }

    /// Lets go of the messages. True when the room for them is worth keeping.
    pub fn renew(&mut self) -> bool {
        self.bulk.clear();
        self.properties.clear();
        self.entries.clear();
        self.topics.clear();
        self.bulk.capacity() <= KEPT && self.properties.capacity() <= KEPT
    }
}

fn pointer(bytes: &[u8]) -> *const c_void {
    bytes.as_ptr().cast()
}

/// NULL for what is not there, which is not the same as empty.
fn optional(bytes: Option<&[u8]>) -> (*const c_void, usize) {
    bytes.map_or((std::ptr::null(), 0), |bytes| (pointer(bytes), bytes.len()))
}

#[allow(clippy::inline_always)] // on the way of every message; a view is large, and would be copied
#[inline(always)]
fn view(
    properties: &mut Vec<pulsar_rs_property_t>,
    topics: &mut Vec<(Arc<str>, CString)>,
    message: &MessageView<'_>,
) -> pulsar_rs_view_t {
    let (key, key_len) = optional(message.partition_key);
    let (ordering_key, ordering_key_len) = optional(message.ordering_key);
    let before = properties.len();
    if !message.properties.is_empty() {
        add(properties, message.properties);
    }
    let has_event_time = if message.event_time.is_some() { HAS_EVENT_TIME } else { 0 };
    let EntryId { ledger, entry } = message.entry;
    pulsar_rs_view_t {
        payload: pointer(message.payload),
        payload_len: message.payload.len(),
        key,
        key_len,
        ordering_key,
        ordering_key_len,
        properties: std::ptr::null(),
        property_count: properties.len() - before,
        position: pulsar_rs_position_t {
            ledger: ledger.cast_signed(),
            entry: entry.cast_signed(),
            partition: message.partition,
            batch_index: message.batch_index,
            batch_size: message.batch_size,
        },
        topic: number_of(topics, message.topic),
        publish_time: message.publish_time,
        event_time: message.event_time.unwrap_or_default(),
        sequence_id: message.sequence_id,
        redelivery_count: message.redelivery_count,
        entry: message.entry_number,
        flags: has_event_time | if message.null_value { NULL_VALUE } else { 0 },
    }
}

/// Apart from the way of most messages, which stays short.
#[inline(never)]
fn add_entry(entries: &mut Vec<pulsar_rs_entry_t>, partition: i32, common: &EntryView<'_>) {
    let (schema_version, schema_version_len) = optional(common.schema_version);
    let (replicated_from, replicated_from_len) = optional(common.replicated_from);
    let has = |flag: u32, is_there: bool| if is_there { flag } else { 0 };
    let EntryId { ledger, entry } = common.first_chunk.unwrap_or_default();
    entries.push(pulsar_rs_entry_t {
        producer_name: pointer(common.producer_name),
        producer_name_len: common.producer_name.len(),
        schema_version,
        schema_version_len,
        replicated_from,
        replicated_from_len,
        broker_publish_time: common.broker_publish_time.unwrap_or_default(),
        last_index: common.last_index.unwrap_or_default(),
        first_chunk: pulsar_rs_position_t {
            ledger: ledger.cast_signed(),
            entry: entry.cast_signed(),
            partition,
            batch_index: -1,
            batch_size: 0,
        },
        reading: common.reading,
        flags: has(HAS_BROKER_PUBLISH_TIME, common.broker_publish_time.is_some())
            | has(HAS_INDEX, common.last_index.is_some())
            | has(HAS_CHUNKS, common.first_chunk.is_some())
            | has(IS_ENCRYPTED, common.is_encrypted),
    });
}

fn add(list: &mut Vec<pulsar_rs_property_t>, properties: Properties<'_>) {
    list.extend(properties.iter().map(|(name, value)| pulsar_rs_property_t {
        name: pointer(name),
        name_len: name.len(),
        value: pointer(value),
        value_len: value.len(),
    }));
}

/// Number of a topic among those of the list. Messages of one topic mostly stand together.
fn number_of(topics: &mut Vec<(Arc<str>, CString)>, topic: &Arc<str>) -> u32 {
    let is_same = |(known, _): &(Arc<str>, CString)| Arc::ptr_eq(known, topic);
    let number = topics.iter().rposition(is_same).unwrap_or_else(|| {
        topics.push((topic.clone(), c_string(topic.as_bytes())));
        topics.len() - 1
    });
    // Each has a subscription of its own: there are never so many.
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl pulsar_rs_position_t {
    /// The id of the message at this position of a topic.
    pub(crate) fn to_id(self, topic: Option<&Arc<str>>) -> MessageId {
        MessageId {
            batch_index: self.batch_index,
            batch_size: self.batch_size,
            topic: topic.cloned(),
            ..MessageId::entry(self.ledger, self.entry, self.partition)
        }
    }
}
