//! Creating the producer on a broker, at first and after a connection was lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::{CommandProducer, CommandProducerSuccess, KeyValue, ProducerAccessMode};
use tokio::sync::watch;

use super::config::AccessMode;
use super::shared::Shared;
use super::sink::{SendSink, Token, Tokens};
use super::state::{Phase, State};
use crate::connection::{Assigned, Connection};
use crate::gate::Returning;
use crate::log::Log;
use crate::reconnect::{Reconnect, ReconnectPolicy};
use crate::{Error, Schema};

impl<S: SendSink> Reconnect for Shared<S> {
    fn describe(&self) -> String {
        format!("producer {} on {}", self.id, self.topic)
    }

    fn log(&self) -> &Log {
        self.client.log()
    }

    fn switches(&self) -> watch::Receiver<()> {
        self.client.switches()
    }

    fn is_over(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Closed | Phase::Failed(_))
    }

    /// One attempt: find the broker, connect, create the producer there.
    async fn connect(
        self: &Arc<Self>,
        assigned: Option<Assigned>,
        returning: Option<&Returning>,
    ) -> Result<(), Error> {
        let (topic, moved_to) = (&self.topic, &self.moved_to);
        let connection = self.client.connection_for(self.id, topic, assigned, moved_to, returning).await?;
        // It may have waited long.
        if self.is_over() {
            return Err(Error::AlreadyClosed("closed before it was created".into()));
        }
        connection.add_producer(self.id, self.clone())?;
        let mut attempt = Attempt { shared: self, connection: &connection, succeeded: false };
        let mut cut_off = std::pin::pin!(self.cut_off.notified());
        cut_off.as_mut().enable();
        let success = tokio::select! {
            success = self.request_producer(&connection) => success?,
            () = cut_off => return Err(Error::Disconnected("the broker closed it while it was created".into())),
            () = self.over.notified() => return Err(Error::AlreadyClosed("closed while it was created".into())),
        };
        self.connected(&connection, success)?;
        attempt.succeeded = true;
        self.encode_in_background();
        Ok(())
    }

    fn failed(&self, error: &Error) {
        if matches!(error, Error::ProducerBlockedQuotaExceededException(_)) {
            self.fail_pending(error);
        }
        let is_final = matches!(error, Error::TopicTerminated(_) | Error::ProducerFenced(_));
        // What was never there, and is refused for a reason that does not pass, will not be there.
        if is_final || (!self.state.lock().was_connected && !error.is_transient()) {
            self.fail(error);
        }
    }

    fn topic(&self) -> &str {
        self.topic.as_str()
    }

    fn policy(&self) -> Option<&ReconnectPolicy> {
        self.config.reconnect_policy.as_ref()
    }

    fn give_up(&self, error: &Error) {
        self.fail(error);
    }
}

impl<S: SendSink> Shared<S> {
    async fn request_producer(&self, connection: &Arc<Connection>) -> Result<CommandProducerSuccess, Error> {
        let (name, topic_epoch) = {
            let state = self.state.lock();
            // Another cluster counts epochs of its own, and gives names of its own.
            let is_known = state.cluster == connection.cluster();
            let name = state.sender.producer_name.clone();
            let keeps_name = !name.is_empty() && (is_known || self.config.name.is_some());
            (keeps_name.then_some(name), state.topic_epoch.filter(|_| is_known))
        };
        let answer = connection
            .request(|request_id| {
                CommandProducer {
                    topic: self.topic.as_str().to_owned(),
                    producer_id: self.id,
                    request_id,
                    producer_name: name.as_deref().map(str::to_owned),
                    encrypted: Some(self.sealer.is_some()),
                    metadata: self.metadata(),
                    epoch: Some(self.next_epoch()),
                    schema: self.config.schema.as_ref().map(Schema::to_wire),
                    producer_access_mode: Some(self.access_mode().into()),
                    topic_epoch,
                    initial_subscription_name: self.config.initial_subscription.clone(),
                    user_provided_producer_name: Some(self.config.name.is_some()),
                    ..CommandProducer::default()
                }
                .into()
            })
            .await?;
        match answer {
            Command::ProducerSuccess(success) => Ok(success),
            other => Err(Error::Unknown(format!("producer answered with {:?}", other.kind()))),
        }
    }

    fn access_mode(&self) -> ProducerAccessMode {
        match self.config.access_mode {
            AccessMode::Shared => ProducerAccessMode::Shared,
            AccessMode::Exclusive => ProducerAccessMode::Exclusive,
            AccessMode::WaitForExclusive => ProducerAccessMode::WaitForExclusive,
            AccessMode::ExclusiveWithFencing => ProducerAccessMode::ExclusiveWithFencing,
        }
    }

    fn metadata(&self) -> Vec<KeyValue> {
        let pairs = self.config.properties.iter();
        pairs.map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() }).collect()
    }

    /// The broker has the producer: whatever is pending goes there, in order.
    fn connected(&self, connection: &Arc<Connection>, success: CommandProducerSuccess) -> Result<(), Error> {
        let mut state = self.state.lock();
        state.check_usable()?;
        // The broker may have closed the producer again, or the connection may have ended, before we came
        // here. Then nobody would tell us any more.
        if !connection.has_producer(self.id) {
            return Err(Error::Disconnected("the producer was closed while it was created".into()));
        }
        if state.sender.producer_name.as_ref() != success.producer_name {
            state.sender.producer_name = success.producer_name.into();
        }
        let mut doubtful = None;
        if !std::mem::replace(&mut state.was_connected, true) {
            let last = self.config.initial_sequence_id.or(success.last_sequence_id).unwrap_or(-1).max(-1);
            state.last_published = last;
            state.next_sequence_id = last.saturating_add(1).cast_unsigned();
        } else if state.cluster != connection.cluster() {
            doubtful = state.arrive_elsewhere(success.last_sequence_id);
        }
        state.counters.connected();
        state.topic_epoch = success.topic_epoch;
        state.cluster = connection.cluster();
        // Without a schema of ours the version is none, whatever the topic has.
        state.sender.schema_version = success
            .schema_version
            .filter(|version| self.config.schema.is_some() && !version.is_empty())
            .map(Into::into);
        state.set_max_message_size(connection.max_message_size(), &self.config);
        self.max_message_size.store(state.max_message_size, Ordering::Relaxed);
        state.phase = Phase::Ready(connection.clone());
        state.pending.unsend_all();
        self.accept_staged(&mut state);
        state.pump(false);
        self.complete_refused(&mut state);
        drop(state);
        self.log().info(format_args!("{} is connected", self.describe()));
        if let Some(first) = doubtful {
            self.log().warn(format_args!(
                "{}: this cluster has messages of its name with higher sequence ids; those that wait, from {first} on, may \
                 be taken for duplicates",
                self.describe()
            ));
        }
        Ok(())
    }
}

impl<S: SendSink> Shared<S> {
    /// Now the sequence ids are known: takes what came before, in order.
    fn accept_staged(&self, state: &mut State<S::Token>) {
        if state.staged.is_empty() {
            return;
        }
        let mut failure = None;
        for staged in std::mem::take(&mut state.staged) {
            let message = staged.message();
            state.messages -= 1;
            let accepted = self.single_if_known(&message);
            let accepted =
                accepted.and_then(|single| state.accept(&message, single, staged.token, &self.config));
            if let Err(error) = accepted {
                state.counters.lost(&message, &error);
                self.client.memory.give_back(message.memory());
                self.sink.complete(Tokens::One(staged.token), Err(error.clone()));
                failure.get_or_insert(error);
            }
        }
        // They waited longer than a batch may.
        state.seal_open(&self.config);
        state.settle_flushes();
        state.complete_flushes(failure.as_ref());
        self.timers.notify_one();
    }
}

impl<T: Token> State<T> {
    /// This is another cluster than the one before. Returns the id of the first message that waits, if it may be taken for a
    /// duplicate here.
    fn arrive_elsewhere(&mut self, last_sequence_id: Option<i64>) -> Option<u64> {
        self.pending.refuse_rest_of_chunks(&Error::Disconnected(
            "the first chunks of the message are in another cluster".into(),
        ));
        // Here the name may have sent with higher ids: to go on below them would be to send duplicates.
        let next = last_sequence_id.map_or(0, |last| last.saturating_add(1).max(0).cast_unsigned());
        self.next_sequence_id = self.next_sequence_id.max(next);
        let waiting = self.pending.front().map(|front| front.first_sequence_id);
        waiting.filter(|first| *first < next)
    }
}

/// An attempt to create the producer. Given up, by an error or because nobody waits any more, it leaves
/// nothing behind: the broker may still create the producer, and would then refuse the next attempt.
struct Attempt<'a, S: SendSink> {
    shared: &'a Shared<S>,
    connection: &'a Connection,
    succeeded: bool,
}

impl<S: SendSink> Drop for Attempt<'_, S> {
    fn drop(&mut self) {
        if !self.succeeded {
            self.connection.remove_producer(self.shared.id);
            self.connection.post(|request_id| self.shared.close_command(request_id));
        }
    }
}
