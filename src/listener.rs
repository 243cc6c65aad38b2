//! Consumers and readers with a listener: messages go to a function, one after the other, on a listener thread.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use pulsar_rs_client::{Consumer, Error, Message, Reader};
use tokio::sync::Notify;

use crate::dispatch::TURN;
use crate::ffi::handle::{self, Context, Lent, Opaque};
use crate::ffi::message::pulsar_message_t;
use crate::message::Message as Received;
use crate::session::Session;
use crate::task::{Task, yield_now};

/// No call begins for now.
const PAUSED: u8 = 1;
/// No call begins any more.
const ENDED: u8 = 2;
/// A call has begun.
const RUNNING: u8 = 4;

/// Decides when a listener is called: not while it is paused, and never after its end. It has one call at a time.
#[derive(Debug)]
pub(crate) struct Gate {
    state: AtomicU8,
    changed: Notify,
}

impl Gate {
    pub fn new(paused: bool) -> Self {
        Gate { state: AtomicU8::new(if paused { PAUSED } else { 0 }), changed: Notify::new() }
    }

    pub fn pause(&self) {
        self.state.fetch_or(PAUSED, Ordering::AcqRel);
    }

    pub fn resume(&self) {
        self.state.fetch_and(!PAUSED, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// The consumer is closed: no call begins after this. A listener that stayed paused would wait for ever, and hold
    /// the client.
    pub fn end(&self) {
        self.state.fetch_or(ENDED, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// Waits while it is paused. False when it ended.
    async fn pass(&self) -> bool {
        while self.is_paused() {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.is_paused() {
                changed.await;
            }
        }
        self.state.load(Ordering::Acquire) & ENDED == 0
    }

    fn is_paused(&self) -> bool {
        self.state.load(Ordering::Acquire) & (PAUSED | ENDED) == PAUSED
    }

    /// Whether a call may begin, which then has: decided in one step, so that none begins behind an end.
    fn begin(&self) -> bool {
        self.state.compare_exchange(0, RUNNING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Makes the call, as soon as it is not paused; false when it ended.
    pub async fn run(&self, call: impl FnOnce()) -> bool {
        loop {
            if !self.pass().await {
                return false;
            }
            if self.begin() {
                break;
            }
        }
        let running = Running(self);
        call();
        drop(running);
        true
    }

    /// Makes the call, unless it is paused or ended.
    pub fn run_now(&self, call: impl FnOnce()) {
        if self.begin() {
            let running = Running(self);
            call();
            drop(running);
        }
    }
}

/// A call that has begun, until it is dropped: also when it panics.
struct Running<'a>(&'a Gate);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state.fetch_and(!RUNNING, Ordering::AcqRel);
    }
}

/// Whatever has messages for a listener.
pub(crate) trait Source {
    /// Waits for the next message; fails when it is closed.
    fn next(&self) -> impl Future<Output = Result<Message, Error>> + Send;
}

impl Source for Consumer {
    fn next(&self) -> impl Future<Output = Result<Message, Error>> + Send {
        self.receive()
    }
}

impl Source for Reader {
    fn next(&self) -> impl Future<Output = Result<Message, Error>> + Send {
        self.read_next()
    }
}

/// Has a program's function called with each message of `source`, on a listener thread. It gets `owner` as a handle that is
/// valid during the call only.
pub(crate) fn start<O: Opaque<Value: Send + Sync> + 'static>(
    session: &Session,
    owner: O::Value,
    source: Arc<impl Source + Send + Sync + 'static>,
    gate: Arc<Gate>,
    (function, context): (extern "C" fn(*mut O, *mut pulsar_message_t, *mut c_void), Context),
) -> Result<(), Error> {
    let thread = session.listener_thread()?;
    let lent = Lent::<O>::new(owner);
    let deliver = move |message: Message| {
        let message = handle::give(Received::received(message));
        function(lent.as_ptr(), message, context.ptr());
    };
    Task::spawn(thread, session.runtime(), listen(source, gate, deliver));
    Ok(())
}

/// Hands over messages until the consumer or reader is closed.
async fn listen(source: Arc<impl Source>, gate: Arc<Gate>, deliver: impl Fn(Message)) {
    let mut in_a_row = 0;
    while gate.pass().await {
        let Ok(message) = source.next().await else {
            return;
        };
        // Paused while it waited: it is delivered after the pause.
        if !gate.run(|| deliver(message)).await {
            return;
        }
        in_a_row += 1;
        if in_a_row == TURN {
            in_a_row = 0;
            yield_now().await;
        }
    }
}
