use pulsar_rs_wire::Kind;
use pulsar_rs_wire::hot::{Ack, AckType, AckedId};
use pulsar_rs_wire::proto::CommandAckResponse;

use super::consumer_place;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::subscription::{AckSet, ConsumerKey};
use crate::topic::{SubscriptionId, Topic};

/// `Ack`: of single entries or of everything up to one; of messages in a batch where an ack set says so.
/// For a consumer that is not there it means nothing, and gets no answer, as with a real broker.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, body: &[u8]) -> Handled {
    let mut ids = Vec::new();
    let ack = Ack::decode(body, |id| ids.push(id))?;
    broker.trace(id, || format!("> {ack:?} of {ids:?}"));
    let Ok((topic_id, subscription_id)) = consumer_place(broker, id, ack.consumer_id) else { return Ok(()) };
    if let Some(refusal) = broker.faults.take(Kind::Ack) {
        respond(broker, id, &ack, Some(refusal));
        return Ok(());
    }
    let key = ConsumerKey { connection: id, consumer_id: ack.consumer_id };
    let batch_index_acks = broker.options.batch_index_acks;
    let retention = broker.options.retention;
    if let Some(topic) = broker.topic(topic_id) {
        let acknowledge = Acknowledge { topic, subscription_id, key, batch_index_acks };
        match ack.ack_type {
            AckType::Individual => acknowledge.each(&ids),
            AckType::Cumulative => acknowledge.up_to(&ids),
        }
    }
    if let Some(topic) = broker.topic(topic_id) {
        topic.trim(retention);
    }
    respond(broker, id, &ack, None);
    broker.mark_dirty(topic_id, subscription_id);
    Ok(())
}

fn respond(broker: &mut Broker, id: ConnectionId, ack: &Ack<'_>, refusal: Option<Refusal>) {
    if ack.request_id.is_none() {
        return;
    }
    let (error, message) = refusal.map(|refusal| (refusal.code, refusal.message)).unzip();
    let response = CommandAckResponse {
        consumer_id: ack.consumer_id,
        request_id: ack.request_id,
        error,
        message,
        ..CommandAckResponse::default()
    };
    broker.send(id, response);
}

/// Where an acknowledgement goes.
struct Acknowledge<'a> {
    topic: &'a mut Topic,
    subscription_id: SubscriptionId,
    key: ConsumerKey,
    batch_index_acks: bool,
}

impl Acknowledge<'_> {
    /// Acknowledges each entry; those that the topic never had are left out.
    fn each(self, ids: &[AckedId]) {
        for id in ids {
            let Some((number, messages)) = self.find(id) else { continue };
            let left = (!id.ack_set.is_empty()).then(|| AckSet::from_protocol(&id.ack_set, messages));
            if left.is_some() && !self.batch_index_acks {
                continue;
            }
            let (_, subscription) = self.topic.log_and_subscription(self.subscription_id);
            if let Some(subscription) = subscription {
                subscription.ack(self.key, number, left, messages);
            }
        }
    }

    /// Acknowledges everything up to the one entry, and of that what its ack set says.
    fn up_to(self, ids: &[AckedId]) {
        // A real broker takes more than one as a mistake of the client and does nothing.
        let [id] = ids else { return };
        let Some((number, messages)) = self.find(id) else { return };
        let Some(subscription) = self.topic.subscription_mut(self.subscription_id) else { return };
        if id.ack_set.is_empty() {
            subscription.ack_below(number + 1);
            return;
        }
        subscription.ack_below(number);
        if self.batch_index_acks && !subscription.acks_individually() {
            subscription.ack(self.key, number, Some(AckSet::from_protocol(&id.ack_set, messages)), messages);
        }
    }

    /// Number of the entry and of the messages in it, while it is there.
    fn find(&self, id: &AckedId) -> Option<(u64, u32)> {
        let number = self.topic.number_of(id.entry)?;
        Some((number, self.topic.log.get(number)?.messages))
    }
}
