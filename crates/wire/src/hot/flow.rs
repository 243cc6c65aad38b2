use crate::WireError;
use crate::command::Kind;
use crate::field::{FieldWriter, Fields, uint_len};
use crate::frame::put_command_head;

/// `CommandFlow`: the consumer permits the broker to send more messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// The consumer's number on this connection.
    pub consumer_id: u64,
    /// How many messages more.
    pub permits: u32,
}

impl Flow {
    /// Decodes the command's body.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let (mut consumer_id, mut permits) = (None, None);
        for field in Fields::new(body) {
            match field? {
                (1, value) => consumer_id = Some(value.varint()?),
                (2, value) => permits = Some(value.uint32()?),
                _ => {}
            }
        }
        Ok(Flow {
            consumer_id: consumer_id.ok_or(WireError::MissingField("CommandFlow.consumer_id"))?,
            permits: permits.ok_or(WireError::MissingField("CommandFlow.messagePermits"))?,
        })
    }

    /// Appends the command as a frame.
    pub fn encode_frame(&self, out: &mut Vec<u8>) {
        let body_len = uint_len(1, self.consumer_id) + uint_len(2, self.permits.into());
        put_command_head(out, Kind::Flow, body_len, 0);
        out.put_uint(1, self.consumer_id);
        out.put_uint(2, self.permits.into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{body_of, command_of};
    use super::*;
    use crate::proto::{BaseCommand, CommandFlow, base_command};
    use proptest::prelude::*;
    use prost::Message as _;

    proptest! {
        #[test]
        fn flow_equals_prost(consumer_id: u64, permits: u32) {
            let base = BaseCommand {
                r#type: base_command::Type::Flow.into(),
                flow: Some(CommandFlow { consumer_id, message_permits: permits }),
                ..BaseCommand::default()
            };
            let ours = Flow { consumer_id, permits };
            let mut frame = Vec::new();
            ours.encode_frame(&mut frame);
            prop_assert_eq!(command_of(&frame), base.encode_to_vec());
            prop_assert_eq!(Flow::decode(&body_of(&base)), Ok(ours));
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            let _ = Flow::decode(&bytes);
        }
    }
}
