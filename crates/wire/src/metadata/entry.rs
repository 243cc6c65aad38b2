use super::{Properties, flag_len, optional_bytes_len, put_flag, put_optional_bytes};
use crate::WireError;
use crate::field::{FieldWriter, Fields, delimited_len, int_len, uint_len};

/// `MessageMetadata`: describes an entry, which is one message, one chunk or one batch.
///
/// Everything borrows: from the message that is sent, or from the frame that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metadata<'a> {
    /// Name of the producer.
    pub producer_name: &'a [u8],
    /// Sequence id of the message, or of the first in the batch.
    pub sequence_id: u64,
    /// Wall clock of the client when it sent the entry, milliseconds since 1970.
    pub publish_time: u64,
    /// Properties of a message outside a batch.
    pub properties: Properties<'a>,
    /// Cluster that a replicated message comes from.
    pub replicated_from: Option<&'a [u8]>,
    /// Key of a message outside a batch, or the one key of a key-based batch.
    pub partition_key: Option<&'a [u8]>,
    /// Clusters to replicate to; empty: as the namespace says. Not decoded.
    pub replicate_to: &'a [Vec<u8>],
    /// `CompressionType` of the body; absent: none.
    pub compression: Option<i32>,
    /// Size of the body before compression, in bytes.
    pub uncompressed_size: Option<u32>,
    /// Messages in the batch; absent: the entry is not a batch. A batch of one says 1.
    pub num_messages_in_batch: Option<i32>,
    /// Time of the event by the application's reckoning, milliseconds since 1970.
    pub event_time: Option<u64>,
    /// The body is encrypted, as [`Encryption`](super::Encryption) says. Decoded only: whether encryption keys are there.
    pub encrypted: bool,
    /// Version of the schema the message was written with, as the broker gave it.
    pub schema_version: Option<&'a [u8]>,
    /// The key is base64 of bytes.
    pub partition_key_b64_encoded: bool,
    /// Key for ordering in a key-shared subscription, where it is not the partition key.
    pub ordering_key: Option<&'a [u8]>,
    /// Deliver at or after this time, milliseconds since 1970.
    pub deliver_at_time: Option<i64>,
    /// Set on the broker's own markers, which applications never see.
    pub marker_type: Option<i32>,
    /// Sequence id of the last message in the batch.
    pub highest_sequence_id: Option<u64>,
    /// The message has no value, which is not the same as an empty one.
    pub null_value: bool,
    /// Names the message that the chunk belongs to.
    pub uuid: Option<&'a [u8]>,
    /// Chunks of that message.
    pub num_chunks_from_msg: Option<i32>,
    /// Size of that message, in bytes.
    pub total_chunk_msg_size: Option<i32>,
    /// Number of this chunk, from 0.
    pub chunk_id: Option<i32>,
    /// The key was given and is null.
    pub null_partition_key: bool,
}

impl<'a> Metadata<'a> {
    const PROPERTIES: u32 = 4;

    /// Decodes an encoded `MessageMetadata`.
    pub fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        let mut found =
            Metadata { properties: Properties::Encoded(message, Self::PROPERTIES), ..Metadata::default() };
        let (mut producer_name, mut sequence_id, mut publish_time) = (None, None, None);
        for field in Fields::new(message) {
            match field? {
                (1, value) => producer_name = Some(value.bytes()?),
                (2, value) => sequence_id = Some(value.varint()?),
                (3, value) => publish_time = Some(value.varint()?),
                (5, value) => found.replicated_from = Some(value.bytes()?),
                (6, value) => found.partition_key = Some(value.bytes()?),
                (8, value) => found.compression = Some(value.int32()?),
                (9, value) => found.uncompressed_size = Some(value.uint32()?),
                (11, value) => found.num_messages_in_batch = Some(value.int32()?),
                (12, value) => found.event_time = Some(value.varint()?),
                (13, _) => found.encrypted = true,
                (16, value) => found.schema_version = Some(value.bytes()?),
                (17, value) => found.partition_key_b64_encoded = value.boolean()?,
                (18, value) => found.ordering_key = Some(value.bytes()?),
                (19, value) => found.deliver_at_time = Some(value.int64()?),
                (20, value) => found.marker_type = Some(value.int32()?),
                (24, value) => found.highest_sequence_id = Some(value.varint()?),
                (25, value) => found.null_value = value.boolean()?,
                (26, value) => found.uuid = Some(value.bytes()?),
                (27, value) => found.num_chunks_from_msg = Some(value.int32()?),
                (28, value) => found.total_chunk_msg_size = Some(value.int32()?),
                (29, value) => found.chunk_id = Some(value.int32()?),
                (30, value) => found.null_partition_key = value.boolean()?,
                _ => {}
            }
        }
        found.producer_name =
            producer_name.ok_or(WireError::MissingField("MessageMetadata.producer_name"))?;
        found.sequence_id = sequence_id.ok_or(WireError::MissingField("MessageMetadata.sequence_id"))?;
        found.publish_time = publish_time.ok_or(WireError::MissingField("MessageMetadata.publish_time"))?;
        Ok(found)
    }

    /// Bytes of the encoded metadata; they count toward the broker's maximum message size.
    pub fn encoded_len(&self) -> usize {
        let int32_len = |number, value: Option<i32>| value.map_or(0, |value| int_len(number, value.into()));
        delimited_len(1, self.producer_name.len())
            + uint_len(2, self.sequence_id)
            + uint_len(3, self.publish_time)
            + self.properties.encoded_len(Self::PROPERTIES)
            + optional_bytes_len(5, self.replicated_from)
            + optional_bytes_len(6, self.partition_key)
            + self.replicate_to.iter().map(|cluster| delimited_len(7, cluster.len())).sum::<usize>()
            + int32_len(8, self.compression)
            + self.uncompressed_size.map_or(0, |value| uint_len(9, value.into()))
            + int32_len(11, self.num_messages_in_batch)
            + self.event_time.map_or(0, |value| uint_len(12, value))
            + optional_bytes_len(16, self.schema_version)
            + flag_len(17, self.partition_key_b64_encoded)
            + optional_bytes_len(18, self.ordering_key)
            + self.deliver_at_time.map_or(0, |value| int_len(19, value))
            + int32_len(20, self.marker_type)
            + self.highest_sequence_id.map_or(0, |value| uint_len(24, value))
            + flag_len(25, self.null_value)
            + optional_bytes_len(26, self.uuid)
            + int32_len(27, self.num_chunks_from_msg)
            + int32_len(28, self.total_chunk_msg_size)
            + int32_len(29, self.chunk_id)
            + flag_len(30, self.null_partition_key)
    }

    /// Appends the encoded metadata.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let put_int32 = |out: &mut Vec<u8>, number, value: Option<i32>| {
            if let Some(value) = value {
                out.put_int(number, value.into());
            }
        };
        let put_uint64 = |out: &mut Vec<u8>, number, value: Option<u64>| {
            if let Some(value) = value {
                out.put_uint(number, value);
            }
        };
        out.put_bytes(1, self.producer_name);
        out.put_uint(2, self.sequence_id);
        out.put_uint(3, self.publish_time);
        self.properties.encode(Self::PROPERTIES, out);
        put_optional_bytes(out, 5, self.replicated_from);
        put_optional_bytes(out, 6, self.partition_key);
        for cluster in self.replicate_to {
            out.put_bytes(7, cluster);
        }
        put_int32(out, 8, self.compression);
        put_uint64(out, 9, self.uncompressed_size.map(u64::from));
        put_int32(out, 11, self.num_messages_in_batch);
        put_uint64(out, 12, self.event_time);
        put_optional_bytes(out, 16, self.schema_version);
        put_flag(out, 17, self.partition_key_b64_encoded);
        put_optional_bytes(out, 18, self.ordering_key);
        if let Some(time) = self.deliver_at_time {
            out.put_int(19, time);
        }
        put_int32(out, 20, self.marker_type);
        put_uint64(out, 24, self.highest_sequence_id);
        put_flag(out, 25, self.null_value);
        put_optional_bytes(out, 26, self.uuid);
        put_int32(out, 27, self.num_chunks_from_msg);
        put_int32(out, 28, self.total_chunk_msg_size);
        put_int32(out, 29, self.chunk_id);
        put_flag(out, 30, self.null_partition_key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Property;
    use crate::proto::{KeyValue, MessageMetadata};
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use prost::Message as _;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// The generated message with the same values; `false` is left out, as it is ours to do.
    fn generated(metadata: &Metadata<'_>) -> MessageMetadata {
        MessageMetadata {
            producer_name: text(metadata.producer_name),
            sequence_id: metadata.sequence_id,
            publish_time: metadata.publish_time,
            properties: metadata
                .properties
                .iter()
                .map(|(key, value)| KeyValue { key: text(key), value: text(value) })
                .collect(),
            replicated_from: metadata.replicated_from.map(text),
            partition_key: metadata.partition_key.map(text),
            replicate_to: metadata.replicate_to.iter().map(|cluster| text(cluster)).collect(),
            compression: metadata.compression,
            uncompressed_size: metadata.uncompressed_size,
            num_messages_in_batch: metadata.num_messages_in_batch,
            event_time: metadata.event_time,
            schema_version: metadata.schema_version.map(<[u8]>::to_vec),
            partition_key_b64_encoded: metadata.partition_key_b64_encoded.then_some(true),
            ordering_key: metadata.ordering_key.map(<[u8]>::to_vec),
            deliver_at_time: metadata.deliver_at_time,
            marker_type: metadata.marker_type,
            highest_sequence_id: metadata.highest_sequence_id,
            null_value: metadata.null_value.then_some(true),
            uuid: metadata.uuid.map(text),
            num_chunks_from_msg: metadata.num_chunks_from_msg,
            total_chunk_msg_size: metadata.total_chunk_msg_size,
            chunk_id: metadata.chunk_id,
            null_partition_key: metadata.null_partition_key.then_some(true),
            ..MessageMetadata::default()
        }
    }

    fn check(metadata: &Metadata<'_>) {
        let mut ours = Vec::new();
        metadata.encode(&mut ours);
        assert_eq!(ours.len(), metadata.encoded_len());
        assert_eq!(ours, generated(metadata).encode_to_vec());
        assert_eq!(Metadata::decode(&ours), Ok(Metadata { replicate_to: &[], ..*metadata }));
    }

    proptest! {
        #[test]
        fn entries_equal_prost(
            (producer_name, key, ordering_key, uuid, from) in
                (any::<String>(), any::<Option<String>>(), any::<Option<Vec<u8>>>(), any::<Option<String>>(), any::<Option<String>>()),
            (sequence_id, publish_time, event_time, highest) in
                (any::<u64>(), any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>()),
            properties in vec((any::<String>(), any::<String>()), 0..4),
            clusters in vec(any::<String>(), 0..3),
            (compression, uncompressed_size, num_messages, deliver_at, marker) in
                (any::<Option<i32>>(), any::<Option<u32>>(), any::<Option<i32>>(), any::<Option<i64>>(), any::<Option<i32>>()),
            chunk in option::of((any::<i32>(), any::<i32>(), any::<i32>())),
            flags: [bool; 3],
            schema_version: Option<Vec<u8>>,
        ) {
            let properties: Vec<Property> =
                properties.into_iter().map(|(key, value)| (key.into_bytes(), value.into_bytes())).collect();
            let clusters: Vec<Vec<u8>> = clusters.into_iter().map(String::into_bytes).collect();
            check(&Metadata {
                producer_name: producer_name.as_bytes(),
                sequence_id,
                publish_time,
                properties: Properties::List(&properties),
                replicated_from: from.as_deref().map(str::as_bytes),
                partition_key: key.as_deref().map(str::as_bytes),
                replicate_to: &clusters,
                compression,
                uncompressed_size,
                num_messages_in_batch: num_messages,
                event_time,
                encrypted: false,
                schema_version: schema_version.as_deref(),
                partition_key_b64_encoded: flags[0],
                ordering_key: ordering_key.as_deref(),
                deliver_at_time: deliver_at,
                marker_type: marker,
                highest_sequence_id: highest,
                null_value: flags[1],
                uuid: uuid.as_deref().map(str::as_bytes),
                num_chunks_from_msg: chunk.map(|chunk| chunk.0),
                total_chunk_msg_size: chunk.map(|chunk| chunk.1),
                chunk_id: chunk.map(|chunk| chunk.2),
                null_partition_key: flags[2],
            });
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            if let Ok(metadata) = Metadata::decode(&bytes) {
                let _ = metadata.properties.iter().count();
            }
        }
    }

    #[test]
    fn the_last_of_two_equal_properties_counts() {
        let properties = [(b"a".to_vec(), b"1".to_vec()), (b"a".to_vec(), b"2".to_vec())];
        assert_eq!(Properties::List(&properties).get(b"a"), Some(&b"2"[..]));
        assert_eq!(Properties::List(&properties).get(b"b"), None);
    }
}
