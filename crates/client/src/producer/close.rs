//! The end of a producer: closed, dropped, or taken along by its client.

use std::sync::Arc;

use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::CommandCloseProducer;
use tokio::sync::oneshot;

use super::shared::Shared;
use super::sink::SendSink;
use super::state::Phase;
use super::{Producer, Target};
use crate::Error;
use crate::client::{ClientInner, Closing, Member};
use crate::connection::Connection;
use crate::stats::MemberStats;

impl<S: SendSink> Producer<S> {
    /// Closes the producer. What is pending fails with [`Error::AlreadyClosed`]; flush first to have it sent.
    pub async fn close(&self) -> Result<(), Error> {
        self.begin_close()?.await
    }

    /// Closes the producer in the background; `done` is called by the client's runtime, or, with an error, at
    /// once.
    pub fn close_with(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        match self.begin_close() {
            Ok(closing) => self.client().spawn(async move { done(closing.await) }),
            Err(error) => done(Err(error)),
        }
    }

    /// Ends everything on our side; the future tells the brokers.
    fn begin_close(&self) -> Result<impl Future<Output = Result<(), Error>> + Send + use<S>, Error> {
        if let Target::Partitions(partitioned) = &self.target {
            partitioned.stop_growing();
        }
        let mut outcome = Err(closed());
        let mut connections = Vec::new();
        self.each(|shared| {
            if let Ok(connection) = shared.begin_close() {
                connections.push((shared.clone(), connection));
                outcome = Ok(());
            }
        });
        outcome?;
        // Begun here, so that the brokers are told also when nobody waits for the end.
        let closing: Vec<_> = connections
            .into_iter()
            .map(|(shared, connection)| {
                let runtime = shared.client.runtime().clone();
                runtime.spawn(shared.finish_close(connection))
            })
            .collect();
        Ok(async move {
            let mut outcome = Ok(());
            for one in closing {
                if let Ok(Err(error)) = one.await {
                    outcome = Err(error);
                }
            }
            outcome
        })
    }

    fn client(&self) -> &ClientInner {
        match &self.target {
            Target::Topic(shared) => &shared.client,
            Target::Partitions(partitioned) => partitioned.client(),
        }
    }
}

impl<S: SendSink> Drop for Producer<S> {
    fn drop(&mut self) {
        if let Target::Partitions(partitioned) = &self.target {
            partitioned.stop_growing();
        }
        self.each(|shared| shared.release());
    }
}

fn closed() -> Error {
    Error::AlreadyClosed("the producer is closed".into())
}

impl<S: SendSink> Shared<S> {
    /// Nobody sends any more: closes it when all is sent.
    fn release(self: &Arc<Self>) {
        let shared = self.clone();
        if shared.is_closed() {
            return;
        }
        let client = shared.client.clone();
        let (done, all_sent) = oneshot::channel();
        let waits = shared.flush(move |result| _ = done.send(result)).is_none();
        client.spawn(async move {
            if waits {
                let _ = all_sent.await;
            }
            if let Ok(connection) = shared.begin_close() {
                let _ = shared.finish_close(connection).await;
            }
        });
    }

    /// Ends everything on our side; what is left is to tell the broker.
    fn begin_close(&self) -> Result<Option<Arc<Connection>>, Error> {
        let mut state = self.state.lock();
        let connection = match std::mem::replace(&mut state.phase, Phase::Closed) {
            Phase::Ready(connection) => Some(connection),
            Phase::Connecting | Phase::Failed(_) => None,
            Phase::Closed => return Err(closed()),
        };
        self.complete_all(&mut state, &closed());
        drop(state);
        self.timers.notify_one();
        self.over.notify_one();
        self.client.unregister(self.id);
        Ok(connection)
    }

    async fn finish_close(self: Arc<Self>, connection: Option<Arc<Connection>>) -> Result<(), Error> {
        let Some(connection) = connection else {
            return Ok(());
        };
        let answer = connection.request(|request_id| self.close_command(request_id)).await;
        connection.remove_producer(self.id);
        match answer {
            // A connection that is gone has closed the producer as well.
            Ok(_) | Err(Error::Disconnected(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn close_command(&self, request_id: u64) -> Command {
        CommandCloseProducer { producer_id: self.id, request_id, ..CommandCloseProducer::default() }.into()
    }

    /// The producer could not be created, or not all that belong together.
    pub(super) fn abandon(self: &Arc<Self>) {
        if let Ok(Some(connection)) = self.begin_close() {
            let shared = self.clone();
            self.client.spawn(async move { _ = shared.finish_close(Some(connection)).await });
        }
    }
}

impl<S: SendSink> Member for Shared<S> {
    fn stats(&self) -> Option<MemberStats> {
        Some(self.member_stats())
    }

    fn close(self: Arc<Self>) -> Closing {
        match self.begin_close() {
            Ok(connection) => Box::pin(self.finish_close(connection)),
            Err(_) => Box::pin(std::future::ready(Ok(()))),
        }
    }
}
