use pulsar_rs_wire::proto::{CommandGetOrCreateSchema, CommandGetOrCreateSchemaResponse, ServerError};

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::topic_name::TopicName;

/// `GetOrCreateSchema`: the version of a schema, which is registered if it is new.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, asked: &CommandGetOrCreateSchema) -> Handled {
    let name = TopicName::parse(&asked.topic)?;
    let Some(topic) = broker.registry.find(&name).and_then(|id| broker.registry.get_mut(id)) else {
        let message = format!("Topic not found {}", name.full);
        return Err(Refusal::new(ServerError::TopicNotFound, message).into());
    };
    let version = topic.schemas.register(&asked.schema)?;
    let answer = CommandGetOrCreateSchemaResponse {
        request_id: asked.request_id,
        schema_version: Some(version),
        ..CommandGetOrCreateSchemaResponse::default()
    };
    broker.send(id, answer);
    Ok(())
}
