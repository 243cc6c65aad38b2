use super::{EntryId, Position, optional_uint_len, put_optional_uint};
use crate::WireError;
use crate::field::{FieldWriter, Fields, delimited_len, int_len, uint_len};

/// `CommandMessage`: one entry for a consumer. Its frame is written by
/// [`crate::frame::encode_message_head`] and the stored payload section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// The consumer's number on this connection.
    pub consumer_id: u64,
    /// Where the entry is stored.
    pub entry: EntryId,
    /// Partition; absent for a topic that is none.
    pub partition: Option<i32>,
    /// How often the entry was delivered before.
    pub redelivery_count: Option<u32>,
    /// Which messages of the batch are not acknowledged yet, a bit each; empty: all.
    pub ack_set: Vec<i64>,
    /// Epoch of the consumer when the broker dispatched the entry.
    pub consumer_epoch: Option<u64>,
}

impl Message {
    /// Decodes the command's body.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut message = Message::default();
        let (mut consumer_id, mut position) = (None, None);
        for field in Fields::new(body) {
            match field? {
                (1, value) => consumer_id = Some(value.varint()?),
                (2, value) => position = Some(Position::decode(value.bytes()?)?),
                (3, value) => message.redelivery_count = Some(value.uint32()?),
                (4, value) => super::ack::read_words(value, &mut message.ack_set)?,
                (5, value) => message.consumer_epoch = Some(value.varint()?),
                _ => {}
            }
        }
        let position = position.ok_or(WireError::MissingField("CommandMessage.message_id"))?;
        message.consumer_id = consumer_id.ok_or(WireError::MissingField("CommandMessage.consumer_id"))?;
        message.entry = position.id;
        message.partition = position.partition;
        Ok(message)
    }

    fn position(&self) -> Position {
        Position { id: self.entry, partition: self.partition, batch_index: None }
    }

    pub(crate) fn encoded_len(&self) -> usize {
        uint_len(1, self.consumer_id)
            + delimited_len(2, self.position().encoded_len())
            + optional_uint_len(3, self.redelivery_count.map(u64::from))
            + self.ack_set.iter().map(|word| int_len(4, *word)).sum::<usize>()
            + optional_uint_len(5, self.consumer_epoch)
    }

    pub(crate) fn encode_body(&self, out: &mut Vec<u8>) {
        let position = self.position();
        out.put_uint(1, self.consumer_id);
        out.put_nested(2, position.encoded_len());
        position.encode(out);
        put_optional_uint(out, 3, self.redelivery_count.map(u64::from));
        for word in &self.ack_set {
            out.put_int(4, *word);
        }
        put_optional_uint(out, 5, self.consumer_epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{body_of, command_of};
    use super::*;
    use crate::proto::{BaseCommand, CommandMessage, MessageIdData, base_command};
    use proptest::prelude::*;
    use prost::Message as _;

    fn generated(message: &Message) -> BaseCommand {
        BaseCommand {
            r#type: base_command::Type::Message.into(),
            message: Some(CommandMessage {
                consumer_id: message.consumer_id,
                message_id: MessageIdData {
                    ledger_id: message.entry.ledger,
                    entry_id: message.entry.entry,
                    partition: message.partition,
                    ..MessageIdData::default()
                },
                redelivery_count: message.redelivery_count,
                ack_set: message.ack_set.clone(),
                consumer_epoch: message.consumer_epoch,
            }),
            ..BaseCommand::default()
        }
    }

    prop_compose! {
        fn any_message()(
            consumer_id: u64, ledger: u64, entry: u64, partition: Option<i32>,
            redelivery_count: Option<u32>, ack_set in proptest::collection::vec(any::<i64>(), 0..4),
            consumer_epoch: Option<u64>,
        ) -> Message {
            let entry = EntryId { ledger, entry };
            Message { consumer_id, entry, partition, redelivery_count, ack_set, consumer_epoch }
        }
    }

    proptest! {
        #[test]
        fn encoding_equals_prost(message in any_message()) {
            let mut frame = Vec::new();
            crate::frame::encode_message_head(&mut frame, &message, 0);
            prop_assert_eq!(command_of(&frame), generated(&message).encode_to_vec());
        }

        #[test]
        fn decoding_equals_prost(message in any_message()) {
            prop_assert_eq!(Message::decode(&body_of(&generated(&message))), Ok(message));
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            let _ = Message::decode(&bytes);
        }
    }
}
