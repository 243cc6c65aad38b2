//! What stands behind a producer handle.

use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::bounded;
use pulsar_rs_client::{Error, OutgoingMessage, Producer as Core};

use crate::ffi::message::pulsar_message_t;
use crate::ffi::message_router::ForeignRouter;
use crate::ffi::text::{LazyText, c_string};
use crate::last_error::LastError;
use crate::message::Origin;
use crate::sends::{CallbackSink, SendToken, SyncSend};
use crate::session::Session;

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
    pub last_error: Arc<LastError>,
}

impl Producer {
    pub fn new(core: Core<CallbackSink>, session: Arc<Session>, router: Option<ForeignRouter>) -> Self {
        Producer {
            topic: c_string(core.topic().as_str()),
            name: LazyText::default(),
            origin: Arc::new(Origin { producer_name: c_string(core.name().as_bytes()) }),
            router: router.filter(|_| core.partitions() > 0),
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
        let Some(router) = &self.router else {
            return Ok(None);
        };
        let count = self.core.partitions();
        let chosen = router.choose(message, count);
        let partition = u32::try_from(chosen);
        partition
            .map(Some)
            .map_err(|_| Error::Unknown(format!("the router chose partition {chosen} of {count}")))
    }

    /// Accepts a message; its callback is called with the outcome. Returns the publish time.
    #[inline]
    pub fn send(&self, message: &OutgoingMessage<'_>, token: SendToken) -> Result<u64, Error> {
        self.core.send_with(message, token).map(|accepted| accepted.publish_time)
    }

    /// Accepts a message whose outcome is waited for, and has it sent at once.
    pub fn begin_send(&self, message: &OutgoingMessage<'_>) -> Result<(u64, SyncSend), Error> {
        let send = self.core.sink().begin_sync();
        let accepted = self.core.send_at_once(message, send.token())?;
        Ok((accepted.publish_time, send))
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

fn closed() -> Error {
    Error::AlreadyClosed("the producer is closed".into())
}
