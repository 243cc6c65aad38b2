use pulsar_rs_wire::proto::{
    CommandGetLastMessageId, CommandGetLastMessageIdResponse, MessageIdData, ServerError,
};

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::topic::Topic;

/// -1 in the protocol's unsigned fields.
const NONE: u64 = u64::MAX;

/// `GetLastMessageId`: the newest message of the topic, and how far the subscription acknowledged.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, asked: &CommandGetLastMessageId) -> Handled {
    let (topic_id, subscription_id) = consumer_place(broker, id, asked.consumer_id)?;
    let Some(topic) = broker.topic(topic_id) else { return Err(super::vanished().into()) };
    if !topic.persistent {
        // Code and words are those of a real broker.
        let message = "Failed to recover Transaction Buffer.";
        return Err(Refusal::new(ServerError::UnknownError, message).into());
    }
    let Some(subscription) = topic.subscription(subscription_id) else {
        return Err(super::vanished().into());
    };
    let mark_delete = MessageIdData {
        ledger_id: topic.ledger,
        entry_id: subscription.cursor.first_unacked().checked_sub(1).unwrap_or(NONE),
        ..MessageIdData::default()
    };
    let answer = CommandGetLastMessageIdResponse {
        last_message_id: last_message_id(topic),
        request_id: asked.request_id,
        consumer_mark_delete_position: Some(mark_delete),
    };
    broker.send(id, answer);
    Ok(())
}

/// Of a batch, the last message; -1:-1 for a topic that never had any.
fn last_message_id(topic: &Topic) -> MessageIdData {
    let (ledger_id, entry_id) = match topic.log.end().checked_sub(1) {
        Some(number) => (topic.ledger, number),
        None => (NONE, NONE),
    };
    let batch = topic.log.last().and_then(|entry| entry.metadata()?.num_messages_in_batch);
    MessageIdData {
        ledger_id,
        entry_id,
        partition: Some(topic.partition),
        batch_index: Some(batch.map_or(-1, |messages| messages.saturating_sub(1))),
        ..MessageIdData::default()
    }
}
