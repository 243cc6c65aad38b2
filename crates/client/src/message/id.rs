use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use prost::Message as _;
use pulsar_rs_wire::WireError;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::MessageIdData;

use crate::Error;

/// Names a message: ledger and entry, partition, and the place in its batch.
///
/// -1 stands for "none", as in the other clients: partition -1 is a topic without partitions, batch index -1
/// a message outside a batch.
#[derive(Debug, Clone)]
pub struct MessageId {
    /// Number of the ledger.
    pub ledger: i64,
    /// Number of the entry in the ledger.
    pub entry: i64,
    /// Partition of the topic, or -1.
    pub partition: i32,
    /// Place in the batch, from 0, or -1.
    pub batch_index: i32,
    /// Messages in the batch; 0 when the message is in none.
    pub batch_size: i32,
    /// For a message in chunks: the id of its first chunk, while this id is that of the last.
    pub first_chunk: Option<Box<MessageId>>,
    /// Full name of the topic, with its partition, for a message of a consumer of several. It is no part of what tells ids apart,
    /// and gets lost when an id is serialized.
    pub topic: Option<Arc<str>>,
}

impl MessageId {
    /// What tells ids apart.
    fn key(&self) -> (i64, i64, i32, i32, i32, Option<&MessageId>) {
        let first = self.first_chunk.as_deref();
        (self.ledger, self.entry, self.partition, self.batch_index, self.batch_size, first)
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for MessageId {}

impl Hash for MessageId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for MessageId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MessageId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl MessageId {
    /// Before the first message of a topic.
    pub const EARLIEST: MessageId = MessageId::entry(-1, -1, -1);

    /// Behind the last message of a topic.
    pub const LATEST: MessageId = MessageId::entry(i64::MAX, i64::MAX, -1);

    /// Id of a whole entry.
    pub const fn entry(ledger: i64, entry: i64, partition: i32) -> Self {
        MessageId { ledger, entry, partition, batch_index: -1, batch_size: 0, first_chunk: None, topic: None }
    }

    /// Whether it stands for an end of a topic, and no message.
    pub(crate) fn is_end(&self) -> bool {
        let place = (self.ledger, self.entry);
        place == (-1, -1) || place == (i64::MAX, i64::MAX)
    }

    /// The bytes that every Pulsar client writes and reads for an id: a protobuf `MessageIdData`.
    pub fn serialize(&self) -> Vec<u8> {
        self.to_data().encode_to_vec()
    }

    /// Reads what [`MessageId::serialize`], or another client, wrote.
    pub fn deserialize(bytes: &[u8]) -> Result<Self, Error> {
        let wrong =
            |error: WireError| Error::InvalidMessage(format!("these bytes are no message id: {error}"));
        // The generated code takes a missing ledger or entry for 0.
        EntryId::decode(bytes).map_err(wrong)?;
        let data = MessageIdData::decode(bytes).map_err(|error| wrong(error.into()))?;
        Ok(MessageId::from_data(&data))
    }

    pub(crate) fn to_data(&self) -> MessageIdData {
        MessageIdData {
            ledger_id: self.ledger.cast_unsigned(),
            entry_id: self.entry.cast_unsigned(),
            partition: (self.partition >= 0).then_some(self.partition),
            batch_index: (self.batch_index >= 0).then_some(self.batch_index),
            ack_set: Vec::new(),
            batch_size: (self.batch_size > 0).then_some(self.batch_size),
            first_chunk_message_id: self.first_chunk.as_ref().map(|first| Box::new(first.to_data())),
        }
    }

    pub(crate) fn from_data(data: &MessageIdData) -> Self {
        MessageId {
            ledger: data.ledger_id.cast_signed(),
            entry: data.entry_id.cast_signed(),
            partition: data.partition.unwrap_or(-1),
            batch_index: data.batch_index.unwrap_or(-1),
            batch_size: data.batch_size.unwrap_or(0),
            first_chunk: data.first_chunk_message_id.as_ref().map(|first| Box::new(Self::from_data(first))),
            topic: None,
        }
    }
}

/// `(ledger,entry,partition,batch index)`, as the C++ client prints it; a message in chunks shows the first
/// and the last.
impl fmt::Display for MessageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = &self.first_chunk {
            write!(out, "{first};")?;
        }
        write!(out, "({},{},{},{})", self.ledger, self.entry, self.partition, self.batch_index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    #[test]
    fn bytes_and_text_are_those_of_the_other_clients() {
        let plain = MessageId::entry(25756, 1, -1);
        assert_eq!(hex(&plain.serialize()), "089cc9011001");
        assert_eq!(plain.to_string(), "(25756,1,-1,-1)");
        let batched = MessageId { entry: 2, batch_index: 2, batch_size: 3, ..plain };
        assert_eq!(hex(&batched.serialize()), "089cc901100220023003");
        let partitioned = MessageId {
            ledger: 25782,
            entry: 0,
            partition: 2,
            batch_index: 0,
            batch_size: 1,
            first_chunk: None,
            topic: None,
        };
        assert_eq!(hex(&partitioned.serialize()), "08b6c9011000180220003001");
        assert_eq!(hex(&MessageId::EARLIEST.serialize()), "08ffffffffffffffffff0110ffffffffffffffffff01");
        assert_eq!(hex(&MessageId::LATEST.serialize()), "08ffffffffffffffff7f10ffffffffffffffff7f");
        assert_eq!(MessageId::LATEST.to_string(), "(9223372036854775807,9223372036854775807,-1,-1)");
        let chunked = MessageId {
            first_chunk: Some(Box::new(MessageId::entry(9, 0, -1))),
            ..MessageId::entry(9, 2, -1)
        };
        assert_eq!(hex(&chunked.serialize()), "080910023a0408091000");
        assert_eq!(chunked.to_string(), "(9,0,-1,-1);(9,2,-1,-1)");
    }

    #[test]
    fn what_lacks_ledger_or_entry_is_no_id() {
        for bytes in [&b""[..], b"\x08\x01", b"\x10\x01", b"garbage"] {
            assert!(matches!(MessageId::deserialize(bytes), Err(Error::InvalidMessage(_))), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn ids_survive_a_round_trip(
            ledger: i64, entry: i64, partition in -1i32..100, batch in proptest::option::of((0i32..1000, 1i32..1000)),
        ) {
            let id = MessageId {
                batch_index: batch.map_or(-1, |batch| batch.0),
                batch_size: batch.map_or(0, |batch| batch.1),
                ..MessageId::entry(ledger, entry, partition)
            };
            prop_assert_eq!(MessageId::deserialize(&id.serialize()), Ok(id));
        }

        #[test]
        fn deserializing_is_total(bytes: Vec<u8>) {
            let _ = MessageId::deserialize(&bytes);
        }
    }
}
