//! What the connection tells the consumer.

use std::sync::Arc;

use bytes::Bytes;
use pulsar_rs_wire::frame::Payload;
use pulsar_rs_wire::hot::{self, EntryId, Flow};
use pulsar_rs_wire::metadata::Metadata;

use super::acks;
use super::arrival::{Arrival, Refusal};
use super::inbox::Permits;
use super::{Phase, Shared};
use crate::connection::{ChannelClosed, Connection, ConsumerChannel};
use crate::reconnect::reconnect;

impl ConsumerChannel for Shared {
    fn message(&self, connection: &Arc<Connection>, message: hot::Message, payload: Bytes) {
        let id = message.entry;
        let known = {
            let state = self.state.lock();
            if !state.is_current(connection) {
                return;
            }
            if self.is_outdated(message.consumer_epoch, state.epoch) {
                drop(state);
                return self.give_back(connection, permits_of(&payload));
            }
            state.acks.known(id)
        };
        match Arrival::check(message, &payload) {
            Ok(mut arrival) => {
                if let Some(known) = known {
                    arrival.adopt(known);
                }
                self.inbox.push(arrival);
            }
            Err(why) => {
                self.reject(id, &why);
                self.give_back(connection, permits_of(&payload));
            }
        }
    }

    fn reached_end_of_topic(&self) {
        let (topic, subscription) = (&self.topic, &self.subscription);
        self.client.log().info(format_args!("subscription {subscription} reached the end of {topic}"));
    }

    fn closed(self: Arc<Self>, connection: &Arc<Connection>, why: ChannelClosed) {
        {
            let mut state = self.state.lock();
            if !state.is_current(connection) {
                return;
            }
            state.phase = Phase::Connecting;
        }
        let client = self.client.clone();
        client.spawn(reconnect(self, why));
    }
}

impl Shared {
    /// Whether the broker sent an entry before it was asked to send everything again.
    fn is_outdated(&self, entry: Option<u64>, current: u64) -> bool {
        !self.config.subscription_type.is_shared() && entry.is_some_and(|epoch| epoch < current)
    }

    /// Deals with an entry that cannot be delivered.
    pub(super) fn reject(&self, entry: EntryId, why: &Refusal) {
        let EntryId { ledger, entry: number } = entry;
        let log = self.client.log();
        match why {
            Refusal::Damaged(damage, error) => {
                log.warn(format_args!("entry {ledger}:{number} of {} is dropped: {error}", self.topic));
                if let Phase::Ready(connection) = &self.state.lock().phase {
                    acks::discard(connection, self.id, entry, *damage as i32);
                }
            }
            Refusal::NotSupported(what) => {
                log.warn(format_args!("entry {ledger}:{number} of {} is not delivered: {what}", self.topic));
            }
        }
    }

    /// Permits the broker to send more, unless the permits belong to a connection that is gone.
    pub(super) fn flow(&self, permits: Permits) {
        let state = self.state.lock();
        if state.connection == permits.connection
            && let Phase::Ready(connection) = &state.phase
        {
            self.give_back(connection, permits.count);
        }
    }

    pub(super) fn give_back(&self, connection: &Connection, permits: u32) {
        if permits > 0 {
            let flow = Flow { consumer_id: self.id, permits };
            connection.send_encoded(|out| flow.encode_frame(out));
        }
    }
}

/// Permits that the broker took for an entry that is not even put into the inbox.
fn permits_of(payload: &[u8]) -> u32 {
    let metadata = Payload::parse(payload).and_then(|parts| Metadata::decode(parts.metadata));
    let messages = metadata.ok().and_then(|metadata| metadata.num_messages_in_batch);
    messages.and_then(|messages| u32::try_from(messages).ok()).unwrap_or(1).max(1)
}
