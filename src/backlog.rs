//! What a producer's callback thread has not come to yet.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Messages of one producer whose outcome is known and whose callbacks have not begun.
///
/// The core's limit of pending messages ends with the outcome. Without one on these, a sender that is faster
/// than its callbacks would fill the memory. With it, a producer has accepted at most twice the limit of
/// messages whose callbacks have not begun, beside those of the entry whose callbacks run.
///
/// Alone on its cache lines: each send looks at it, and it changes once for each entry.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Backlog(AtomicUsize);

impl Backlog {
    #[inline]
    pub fn messages(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub fn add(&self, messages: usize) {
        self.0.fetch_add(messages, Ordering::Relaxed);
    }

    /// Their callbacks begin now, or never come. `Waiters::wake` comes after it.
    pub fn remove(&self, messages: usize) {
        self.0.fetch_sub(messages, Ordering::SeqCst);
    }
}
