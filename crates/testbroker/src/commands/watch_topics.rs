use pulsar_rs_wire::extension::{
    CommandWatchTopicList, CommandWatchTopicListClose, CommandWatchTopicListSuccess,
};
use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;
use pulsar_rs_wire::proto::{CommandSuccess, ServerError};

use crate::auth::Operation;
use crate::broker::{Broker, Watch};
use crate::connection::ConnectionId;
use crate::refusal::{Failure, Handled, Refusal};
use crate::topic_pattern::{MAX_LENGTH, TopicPattern};

/// `WatchTopicList`: tells which persistent topics match a pattern, and from then on those that come and go.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, wanted: &CommandWatchTopicList) -> Handled {
    broker.check_permission(id, Operation::Topics)?;
    // A real broker ends the connection, too: it does not get as far as an answer.
    let pattern = TopicPattern::parse(&wanted.topics_pattern).map_err(|bad| Failure::Close(bad.message))?;
    if pattern.len > MAX_LENGTH {
        let message =
            format!("Unable to create topic list watcher: Pattern longer than maximum: {MAX_LENGTH}");
        return Err(Refusal::new(ServerError::NotAllowedError, message).into());
    }
    let names = broker.registry.names_in(&wanted.namespace, Mode::Persistent);
    let topics = names.into_iter().filter(|name| pattern.matches(name)).collect();
    let Some(connection) = broker.connections.get_mut(id) else { return Ok(()) };
    // One that is there already stays as it is.
    let watch = connection.watches.entry(wanted.watcher_id).or_insert_with(|| Watch {
        namespace: wanted.namespace.clone(),
        pattern,
        topics,
    });
    let topics_hash = watch.hash();
    let known = wanted.topics_hash.as_ref() == Some(&topics_hash);
    let topic = if known { Vec::new() } else { watch.topics.iter().cloned().collect() };
    let (request_id, watcher_id) = (wanted.request_id, wanted.watcher_id);
    broker.send(id, CommandWatchTopicListSuccess { request_id, watcher_id, topic, topics_hash });
    Ok(())
}

/// `WatchTopicListClose`. Ending what is not there succeeds.
pub(super) fn close(broker: &mut Broker, id: ConnectionId, close: &CommandWatchTopicListClose) -> Handled {
    if let Some(connection) = broker.connections.get_mut(id) {
        connection.watches.remove(&close.watcher_id);
    }
    broker.send(id, CommandSuccess { request_id: close.request_id, schema: None });
    Ok(())
}
