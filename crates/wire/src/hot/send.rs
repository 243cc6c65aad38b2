use super::{optional_uint_len, put_optional_uint};
use crate::WireError;
use crate::field::{FieldWriter, Fields, int_len, uint_len};

/// `CommandSend`: one message, batch or chunk from a producer. Its frame is written by
/// [`crate::frame::encode_send`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Send {
    /// The producer's number on this connection.
    pub producer_id: u64,
    /// Sequence id of the message, or of the first in the batch.
    pub sequence_id: u64,
    /// Messages in the batch; absent means 1.
    pub num_messages: Option<i32>,
    /// Transaction, low half.
    pub txn_least_bits: Option<u64>,
    /// Transaction, high half.
    pub txn_most_bits: Option<u64>,
    /// Sequence id of the last message in the batch.
    pub highest_sequence_id: Option<u64>,
    /// The payload is one chunk of a larger message.
    pub is_chunk: bool,
    /// The payload is a marker of the broker's own.
    pub marker: bool,
}

impl Send {
    /// Decodes the command's body.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut send = Send::default();
        let (mut producer_id, mut sequence_id) = (None, None);
        for field in Fields::new(body) {
            match field? {
                (1, value) => producer_id = Some(value.varint()?),
                (2, value) => sequence_id = Some(value.varint()?),
                (3, value) => send.num_messages = Some(value.int32()?),
                (4, value) => send.txn_least_bits = Some(value.varint()?),
                (5, value) => send.txn_most_bits = Some(value.varint()?),
                (6, value) => send.highest_sequence_id = Some(value.varint()?),
                (7, value) => send.is_chunk = value.boolean()?,
                (8, value) => send.marker = value.boolean()?,
                _ => {}
            }
        }
        send.producer_id = producer_id.ok_or(WireError::MissingField("CommandSend.producer_id"))?;
        send.sequence_id = sequence_id.ok_or(WireError::MissingField("CommandSend.sequence_id"))?;
        Ok(send)
    }

    pub(crate) fn encoded_len(&self) -> usize {
        uint_len(1, self.producer_id)
            + uint_len(2, self.sequence_id)
            + self.num_messages.map_or(0, |value| int_len(3, value.into()))
            + optional_uint_len(4, self.txn_least_bits)
            + optional_uint_len(5, self.txn_most_bits)
            + optional_uint_len(6, self.highest_sequence_id)
            + if self.is_chunk { uint_len(7, 1) } else { 0 }
            + if self.marker { uint_len(8, 1) } else { 0 }
    }

    pub(crate) fn encode_body(&self, out: &mut Vec<u8>) {
        out.put_uint(1, self.producer_id);
        out.put_uint(2, self.sequence_id);
        if let Some(num_messages) = self.num_messages {
            out.put_int(3, num_messages.into());
        }
        put_optional_uint(out, 4, self.txn_least_bits);
        put_optional_uint(out, 5, self.txn_most_bits);
        put_optional_uint(out, 6, self.highest_sequence_id);
        if self.is_chunk {
            out.put_uint(7, 1);
        }
        if self.marker {
            out.put_uint(8, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{body_of, command_of};
    use super::*;
    use crate::metadata::Metadata;
    use crate::proto::{BaseCommand, CommandSend, base_command};
    use proptest::prelude::*;
    use prost::Message as _;

    fn generated(send: &Send) -> BaseCommand {
        BaseCommand {
            r#type: base_command::Type::Send.into(),
            send: Some(CommandSend {
                producer_id: send.producer_id,
                sequence_id: send.sequence_id,
                num_messages: send.num_messages,
                txnid_least_bits: send.txn_least_bits,
                txnid_most_bits: send.txn_most_bits,
                highest_sequence_id: send.highest_sequence_id,
                is_chunk: send.is_chunk.then_some(true),
                marker: send.marker.then_some(true),
            }),
            ..BaseCommand::default()
        }
    }

    prop_compose! {
        fn any_send()(
            producer_id: u64, sequence_id: u64, num_messages: Option<i32>, txn: Option<(u64, u64)>,
            highest_sequence_id: Option<u64>, is_chunk: bool, marker: bool,
        ) -> Send {
            Send {
                producer_id, sequence_id, num_messages, highest_sequence_id, is_chunk, marker,
                txn_least_bits: txn.map(|t| t.0), txn_most_bits: txn.map(|t| t.1),
            }
        }
    }

    proptest! {
        #[test]
        fn encoding_equals_prost(send in any_send()) {
            let mut frame = Vec::new();
            crate::frame::encode_send(&mut frame, &send, &Metadata::default(), b"");
            prop_assert_eq!(command_of(&frame), generated(&send).encode_to_vec());
        }

        #[test]
        fn decoding_equals_prost(send in any_send()) {
            prop_assert_eq!(Send::decode(&body_of(&generated(&send))), Ok(send));
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            let _ = Send::decode(&bytes);
        }
    }
}
