use pulsar_rs_wire::proto::{CommandGetSchema, CommandGetSchemaResponse, Schema, ServerError};

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::topic_name::TopicName;

/// `GetSchema`: one version, or the newest. As from a real broker, the schema has the name of its topic.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, asked: &CommandGetSchema) -> Handled {
    let name = TopicName::parse(&asked.topic)?;
    let topic = broker.registry.find(&name).and_then(|id| broker.registry.get_mut(id));
    // Some clients send an empty version for the newest.
    let version = asked.schema_version.as_deref().filter(|version| !version.is_empty());
    let Some((schema, version)) = topic.as_ref().and_then(|topic| topic.schemas.get(version)) else {
        let message = format!("Topic not found or no-schema {}", name.full);
        return Err(Refusal::new(ServerError::TopicNotFound, message).into());
    };
    let named = name.full.trim_start_matches("persistent://").to_owned();
    let answer = CommandGetSchemaResponse {
        request_id: asked.request_id,
        schema: Some(Schema { name: named, ..schema.clone() }),
        schema_version: Some(version),
        ..CommandGetSchemaResponse::default()
    };
    broker.send(id, answer);
    Ok(())
}
