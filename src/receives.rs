//! Receives whose messages go to a completion queue.
//!
//! They are served in the order in which they were asked for, and their outcomes are in the order of the messages. A
//! message is taken from the consumer only for a receive that waits, so that none is lost when the queue is freed.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use pulsar_rs_client::{BulkLimits, Error, Message as Received};

use crate::completion::{Accepted, CompletionQueue, Made, Object, Slot, give};
use crate::dispatch::TURN;
use crate::ffi::consumer::message_list;
use crate::ffi::handle::pool::give_pooled;
use crate::ffi::message::pulsar_message_t;
use crate::ffi::messages::pulsar_messages_t;
use crate::ffi::pulsar_rs::bulk::pulsar_rs_received_t;
use crate::last_error::LastError;
use crate::message::Message;
use crate::received::Received as List;
use crate::session::Session;
use crate::task::yield_now;

/// What a program waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    Message,
    /// What the batch receive policy says.
    Batch,
    /// What is there, up to the limits.
    Bulk(BulkLimits),
}

/// A consumer or a reader, as far as receives go.
pub(crate) trait Receiver: Send + Sync + 'static {
    /// The next message, if one is there.
    fn try_take(&self) -> Result<Option<Received>, Error>;
    /// Waits for the next message.
    fn take(&self) -> impl Future<Output = Result<Received, Error>> + Send;
    /// Gathers messages as the batch receive policy says.
    fn take_many(&self) -> impl Future<Output = Result<Vec<Received>, Error>> + Send;
    /// Takes what is there, as soon as something is.
    fn take_bulk(&self, limits: BulkLimits) -> impl Future<Output = Result<List, Error>> + Send;
    /// Nobody wants these messages: they come again, where messages are acknowledged.
    fn put_back_all(&self, messages: &List);
    /// Nobody wants the message: it comes again, where messages are acknowledged.
    fn put_back(&self, message: &Received);
    fn is_closed(&self) -> bool;
    fn receives(&self) -> &Receives;
    fn last_error(&self) -> &LastError;
}

/// The receives of one consumer or reader that have no message yet. Bounded by the places of the queue.
#[derive(Debug, Default)]
pub(crate) struct Receives(Mutex<VecDeque<(Wanted, Accepted)>>);

impl Receives {
    /// Serves a receive at once if nobody waits and a message is there; else it waits, and the answer is whether
    /// somebody has to [`serve`].
    pub fn add(&self, receiver: &Arc<impl Receiver>, wanted: Wanted, accepted: Accepted) -> bool {
        // Held until the outcome is in the queue, so that a message behind it cannot be there before.
        let mut waiting = self.0.lock();
        if waiting.is_empty() && matches!(wanted, Wanted::Message) {
            match receiver.try_take() {
                Ok(Some(message)) => {
                    accepted.complete_with(Ok(made_of_message(receiver, message)));
                    return false;
                }
                Ok(None) => {}
                Err(error) => {
                    let outcome = Err(error);
                    receiver.last_error().note(&outcome);
                    accepted.complete(&outcome);
                    return false;
                }
            }
        }
        waiting.push_back((wanted, accepted));
        waiting.len() == 1
    }

    /// Ends the receive that waited longest; true when others wait.
    fn complete_first(&self, outcome: Result<Box<dyn Object>, Error>) -> bool {
        let mut waiting = self.0.lock();
        if let Some((_, accepted)) = waiting.pop_front() {
            accepted.complete_with(outcome);
        }
        !waiting.is_empty()
    }

    fn first(&self) -> Wanted {
        self.0.lock().front().map_or(Wanted::Message, |(wanted, _)| *wanted)
    }

    fn take_all(&self) -> VecDeque<(Wanted, Accepted)> {
        std::mem::take(&mut self.0.lock())
    }
}

/// Begins a receive whose outcome goes to `queue`. Whether anything can be received, `check` says.
pub(crate) fn begin(
    receiver: &Arc<impl Receiver>,
    queue: &Arc<CompletionQueue>,
    session: &Session,
    (wanted, token): (Wanted, u64),
    check: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let accepted = Slot::take(queue, false)?.accept(token);
    let ready = check().and_then(|()| session.callbacks().start());
    if ready.is_err() {
        receiver.last_error().note(&ready);
        accepted.complete(&ready);
    } else if receiver.receives().add(receiver, wanted, accepted) {
        session.run_on_callbacks(serve(receiver.clone(), queue.clone()));
    }
    Ok(())
}

/// Serves the receives of a consumer or reader while any wait and the queue is not freed.
fn serve(receiver: Arc<impl Receiver>, queue: Arc<CompletionQueue>) -> impl Future<Output = ()> + Send {
    // Here and not in the future, which is dropped before its first step when the client is freed in this moment.
    let serving = Serving { receiver, is_done: false };
    async move {
        let mut in_a_row = 0;
        loop {
            let outcome = tokio::select! {
                biased;
                () = queue.freed() => return,
                outcome = receive(&serving.receiver) => outcome,
            };
            serving.receiver.last_error().note(&outcome);
            // It ends for all that wait, and before what is told of the end.
            if outcome.is_err() && serving.receiver.is_closed() {
                let failed = outcome.map(|_| ());
                for (_, accepted) in serving.receiver.receives().take_all() {
                    accepted.complete(&failed);
                }
                return serving.end();
            }
            if !serving.receiver.receives().complete_first(outcome) {
                return serving.end();
            }
            in_a_row += 1;
            if in_a_row == TURN {
                in_a_row = 0;
                yield_now().await;
            }
        }
    }
}

async fn receive(receiver: &Arc<impl Receiver>) -> Result<Box<dyn Object>, Error> {
    match receiver.receives().first() {
        Wanted::Message => Ok(made_of_message(receiver, receiver.take().await?)),
        Wanted::Batch => Ok(made_of_messages(receiver, receiver.take_many().await?)),
        Wanted::Bulk(limits) => Ok(made_of_list(receiver, receiver.take_bulk(limits).await?)),
    }
}

/// Ends what still waits when nobody serves any more: the queue is freed, or the client's threads have ended.
struct Serving<R: Receiver> {
    receiver: Arc<R>,
    /// None waited any more; whoever came since then is another one's.
    is_done: bool,
}

impl<R: Receiver> Serving<R> {
    fn end(mut self) {
        self.is_done = true;
    }
}

impl<R: Receiver> Drop for Serving<R> {
    fn drop(&mut self) {
        if !self.is_done {
            drop(self.receiver.receives().take_all());
        }
    }
}

/// A message that comes again when the program will not have it.
fn made_of_message(receiver: &Arc<impl Receiver>, message: Received) -> Box<dyn Object> {
    let receiver = receiver.clone();
    let handle = |message| give::<pulsar_message_t>(Message::received(message));
    Made::boxed(message, handle, move |message| receiver.put_back(&message))
}

fn made_of_messages(receiver: &Arc<impl Receiver>, messages: Vec<Received>) -> Box<dyn Object> {
    let receiver = receiver.clone();
    let handle = |messages| give::<pulsar_messages_t>(message_list(messages));
    let again = move |messages: Vec<Received>| {
        for message in &messages {
            receiver.put_back(message);
        }
    };
    Made::boxed(messages, handle, again)
}

fn made_of_list(receiver: &Arc<impl Receiver>, list: List) -> Box<dyn Object> {
    let receiver = receiver.clone();
    let handle = |list| give_pooled::<pulsar_rs_received_t>(|place| *place = list).cast();
    Made::boxed(list, handle, move |list: List| receiver.put_back_all(&list))
}
