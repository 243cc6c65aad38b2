use pulsar_rs_wire::extension::CommandUnsubscribe;
use pulsar_rs_wire::proto::{CommandSuccess, ServerError};

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::subscription::ConsumerKey;

/// `Unsubscribe`: ends the subscription, if this is its only consumer, or by force. Other consumers are then closed, before
/// the answer.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, unsubscribe: &CommandUnsubscribe) -> Handled {
    let consumer_id = unsubscribe.consumer_id;
    let (topic_id, subscription_id) = consumer_place(broker, id, consumer_id)?;
    let Some(topic) = broker.topic(topic_id) else { return Err(super::vanished().into()) };
    let key = ConsumerKey { connection: id, consumer_id };
    let subscription = topic.subscription(subscription_id);
    let is_forced = unsubscribe.force.unwrap_or_default();
    if !subscription.is_some_and(|subscription| is_forced || subscription.may_unsubscribe(key)) {
        let message = "Unconnected or shared consumer attempting to unsubscribe";
        return Err(Refusal::new(ServerError::MetadataError, message).into());
    }
    let removed = topic.remove_subscription(subscription_id);
    let others =
        removed.iter().flat_map(|subscription| subscription.consumers()).map(|consumer| consumer.key);
    for other in others.filter(|other| *other != key) {
        broker.close_consumer_of(other, None);
    }
    if let Some(connection) = broker.connections.get_mut(id) {
        connection.consumers.remove(&consumer_id);
    }
    broker.send(id, CommandSuccess { request_id: unsubscribe.request_id, schema: None });
    Ok(())
}
