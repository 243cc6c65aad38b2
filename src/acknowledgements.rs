//! What a C program acknowledges, and puts off.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;
use pulsar_rs_client::{AckTarget, Error, Message, MessageId, Property};
use tokio::sync::oneshot;

use crate::consumer::Consumer;

/// A message that was not received stands for no message at all.
static NOTHING: MessageId = MessageId::EARLIEST;

/// What one call acknowledges.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Acknowledged<'a> {
    Each(AckTarget<'a>),
    UpTo(&'a Message),
    UpToId(&'a MessageId),
}

impl<'a> Acknowledged<'a> {
    /// A message; one that was not received needs none.
    #[inline]
    pub fn one(message: Option<&'a Message>) -> Self {
        Acknowledged::Each(message.map_or(AckTarget::Id(&NOTHING), AckTarget::Message))
    }

    pub fn id(id: &'a MessageId) -> Self {
        Acknowledged::Each(AckTarget::Id(id))
    }

    pub fn up_to(message: Option<&'a Message>) -> Self {
        message.map_or(Acknowledged::UpToId(&NOTHING), Acknowledged::UpTo)
    }
}

impl Consumer {
    /// Acknowledges; with receipts it waits for the broker's.
    #[inline]
    pub fn acknowledge(&self, what: Acknowledged<'_>) -> Result<(), Error> {
        if self.has_ack_receipts { self.confirm(what) } else { self.note_acknowledged(what) }
    }

    /// Apart from the way of most acknowledgements, which stays short.
    #[inline(never)]
    fn confirm(&self, what: Acknowledged<'_>) -> Result<(), Error> {
        let (done, outcome) = bounded(1);
        self.acknowledge_with(what, move |result| _ = done.send(result));
        self.core().flush_acknowledgements();
        outcome.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Acknowledges; `done` is called at once, with receipts on the callback thread.
    pub fn acknowledge_async(
        &self,
        what: Acknowledged<'_>,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        if !self.has_ack_receipts {
            return done(self.note_acknowledged(what));
        }
        let (sender, outcome) = oneshot::channel();
        self.acknowledge_with(what, move |result| _ = sender.send(result));
        let outcome = async move { outcome.await.unwrap_or_else(|_| Err(gone())) };
        self.session().then(outcome, done);
    }

    /// Acknowledges; `done` is called at once, or, with receipts, by the client's own threads, and must be short.
    pub fn acknowledge_with(
        &self,
        what: Acknowledged<'_>,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        let core = self.core();
        match what {
            Acknowledged::Each(target) => core.acknowledge_with(target, done),
            Acknowledged::UpTo(message) => core.acknowledge_cumulative_with(message, done),
            Acknowledged::UpToId(id) => core.acknowledge_cumulative_id_with(id, done),
        }
    }

    /// Acknowledges without waiting for anything.
    #[inline]
    pub fn note_acknowledged(&self, what: Acknowledged<'_>) -> Result<(), Error> {
        let core = self.core();
        match what {
            Acknowledged::Each(AckTarget::Message(message)) => core.acknowledge(message),
            Acknowledged::Each(target) => core.acknowledge_all(target),
            Acknowledged::UpTo(message) => core.acknowledge_cumulative(message),
            Acknowledged::UpToId(id) => core.acknowledge_cumulative_id(id),
        }
    }

    /// Has a message delivered again later; blocks until its copy is stored.
    pub fn reconsume_later(
        self: &Arc<Self>,
        message: Message,
        delay: Duration,
        properties: Vec<Property>,
    ) -> Result<(), Error> {
        let core = self.core().clone();
        self.session().wait(async move { core.reconsume_later(&message, delay, &properties).await })
    }

    /// The same; `done` is called on the callback thread.
    pub fn reconsume_later_async(
        self: &Arc<Self>,
        message: Message,
        delay: Duration,
        properties: Vec<Property>,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        let core = self.core().clone();
        let put_off = async move { core.reconsume_later(&message, delay, &properties).await };
        self.session().then(put_off, done);
    }
}

fn gone() -> Error {
    Error::AlreadyClosed("the consumer is gone".into())
}
