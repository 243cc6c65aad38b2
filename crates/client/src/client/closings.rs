//! Closes that go on in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many there are.
#[derive(Debug, Default)]
pub(super) struct Closings {
    count: AtomicUsize,
    all_ended: Notify,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Closings>);

impl Closings {
    pub fn begin(self: &Arc<Self>) -> UnderWay {
        self.count.fetch_add(1, Ordering::AcqRel);
        UnderWay(self.clone())
    }

    /// Waits until none is under way.
    pub async fn ended(&self) {
        loop {
            let mut ended = std::pin::pin!(self.all_ended.notified());
            // Before the look at the count: an end behind it is not missed.
            ended.as_mut().enable();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.all_ended.notify_waiters();
        }
    }
}
