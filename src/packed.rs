//! Messages in one buffer without pointers, as `pulsar_rs/bulk.h` lays them out: for callers that must not hand out
//! pointers to their memory.

use pulsar_rs_client::{Error, OutgoingMessage, Property};

pub(crate) use crate::ffi::pulsar_rs::bulk::{
    PULSAR_RS_RECORD_HAS_DELIVER_AT as HAS_DELIVER_AT, PULSAR_RS_RECORD_HAS_EVENT_TIME as HAS_EVENT_TIME,
    PULSAR_RS_RECORD_HAS_KEY as HAS_KEY, PULSAR_RS_RECORD_HAS_ORDERING_KEY as HAS_ORDERING_KEY,
    PULSAR_RS_RECORD_HAS_PARTITION as HAS_PARTITION, PULSAR_RS_RECORD_HAS_PROPERTIES as HAS_PROPERTIES,
    PULSAR_RS_RECORD_HAS_REPLICATION_CLUSTERS as HAS_CLUSTERS,
    PULSAR_RS_RECORD_HAS_SEQUENCE_ID as HAS_SEQUENCE_ID, PULSAR_RS_RECORD_NULL_VALUE as NULL_VALUE,
};

const ALL: u32 = 511;

/// A buffer that was found well-formed.
#[derive(Debug)]
pub(crate) struct Packed<'a> {
    buffer: &'a [u8],
    count: usize,
    /// Properties of the records that have some, in order.
    properties: Vec<Vec<Property>>,
    /// The same for clusters to replicate to.
    clusters: Vec<Vec<Vec<u8>>>,
}

impl<'a> Packed<'a> {
    /// Looks through the whole buffer, so that nothing is sent of a wrong one.
    pub fn check(buffer: &'a [u8]) -> Result<Self, Error> {
        let mut rest = buffer;
        let mut packed = Packed { buffer, count: 0, properties: Vec::new(), clusters: Vec::new() };
        while !rest.is_empty() {
            let at = buffer.len() - rest.len();
            let wrong =
                || Error::InvalidMessage(format!("record {}, at byte {at}, is malformed", packed.count));
            let record = Record::read(&mut rest).ok_or_else(wrong)?;
            if record.flags & !ALL != 0 {
                return Err(wrong());
            }
            if record.flags & HAS_PROPERTIES != 0 {
                let properties = read_properties(record.properties).ok_or_else(wrong)?;
                packed.properties.push(properties);
            }
            if record.flags & HAS_CLUSTERS != 0 {
                packed.clusters.push(read_names(record.clusters).ok_or_else(wrong)?);
            }
            packed.count += 1;
        }
        Ok(packed)
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn messages(&'a self) -> impl Iterator<Item = OutgoingMessage<'a>> {
        let mut rest = self.buffer;
        let mut properties = self.properties.iter();
        let mut clusters = self.clusters.iter();
        std::iter::from_fn(move || {
            let mut record = Record::read(&mut rest)?;
            if record.flags & HAS_PROPERTIES != 0 {
                record.message.properties = properties.next()?;
            }
            if record.flags & HAS_CLUSTERS != 0 {
                record.message.replicate_to = clusters.next()?;
            }
            Some(record.message)
        })
    }
}

/// One record, with its properties and clusters still encoded.
struct Record<'a> {
    flags: u32,
    message: OutgoingMessage<'a>,
    properties: &'a [u8],
    clusters: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record at the beginning of `rest`, which is behind it afterwards.
    #[inline]
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let flags = number(rest)?;
        let payload_len = number(rest)? as usize;
        let mut message =
            OutgoingMessage { null_value: flags & NULL_VALUE != 0, ..OutgoingMessage::default() };
        let (mut properties, mut clusters) = (&[][..], &[][..]);
        if flags != 0 {
            if flags & HAS_EVENT_TIME != 0 {
                message.event_time = Some(long(rest)?);
            }
            if flags & HAS_SEQUENCE_ID != 0 {
                message.sequence_id = Some(long(rest)?);
            }
            if flags & HAS_DELIVER_AT != 0 {
                message.deliver_at = Some(long(rest)?.cast_signed());
            }
            if flags & HAS_PARTITION != 0 {
                message.partition = Some(number(rest)?);
            }
            if flags & HAS_KEY != 0 {
                message.partition_key = Some(bytes(rest)?);
            }
            if flags & HAS_ORDERING_KEY != 0 {
                message.ordering_key = Some(bytes(rest)?);
            }
            if flags & HAS_PROPERTIES != 0 {
                properties = skip_texts(rest, 2)?;
            }
            if flags & HAS_CLUSTERS != 0 {
                clusters = skip_texts(rest, 1)?;
            }
        }
        message.payload = take(rest, payload_len)?;
        Some(Record { flags, message, properties, clusters })
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(len)?;
    *rest = behind;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u32::from_le_bytes(*taken))
}

fn long(rest: &mut &[u8]) -> Option<u64> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u64::from_le_bytes(*taken))
}

fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = number(rest)? as usize;
    take(rest, len)
}

/// An encoded number of items, with the items, which have so many texts each.
fn skip_texts<'a>(rest: &mut &'a [u8], of_each: u32) -> Option<&'a [u8]> {
    let start = *rest;
    for _ in 0..number(rest)? {
        for _ in 0..of_each {
            bytes(rest)?;
        }
    }
    Some(&start[..start.len() - rest.len()])
}

fn read_properties(mut encoded: &[u8]) -> Option<Vec<Property>> {
    let count = number(&mut encoded)?;
    (0..count).map(|_| Some((bytes(&mut encoded)?.to_vec(), bytes(&mut encoded)?.to_vec()))).collect()
}

fn read_names(mut encoded: &[u8]) -> Option<Vec<Vec<u8>>> {
    let count = number(&mut encoded)?;
    (0..count).map(|_| Some(bytes(&mut encoded)?.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(buffer: &mut Vec<u8>, bytes: &[u8]) {
        buffer.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        buffer.extend_from_slice(bytes);
    }

    /// A plain record, one with everything, and an empty one.
    fn three() -> Vec<u8> {
        let mut buffer = Vec::new();
        for (flags, payload) in [(0u32, &b"plain"[..]), (ALL & !NULL_VALUE, b"full"), (NULL_VALUE, b"")] {
            buffer.extend_from_slice(&flags.to_le_bytes());
            buffer.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
            if flags & HAS_KEY != 0 {
                for long in [1u64, 2, 3] {
                    buffer.extend_from_slice(&long.to_le_bytes());
                }
                buffer.extend_from_slice(&4u32.to_le_bytes());
                put(&mut buffer, b"key");
                put(&mut buffer, b"order");
                buffer.extend_from_slice(&1u32.to_le_bytes());
                put(&mut buffer, b"name");
                put(&mut buffer, b"value");
                buffer.extend_from_slice(&2u32.to_le_bytes());
                put(&mut buffer, b"east");
                put(&mut buffer, b"west");
            }
            buffer.extend_from_slice(payload);
        }
        buffer
    }

    #[test]
    fn records_come_out_as_they_went_in() {
        let buffer = three();
        let packed = Packed::check(&buffer).unwrap();
        assert_eq!(packed.count(), 3);
        let messages: Vec<_> = packed.messages().collect();
        assert_eq!(messages[0].payload, b"plain");
        assert_eq!((messages[0].partition_key, messages[0].event_time), (None, None));
        let full = messages[1];
        assert_eq!(full.payload, b"full");
        assert_eq!((full.event_time, full.sequence_id, full.deliver_at), (Some(1), Some(2), Some(3)));
        assert_eq!((full.partition, full.partition_key), (Some(4), Some(&b"key"[..])));
        assert_eq!(full.ordering_key, Some(&b"order"[..]));
        assert_eq!(full.properties, [(b"name".to_vec(), b"value".to_vec())]);
        assert_eq!(full.replicate_to, [b"east".to_vec(), b"west".to_vec()]);
        assert!(messages[2].null_value && messages[2].payload.is_empty());
        assert_eq!(Packed::check(&[]).unwrap().count(), 0);
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_refused() {
        let buffer = three();
        let ends: Vec<usize> =
            (0..=buffer.len()).filter(|end| Packed::check(&buffer[..*end]).is_ok()).collect();
        assert_eq!(ends.len(), 4, "only between records: {ends:?}");
        let mut unknown = buffer;
        unknown[1] = 2;
        assert!(matches!(Packed::check(&unknown), Err(Error::InvalidMessage(_))));
        let mut many = Vec::new();
        many.extend_from_slice(&HAS_PROPERTIES.to_le_bytes());
        many.extend_from_slice(&0u32.to_le_bytes());
        many.extend_from_slice(&u32::MAX.to_le_bytes());
        assert!(Packed::check(&many).is_err());
    }
}
