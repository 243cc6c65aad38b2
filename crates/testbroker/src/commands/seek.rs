use pulsar_rs_wire::proto::{CommandSeek, CommandSuccess, MessageIdData, ServerError};

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::subscription::{AckSet, Cursor};
use crate::topic::{Place, Topic};

/// `Seek`: moves the subscription to an entry, or to the first one published at or after a time. All its
/// consumers are closed, before the answer, and open themselves again.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, seek: &CommandSeek) -> Handled {
    let (topic_id, subscription_id) = consumer_place(broker, id, seek.consumer_id)?;
    let Some(topic) = broker.topic(topic_id) else { return Err(super::vanished().into()) };
    if !topic.persistent {
        // There is nothing to go back to, and a real broker says nothing of it.
        broker.send(id, CommandSuccess { request_id: seek.request_id, schema: None });
        return Ok(());
    }
    let cursor = match (&seek.message_id, seek.message_publish_time) {
        (Some(message_id), _) => cursor_at(topic, message_id),
        (None, Some(time)) => Cursor::new(topic.log.first_published_at(time)),
        (None, None) => {
            let message = "Message id and message publish time were not present";
            return Err(Refusal::new(ServerError::MetadataError, message).into());
        }
    };
    let Some(subscription) = topic.subscription_mut(subscription_id) else {
        return Err(super::vanished().into());
    };
    for key in subscription.reset(cursor) {
        broker.close_consumer_of(key, None);
    }
    broker.send(id, CommandSuccess { request_id: seek.request_id, schema: None });
    Ok(())
}

/// A cursor that reads the entry next; of a batch, what the id's ack set leaves of it.
fn cursor_at(topic: &Topic, id: &MessageIdData) -> Cursor {
    let place = topic.ledgers.place_of(id);
    let mut cursor = Cursor::new(topic.resolve(place));
    if let Place::Entry(number) = place
        && let Some(entry) = topic.log.get(number)
        && !id.ack_set.is_empty()
    {
        cursor.ack_partly(number, AckSet::from_protocol(&id.ack_set, entry.messages), entry.messages);
    }
    cursor
}
