//! Waking receivers: threads that are blocked, and futures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, MutexGuard};
use tokio::sync::Notify;

use crate::Error;

/// Where receivers wait for messages. What they wait for is under the lock of whoever owns this.
#[derive(Debug, Default)]
pub(super) struct WakeUps {
    arrived: Condvar,
    /// Wakes receivers that are futures, one per message at most.
    arrived_async: Notify,
    async_receivers: AtomicUsize,
}

/// What came of handing over an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Pushed {
    /// Receivers have to be told, behind this or later ones.
    Untold,
    /// They will be, because of an earlier one, or nobody receives any more.
    Covered,
    /// There is no room for it.
    Refused,
}

/// Who is to be woken.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(super) struct News {
    /// Threads wait.
    pub blocked: bool,
    /// There may be messages for more than one.
    pub many: bool,
}

impl WakeUps {
    /// Wakes who waits, with no lock held that receivers take.
    pub fn wake(&self, news: News) {
        if news.blocked {
            if news.many {
                self.arrived.notify_all();
            } else {
                self.arrived.notify_one();
            }
        }
        if self.async_receivers.load(Ordering::SeqCst) > 0 {
            self.arrived_async.notify_one();
        }
    }

    /// Wakes all: nothing will come any more.
    pub fn wake_all(&self) {
        self.arrived.notify_all();
        self.arrived_async.notify_waiters();
    }

    /// Blocks the thread until it is woken or the deadline has passed. Whoever wakes it has to see under the same lock
    /// that it waits.
    pub fn block<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Option<Instant>) {
        match deadline {
            Some(deadline) => _ = self.arrived.wait_until(guard, deadline),
            None => self.arrived.wait(guard),
        }
    }

    /// Takes something as a future: `take` is tried whenever something arrived.
    pub async fn take_when_arrived<T>(
        &self,
        mut take: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let _waiting = AsyncReceiver::count(&self.async_receivers);
        loop {
            let mut arrived = std::pin::pin!(self.arrived_async.notified());
            // From here on a notification is not lost.
            arrived.as_mut().enable();
            if let Some(taken) = take()? {
                // One notification came for a whole entry: pass it on.
                self.arrived_async.notify_one();
                return Ok(taken);
            }
            arrived.await;
        }
    }
}

/// Counts a future that receives, as long as it lives.
struct AsyncReceiver<'a>(&'a AtomicUsize);

impl<'a> AsyncReceiver<'a> {
    fn count(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        AsyncReceiver(counter)
    }
}

impl Drop for AsyncReceiver<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
