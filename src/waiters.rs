//! Threads that wait for what a dispatcher does.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// Waits that end when their condition does, or all together.
///
/// What conditions look at is written with `SeqCst` before [`Waiters::wake`]: a thread counts itself before
/// it looks, the dispatcher writes before it counts, so one of them sees the other.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// How many, to spare the lock when there are none.
    count: AtomicUsize,
    /// Nobody waits any more, whatever the condition.
    released: Mutex<bool>,
    changed: Condvar,
}

impl Waiters {
    /// Blocks while the condition holds.
    pub fn wait_while(&self, condition: impl Fn() -> bool) {
        self.count.fetch_add(1, Ordering::SeqCst);
        let mut released = self.released.lock();
        while !*released && condition() {
            self.changed.wait(&mut released);
        }
        drop(released);
        self.count.fetch_sub(1, Ordering::SeqCst);
    }

    /// Has those who wait look at their conditions again.
    pub fn wake(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            // Whoever holds the lock has looked already but does not sleep yet.
            drop(self.released.lock());
            self.changed.notify_all();
        }
    }

    /// Ends all waits, for good.
    pub fn release(&self) {
        *self.released.lock() = true;
        self.changed.notify_all();
    }
}
