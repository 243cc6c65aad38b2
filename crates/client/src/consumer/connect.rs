//! Subscribing on a broker, at first and after a connection was lost.

use std::sync::Arc;

use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::{CommandSubscribe, KeyValue};
use tokio::sync::watch;

use super::inbox::Held;
use super::position::{Position, Start, StartToSend};
use super::{Phase, Shared, State, SubscriptionType, already_closed, void};
use crate::connection::{Assigned, Connection};
use crate::gate::Returning;
use crate::log::Log;
use crate::reconnect::{Reconnect, ReconnectPolicy};
use crate::{Error, Schema};

impl Reconnect for Shared {
    fn describe(&self) -> String {
        format!("consumer {} of {} on {}", self.id, self.subscription, self.topic)
    }

    fn log(&self) -> &Log {
        self.client.log()
    }

    fn switches(&self) -> watch::Receiver<()> {
        self.client.switches()
    }

    fn is_over(&self) -> bool {
        self.check_open().is_err()
    }

    /// One attempt: find the broker, connect, subscribe there.
    async fn connect(
        self: &Arc<Self>,
        assigned: Option<Assigned>,
        returning: Option<&Returning>,
    ) -> Result<(), Error> {
        let (topic, moved_to) = (&self.topic, &self.moved_to);
        let connection = self.client.connection_for(self.id, topic, assigned, moved_to, returning).await?;
        // It may have waited long.
        self.check_open()?;
        connection.add_consumer(self.id, self.clone())?;
        let mut attempt = Attempt { shared: self, connection: &connection, succeeded: false };
        let mut cut_off = std::pin::pin!(self.cut_off.notified());
        cut_off.as_mut().enable();
        let answer = tokio::select! {
            answer = connection.request(|request_id| self.subscribe_command(request_id, connection.cluster())) => answer?,
            () = cut_off => return Err(Error::Disconnected("the broker closed it while it was created".into())),
        };
        if !matches!(answer, Command::Success(_)) {
            return Err(Error::Unknown(format!("subscribe answered with {:?}", answer.kind())));
        }
        let found = if self.state.lock().start.has_to_be_found() {
            self.find_place(&connection).await?
        } else {
            None
        };
        self.connected_to(&connection, found)?;
        attempt.succeeded = true;
        Ok(())
    }

    /// Nothing that the broker says now is for ever: the topic may come back.
    fn failed(&self, _: &Error) {}

    fn topic(&self) -> &str {
        self.topic.as_str()
    }

    fn policy(&self) -> Option<&ReconnectPolicy> {
        self.config.reconnect_policy.as_ref()
    }

    fn give_up(&self, error: &Error) {
        self.log().warn(format_args!("{} stays without a connection: {error}", self.describe()));
    }
}

impl Shared {
    fn subscribe_command(&self, request_id: u64, cluster: u64) -> Command {
        let config = &self.config;
        let (epoch, start) = self.start_to_send(cluster);
        let is_key_shared = config.subscription_type == SubscriptionType::KeyShared;
        CommandSubscribe {
            topic: self.topic.as_str().to_owned(),
            subscription: self.subscription.clone(),
            sub_type: config.subscription_type.to_wire().into(),
            consumer_id: self.id,
            request_id,
            consumer_name: Some(self.name.clone()),
            priority_level: Some(config.priority_level),
            durable: Some(config.durable),
            start_message_id: start.id,
            start_message_rollback_duration_sec: start.rollback,
            metadata: key_values(&config.properties),
            read_compacted: Some(config.read_compacted),
            schema: config.schema.as_ref().map(Schema::to_wire),
            initial_position: Some(start.initial.unwrap_or(config.initial_position).to_wire().into()),
            replicate_subscription_state: Some(config.replicate_subscription_state),
            key_shared_meta: is_key_shared.then(|| config.key_shared.to_wire()),
            subscription_properties: key_values(&config.subscription_properties),
            consumer_epoch: Some(epoch),
            force_topic_creation: Some(self.create_topic),
        }
        .into()
    }

    /// The epoch, and where a subscription that is not durable begins in this cluster.
    fn start_to_send(&self, cluster: u64) -> (u64, StartToSend) {
        let taken = self.inbox.position();
        let mut state = self.state.lock();
        let is_elsewhere = state.counters.connections > 0 && state.cluster != cluster;
        let start = if is_elsewhere {
            let mut start = Start::new(&self.config);
            start.start_over(&self.config);
            start.subscribe_from(None, |_| None)
        } else {
            let State { start, chunks, .. } = &mut *state;
            start.subscribe_from(taken, |place| chunks.oldest_behind(place))
        };
        (state.epoch, start)
    }

    /// The broker has the consumer, and begins at the place that was `found`, if it had to be. It starts from what is not acknowledged, so it must learn of the
    /// acknowledgements that wait before it is permitted to send anything.
    fn connected_to(&self, connection: &Arc<Connection>, found: Option<Position>) -> Result<(), Error> {
        // Where nobody else knows how far the program came, it must not take more from here on.
        let held = (!self.config.durable).then(|| self.inbox.hold());
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Closed) {
            return Err(already_closed());
        }
        // The broker may have closed the consumer again, or the connection may have ended, before we came
        // here. Then nobody would tell us any more.
        if !connection.has_consumer(self.id) {
            return Err(Error::Disconnected("the consumer was closed while it was created".into()));
        }
        let mut taken = held.and_then(Held::empty);
        if state.cluster != connection.cluster() {
            state.cluster = connection.cluster();
            // They are of entries of the old cluster, whose ids mean other ones here.
            let dropped = state.acks.clear(&void());
            self.tell_later(dropped);
            state.reading += 1;
            if state.counters.connections > 0 {
                state.start.start_over(&self.config);
                taken = None;
            }
        }
        state.acks.put_back();
        state.start.resume(taken, found);
        state.connection = self.inbox.start_over();
        state.permits_in_doubt = false;
        state.acks_sent_on = connection.id();
        state.phase = Phase::Ready(connection.clone());
        state.chunks.clear();
        state.locked.clear();
        state.counters.connections += 1;
        state.negative_acks.clear();
        state.last_chances.clear();
        if let Some(unacked) = &mut state.unacked {
            unacked.clear();
        }
        if self.config.batch_index_ack {
            state.acks.resend_indexes();
        }
        state.acks_due = None;
        let settled = state.acks.flush(self.id, connection);
        self.tell_later(settled);
        let permits = state.quota.start();
        self.give_back(connection, permits);
        drop(state);
        let (topic, subscription) = (&self.topic, &self.subscription);
        self.client
            .log()
            .info(format_args!("consumer {} of {subscription} on {topic} is connected", self.id));
        Ok(())
    }
}

fn key_values(properties: &[(String, String)]) -> Vec<KeyValue> {
    properties.iter().map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() }).collect()
}

/// An attempt to subscribe. Given up, by an error or because nobody waits any more, it leaves nothing
/// behind: the broker may still create the consumer, and would then refuse the next attempt.
struct Attempt<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    succeeded: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.succeeded {
            self.connection.remove_consumer(self.shared.id);
            self.connection.post(|request_id| self.shared.close_command(request_id));
        }
    }
}
