use pulsar_rs_wire::extension::CommandCloseProducer;
use pulsar_rs_wire::proto::CommandSuccess;

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Handled;
use crate::topic::ProducerKey;

/// `CloseProducer`. Closing what is not there succeeds.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, close: &CommandCloseProducer) -> Handled {
    let connection = broker.connections.get_mut(id);
    let state = connection.and_then(|connection| connection.producers.remove(&close.producer_id));
    broker.send(id, CommandSuccess { request_id: close.request_id, schema: None });
    if let Some((topic, _)) = state.as_ref().and_then(|state| state.place()) {
        broker.remove_producer(topic, ProducerKey { connection: id, producer_id: close.producer_id });
    }
    Ok(())
}
