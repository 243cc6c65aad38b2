//! Consumers and readers with a listener: messages go to a function, one after the other, on a listener thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use pulsar_rs_client::{Consumer, Error, Message, Reader};
use tokio::sync::Notify;

use crate::dispatch::TURN;
use crate::task::yield_now;

const OPEN: u8 = 0;
const PAUSED: u8 = 1;
const ENDED: u8 = 2;

/// Holds a listener back while it is paused.
#[derive(Debug)]
pub(crate) struct Gate {
    state: AtomicU8,
    changed: Notify,
}

impl Gate {
    pub fn new(paused: bool) -> Self {
        Gate { state: AtomicU8::new(if paused { PAUSED } else { OPEN }), changed: Notify::new() }
    }

    pub fn pause(&self) {
        self.change(OPEN, PAUSED);
    }

    pub fn resume(&self) {
        self.change(PAUSED, OPEN);
    }

    /// The consumer is closed. A listener that stayed paused would wait for ever, and hold the client.
    pub fn end(&self) {
        self.state.store(ENDED, Ordering::Release);
        self.changed.notify_waiters();
    }

    fn change(&self, from: u8, to: u8) {
        // Otherwise it is so already, or ended.
        if self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.changed.notify_waiters();
        }
    }

    /// Waits while it is paused. False when it ended.
    async fn pass(&self) -> bool {
        while self.is(PAUSED) {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.is(PAUSED) {
                changed.await;
            }
        }
        !self.is(ENDED)
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::Acquire) == state
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

/// Hands over messages until the consumer or reader is closed.
pub(crate) async fn listen(source: Arc<impl Source>, gate: Arc<Gate>, deliver: impl Fn(Message)) {
    let mut in_a_row = 0;
    while gate.pass().await {
        let Ok(message) = source.next().await else {
            return;
        };
        // Paused while it waited: it is delivered after the pause.
        if !gate.pass().await {
            return;
        }
        deliver(message);
        in_a_row += 1;
        if in_a_row == TURN {
            in_a_row = 0;
            yield_now().await;
        }
    }
}
