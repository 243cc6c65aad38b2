//! What stands behind a message handle.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use once_cell::sync::OnceCell;
use pulsar_rs_client::{Error, Message as Received, MessageId, OutgoingMessage, Property};

use crate::ffi::handle::ForeignBytes;
use crate::ffi::text::{LazyText, c_string, empty};

/// Contents up to this size need no memory of their own.
const INLINE: usize = 104;

/// Contents with so much memory of their own, in bytes, keep it for the next content.
const KEPT: usize = 4096;

/// Stands for "no cluster but this": the established name for a message that is not replicated.
const LOCAL_CLUSTER_ONLY: &[u8] = b"__local__";

/// A message of a C program: one that it makes, or one that it received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    body: Body,
    /// What getters made; dropped when a setter makes it stale.
    texts: Texts,
}

#[derive(Debug, Clone)]
enum Body {
    Made(Made),
    Received(Received),
}

impl Default for Body {
    fn default() -> Self {
        Body::Made(Made::default())
    }
}

/// A message that the program makes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    content: Content,
    /// Everything but the content; most messages have none.
    metadata: Option<Box<OutgoingMetadata>>,
    sent: Option<Sent>,
    /// Of the producer that took it last; stays when the handle is used again, most likely for the same producer.
    origin: Option<Arc<Origin>>,
}

#[derive(Debug, Clone)]
enum Content {
    Inline(u8, [u8; INLINE]),
    Owned(Vec<u8>),
    Foreign(ForeignBytes),
}

impl Default for Content {
    fn default() -> Self {
        Content::Inline(0, [0; INLINE])
    }
}

impl Content {
    /// Copies `bytes`, into the place that is there when they fit.
    #[inline]
    fn copy_from(&mut self, bytes: &[u8]) {
        match (u8::try_from(bytes.len()), &mut *self) {
            (Ok(len), Content::Inline(old, place)) if bytes.len() <= INLINE => {
                place[..bytes.len()].copy_from_slice(bytes);
                *old = len;
            }
            (_, Content::Owned(old)) if old.capacity() <= KEPT => {
                old.clear();
                old.extend_from_slice(bytes);
            }
            _ => *self = Content::Owned(bytes.to_vec()),
        }
    }

    /// Makes it empty, and keeps memory that is not too much.
    #[inline]
    fn clear(&mut self) {
        match self {
            Content::Inline(len, _) => *len = 0,
            Content::Owned(bytes) if bytes.capacity() <= KEPT => bytes.clear(),
            Content::Owned(_) | Content::Foreign(_) => *self = Content::default(),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct OutgoingMetadata {
    /// Sorted by name.
    properties: Vec<Property>,
    partition_key: Option<Vec<u8>>,
    ordering_key: Option<Vec<u8>>,
    event_time: Option<u64>,
    sequence_id: Option<u64>,
    schema_version: Option<Vec<u8>>,
    deliver_at: Option<i64>,
    clusters: Vec<Vec<u8>>,
    null_value: bool,
}

/// What a message knows once a producer took it.
#[derive(Debug, Clone)]
struct Sent {
    publish_time: u64,
    /// Known after a synchronous send.
    id: Option<Box<MessageId>>,
}

/// What messages tell of the producer that took them.
#[derive(Debug)]
pub(crate) struct Origin {
    pub producer_name: CString,
}

/// Strings for getters, made when first asked for.
#[derive(Debug, Default)]
struct Texts(OnceCell<Box<TextTable>>);

#[derive(Debug, Default)]
struct TextTable {
    partition_key: LazyText,
    ordering_key: LazyText,
    topic: LazyText,
    producer_name: LazyText,
    replicated_from: LazyText,
    schema_version: OnceCell<Box<[u8]>>,
    properties: OnceCell<BTreeMap<CString, CString>>,
}

impl Clone for Texts {
    /// Pointers belong to one handle, so a copy makes its own.
    fn clone(&self) -> Self {
        Texts::default()
    }
}

impl Texts {
    /// A setter made them stale.
    #[inline]
    fn forget(&mut self) {
        if self.0.get_mut().is_some() {
            self.0.take();
        }
    }

    fn table(&self) -> &TextTable {
        self.0.get_or_init(Box::default)
    }
}

/// Setters. They work on a message that was received too: it becomes a new one.
impl Message {
    #[inline]
    pub fn received(message: Received) -> Self {
        Message { body: Body::Received(message), texts: Texts::default() }
    }

    /// Makes it as good as a new one for another use of its handle. False: it was received, and is not worth keeping.
    #[inline]
    pub fn renew(&mut self) -> bool {
        let Body::Made(made) = &mut self.body else {
            return false;
        };
        made.content.clear();
        if made.metadata.is_some() {
            made.metadata = None;
        }
        made.sent = None;
        self.texts.forget();
        true
    }

    #[inline]
    fn made(&mut self) -> &mut Made {
        self.texts.forget();
        if matches!(self.body, Body::Received(_)) {
            self.body = Body::default();
        }
        match &mut self.body {
            Body::Made(made) => made,
            Body::Received(_) => unreachable!("it was replaced above"),
        }
    }

    fn metadata(&mut self) -> &mut OutgoingMetadata {
        self.made().metadata.get_or_insert_default()
    }

    pub fn set_content(&mut self, content: &[u8]) {
        self.made().content.copy_from(content);
    }

    pub fn set_foreign_content(&mut self, content: Option<ForeignBytes>) {
        self.made().content = content.map_or_else(Content::default, Content::Foreign);
    }

    pub fn set_property(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let properties = &mut self.metadata().properties;
        match properties.binary_search_by(|(found, _)| found.cmp(&name)) {
            Ok(index) => properties[index].1 = value,
            Err(index) => properties.insert(index, (name, value)),
        }
    }

    pub fn set_partition_key(&mut self, key: Vec<u8>) {
        self.metadata().partition_key = Some(key);
    }

    pub fn set_ordering_key(&mut self, key: Vec<u8>) {
        self.metadata().ordering_key = Some(key);
    }

    pub fn set_event_time(&mut self, time: u64) {
        self.metadata().event_time = Some(time);
    }

    pub fn set_sequence_id(&mut self, id: u64) {
        self.metadata().sequence_id = Some(id);
    }

    pub fn set_schema_version(&mut self, version: Vec<u8>) {
        self.metadata().schema_version = Some(version);
    }

    pub fn set_deliver_at(&mut self, time: u64) {
        self.metadata().deliver_at = Some(i64::try_from(time).unwrap_or(i64::MAX));
    }

    pub fn set_deliver_after(&mut self, delay: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.set_deliver_at(u64::try_from(now).unwrap_or(u64::MAX).saturating_add(delay));
    }

    pub fn set_clusters(&mut self, clusters: Vec<Vec<u8>>) {
        self.metadata().clusters = clusters;
    }

    pub fn disable_replication(&mut self, disable: bool) {
        self.set_clusters(if disable { vec![LOCAL_CLUSTER_ONLY.to_vec()] } else { Vec::new() });
    }

    pub fn set_null_value(&mut self) {
        let made = self.made();
        made.content = Content::default();
        made.metadata.get_or_insert_default().null_value = true;
    }
}

/// Sending.
impl Message {
    /// What there is to send. A message that was sent, or received, is none to send.
    #[inline]
    pub fn to_send(&self) -> Result<&Made, Error> {
        match &self.body {
            Body::Made(made) if made.sent.is_none() => Ok(made),
            Body::Made(_) | Body::Received(_) => Err(self.not_to_send()),
        }
    }

    #[cold]
    fn not_to_send(&self) -> Error {
        Error::InvalidMessage(match &self.body {
            Body::Made(_) => "the message was sent before".into(),
            Body::Received(_) => "the message was received; copy its content to a new one".into(),
        })
    }

    /// A producer took it.
    #[inline]
    pub fn mark_sent(&mut self, origin: &Arc<Origin>, publish_time: u64) {
        if let Body::Made(made) = &mut self.body {
            made.sent = Some(Sent { publish_time, id: None });
            if !made.origin.as_ref().is_some_and(|known| Arc::ptr_eq(known, origin)) {
                made.origin = Some(origin.clone());
            }
        }
    }

    /// Its receipt came.
    pub fn set_id(&mut self, id: MessageId) {
        if let Body::Made(Made { sent: Some(sent), .. }) = &mut self.body {
            sent.id = Some(Box::new(id));
        }
    }
}

impl Made {
    /// The message as the core takes it, for a partition if one was chosen.
    #[inline]
    pub fn outgoing(&self, partition: Option<u32>) -> OutgoingMessage<'_> {
        let mut outgoing = OutgoingMessage::from(self.content.as_slice());
        outgoing.partition = partition;
        if let Some(metadata) = &self.metadata {
            metadata.fill(&mut outgoing);
        }
        outgoing
    }
}

impl OutgoingMetadata {
    fn fill<'a>(&'a self, outgoing: &mut OutgoingMessage<'a>) {
        outgoing.properties = &self.properties;
        outgoing.partition_key = self.partition_key.as_deref();
        outgoing.ordering_key = self.ordering_key.as_deref();
        outgoing.event_time = self.event_time;
        outgoing.sequence_id = self.sequence_id;
        outgoing.deliver_at = self.deliver_at;
        outgoing.replicate_to = &self.clusters;
        outgoing.schema_version = self.schema_version.as_deref();
        outgoing.null_value = self.null_value;
    }
}

impl Content {
    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Content::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Content::Owned(bytes) => bytes,
            Content::Foreign(bytes) => bytes.as_slice(),
        }
    }
}

/// Getters.
impl Message {
    /// The received message behind the handle, if it is one.
    pub fn as_received(&self) -> Option<&Received> {
        match &self.body {
            Body::Received(received) => Some(received),
            Body::Made(_) => None,
        }
    }

    fn made_metadata(&self) -> Option<&OutgoingMetadata> {
        match &self.body {
            Body::Made(made) => made.metadata.as_deref(),
            Body::Received(_) => None,
        }
    }

    fn sent(&self) -> Option<&Sent> {
        match &self.body {
            Body::Made(made) => made.sent.as_ref(),
            Body::Received(_) => None,
        }
    }

    /// The producer that took it.
    fn origin(&self) -> Option<&Origin> {
        match &self.body {
            Body::Made(Made { sent: Some(_), origin, .. }) => origin.as_deref(),
            Body::Made(_) | Body::Received(_) => None,
        }
    }

    #[inline]
    pub fn payload(&self) -> &[u8] {
        match &self.body {
            Body::Made(made) => made.content.as_slice(),
            Body::Received(received) => received.payload(),
        }
    }

    pub fn id(&self) -> MessageId {
        match &self.body {
            Body::Received(received) => received.id(),
            Body::Made(made) => {
                let id = made.sent.as_ref().and_then(|sent| sent.id.as_deref());
                id.cloned().unwrap_or(MessageId::EARLIEST)
            }
        }
    }

    pub fn partition_key(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Received(received) => received.partition_key(),
            Body::Made(_) => self.made_metadata()?.partition_key.as_deref(),
        }
    }

    pub fn ordering_key(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Received(received) => received.ordering_key(),
            Body::Made(_) => self.made_metadata()?.ordering_key.as_deref(),
        }
    }

    pub fn partition_key_text(&self) -> *const c_char {
        self.texts.table().partition_key.get(|| c_string(self.partition_key().unwrap_or_default()))
    }

    pub fn ordering_key_text(&self) -> *const c_char {
        self.texts.table().ordering_key.get(|| c_string(self.ordering_key().unwrap_or_default()))
    }

    pub fn topic_text(&self) -> *const c_char {
        match self.as_received() {
            Some(received) => self.texts.table().topic.get(|| c_string(received.topic())),
            None => empty(),
        }
    }

    pub fn producer_name_text(&self) -> *const c_char {
        match (self.as_received(), self.origin()) {
            (Some(received), _) => {
                self.texts.table().producer_name.get(|| c_string(received.producer_name().as_bytes()))
            }
            (None, Some(origin)) => origin.producer_name.as_ptr(),
            (None, None) => empty(),
        }
    }

    /// NULL when it was not replicated.
    pub fn replicated_from_text(&self) -> *const c_char {
        match self.as_received().and_then(Received::replicated_from) {
            Some(cluster) => self.texts.table().replicated_from.get(|| c_string(cluster)),
            None => std::ptr::null(),
        }
    }

    fn schema_version(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Received(received) => received.schema_version(),
            Body::Made(_) => self.made_metadata()?.schema_version.as_deref(),
        }
    }

    pub fn has_schema_version(&self) -> bool {
        self.schema_version().is_some()
    }

    /// The bytes of the version, with NUL behind them; there may be others among them.
    pub fn schema_version_text(&self) -> *const c_char {
        let Some(version) = self.schema_version() else {
            return empty();
        };
        let bytes = self.texts.table().schema_version.get_or_init(|| [version, &[0]].concat().into());
        bytes.as_ptr().cast()
    }

    pub fn publish_time(&self) -> u64 {
        let made = self.sent().map(|sent| sent.publish_time);
        self.as_received().map(Received::publish_time).or(made).unwrap_or(0)
    }

    pub fn event_time(&self) -> u64 {
        let made = self.made_metadata().and_then(|metadata| metadata.event_time);
        self.as_received().and_then(Received::event_time).or(made).unwrap_or(0)
    }

    pub fn redelivery_count(&self) -> u32 {
        self.as_received().map_or(0, Received::redelivery_count)
    }

    pub fn has_null_value(&self) -> bool {
        let made = self.made_metadata().is_some_and(|metadata| metadata.null_value);
        made || self.as_received().is_some_and(Received::has_null_value)
    }

    /// The properties by name.
    pub fn properties(&self) -> &BTreeMap<CString, CString> {
        self.texts.table().properties.get_or_init(|| match self.as_received() {
            Some(received) => received.properties().iter().map(|(name, value)| pair(name, value)).collect(),
            None => {
                let made = self.made_metadata().into_iter();
                made.flat_map(|metadata| &metadata.properties)
                    .map(|(name, value)| pair(name, value))
                    .collect()
            }
        })
    }
}

fn pair(name: &[u8], value: &[u8]) -> (CString, CString) {
    (c_string(name), c_string(value))
}
