use pulsar_rs_wire::proto::{CommandGetTopicsOfNamespace, CommandGetTopicsOfNamespaceResponse};

use crate::auth::Operation;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Handled;
use crate::topic::hash_of_names;
use crate::topic_pattern::{MAX_LENGTH, TopicPattern};

/// `GetTopicsOfNamespace`. A pattern that is not too long is applied; the answer says whether it was.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, asked: &CommandGetTopicsOfNamespace) -> Handled {
    broker.check_permission(id, Operation::Topics)?;
    let mut topics = broker.registry.names_in(&asked.namespace, asked.mode());
    let pattern = asked.topics_pattern.as_deref().filter(|pattern| pattern.chars().count() <= MAX_LENGTH);
    if let Some(pattern) = pattern {
        let pattern = TopicPattern::parse(pattern)?;
        topics.retain(|name| pattern.matches(name));
    }
    let hash = hash_of_names(&topics);
    let changed = asked.topics_hash.as_ref() != Some(&hash);
    let answer = CommandGetTopicsOfNamespaceResponse {
        request_id: asked.request_id,
        topics: if changed { topics } else { Vec::new() },
        filtered: Some(pattern.is_some()),
        topics_hash: Some(hash),
        changed: Some(changed),
    };
    broker.send(id, answer);
    Ok(())
}
