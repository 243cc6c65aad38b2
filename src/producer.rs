//! What stands behind a producer handle.

use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::bounded;
use pulsar_rs_client::{Error, OutgoingMessage, Producer as Core, ProducerConfig};

use crate::backlog::Backlog;
use crate::completion::{CompletionQueue, Slot};
use crate::ffi::message::pulsar_message_t;
use crate::ffi::message_router::ForeignRouter;
use crate::ffi::text::{LazyText, c_string};
use crate::last_error::LastError;
use crate::message::Origin;
use crate::sends::{CallbackSink, SendToken, SyncSend};
use crate::session::Session;

/// Messages whose callbacks have not begun count as pending, too.
#[derive(Debug)]
struct CallbacksDue {
    backlog: Arc<Backlog>,
    /// The most, for all partitions together; `usize::MAX`: any number.
    limit: usize,
    /// At the limit: wait, instead of failing at once.
    block: bool,
}

/// A producer of a C program.
#[derive(Debug)]
pub(crate) struct Producer {
    core: Core<CallbackSink>,
    session: Arc<Session>,
    topic: CString,
    name: LazyText,
    /// Chooses the partition of every message, where there are several.
    router: Option<ForeignRouter>,
    /// What messages tell of the producer after they were sent.
    origin: Arc<Origin>,
    callbacks_due: CallbacksDue,
    pub last_error: Arc<LastError>,
}

impl Producer {
    pub fn new(
        core: Core<CallbackSink>,
        session: Arc<Session>,
        router: Option<ForeignRouter>,
        config: &ProducerConfig,
    ) -> Self {
        Producer {
            topic: c_string(core.topic().as_str()),
            name: LazyText::default(),
            origin: Arc::new(Origin { producer_name: c_string(core.name().as_bytes()) }),
            router: router.filter(|_| core.partitions() > 0),
            callbacks_due: CallbacksDue {
                backlog: core.sink().backlog().clone(),
                limit: callbacks_limit(config, core.partitions()),
                block: config.block_if_queue_full,
            },
            last_error: core.sink().last_error().clone(),
            core,
            session,
        }
    }

    pub fn topic(&self) -> *const c_char {
        self.topic.as_ptr()
    }

    pub fn name(&self) -> *const c_char {
        self.name.get(|| c_string(self.core.name().as_bytes()))
    }

    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    pub fn last_sequence_id(&self) -> i64 {
        self.core.last_sequence_id()
    }

    pub fn is_connected(&self) -> bool {
        self.core.is_connected()
    }

    /// The partition that the program's router chooses, if there is one. It runs here, so the message must not
    /// be borrowed.
    #[inline]
    pub fn route(&self, message: Option<NonNull<pulsar_message_t>>) -> Result<Option<u32>, Error> {
        self.router.as_ref().map(|router| self.ask(router, message)).transpose()
    }

    #[cold]
    fn ask(&self, router: &ForeignRouter, message: Option<NonNull<pulsar_message_t>>) -> Result<u32, Error> {
        let count = self.core.partitions();
        let chosen = router.choose(message, count);
        u32::try_from(chosen)
            .map_err(|_| Error::Unknown(format!("the router chose partition {chosen} of {count}")))
    }

    /// Accepts a message; its callback is called with the outcome. Returns the publish time.
    #[inline]
    pub fn send(&self, message: &OutgoingMessage<'_>, token: SendToken) -> Result<u64, Error> {
        let due = &self.callbacks_due;
        if due.backlog.messages() >= due.limit && token.has_callback() {
            self.await_callbacks()?;
        }
        self.core.send_with(message, token).map(|accepted| accepted.publish_time)
    }

    /// Returns when there is room for one more callback.
    #[cold]
    fn await_callbacks(&self) -> Result<(), Error> {
        let CallbacksDue { backlog, limit, block } = &self.callbacks_due;
        if !block {
            let due = backlog.messages();
            return Err(Error::ProducerQueueIsFull(format!("{due} messages wait for their callbacks")));
        }
        let callbacks = self.session.callbacks();
        // Inside a callback that would be for ever. The core's limit holds there, too, and a callback that sends
        // one message for each that it is told of makes no more of them.
        if !callbacks.is_current() {
            callbacks.wait_while(|| backlog.messages() >= *limit);
        }
        Ok(())
    }

    /// Accepts a message whose outcome is waited for, and has it sent at once.
    pub fn begin_send(&self, message: &OutgoingMessage<'_>) -> Result<(u64, SyncSend), Error> {
        let send = self.core.sink().begin_sync();
        let accepted = self.core.send_at_once(message, send.token())?;
        Ok((accepted.publish_time, send))
    }

    /// Has outcomes of queued operations go to `queue`, from now on and for ever.
    pub fn set_completion_queue(&self, queue: Arc<CompletionQueue>) -> Result<(), Error> {
        let refused = |_| Error::InvalidConfiguration("the producer has a completion queue already".into());
        self.core.sink().queue().set(queue).map_err(refused)
    }

    fn queue(&self) -> Result<&Arc<CompletionQueue>, Error> {
        let queue = self.core.sink().queue().get();
        queue.ok_or_else(|| Error::InvalidConfiguration("the producer has no completion queue".into()))
    }

    /// A place in the completion queue, for one operation; waits or fails when it is full, as configured.
    pub fn take_slot(&self) -> Result<Slot, Error> {
        Slot::take(self.queue()?, self.callbacks_due.block)
    }

    /// Accepts `count` messages whose outcomes go to the completion queue under numbers from `first_token` on; nobody
    /// is told without a queue. On an error it says how many were accepted before.
    pub fn send_bulk<'a>(
        &self,
        mut messages: impl Iterator<Item = OutgoingMessage<'a>>,
        count: usize,
        first_token: u64,
    ) -> Result<usize, (usize, Error)> {
        if self.router.is_some() {
            return Err((0, Error::NotSupported("a producer with a message router sends one by one".into())));
        }
        let mut accepted = 0;
        while accepted < count {
            let (places, queue) = match self.core.sink().queue().get() {
                Some(queue) => {
                    let places = queue.take_places(count - accepted, self.callbacks_due.block);
                    (places.map_err(|error| (accepted, error))?, Some(queue))
                }
                None => (count, None),
            };
            let first = first_token.wrapping_add(accepted as u64);
            let tokens = (0..places as u64).map(|offset| match queue {
                Some(_) => SendToken::queued(first.wrapping_add(offset)),
                None => SendToken::Nobody,
            });
            // In this order, so that no message is taken for which there is no token.
            let sent =
                self.core.send_many(tokens.zip(&mut messages).map(|(token, message)| (message, token)));
            let (now, error) = sent.map_or_else(|(now, error)| (now, Some(error)), |now| (now, None));
            accepted += now;
            if let Some(error) = error {
                if let Some(queue) = queue {
                    queue.give_back(places - now);
                }
                return Err((accepted, error));
            }
        }
        Ok(accepted)
    }

    /// Sends what is gathered, and does not wait for it.
    pub fn send_gathered(&self) {
        self.core.send_gathered();
    }

    /// Partitions of the topic; 0 when it has none.
    pub fn partitions(&self) -> usize {
        self.core.partitions()
    }

    /// `done` is called when everything accepted so far has its outcome, on any thread.
    pub fn flush_with(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        if let Some((done, result)) = self.core.flush_with(done) {
            done(result);
        }
    }

    /// `done` is called when the producer is closed, on any thread.
    pub fn close_with(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.core.close_with(done);
    }

    /// Blocks until everything accepted so far has its outcome and its callback has run. Inside a callback
    /// it does not wait for callbacks, which could not run meanwhile.
    pub fn flush(&self) -> Result<(), Error> {
        let (done, flushed) = bounded(1);
        let result = match self.core.flush_with(move |result| _ = done.send(result)) {
            Some((_, result)) => result,
            None => flushed.recv().unwrap_or_else(|_| Err(closed())),
        };
        self.session.drain_callbacks();
        result
    }

    /// `done` is called behind the callbacks of what was pending; at once when nothing is, and all of them
    /// have run: programs let go of what those use.
    pub fn flush_async(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let callbacks = self.session.callbacks().clone();
        let at_once = Arc::new(AtomicBool::new(false));
        let decided = at_once.clone();
        let call = move |result| {
            if decided.load(Ordering::Relaxed) {
                done(result);
            } else {
                callbacks.call(move || done(result));
            }
        };
        if let Some((call, result)) = self.core.flush_with(call) {
            at_once.store(!self.session.callbacks().owes_callbacks(), Ordering::Relaxed);
            call(result);
        }
    }

    /// Closes the producer; what is pending fails, and its callbacks have run when this returns.
    pub fn close(self: &Arc<Self>) -> Result<(), Error> {
        let producer = self.clone();
        let result = self.session.wait(async move { producer.core.close().await });
        self.session.drain_callbacks();
        result
    }

    /// `done` is called behind the callbacks of what was pending; at once when the producer is closed.
    pub fn close_async(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        if self.core.is_closed() {
            return done(Err(closed()));
        }
        let callbacks = self.session.callbacks().clone();
        let later = move |result| callbacks.call(move || done(result));
        self.core.close_with(later);
    }
}

/// How many messages may wait for their callbacks: as many as may be pending, with the partitions that there are
/// when the producer is created.
fn callbacks_limit(config: &ProducerConfig, partitions: usize) -> usize {
    let limit = |number: usize| if number == 0 { usize::MAX } else { number };
    let one = limit(config.max_pending_messages);
    match partitions {
        0 => one,
        _ => one.saturating_mul(partitions).min(limit(config.max_pending_messages_across_partitions)),
    }
}

fn closed() -> Error {
    Error::AlreadyClosed("the producer is closed".into())
}
