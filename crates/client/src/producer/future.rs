//! Sends as futures.

use std::pin::Pin;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::oneshot;

use super::Producer;
use super::sink::{SendSink, SentEntry, Tokens};
use crate::{Error, MessageId, OutgoingMessage};

type Outcome = oneshot::Sender<Result<MessageId, Error>>;

/// The sink behind [`Producer::send`]: its tokens are places in a table of waiting futures.
#[derive(Debug, Default)]
pub struct FutureSink {
    waiting: Mutex<Slab<Outcome>>,
}

impl SendSink for FutureSink {
    type Token = usize;

    fn complete(&self, tokens: Tokens<usize>, outcome: Result<SentEntry, Error>) {
        let mut waiting = self.waiting.lock();
        for (index, token) in tokens.as_slice().iter().enumerate() {
            if let Some(sender) = waiting.try_remove(*token) {
                // Nobody may wait any more; the message is sent all the same.
                let _ = sender.send(outcome.clone().map(|entry| entry.message_id(index)));
            }
        }
    }
}

impl Producer<FutureSink> {
    /// Sends a message and waits for its receipt.
    ///
    /// The message is accepted before the first `await`, so several sends that are started one after the
    /// other and awaited together are pipelined, in that order. With
    /// [`block_if_queue_full`](super::ProducerConfig::block_if_queue_full) that part may block the thread.
    pub fn send<'a>(&self, message: impl Into<OutgoingMessage<'a>>) -> Sending {
        let (sender, outcome) = oneshot::channel();
        let token = self.sink().waiting.lock().insert(sender);
        if let Err(error) = self.send_with(&message.into(), token) {
            let refused = self.sink().waiting.lock().try_remove(token);
            if let Some(sender) = refused {
                let _ = sender.send(Err(error));
            }
        }
        Sending { outcome }
    }

    /// Sends what is gathered, and waits until everything accepted so far has its receipt.
    pub async fn flush(&self) -> Result<(), Error> {
        let (done, flushed) = oneshot::channel();
        if let Some((_, result)) = self.flush_with(move |result| _ = done.send(result)) {
            return result;
        }
        flushed.await.unwrap_or_else(|_| Err(Error::AlreadyClosed("the producer is closed".into())))
    }
}

/// A message under way. Dropping it does not stop the message.
#[derive(Debug)]
pub struct Sending {
    outcome: oneshot::Receiver<Result<MessageId, Error>>,
}

impl Future for Sending {
    type Output = Result<MessageId, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(context).map(|outcome| {
            outcome.unwrap_or_else(|_| Err(Error::AlreadyClosed("the producer is gone".into())))
        })
    }
}
