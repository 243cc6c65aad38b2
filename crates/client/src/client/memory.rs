//! The memory that all producers of a client may use for messages under way.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::Error;

/// Counts bytes of messages that are accepted and not completed: payload, keys and properties.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    /// Bytes; 0: no limit.
    limit: usize,
    used: AtomicUsize,
    waiting: Mutex<Waiting>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    threads: usize,
    /// How often they were told to look again.
    calls: u64,
}

impl MemoryLimit {
    pub fn new(limit: usize) -> Self {
        MemoryLimit { limit, used: AtomicUsize::new(0), waiting: Mutex::default(), freed: Condvar::new() }
    }

    /// Takes `bytes` unless the limit is passed already. One message may pass it, as in the established clients: else
    /// one that is larger could never be sent.
    #[inline]
    pub fn try_take(&self, bytes: usize) -> Result<(), Error> {
        if self.limit == 0 {
            return Ok(());
        }
        let taken = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
            (used <= self.limit).then(|| used.saturating_add(bytes))
        });
        taken.map(|_| ()).map_err(|used| {
            Error::MemoryBufferIsFull(format!("{used} bytes are under way, {} are allowed", self.limit))
        })
    }

    /// Bytes; 0: no limit.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes in use; counted only with a limit.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Waits until there may be memory, while `goes_on`.
    pub fn wait(&self, goes_on: impl Fn() -> bool) {
        let calls = {
            let mut waiting = self.waiting.lock();
            waiting.threads += 1;
            waiting.calls
        };
        // What is freed from here on calls; what was freed before is seen here. No lock is held: `goes_on` takes that
        // of a producer, which calls with it held.
        let waits = self.used.load(Ordering::SeqCst) > self.limit && goes_on();
        let mut waiting = self.waiting.lock();
        while waits && waiting.calls == calls {
            self.freed.wait(&mut waiting);
        }
        waiting.threads -= 1;
    }

    /// Gives bytes back.
    #[inline]
    pub fn give_back(&self, bytes: usize) {
        if self.limit > 0 {
            self.used.fetch_sub(bytes, Ordering::SeqCst);
            self.wake();
        }
    }

    /// Has those who wait look again.
    pub fn wake(&self) {
        if self.limit == 0 {
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.threads > 0 {
            waiting.calls += 1;
            self.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_may_be_passed_once() {
        let memory = MemoryLimit::new(50_000);
        assert!(memory.try_take(60_000).is_ok());
        assert!(matches!(memory.try_take(1), Err(Error::MemoryBufferIsFull(_))));
        memory.give_back(60_000);
        for _ in 0..3 {
            assert!(memory.try_take(20_000).is_ok());
        }
        assert!(memory.try_take(20_000).is_err());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let memory = MemoryLimit::new(0);
        assert!(memory.try_take(usize::MAX).is_ok());
        assert!(memory.try_take(usize::MAX).is_ok());
        memory.give_back(1);
    }
}
