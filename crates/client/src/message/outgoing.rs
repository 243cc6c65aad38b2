use pulsar_rs_wire::batch::{Plain, Prepared};
use pulsar_rs_wire::metadata::{Properties, Property, SingleMetadata};

use crate::Error;

/// A message to send, borrowed from the caller for the duration of the call.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutgoingMessage<'a> {
    /// The content.
    pub payload: &'a [u8],
    /// Names and values, in the order they shall travel.
    pub properties: &'a [Property],
    /// Key for partition routing, compaction and key-shared subscriptions.
    pub partition_key: Option<&'a [u8]>,
    /// The partition key is the base64 form of a key of bytes, as the Java client sends such keys.
    pub partition_key_is_base64: bool,
    /// Key for ordering in key-shared subscriptions, where it is not the partition key.
    pub ordering_key: Option<&'a [u8]>,
    /// Time of the event by the application's reckoning, milliseconds since 1970.
    pub event_time: Option<u64>,
    /// Sequence id; absent: the producer counts.
    pub sequence_id: Option<u64>,
    /// Deliver at or after this time, milliseconds since 1970. Such a message is not batched.
    pub deliver_at: Option<i64>,
    /// Clusters to replicate to; empty: as the namespace says.
    pub replicate_to: &'a [Vec<u8>],
    /// Version of the schema that it was written with, as the broker numbers it; absent: the producer's.
    pub schema_version: Option<&'a [u8]>,
    /// Partition of a partitioned topic; absent: as the producer's routing says.
    pub partition: Option<u32>,
    /// The message has no value, which is not the same as an empty one.
    pub null_value: bool,
}

impl<'a> From<&'a [u8]> for OutgoingMessage<'a> {
    #[inline]
    fn from(payload: &'a [u8]) -> Self {
        OutgoingMessage { payload, ..OutgoingMessage::default() }
    }
}

impl<'a> From<&'a str> for OutgoingMessage<'a> {
    fn from(payload: &'a str) -> Self {
        payload.as_bytes().into()
    }
}

impl<'a> OutgoingMessage<'a> {
    /// Bytes that count against the client's memory limit.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        if self.properties.is_empty() && self.partition_key.is_none() && self.ordering_key.is_none() {
            return self.payload.len();
        }
        let properties = self.properties.iter().map(|(name, value)| name.len() + value.len());
        self.payload.len() + self.key_bytes() + properties.sum::<usize>()
    }

    /// Bytes of its keys.
    #[inline]
    pub(crate) fn key_bytes(&self) -> usize {
        [self.partition_key, self.ordering_key].into_iter().flatten().map(<[u8]>::len).sum()
    }

    /// Whether it has nothing but its payload, as most have.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.properties.is_empty()
            && self.partition_key.is_none()
            && self.ordering_key.is_none()
            && self.event_time.is_none()
            && self.replicate_to.is_empty()
            && self.schema_version.is_none()
            && !self.null_value
    }

    /// A plain message as it is appended to a batch.
    #[inline]
    pub(crate) fn prepare_plain(&self, sequence_id: u64) -> Result<Plain<'a>, Error> {
        Plain::new(sequence_id, self.payload).map_err(|_| self.too_big())
    }

    /// The message as it is appended to a batch.
    pub(crate) fn prepare(&self, sequence_id: u64) -> Result<Prepared<'a>, Error> {
        let metadata = SingleMetadata {
            properties: Properties::List(self.properties),
            partition_key: self.partition_key,
            partition_key_b64_encoded: self.partition_key_is_base64,
            event_time: self.event_time,
            ordering_key: self.ordering_key,
            sequence_id: Some(sequence_id),
            null_value: self.null_value,
            ..SingleMetadata::default()
        };
        Prepared::new(metadata, self.payload).map_err(|_| self.too_big())
    }

    #[cold]
    fn too_big(&self) -> Error {
        Error::MessageTooBig(format!("{} bytes of payload", self.payload.len()))
    }
}
