use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::CommandRedeliverUnacknowledgedMessages;

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Handled;
use crate::subscription::ConsumerKey;

/// `RedeliverUnacknowledgedMessages`: the entries given, or all where none is given. It has no answer.
pub(super) fn handle(
    broker: &mut Broker,
    id: ConnectionId,
    redeliver: &CommandRedeliverUnacknowledgedMessages,
) -> Handled {
    let consumer_id = redeliver.consumer_id;
    let Ok((topic_id, subscription_id)) = consumer_place(broker, id, consumer_id) else { return Ok(()) };
    let Some(topic) = broker.topic(topic_id) else { return Ok(()) };
    let known = |id: &pulsar_rs_wire::proto::MessageIdData| {
        topic.number_of(EntryId { ledger: id.ledger_id, entry: id.entry_id })
    };
    let entries: Vec<u64> = redeliver.message_ids.iter().filter_map(known).collect();
    let entries = (!redeliver.message_ids.is_empty()).then_some(entries.as_slice());
    if let Some(subscription) = topic.subscription_mut(subscription_id) {
        subscription.redeliver(
            ConsumerKey { connection: id, consumer_id },
            entries,
            redeliver.consumer_epoch,
        );
    }
    broker.mark_dirty(topic_id, subscription_id);
    Ok(())
}
