use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;
use pulsar_rs_wire::proto::{CommandGetTopicsOfNamespace, CommandGetTopicsOfNamespaceResponse};

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Handled;
use crate::topic::hash_of_names;

/// `GetTopicsOfNamespace`. A pattern is not applied; the answer says so and clients then filter themselves.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, asked: &CommandGetTopicsOfNamespace) -> Handled {
    let topics = match asked.mode() {
        Mode::NonPersistent => Vec::new(),
        Mode::Persistent | Mode::All => broker.registry.names_in(&asked.namespace),
    };
    let hash = hash_of_names(&topics);
    let changed = asked.topics_hash.as_ref() != Some(&hash);
    let answer = CommandGetTopicsOfNamespaceResponse {
        request_id: asked.request_id,
        topics: if changed { topics } else { Vec::new() },
        filtered: Some(false),
        topics_hash: Some(hash),
        changed: Some(changed),
    };
    broker.send(id, answer);
    Ok(())
}
