//! The end of connections, producers and consumers.

use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::{CommandCloseConsumer, CommandCloseProducer};
use pulsar_rs_wire::proto::{CommandProducerSuccess, ServerError};

use super::{Broker, by_scheme};
use crate::commands;
use crate::connection::{Claim, Connection, ConnectionId, ConsumerState, ProducerState};
use crate::refusal::Refusal;
use crate::subscription::ConsumerKey;
use crate::topic::{ProducerKey, TopicId};

/// Request id of commands that the broker sends on its own: -1.
const NO_REQUEST: u64 = u64::MAX;

impl Broker {
    /// Ends a connection in good order.
    pub fn close_connection(&mut self, id: ConnectionId) {
        drop(self.detach(id));
        self.dispatch_dirty();
    }

    /// Ends all connections as a crash does. Returns how many there were.
    pub fn abort_connections(&mut self) -> usize {
        let ids = self.connections.ids();
        let connections: Vec<_> = ids.iter().filter_map(|id| self.detach(*id)).collect();
        for connection in connections {
            connection.abort();
        }
        self.dispatch_dirty();
        ids.len()
    }

    /// Takes a connection, its producers and its consumers out, and grants what others claim of it.
    fn detach(&mut self, id: ConnectionId) -> Option<Connection> {
        let mut connection = self.connections.remove(id)?;
        connection.wake();
        for (producer_id, state) in std::mem::take(&mut connection.producers) {
            if let Some((topic, _)) = state.place() {
                self.remove_producer(topic, ProducerKey { connection: id, producer_id });
            }
        }
        for (consumer_id, state) in std::mem::take(&mut connection.consumers) {
            self.remove_consumer(ConsumerKey { connection: id, consumer_id }, state);
        }
        for claim in std::mem::take(&mut connection.claims) {
            self.grant(&claim);
        }
        Some(connection)
    }

    /// Takes a producer out of its topic and lets in the one that waited for it.
    pub fn remove_producer(&mut self, topic_id: TopicId, key: ProducerKey) {
        let Some(topic) = self.registry.get_mut(topic_id) else { return };
        let Some(next) = topic.producers.remove(key) else { return };
        let topic_epoch = topic.producers.epoch();
        let last_sequence_id = if self.deduplication { topic.dedup.newest(&next.name) } else { None };
        let Some(connection) = self.connections.get_mut(next.key.connection) else { return };
        let ready = ProducerState::Ready { topic: topic_id, name: next.name.clone() };
        connection.producers.insert(next.key.producer_id, ready);
        let success = CommandProducerSuccess {
            request_id: next.request_id,
            producer_name: next.name,
            last_sequence_id: Some(commands::last_sequence_id(last_sequence_id)),
            schema_version: Some(Vec::new()),
            topic_epoch,
            producer_ready: Some(true),
        };
        self.send(next.key.connection, success);
    }

    /// Takes a consumer out of its subscription. A subscription that is not durable ends with its last.
    pub fn remove_consumer(&mut self, key: ConsumerKey, state: ConsumerState) {
        let ConsumerState::Ready { topic: topic_id, subscription: id } = state else { return };
        let Some(topic) = self.registry.get_mut(topic_id) else { return };
        let Some(subscription) = topic.subscription_mut(id) else { return };
        subscription.remove(key, &mut self.connections);
        if subscription.consumers().is_empty() && !subscription.durable {
            topic.remove_subscription(id);
        } else {
            self.mark_dirty(topic_id, id);
        }
    }

    /// Tells a client that the broker closed one of its consumers. The subscription must know it already.
    pub fn close_consumer_of(&mut self, key: ConsumerKey, assigned: Option<&str>) {
        let Some(connection) = self.connections.get_mut(key.connection) else { return };
        connection.consumers.remove(&key.consumer_id);
        let (plain, tls) = by_scheme(assigned.map(str::to_owned));
        let close = CommandCloseConsumer {
            consumer_id: key.consumer_id,
            request_id: NO_REQUEST,
            assigned_broker_service_url: plain,
            assigned_broker_service_url_tls: tls,
        };
        self.send(key.connection, close);
    }

    /// Tells a client that the broker closed one of its producers. The topic must know it already.
    pub fn close_producer_of(&mut self, key: ProducerKey, assigned: Option<&str>) {
        let Some(connection) = self.connections.get_mut(key.connection) else { return };
        connection.producers.remove(&key.producer_id);
        connection.closed_producers.insert(key.producer_id);
        let (plain, tls) = by_scheme(assigned.map(str::to_owned));
        let close = CommandCloseProducer {
            producer_id: key.producer_id,
            request_id: NO_REQUEST,
            assigned_broker_service_url: plain,
            assigned_broker_service_url_tls: tls,
        };
        self.send(key.connection, close);
    }

    /// Refuses what others claim of a connection: it lives.
    pub fn refuse_claims(&mut self, holder: ConnectionId) {
        let Some(connection) = self.connections.get_mut(holder) else { return };
        for claim in std::mem::take(&mut connection.claims) {
            if !self.settle(&claim) {
                continue;
            }
            let refusal = match &claim.command {
                Command::Producer(wanted) => {
                    let (name, topic) = (wanted.producer_name(), &wanted.topic);
                    let message =
                        format!("Producer with name '{name}' is already connected to topic '{topic}'");
                    Refusal::new(ServerError::ProducerBusy, message)
                }
                _ => Refusal::new(ServerError::ConsumerBusy, "Exclusive consumer is already connected"),
            };
            commands::refuse(self, claim.claimant, &claim.command, &refusal);
        }
    }

    /// Grants a claim: its command is handled again, now that the old connection is gone.
    fn grant(&mut self, claim: &Claim) {
        if self.settle(claim) {
            commands::handle_again(self, claim.claimant, &claim.command);
        }
    }

    /// Takes the pending state of a claim away. False if the claimant gave it up meanwhile.
    fn settle(&mut self, claim: &Claim) -> bool {
        let Some(connection) = self.connections.get_mut(claim.claimant) else { return false };
        match &claim.command {
            Command::Producer(wanted) => {
                let id = wanted.producer_id;
                let pending = matches!(connection.producers.get(&id), Some(ProducerState::Pending));
                pending && connection.producers.remove(&id).is_some()
            }
            Command::Subscribe(wanted) => {
                let id = wanted.consumer_id;
                let pending = connection.consumers.get(&id) == Some(&ConsumerState::Pending);
                pending && connection.consumers.remove(&id).is_some()
            }
            _ => false,
        }
    }
}
