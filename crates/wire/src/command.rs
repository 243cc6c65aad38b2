//! Commands other than the hot ones, as prost messages under one enum.
//!
//! `BaseCommand`, the generated type, holds every command inline (4.8 KB) and is never used: the command's
//! type and the bytes of its one body are found by [`split`], and the body is decoded alone.

use prost::Message as _;

use crate::WireError;
use crate::extension::{
    CommandCloseConsumer, CommandCloseProducer, CommandConnect, CommandConnected, CommandLookupTopic,
    CommandPartitionedTopicMetadata, CommandTopicMigrated, CommandUnsubscribe, CommandWatchTopicList,
    CommandWatchTopicListClose, CommandWatchTopicListSuccess, CommandWatchTopicUpdate,
};
use crate::field::{Fields, Value};
use crate::frame::put_command_head;
use crate::proto::{
    CommandAckResponse, CommandActiveConsumerChange, CommandAuthChallenge, CommandAuthResponse,
    CommandConsumerStats, CommandConsumerStatsResponse, CommandError, CommandGetLastMessageId,
    CommandGetLastMessageIdResponse, CommandGetOrCreateSchema, CommandGetOrCreateSchemaResponse,
    CommandGetSchema, CommandGetSchemaResponse, CommandGetTopicsOfNamespace,
    CommandGetTopicsOfNamespaceResponse, CommandLookupTopicResponse, CommandPartitionedTopicMetadataResponse,
    CommandPing, CommandPong, CommandProducer, CommandProducerSuccess, CommandReachedEndOfTopic,
    CommandRedeliverUnacknowledgedMessages, CommandSeek, CommandSubscribe, CommandSuccess,
};

/// Declares [`Kind`] and [`Command`] from one table: type number, name, prost message.
macro_rules! commands {
    (hot { $($hot_number:literal $hot:ident,)* } prost { $($number:literal $name:ident($body:ty),)* }) => {
        /// The type of a command: `BaseCommand.Type` of the protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // the names are the protocol's
        #[repr(u8)]
        pub enum Kind { $($hot = $hot_number,)* $($name = $number,)* }

        impl Kind {
            fn from_number(number: u64) -> Option<Kind> {
                match number {
                    $($hot_number => Some(Kind::$hot),)*
                    $($number => Some(Kind::$name),)*
                    _ => None,
                }
            }
        }

        /// One command of the protocol that is not on a hot path.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs)] // the names are the protocol's
        pub enum Command { $($name($body),)* }

        impl Command {
            /// The command's type.
            pub fn kind(&self) -> Kind {
                match self { $(Command::$name(_) => Kind::$name,)* }
            }

            /// Decodes the body that [`split`] found.
            ///
            /// Hot commands are no [`Command`]: [`crate::hot`] decodes them.
            pub fn decode(kind: Kind, body: &[u8]) -> Result<Command, WireError> {
                match kind {
                    $(Kind::$name => Ok(Command::$name(<$body>::decode(body)?)),)*
                    $(Kind::$hot)|* => Err(WireError::Frame("hot command where none belongs")),
                }
            }

            fn encoded_len(&self) -> usize {
                match self { $(Command::$name(body) => body.encoded_len(),)* }
            }

            fn encode_body(&self, out: &mut Vec<u8>) {
                match self { $(Command::$name(body) => body.encode_raw(out),)* }
            }
        }

        $(impl From<$body> for Command {
            fn from(body: $body) -> Self { Command::$name(body) }
        })*
    };
}

commands! {
    hot {
        6 Send,
        7 SendReceipt,
        8 SendError,
        9 Message,
        10 Ack,
        11 Flow,
    }
    prost {
        2 Connect(CommandConnect),
        3 Connected(CommandConnected),
        4 Subscribe(CommandSubscribe),
        5 Producer(CommandProducer),
        12 Unsubscribe(CommandUnsubscribe),
        13 Success(CommandSuccess),
        14 Error(CommandError),
        15 CloseProducer(CommandCloseProducer),
        16 CloseConsumer(CommandCloseConsumer),
        17 ProducerSuccess(CommandProducerSuccess),
        18 Ping(CommandPing),
        19 Pong(CommandPong),
        20 RedeliverUnacknowledgedMessages(CommandRedeliverUnacknowledgedMessages),
        21 PartitionedMetadata(CommandPartitionedTopicMetadata),
        22 PartitionedMetadataResponse(CommandPartitionedTopicMetadataResponse),
        23 Lookup(CommandLookupTopic),
        24 LookupResponse(CommandLookupTopicResponse),
        25 ConsumerStats(CommandConsumerStats),
        26 ConsumerStatsResponse(CommandConsumerStatsResponse),
        27 ReachedEndOfTopic(CommandReachedEndOfTopic),
        28 Seek(CommandSeek),
        29 GetLastMessageId(CommandGetLastMessageId),
        30 GetLastMessageIdResponse(CommandGetLastMessageIdResponse),
        31 ActiveConsumerChange(CommandActiveConsumerChange),
        32 GetTopicsOfNamespace(CommandGetTopicsOfNamespace),
        33 GetTopicsOfNamespaceResponse(CommandGetTopicsOfNamespaceResponse),
        34 GetSchema(CommandGetSchema),
        35 GetSchemaResponse(CommandGetSchemaResponse),
        36 AuthChallenge(CommandAuthChallenge),
        37 AuthResponse(CommandAuthResponse),
        38 AckResponse(CommandAckResponse),
        39 GetOrCreateSchema(CommandGetOrCreateSchema),
        40 GetOrCreateSchemaResponse(CommandGetOrCreateSchemaResponse),
        64 WatchTopicList(CommandWatchTopicList),
        65 WatchTopicListSuccess(CommandWatchTopicListSuccess),
        66 WatchTopicUpdate(CommandWatchTopicUpdate),
        67 WatchTopicListClose(CommandWatchTopicListClose),
        68 TopicMigrated(CommandTopicMigrated),
    }
}

impl Kind {
    /// The number on the wire, which is also the field number of the command's body.
    pub fn number(self) -> u32 {
        self as u32
    }
}

impl Command {
    /// Writes the command as a simple frame.
    pub fn encode_frame(&self, out: &mut Vec<u8>) {
        put_command_head(out, self.kind(), self.encoded_len(), 0);
        self.encode_body(out);
    }
}

/// Type and encoded body of an encoded `BaseCommand`.
///
/// A type that this version does not know is [`WireError::UnknownCommand`], which a peer ignores.
pub fn split(base_command: &[u8]) -> Result<(Kind, &[u8]), WireError> {
    let mut kind = None;
    let mut last_body = None;
    for field in Fields::new(base_command) {
        match field? {
            (1, value) => {
                let number = value.varint()?;
                kind = Some(Kind::from_number(number).ok_or(WireError::UnknownCommand(number))?);
            }
            (number, Value::Bytes(body)) => last_body = Some((number, body)),
            _ => {}
        }
    }
    let kind = kind.ok_or(WireError::MissingField("BaseCommand.type"))?;
    match last_body {
        Some((number, body)) if number == kind.number() => Ok((kind, body)),
        _ => Err(WireError::MissingField("the body of a BaseCommand")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;
    use crate::proto::{BaseCommand, base_command};
    use proptest::prelude::*;

    fn round_trip(command: &Command) {
        let mut out = Vec::new();
        command.encode_frame(&mut out);
        let found = frame::peek(&out, 1 << 20).unwrap().unwrap();
        assert_eq!(found.len, out.len());
        let (kind, body) = split(found.command).unwrap();
        assert_eq!(Command::decode(kind, body).unwrap(), *command);
    }

    #[test]
    fn commands_survive_a_round_trip() {
        round_trip(&CommandPing {}.into());
        round_trip(&CommandSuccess { request_id: 300, schema: None }.into());
        round_trip(&CommandError { request_id: 1, error: 5, message: "busy".into() }.into());
        round_trip(
            &CommandTopicMigrated {
                resource_id: 9,
                resource_type: 1,
                broker_service_url: Some("pulsar://blue:6650".into()),
                broker_service_url_tls: None,
            }
            .into(),
        );
    }

    #[test]
    fn our_bytes_are_those_of_the_generated_base_command() {
        let body = CommandSubscribe {
            topic: "persistent://public/default/t".into(),
            subscription: "s".into(),
            sub_type: 1,
            consumer_id: 3,
            request_id: 4,
            ..CommandSubscribe::default()
        };
        let base = BaseCommand {
            r#type: base_command::Type::Subscribe.into(),
            subscribe: Some(body.clone()),
            ..BaseCommand::default()
        };
        let mut out = Vec::new();
        Command::from(body).encode_frame(&mut out);
        assert_eq!(frame::peek(&out, 1 << 20).unwrap().unwrap().command, base.encode_to_vec());
    }

    #[test]
    fn an_unknown_type_is_named() {
        assert_eq!(split(&[0x08, 0x63]), Err(WireError::UnknownCommand(0x63)));
    }

    #[test]
    fn a_command_without_its_body_is_refused() {
        assert_eq!(split(&[0x08, 0x12]), Err(WireError::MissingField("the body of a BaseCommand")));
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes: Vec<u8>, number in 2u64..70) {
            let _ = split(&bytes);
            if let Some(kind) = Kind::from_number(number) {
                let _ = Command::decode(kind, &bytes);
            }
        }
    }
}
