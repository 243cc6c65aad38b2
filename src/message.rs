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
struct Made {
    content: Content,
    /// Everything but the content; most messages have none.
    metadata: Option<Box<OutgoingMetadata>>,
    sent: Option<Sent>,
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
            _ => *self = Content::Owned(bytes.to_vec()),
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
    origin: Arc<Origin>,
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
    fn forget(&mut self) {
        self.0.take();
    }

    fn table(&self) -> &TextTable {
        self.0.get_or_init(Box::default)
    }
}

/// Setters. They work on a message that was received too: it becomes a new one.
impl Message {
    pub fn received(message: Received) -> Self {
        Message { body: Body::Received(message), texts: Texts::default() }
    }

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
    /// The message as the core takes it. One that was sent, or received, is none to send.
    pub fn outgoing(&self) -> Result<OutgoingMessage<'_>, Error> {
        let made = match &self.body {
            Body::Made(made) if made.sent.is_none() => made,
            Body::Made(_) => return Err(Error::InvalidMessage("the message was sent before".into())),
            Body::Received(_) => {
                return Err(Error::InvalidMessage(
                    "the message was received; copy its content to a new one".into(),
                ));
            }
        };
        let payload = made.content.as_slice();
        let Some(metadata) = &made.metadata else {
            return Ok(payload.into());
        };
        Ok(OutgoingMessage {
            payload,
            properties: &metadata.properties,
            partition_key: metadata.partition_key.as_deref(),
            ordering_key: metadata.ordering_key.as_deref(),
            event_time: metadata.event_time,
            sequence_id: metadata.sequence_id,
            deliver_at: metadata.deliver_at,
            replicate_to: &metadata.clusters,
            schema_version: metadata.schema_version.as_deref(),
            partition: None,
            null_value: metadata.null_value,
        })
    }

    /// A producer took it.
    pub fn mark_sent(&mut self, origin: Arc<Origin>, publish_time: u64) {
        if let Body::Made(made) = &mut self.body {
            made.sent = Some(Sent { publish_time, origin, id: None });
        }
    }

    /// Its receipt came.
    pub fn set_id(&mut self, id: MessageId) {
        if let Body::Made(Made { sent: Some(sent), .. }) = &mut self.body {
            sent.id = Some(Box::new(id));
        }
    }
}

impl Content {
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
        match (self.as_received(), self.sent()) {
            (Some(received), _) => {
                self.texts.table().producer_name.get(|| c_string(received.producer_name().as_bytes()))
            }
            (None, Some(sent)) => sent.origin.producer_name.as_ptr(),
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
