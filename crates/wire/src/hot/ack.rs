use super::{EntryId, entry_len, optional_uint_len, put_entry, put_optional_uint};
use crate::WireError;
use crate::command::Kind;
use crate::field::{FieldWriter, Fields, Value, delimited_len, int_len, uint_len};
use crate::frame::put_command_head;

/// How the ids of an [`Ack`] are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckType {
    /// Each id alone.
    Individual,
    /// Everything up to and including the one id.
    Cumulative,
}

/// One id of an [`Ack`] that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckId<'a> {
    /// The entry.
    pub entry: EntryId,
    /// Which messages of the batch stay unacknowledged, a bit each; empty: the whole entry is acknowledged.
    pub ack_set: &'a [i64],
    /// Messages in the batch, where `ack_set` is given.
    pub batch_size: Option<i32>,
}

/// `CommandAck` from a consumer, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The consumer's number on this connection.
    pub consumer_id: u64,
    /// How the ids are meant.
    pub ack_type: AckType,
    /// What is acknowledged.
    pub ids: &'a [AckId<'a>],
    /// `ValidationError` of the protocol: the entry was broken and is acknowledged to be rid of it.
    pub validation_error: Option<i32>,
    /// Number of the request, when an `AckResponse` is wanted.
    pub request_id: Option<u64>,
}

/// One id of a decoded `CommandAck`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AckedId {
    /// The entry.
    pub entry: EntryId,
    /// Which messages of the batch stay unacknowledged; empty: the whole entry is acknowledged.
    pub ack_set: Vec<i64>,
    /// Messages in the batch.
    pub batch_size: Option<i32>,
}

impl Ack<'_> {
    /// Appends the command as a frame.
    pub fn encode_frame(&self, out: &mut Vec<u8>) {
        let ids_len: usize = self.ids.iter().map(|id| delimited_len(3, id.encoded_len())).sum();
        let body_len = uint_len(1, self.consumer_id)
            + uint_len(2, self.ack_type as u64)
            + ids_len
            + self.validation_error.map_or(0, |value| int_len(4, value.into()))
            + optional_uint_len(8, self.request_id);
        out.reserve(body_len + 32);
        put_command_head(out, Kind::Ack, body_len, 0);
        out.put_uint(1, self.consumer_id);
        out.put_uint(2, self.ack_type as u64);
        for id in self.ids {
            out.put_nested(3, id.encoded_len());
            id.encode(out);
        }
        if let Some(error) = self.validation_error {
            out.put_int(4, error.into());
        }
        put_optional_uint(out, 8, self.request_id);
    }

    /// Decodes the command's body: `visit` is called for each id, then the rest is returned with no ids.
    ///
    /// Ids are handed over one by one because a command may hold thousands of them.
    pub fn decode(body: &[u8], mut visit: impl FnMut(AckedId)) -> Result<Ack<'static>, WireError> {
        let mut ack = Ack {
            consumer_id: 0,
            ack_type: AckType::Individual,
            ids: &[],
            validation_error: None,
            request_id: None,
        };
        let (mut consumer_id, mut ack_type) = (None, None);
        for field in Fields::new(body) {
            match field? {
                (1, value) => consumer_id = Some(value.varint()?),
                (2, value) => ack_type = Some(value.varint()?),
                (3, value) => visit(AckedId::decode(value.bytes()?)?),
                (4, value) => ack.validation_error = Some(value.int32()?),
                (8, value) => ack.request_id = Some(value.varint()?),
                _ => {}
            }
        }
        ack.consumer_id = consumer_id.ok_or(WireError::MissingField("CommandAck.consumer_id"))?;
        ack.ack_type = match ack_type.ok_or(WireError::MissingField("CommandAck.ack_type"))? {
            0 => AckType::Individual,
            1 => AckType::Cumulative,
            _ => return Err(WireError::Protobuf("unknown ack type")),
        };
        Ok(ack)
    }
}

impl AckId<'_> {
    fn encoded_len(&self) -> usize {
        entry_len(self.entry)
            + self.ack_set.iter().map(|word| int_len(5, *word)).sum::<usize>()
            + self.batch_size.map_or(0, |value| int_len(6, value.into()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_entry(out, self.entry);
        for word in self.ack_set {
            out.put_int(5, *word);
        }
        if let Some(batch_size) = self.batch_size {
            out.put_int(6, batch_size.into());
        }
    }
}

impl AckedId {
    fn decode(message: &[u8]) -> Result<Self, WireError> {
        let mut id = AckedId::default();
        let (mut ledger, mut entry) = (None, None);
        for field in Fields::new(message) {
            match field? {
                (1, value) => ledger = Some(value.varint()?),
                (2, value) => entry = Some(value.varint()?),
                (5, value) => read_words(value, &mut id.ack_set)?,
                (6, value) => id.batch_size = Some(value.int32()?),
                _ => {}
            }
        }
        id.entry = EntryId {
            ledger: ledger.ok_or(WireError::MissingField("MessageIdData.ledgerId"))?,
            entry: entry.ok_or(WireError::MissingField("MessageIdData.entryId"))?,
        };
        Ok(id)
    }
}

/// Reads one occurrence of a repeated `int64`: a single number, or a packed run as proto3 peers write it.
pub(super) fn read_words(value: Value<'_>, words: &mut Vec<i64>) -> Result<(), WireError> {
    match value {
        Value::Bytes(packed) => crate::field::read_packed(packed, words),
        single => {
            words.push(single.int64()?);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{body_of, command_of};
    use super::*;
    use crate::proto::{BaseCommand, CommandAck, MessageIdData, base_command};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message as _;

    type Id = (u64, u64, Vec<i64>, Option<i32>);

    fn generated(
        consumer_id: u64,
        cumulative: bool,
        ids: &[Id],
        error: Option<i32>,
        request: Option<u64>,
    ) -> BaseCommand {
        let message_id = ids
            .iter()
            .map(|(ledger_id, entry_id, ack_set, batch_size)| MessageIdData {
                ledger_id: *ledger_id,
                entry_id: *entry_id,
                ack_set: ack_set.clone(),
                batch_size: *batch_size,
                ..MessageIdData::default()
            })
            .collect();
        BaseCommand {
            r#type: base_command::Type::Ack.into(),
            ack: Some(CommandAck {
                consumer_id,
                ack_type: cumulative.into(),
                message_id,
                validation_error: error,
                request_id: request,
                ..CommandAck::default()
            }),
            ..BaseCommand::default()
        }
    }

    proptest! {
        #[test]
        fn acks_equal_prost(
            consumer_id: u64, cumulative: bool, error: Option<i32>, request_id: Option<u64>,
            ids in vec((any::<u64>(), any::<u64>(), vec(any::<i64>(), 0..3), any::<Option<i32>>()), 0..5),
        ) {
            let base = generated(consumer_id, cumulative, &ids, error, request_id);
            let ours: Vec<AckId<'_>> = ids
                .iter()
                .map(|(ledger, entry, ack_set, batch_size)| AckId {
                    entry: EntryId { ledger: *ledger, entry: *entry }, ack_set, batch_size: *batch_size,
                })
                .collect();
            let ack_type = if cumulative { AckType::Cumulative } else { AckType::Individual };
            let ack = Ack { consumer_id, ack_type, ids: &ours, validation_error: error, request_id };
            let mut frame = Vec::new();
            ack.encode_frame(&mut frame);
            prop_assert_eq!(command_of(&frame), base.encode_to_vec());

            let mut seen = Vec::new();
            let decoded = Ack::decode(&body_of(&base), |id| seen.push(id)).unwrap();
            prop_assert_eq!(decoded, Ack { ids: &[], ..ack });
            let expected: Vec<AckedId> = ours
                .iter()
                .map(|id| AckedId { entry: id.entry, ack_set: id.ack_set.to_vec(), batch_size: id.batch_size })
                .collect();
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            let _ = Ack::decode(&bytes, |_| ());
        }
    }
}
