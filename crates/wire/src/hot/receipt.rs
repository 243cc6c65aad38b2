use super::{EntryId, Position, optional_uint_len, put_optional_uint};
use crate::WireError;
use crate::command::Kind;
use crate::field::{FieldWriter, Fields, delimited_len, int_len, uint_len};
use crate::frame::put_command_head;

/// `CommandSendReceipt`: the broker stored a message or batch, or found it to be a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendReceipt {
    /// The producer's number on this connection.
    pub producer_id: u64,
    /// Sequence id of the `Send` that this answers.
    pub sequence_id: u64,
    /// Highest sequence id of that `Send`, where it gave one.
    pub highest_sequence_id: Option<u64>,
    /// Where the entry is stored. Absent, or -1:-1 as brokers write it, for a duplicate.
    pub entry: Option<EntryId>,
}

/// Ledger and entry of the receipt for a duplicate: -1 as an unsigned number.
const DUPLICATE: EntryId = EntryId { ledger: u64::MAX, entry: u64::MAX };

impl SendReceipt {
    /// Decodes the command's body.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let (mut producer_id, mut sequence_id, mut highest_sequence_id, mut entry) = (None, None, None, None);
        for field in Fields::new(body) {
            match field? {
                (1, value) => producer_id = Some(value.varint()?),
                (2, value) => sequence_id = Some(value.varint()?),
                (3, value) => entry = Some(Position::decode(value.bytes()?)?.id),
                (4, value) => highest_sequence_id = Some(value.varint()?),
                _ => {}
            }
        }
        Ok(SendReceipt {
            producer_id: producer_id.ok_or(WireError::MissingField("CommandSendReceipt.producer_id"))?,
            sequence_id: sequence_id.ok_or(WireError::MissingField("CommandSendReceipt.sequence_id"))?,
            highest_sequence_id,
            entry: entry.filter(|entry| *entry != DUPLICATE),
        })
    }

    /// Appends the command as a frame; a duplicate is written as -1:-1.
    pub fn encode_frame(&self, out: &mut Vec<u8>) {
        let id = self.entry.unwrap_or(DUPLICATE);
        let position = Position { id, partition: None, batch_index: None };
        let position_len = position.encoded_len();
        let body_len = uint_len(1, self.producer_id)
            + uint_len(2, self.sequence_id)
            + delimited_len(3, position_len)
            + optional_uint_len(4, self.highest_sequence_id);
        put_command_head(out, Kind::SendReceipt, body_len, 0);
        out.put_uint(1, self.producer_id);
        out.put_uint(2, self.sequence_id);
        out.put_nested(3, position_len);
        position.encode(out);
        put_optional_uint(out, 4, self.highest_sequence_id);
    }
}

/// `CommandSendError`: the broker refused a message or batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendError<'a> {
    /// The producer's number on this connection.
    pub producer_id: u64,
    /// Sequence id of the `Send` that this answers.
    pub sequence_id: u64,
    /// `ServerError` of the protocol.
    pub error: i32,
    /// The broker's words; UTF-8 by the protocol, unchecked here.
    pub message: &'a [u8],
}

impl<'a> SendError<'a> {
    /// Decodes the command's body.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let (mut producer_id, mut sequence_id, mut error, mut message) = (None, None, None, None);
        for field in Fields::new(body) {
            match field? {
                (1, value) => producer_id = Some(value.varint()?),
                (2, value) => sequence_id = Some(value.varint()?),
                (3, value) => error = Some(value.int32()?),
                (4, value) => message = Some(value.bytes()?),
                _ => {}
            }
        }
        Ok(SendError {
            producer_id: producer_id.ok_or(WireError::MissingField("CommandSendError.producer_id"))?,
            sequence_id: sequence_id.ok_or(WireError::MissingField("CommandSendError.sequence_id"))?,
            error: error.ok_or(WireError::MissingField("CommandSendError.error"))?,
            message: message.unwrap_or_default(),
        })
    }

    /// Appends the command as a frame.
    pub fn encode_frame(&self, out: &mut Vec<u8>) {
        let body_len = uint_len(1, self.producer_id)
            + uint_len(2, self.sequence_id)
            + int_len(3, self.error.into())
            + delimited_len(4, self.message.len());
        put_command_head(out, Kind::SendError, body_len, 0);
        out.put_uint(1, self.producer_id);
        out.put_uint(2, self.sequence_id);
        out.put_int(3, self.error.into());
        out.put_bytes(4, self.message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{body_of, command_of};
    use super::*;
    use crate::proto::{BaseCommand, CommandSendError, CommandSendReceipt, MessageIdData, base_command};
    use proptest::prelude::*;
    use prost::Message as _;

    fn generated(receipt: &SendReceipt) -> BaseCommand {
        let id = receipt.entry.unwrap_or(DUPLICATE);
        BaseCommand {
            r#type: base_command::Type::SendReceipt.into(),
            send_receipt: Some(CommandSendReceipt {
                producer_id: receipt.producer_id,
                sequence_id: receipt.sequence_id,
                message_id: Some(MessageIdData {
                    ledger_id: id.ledger,
                    entry_id: id.entry,
                    ..MessageIdData::default()
                }),
                highest_sequence_id: receipt.highest_sequence_id,
            }),
            ..BaseCommand::default()
        }
    }

    #[test]
    fn a_duplicate_is_told_apart() {
        let mut frame = Vec::new();
        let receipt =
            SendReceipt { producer_id: 1, sequence_id: 2, highest_sequence_id: Some(9), entry: None };
        receipt.encode_frame(&mut frame);
        let (_, body) = crate::command::split(command_of(&frame)).unwrap();
        assert_eq!(SendReceipt::decode(body), Ok(receipt));
        let id = CommandSendReceipt::decode(body).unwrap().message_id.unwrap();
        assert_eq!((id.ledger_id, id.entry_id), (u64::MAX, u64::MAX));
    }

    proptest! {
        #[test]
        fn receipts_equal_prost(
            producer_id: u64, sequence_id: u64, highest_sequence_id: Option<u64>, ledger: u64, entry: u64,
        ) {
            let entry = Some(EntryId { ledger, entry }).filter(|entry| *entry != DUPLICATE);
            let receipt = SendReceipt { producer_id, sequence_id, highest_sequence_id, entry };
            let mut frame = Vec::new();
            receipt.encode_frame(&mut frame);
            prop_assert_eq!(command_of(&frame), generated(&receipt).encode_to_vec());
            prop_assert_eq!(SendReceipt::decode(&body_of(&generated(&receipt))), Ok(receipt));
        }

        #[test]
        fn errors_equal_prost(producer_id: u64, sequence_id: u64, error: i32, message: String) {
            let ours = SendError { producer_id, sequence_id, error, message: message.as_bytes() };
            let base = BaseCommand {
                r#type: base_command::Type::SendError.into(),
                send_error: Some(CommandSendError { producer_id, sequence_id, error, message: message.clone() }),
                ..BaseCommand::default()
            };
            let mut frame = Vec::new();
            ours.encode_frame(&mut frame);
            prop_assert_eq!(command_of(&frame), base.encode_to_vec());
            let body = body_of(&base);
            prop_assert_eq!(SendError::decode(&body), Ok(ours));
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            let _ = SendReceipt::decode(&bytes);
            let _ = SendError::decode(&bytes);
        }
    }
}
