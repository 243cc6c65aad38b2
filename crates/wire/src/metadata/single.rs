use super::{Properties, flag_len, optional_bytes_len, put_flag, put_optional_bytes};
use crate::WireError;
use crate::field::{FieldWriter, Fields, read_varint, uint_len};

/// `SingleMessageMetadata`: describes one message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SingleMetadata<'a> {
    /// Properties of the message.
    pub properties: Properties<'a>,
    /// Key of the message.
    pub partition_key: Option<&'a [u8]>,
    /// Bytes of payload that follow. At most `i32::MAX`.
    pub payload_size: u32,
    /// Compaction removed the message from the batch; its place stays.
    pub compacted_out: bool,
    /// Time of the event by the application's reckoning, milliseconds since 1970.
    pub event_time: Option<u64>,
    /// The key is base64 of bytes.
    pub partition_key_b64_encoded: bool,
    /// Key for ordering in a key-shared subscription.
    pub ordering_key: Option<&'a [u8]>,
    /// Sequence id of the message.
    pub sequence_id: Option<u64>,
    /// The message has no value, which is not the same as an empty one.
    pub null_value: bool,
    /// The key was given and is null.
    pub null_partition_key: bool,
}

impl<'a> SingleMetadata<'a> {
    const PROPERTIES: u32 = 1;

    /// Decodes an encoded `SingleMessageMetadata`.
    #[inline]
    pub fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        match Self::decode_plain(message) {
            Some(plain) => Ok(plain),
            None => Self::decode_fields(message),
        }
    }

    /// The short way for what most messages have: their size, then their sequence id or nothing, as all clients write
    /// them. Nothing for anything else.
    #[allow(clippy::inline_always)] // on the way of every message; what it gives is large, and would be copied
    #[inline(always)]
    fn decode_plain(message: &[u8]) -> Option<Self> {
        const PAYLOAD_SIZE: u8 = 3 << 3;
        const SEQUENCE_ID: u8 = 8 << 3;
        let mut rest = message.strip_prefix(&[PAYLOAD_SIZE])?;
        let payload_size = read_varint(&mut rest).ok().and_then(|size| i32::try_from(size).ok())?;
        let mut sequence_id = None;
        if let Some(mut last) = rest.strip_prefix(&[SEQUENCE_ID]) {
            sequence_id = Some(read_varint(&mut last).ok()?);
            rest = last;
        }
        let plain = SingleMetadata {
            payload_size: payload_size.cast_unsigned(),
            sequence_id,
            ..SingleMetadata::default()
        };
        rest.is_empty().then_some(plain)
    }

    #[inline(never)]
    fn decode_fields(message: &'a [u8]) -> Result<Self, WireError> {
        let mut found = SingleMetadata::default();
        let mut payload_size = None;
        for field in Fields::new(message) {
            match field? {
                // Most messages have none, and whoever looks at them need not look for any.
                (Self::PROPERTIES, _) => found.properties = Properties::Encoded(message, Self::PROPERTIES),
                (2, value) => found.partition_key = Some(value.bytes()?),
                (3, value) => payload_size = Some(value.int32()?),
                (4, value) => found.compacted_out = value.boolean()?,
                (5, value) => found.event_time = Some(value.varint()?),
                (6, value) => found.partition_key_b64_encoded = value.boolean()?,
                (7, value) => found.ordering_key = Some(value.bytes()?),
                (8, value) => found.sequence_id = Some(value.varint()?),
                (9, value) => found.null_value = value.boolean()?,
                (10, value) => found.null_partition_key = value.boolean()?,
                _ => {}
            }
        }
        let Some(payload_size) = payload_size else {
            return Err(WireError::MissingField("SingleMessageMetadata.payload_size"));
        };
        found.payload_size =
            u32::try_from(payload_size).map_err(|_| WireError::Batch("negative payload size"))?;
        Ok(found)
    }

    #[inline]
    pub(crate) fn encoded_len(&self) -> usize {
        self.properties.encoded_len(Self::PROPERTIES)
            + optional_bytes_len(2, self.partition_key)
            + uint_len(3, self.payload_size.into())
            + flag_len(4, self.compacted_out)
            + self.event_time.map_or(0, |value| uint_len(5, value))
            + flag_len(6, self.partition_key_b64_encoded)
            + optional_bytes_len(7, self.ordering_key)
            + self.sequence_id.map_or(0, |value| uint_len(8, value))
            + flag_len(9, self.null_value)
            + flag_len(10, self.null_partition_key)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.properties.encode(Self::PROPERTIES, out);
        put_optional_bytes(out, 2, self.partition_key);
        out.put_uint(3, self.payload_size.into());
        put_flag(out, 4, self.compacted_out);
        if let Some(time) = self.event_time {
            out.put_uint(5, time);
        }
        put_flag(out, 6, self.partition_key_b64_encoded);
        put_optional_bytes(out, 7, self.ordering_key);
        if let Some(sequence_id) = self.sequence_id {
            out.put_uint(8, sequence_id);
        }
        put_flag(out, 9, self.null_value);
        put_flag(out, 10, self.null_partition_key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Property;
    use crate::proto::{KeyValue, SingleMessageMetadata};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message as _;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn generated(metadata: &SingleMetadata<'_>) -> SingleMessageMetadata {
        SingleMessageMetadata {
            properties: metadata
                .properties
                .iter()
                .map(|(key, value)| KeyValue { key: text(key), value: text(value) })
                .collect(),
            partition_key: metadata.partition_key.map(text),
            payload_size: metadata.payload_size.try_into().unwrap(),
            compacted_out: metadata.compacted_out.then_some(true),
            event_time: metadata.event_time,
            partition_key_b64_encoded: metadata.partition_key_b64_encoded.then_some(true),
            ordering_key: metadata.ordering_key.map(<[u8]>::to_vec),
            sequence_id: metadata.sequence_id,
            null_value: metadata.null_value.then_some(true),
            null_partition_key: metadata.null_partition_key.then_some(true),
        }
    }

    /// Fields as they may come: the two of the short way, and others, whole and cut off.
    fn some_fields() -> impl Strategy<Value = Vec<u8>> {
        let varint = prop_oneof![
            any::<u64>().prop_map(|value| {
                let mut out = Vec::new();
                out.put_varint(value);
                out
            }),
            (0u8..=0x7f).prop_map(|byte| vec![byte]),
            vec(any::<u8>(), 0..11),
        ];
        let key = prop_oneof![Just(3u8 << 3), Just(8u8 << 3), Just(4u8 << 3), any::<u8>()];
        vec((key, varint).prop_map(|(key, value)| [vec![key], value].concat()), 0..4)
            .prop_map(|all| all.concat())
    }

    #[test]
    fn the_short_way_is_taken() {
        let plain =
            SingleMetadata { payload_size: 64, sequence_id: Some(u64::MAX), ..SingleMetadata::default() };
        for metadata in [plain, SingleMetadata { sequence_id: None, ..plain }] {
            let mut encoded = Vec::new();
            metadata.encode(&mut encoded);
            assert_eq!(SingleMetadata::decode_plain(&encoded), Some(metadata));
            for len in 0..encoded.len() {
                let cut = SingleMetadata::decode_plain(&encoded[..len]);
                assert!(cut.is_none_or(|plain| Ok(plain) == SingleMetadata::decode_fields(&encoded[..len])));
            }
        }
    }

    proptest! {
        #[test]
        fn the_short_way_reads_the_same(fields in some_fields()) {
            if let Some(plain) = SingleMetadata::decode_plain(&fields) {
                prop_assert_eq!(Ok(plain), SingleMetadata::decode_fields(&fields));
            }
        }

        #[test]
        fn single_metadata_equals_prost(
            properties in vec((any::<String>(), any::<String>()), 0..4),
            partition_key: Option<String>,
            payload_size in 0u32..=0x7fff_ffff,
            (event_time, sequence_id) in (any::<Option<u64>>(), any::<Option<u64>>()),
            ordering_key: Option<Vec<u8>>,
            flags: [bool; 4],
        ) {
            let properties: Vec<Property> =
                properties.into_iter().map(|(key, value)| (key.into_bytes(), value.into_bytes())).collect();
            let metadata = SingleMetadata {
                properties: Properties::List(&properties),
                partition_key: partition_key.as_deref().map(str::as_bytes),
                payload_size,
                compacted_out: flags[0],
                event_time,
                partition_key_b64_encoded: flags[1],
                ordering_key: ordering_key.as_deref(),
                sequence_id,
                null_value: flags[2],
                null_partition_key: flags[3],
            };
            let mut ours = Vec::new();
            metadata.encode(&mut ours);
            prop_assert_eq!(ours.len(), metadata.encoded_len());
            prop_assert_eq!(&ours, &generated(&metadata).encode_to_vec());
            prop_assert_eq!(SingleMetadata::decode(&ours), Ok(metadata));
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            let _ = SingleMetadata::decode(&bytes);
        }
    }

    #[test]
    fn a_negative_payload_size_is_refused() {
        let bytes =
            SingleMessageMetadata { payload_size: -1, ..SingleMessageMetadata::default() }.encode_to_vec();
        assert_eq!(SingleMetadata::decode(&bytes), Err(WireError::Batch("negative payload size")));
    }
}
