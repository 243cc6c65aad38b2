use pulsar_rs_wire::proto::{CommandConsumerStats, CommandConsumerStatsResponse, ServerError};

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::subscription::ConsumerKey;

/// `ConsumerStats`. Rates are not measured and given as 0.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, asked: &CommandConsumerStats) -> Handled {
    let consumer_id = asked.consumer_id;
    let not_found =
        || Refusal::new(ServerError::ConsumerNotFound, format!("Consumer {consumer_id} not found"));
    let (topic_id, subscription_id) = consumer_place(broker, id, consumer_id).map_err(|_| not_found())?;
    let address = broker.connections.get(id).map(|connection| format!("/{}", connection.peer));
    let limit = u64::from(broker.options.max_unacked_per_consumer);
    let Some(topic) = broker.topic(topic_id) else { return Err(not_found().into()) };
    let (log, subscription) = topic.log_and_subscription(subscription_id);
    let Some(subscription) = subscription else { return Err(not_found().into()) };
    let backlog = subscription.cursor.backlog_entries(log);
    let sub_type = subscription.sub_type().as_str_name().to_owned();
    let key = ConsumerKey { connection: id, consumer_id };
    let Some(consumer) = subscription.consumer_mut(key) else { return Err(not_found().into()) };
    let answer = CommandConsumerStatsResponse {
        request_id: asked.request_id,
        msg_rate_out: Some(0.0),
        msg_throughput_out: Some(0.0),
        msg_rate_redeliver: Some(0.0),
        consumer_name: Some(consumer.name.clone()),
        // Below zero after a large batch, which the protocol has in two's complement.
        available_permits: Some(consumer.permits.cast_unsigned()),
        unacked_messages: Some(consumer.unacked),
        blocked_consumer_on_unacked_msgs: Some(consumer.unacked >= limit),
        address,
        r#type: Some(sub_type),
        msg_rate_expired: Some(0.0),
        msg_backlog: Some(backlog),
        message_ack_rate: Some(0.0),
        ..CommandConsumerStatsResponse::default()
    };
    broker.send(id, answer);
    Ok(())
}
