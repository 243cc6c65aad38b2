use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::{
    CommandGetLastMessageId, CommandGetLastMessageIdResponse, MessageIdData, ServerError,
};

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::subscription::ConsumerKey;
use crate::topic::Topic;

/// -1 in the protocol's unsigned fields.
const NONE: u64 = u64::MAX;

/// `GetLastMessageId`: the newest message of the topic as the consumer reads it, and how far the subscription
/// acknowledged.
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
    let key = ConsumerKey { connection: id, consumer_id: asked.consumer_id };
    let consumer = subscription.consumers().iter().find(|consumer| consumer.key == key);
    let compacted = topic.compacted.as_ref().filter(|compacted| {
        consumer.is_some_and(|consumer| consumer.read_compacted) && compacted.horizon() == topic.log.end()
    });
    let last = match compacted {
        Some(compacted) => compacted.last(),
        None => last_in_log(topic),
    };
    let answer = CommandGetLastMessageIdResponse {
        last_message_id: message_id(topic, last),
        request_id: asked.request_id,
        consumer_mark_delete_position: Some(mark_delete(topic, subscription.cursor.first_unacked())),
    };
    broker.send(id, answer);
    Ok(())
}

/// Number of the newest entry and, of a batch, index of its last message.
fn last_in_log(topic: &Topic) -> Option<(u64, Option<u32>)> {
    let entry = topic.log.last()?;
    let is_batch = entry.metadata().is_some_and(|metadata| metadata.num_messages_in_batch.is_some());
    Some((topic.log.end() - 1, is_batch.then(|| entry.messages.saturating_sub(1))))
}

/// -1:-1 where there is no message.
fn message_id(topic: &Topic, last: Option<(u64, Option<u32>)>) -> MessageIdData {
    let (ledger_id, entry_id) =
        last.map_or((NONE, NONE), |(number, _)| split(topic.ledgers.position(number)));
    let index = last.and_then(|(_, index)| i32::try_from(index?).ok());
    MessageIdData {
        ledger_id,
        entry_id,
        partition: Some(topic.partition),
        batch_index: Some(index.unwrap_or(-1)),
        ..MessageIdData::default()
    }
}

/// The last entry before the first that is not acknowledged; before the oldest, entry -1 of its ledger.
fn mark_delete(topic: &Topic, first_unacked: u64) -> MessageIdData {
    let before = first_unacked.checked_sub(1).filter(|before| *before >= topic.log.first());
    let (ledger_id, entry_id) = match before {
        Some(before) => split(topic.ledgers.position(before)),
        None => (topic.ledgers.position(first_unacked).ledger, NONE),
    };
    MessageIdData { ledger_id, entry_id, ..MessageIdData::default() }
}

fn split(id: EntryId) -> (u64, u64) {
    (id.ledger, id.entry)
}
