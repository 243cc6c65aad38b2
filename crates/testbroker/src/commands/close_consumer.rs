use pulsar_rs_wire::extension::CommandCloseConsumer;
use pulsar_rs_wire::proto::CommandSuccess;

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Handled;
use crate::subscription::ConsumerKey;

/// `CloseConsumer`. Closing what is not there succeeds.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, close: &CommandCloseConsumer) -> Handled {
    let connection = broker.connections.get_mut(id);
    let state = connection.and_then(|connection| connection.consumers.remove(&close.consumer_id));
    if let Some(state) = state {
        broker.remove_consumer(ConsumerKey { connection: id, consumer_id: close.consumer_id }, state);
    }
    broker.send(id, CommandSuccess { request_id: close.request_id, schema: None });
    Ok(())
}
