use pulsar_rs_wire::proto::{CommandSuccess, CommandUnsubscribe, ServerError};

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::subscription::ConsumerKey;

/// `Unsubscribe`: ends the subscription, if this is its only consumer.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, unsubscribe: &CommandUnsubscribe) -> Handled {
    let consumer_id = unsubscribe.consumer_id;
    let (topic_id, subscription_id) = consumer_place(broker, id, consumer_id)?;
    let Some(topic) = broker.topic(topic_id) else { return Err(super::vanished().into()) };
    let key = ConsumerKey { connection: id, consumer_id };
    let subscription = topic.subscription(subscription_id);
    if !subscription.is_some_and(|subscription| subscription.may_unsubscribe(key)) {
        let message = "Unconnected or shared consumer attempting to unsubscribe";
        return Err(Refusal::new(ServerError::MetadataError, message).into());
    }
    topic.remove_subscription(subscription_id);
    if let Some(connection) = broker.connections.get_mut(id) {
        connection.consumers.remove(&consumer_id);
    }
    broker.send(id, CommandSuccess { request_id: unsubscribe.request_id, schema: None });
    Ok(())
}
