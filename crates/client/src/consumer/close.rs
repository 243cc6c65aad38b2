//! The end of a consumer: unsubscribed, closed, dropped, or taken along by its client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::{CommandCloseConsumer, CommandUnsubscribe};
use tokio::time::timeout;

use super::receipts::Settled;
use super::{Consumer, Parts, Phase, Shared, already_closed};
use crate::Error;
use crate::client::{Closing, Member};
use crate::connection::Connection;
use crate::stats::MemberStats;

impl Consumer {
    /// Sends the acknowledgements that wait, and closes the consumer. The subscription stays. Closing twice
    /// does no harm.
    pub async fn close(&self) -> Result<(), Error> {
        self.end().await
    }

    /// Closes the consumer in the background; `done` is called by the client's runtime.
    pub fn close_with(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.client().close_then(self.end(), done);
    }

    fn end(&self) -> Closing {
        match &self.parts {
            Parts::One(shared) => shared.clone().end(),
            Parts::Several(group) => group.clone().end(),
        }
    }

    /// Deletes the subscription and closes the consumer. It fails, and changes nothing, while the
    /// subscription has other consumers. Of several topics, the subscription may be gone from some when it fails.
    pub async fn unsubscribe(&self) -> Result<(), Error> {
        self.delete_subscription(false).await
    }

    /// The same also while the subscription has other consumers: the broker closes them. Consumers of this library then
    /// subscribe again. Brokers before Pulsar 3.3 know no force, and refuse as for [`Consumer::unsubscribe`].
    pub async fn unsubscribe_by_force(&self) -> Result<(), Error> {
        self.delete_subscription(true).await
    }

    async fn delete_subscription(&self, force: bool) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.unsubscribe(force).await,
            Parts::Several(group) => group.unsubscribe(force).await,
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if !self.is_closed() {
            self.client().close_in_background(self.end());
        }
    }
}

impl Shared {
    /// Ends everything on our side at once; the future tells the broker.
    pub(super) fn end(self: Arc<Self>) -> Closing {
        match self.begin_close() {
            Some(connection) => Box::pin(async move { self.finish_close(&connection).await }),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    pub(super) async fn unsubscribe(&self, force: bool) -> Result<(), Error> {
        self.check_open()?;
        let connection = self.connected()?;
        self.send_acks(&mut self.state.lock());
        let force = force.then_some(true);
        connection
            .request(|request_id| CommandUnsubscribe { consumer_id: self.id, request_id, force }.into())
            .await?;
        self.begin_close();
        connection.remove_consumer(self.id);
        let (_, settled) = self.state.lock().acks.give_up(&already_closed());
        settled.tell();
        Ok(())
    }

    fn begin_close(&self) -> Option<Arc<Connection>> {
        let mut state = self.state.lock();
        // What waits for a seek has no other time to be sent. The broker drops what comes behind one that succeeds.
        state.seeking = None;
        state.locked.clear();
        self.send_acks(&mut state);
        let phase = std::mem::replace(&mut state.phase, Phase::Closed);
        self.closed.store(true, Ordering::Release);
        let is_lost = matches!(phase, Phase::Connecting);
        let lost = is_lost.then(|| state.acks.give_up(&already_closed()));
        drop(state);
        if let Some(lost) = lost {
            self.tell_of_lost_acks(lost);
        }
        if let Some(letters) = self.letters.as_ref().filter(|_| !matches!(phase, Phase::Closed)) {
            letters.leave();
        }
        self.inbox.close(already_closed());
        self.timers.notify_one();
        self.client.unregister(self.id);
        match phase {
            Phase::Ready(connection) => Some(connection),
            Phase::Connecting | Phase::Closed => None,
        }
    }

    async fn finish_close(&self, connection: &Connection) -> Result<(), Error> {
        // Only as long as it takes for the others.
        let _ = timeout(self.client.operation_timeout(), self.await_acks(connection)).await;
        let answer = connection.request(|request_id| self.close_command(request_id)).await;
        connection.remove_consumer(self.id);
        let why = answer.as_ref().err().cloned().unwrap_or_else(already_closed);
        let (count, settled) = self.state.lock().acks.give_up(&why);
        // A broker that closed it had them before.
        self.tell_of_lost_acks((if answer.is_ok() { 0 } else { count }, settled));
        match answer {
            // A connection that is gone has closed the consumer as well.
            Ok(_) | Err(Error::Disconnected(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits until everybody who waits for a receipt has it, or the connection is gone.
    async fn await_acks(&self, connection: &Connection) {
        loop {
            let mut answered = std::pin::pin!(self.acks_answered.notified());
            answered.as_mut().enable();
            if !self.state.lock().acks.is_awaited() || !connection.has_consumer(self.id) {
                return;
            }
            answered.await;
        }
    }

    /// What the broker did not say that it has; with no lock held.
    fn tell_of_lost_acks(&self, (count, settled): (usize, Settled)) {
        // A subscription that ends now needs none.
        if count > 0 && self.config.durable {
            self.acks_failed.fetch_add(count as u64, Ordering::Relaxed);
            let (topic, subscription) = (&self.topic, &self.subscription);
            self.client.log().warn(format_args!(
                "{count} acknowledgements of {subscription} on {topic} are not confirmed: the consumer is closed without \
                 a connection"
            ));
        }
        settled.tell();
    }

    pub(super) fn close_command(&self, request_id: u64) -> Command {
        CommandCloseConsumer { consumer_id: self.id, request_id, ..CommandCloseConsumer::default() }.into()
    }

    /// The consumer could not be created.
    pub(super) fn abandon(&self) {
        let _ = self.begin_close();
    }
}

impl Member for Shared {
    fn stats(&self) -> Option<MemberStats> {
        Some(self.member_stats())
    }

    fn close(self: Arc<Self>) -> Closing {
        self.end()
    }
}
