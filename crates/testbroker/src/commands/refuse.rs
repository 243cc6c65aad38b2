use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::{
    CommandConsumerStatsResponse, CommandError, CommandGetOrCreateSchemaResponse, CommandGetSchemaResponse,
    CommandLookupTopicResponse, CommandPartitionedTopicMetadataResponse, command_lookup_topic_response,
    command_partitioned_topic_metadata_response,
};

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Refusal;

/// Request id of errors that answer no request: -1.
const NO_REQUEST: u64 = u64::MAX;

/// Answers a command with an error, in the form that the command's answers have. A command that nobody waits
/// for is dropped; a refused `Connect` ends the connection.
pub(crate) fn refuse(broker: &mut Broker, id: ConnectionId, command: &Command, refusal: &Refusal) {
    let code = refusal.code;
    let message = refusal.message.clone();
    let error =
        |request_id| Command::from(CommandError { request_id, error: code, message: message.clone() });
    let answer = match command {
        Command::Lookup(asked) => CommandLookupTopicResponse {
            response: Some(command_lookup_topic_response::LookupType::Failed.into()),
            request_id: asked.request_id,
            error: Some(code),
            message: Some(message),
            ..CommandLookupTopicResponse::default()
        }
        .into(),
        Command::PartitionedMetadata(asked) => CommandPartitionedTopicMetadataResponse {
            request_id: asked.request_id,
            response: Some(command_partitioned_topic_metadata_response::LookupType::Failed.into()),
            error: Some(code),
            message: Some(message),
            ..CommandPartitionedTopicMetadataResponse::default()
        }
        .into(),
        Command::ConsumerStats(asked) => CommandConsumerStatsResponse {
            request_id: asked.request_id,
            error_code: Some(code),
            error_message: Some(message),
            ..CommandConsumerStatsResponse::default()
        }
        .into(),
        Command::GetSchema(asked) => CommandGetSchemaResponse {
            request_id: asked.request_id,
            error_code: Some(code),
            error_message: Some(message),
            ..CommandGetSchemaResponse::default()
        }
        .into(),
        Command::GetOrCreateSchema(asked) => CommandGetOrCreateSchemaResponse {
            request_id: asked.request_id,
            error_code: Some(code),
            error_message: Some(message),
            ..CommandGetOrCreateSchemaResponse::default()
        }
        .into(),
        Command::Connect(_) | Command::AuthResponse(_) => {
            if let Some(connection) = broker.connections.get_mut(id) {
                connection.closing = true;
            }
            error(NO_REQUEST)
        }
        Command::Producer(asked) => error(asked.request_id),
        Command::CloseProducer(asked) => error(asked.request_id),
        Command::Subscribe(asked) => error(asked.request_id),
        Command::CloseConsumer(asked) => error(asked.request_id),
        Command::Unsubscribe(asked) => error(asked.request_id),
        Command::Seek(asked) => error(asked.request_id),
        Command::GetLastMessageId(asked) => error(asked.request_id),
        Command::GetTopicsOfNamespace(asked) => error(asked.request_id),
        Command::WatchTopicList(asked) => error(asked.request_id),
        Command::WatchTopicListClose(asked) => error(asked.request_id),
        _ => return,
    };
    broker.send(id, answer);
}
