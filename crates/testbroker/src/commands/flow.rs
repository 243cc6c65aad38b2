use pulsar_rs_wire::Kind;
use pulsar_rs_wire::hot::Flow;

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Failure, Handled};
use crate::subscription::ConsumerKey;

/// `Flow`: permits count messages. For a consumer that is not there it means nothing.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, body: &[u8]) -> Handled {
    let flow = Flow::decode(body)?;
    broker.trace(id, || format!("> {flow:?}"));
    if flow.permits == 0 {
        return Err(Failure::Close("no permits in Flow".to_owned()));
    }
    let Ok((topic_id, subscription_id)) = consumer_place(broker, id, flow.consumer_id) else { return Ok(()) };
    if broker.faults.take(Kind::Flow).is_some() {
        return Ok(());
    }
    let key = ConsumerKey { connection: id, consumer_id: flow.consumer_id };
    let subscription = broker.topic(topic_id).and_then(|topic| topic.subscription_mut(subscription_id));
    if let Some(consumer) = subscription.and_then(|subscription| subscription.consumer_mut(key)) {
        consumer.permits = consumer.permits.saturating_add(flow.permits.into());
    }
    broker.mark_dirty(topic_id, subscription_id);
    Ok(())
}
