use pulsar_rs_wire::extension::CommandPartitionedTopicMetadata;
use pulsar_rs_wire::proto::command_partitioned_topic_metadata_response::LookupType;
use pulsar_rs_wire::proto::{CommandPartitionedTopicMetadataResponse, ServerError};

use crate::auth::Operation;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::topic_name::TopicName;

/// `PartitionedMetadata`: how many partitions a topic has; 0 for one that is not partitioned, and for one
/// that is not there but would be created.
pub(super) fn handle(
    broker: &mut Broker,
    id: ConnectionId,
    asked: &CommandPartitionedTopicMetadata,
) -> Handled {
    let name = TopicName::parse(&asked.topic)?;
    broker.check_permission(id, Operation::Metadata)?;
    let registry = &broker.registry;
    registry.check_namespace(&name)?;
    let partitions = registry.partitions(&name);
    let creates = asked.metadata_auto_creation_enabled.unwrap_or(true);
    let missing = partitions.is_none() && registry.find(&name).is_none() && !creates;
    if missing || registry.is_missing_partition(&name) {
        // A real broker has no words for it either.
        return Err(Refusal::new(ServerError::TopicNotFound, "").into());
    }
    let answer = CommandPartitionedTopicMetadataResponse {
        partitions: Some(partitions.unwrap_or(0)),
        request_id: asked.request_id,
        response: Some(LookupType::Success.into()),
        ..CommandPartitionedTopicMetadataResponse::default()
    };
    broker.send(id, answer);
    Ok(())
}
