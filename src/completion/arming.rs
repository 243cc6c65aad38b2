//! Decides who rings the bell of a queue, so that a reader which sleeps is woken once and none is forgotten.
//!
//! It knows nothing of entries and file descriptors, so that a model checker can try every order of events: tests/loom
//! compiles this very file with its own atomics.

use crate::sync::{AtomicBool, Ordering};

/// Whether the next writer has to ring.
#[derive(Debug)]
pub(crate) struct Arming {
    /// Always swapped, never stored: of a writer and the reader the later one then sees what the earlier one did
    /// before.
    armed: AtomicBool,
}

impl Arming {
    /// The reader begins asleep.
    pub fn new() -> Self {
        Arming { armed: AtomicBool::new(true) }
    }

    /// For a writer, behind adding its entry: whether it has to ring.
    pub fn must_ring(&self) -> bool {
        self.armed.swap(false, Ordering::AcqRel)
    }

    /// For the reader, when it found nothing and silenced the bell: whether it may sleep. If not, there is something
    /// again, and no writer rings for it.
    pub fn may_sleep(&self, is_empty: impl FnOnce() -> bool) -> bool {
        self.armed.swap(true, Ordering::AcqRel);
        // A writer that was faster to disarm rings, which wakes the reader too.
        is_empty() || !self.armed.swap(false, Ordering::AcqRel)
    }
}
