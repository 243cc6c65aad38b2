//! Consumers with a listener: messages go to a function, one after the other, on a listener thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pulsar_rs_client::{Consumer, Message};
use tokio::sync::Notify;

use crate::task::yield_now;

/// Messages in a row before other consumers on the same thread get their turn.
const TURN: usize = 100;

/// Holds a listener back while it is paused.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    paused: AtomicBool,
    resumed: Notify,
}

impl Gate {
    pub fn pause(&self) {
        self.paused.store(true, Ordering::Release);
    }

    pub fn resume(&self) {
        self.paused.store(false, Ordering::Release);
        self.resumed.notify_waiters();
    }

    async fn pass(&self) {
        while self.paused.load(Ordering::Acquire) {
            let mut resumed = std::pin::pin!(self.resumed.notified());
            resumed.as_mut().enable();
            if self.paused.load(Ordering::Acquire) {
                resumed.await;
            }
        }
    }
}

/// Hands over messages until the consumer is closed.
pub(crate) async fn listen(consumer: Arc<Consumer>, gate: Arc<Gate>, deliver: impl Fn(Message)) {
    let mut in_a_row = 0;
    loop {
        gate.pass().await;
        let Ok(message) = consumer.receive().await else {
            return;
        };
        // Paused while it waited: it is delivered after the pause.
        gate.pass().await;
        deliver(message);
        in_a_row += 1;
        if in_a_row == TURN {
            in_a_row = 0;
            yield_now().await;
        }
    }
}
