//! The memory that messages of a client may take: those under way, and those that wait in queues that grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::Error;

/// Counts bytes of messages that are accepted and not completed: payload, keys and properties. And those of entries that
/// consumers fetched ahead, as far as they look at the limit themselves.
///
/// Producers wait for memory, consumers never do: what comes is there already. So that producers do not wait for a program
/// that would receive again once it has sent, one message may always be under way.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    /// Bytes; 0: no limit.
    limit: usize,
    /// Bytes of messages under way.
    sending: AtomicUsize,
    /// Bytes of entries that wait for receivers.
    received: AtomicUsize,
    /// How often more than 75 % came to be in use.
    times_tight: AtomicU64,
    waiting: Mutex<Waiting>,
    freed: Condvar,
}

/// Bytes of an entry that waits for receivers. They are given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    memory: Arc<MemoryLimit>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.received.fetch_sub(self.bytes, Ordering::SeqCst);
        self.memory.wake();
    }
}

#[derive(Debug, Default)]
struct Waiting {
    threads: usize,
    /// How often they were told to look again.
    calls: u64,
}

impl MemoryLimit {
    pub fn new(limit: usize) -> Self {
        MemoryLimit {
            limit,
            sending: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
            times_tight: AtomicU64::new(0),
            waiting: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Takes `bytes` unless the limit is passed already. One message may pass it, as in the established clients: else
    /// one that is larger could never be sent.
    #[inline]
    pub fn try_take(&self, bytes: usize) -> Result<(), Error> {
        if self.limit == 0 {
            return Ok(());
        }
        let received = self.received.load(Ordering::Acquire);
        let taken = self.sending.fetch_update(Ordering::AcqRel, Ordering::Acquire, |sending| {
            self.has_room(sending, received).then(|| sending.saturating_add(bytes))
        });
        match taken {
            Ok(before) => {
                self.note_rise(before.saturating_add(received), bytes);
                Ok(())
            }
            Err(sending) => Err(Error::MemoryBufferIsFull(format!(
                "{sending} bytes are under way, {received} wait for receivers, {} are allowed",
                self.limit
            ))),
        }
    }

    fn has_room(&self, sending: usize, received: usize) -> bool {
        sending == 0 || sending.saturating_add(received) <= self.limit
    }

    /// Counts an entry that came, as long as the answer lives. Nothing without a limit.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        if self.limit == 0 {
            return None;
        }
        let before = self.received.fetch_add(bytes, Ordering::AcqRel);
        self.note_rise(before.saturating_add(self.sending.load(Ordering::Relaxed)), bytes);
        Some(Held { memory: self.clone(), bytes })
    }

    /// More than 75 % of the limit are in use.
    pub fn is_tight(&self) -> bool {
        self.limit > 0 && self.used() > self.tight_above()
    }

    /// How often it became tight.
    pub fn times_tight(&self) -> u64 {
        self.times_tight.load(Ordering::Relaxed)
    }

    fn tight_above(&self) -> usize {
        self.limit - self.limit / 4
    }

    #[inline]
    fn note_rise(&self, before: usize, bytes: usize) {
        let tight = self.tight_above();
        if before <= tight && before.saturating_add(bytes) > tight {
            self.times_tight.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Bytes; 0: no limit.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes in use; counted only with a limit.
    pub fn used(&self) -> usize {
        let (sending, received) =
            (self.sending.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed));
        sending.saturating_add(received)
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
        let (sending, received) = (self.sending.load(Ordering::SeqCst), self.received.load(Ordering::SeqCst));
        let waits = !self.has_room(sending, received) && goes_on();
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
            self.sending.fetch_sub(bytes, Ordering::SeqCst);
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
    fn what_waits_for_receivers_counts_and_leaves_room_for_one_message() {
        let memory = Arc::new(MemoryLimit::new(1000));
        let held: Vec<_> = (0..5).map(|_| memory.hold(300)).collect();
        assert_eq!((memory.used(), memory.times_tight(), memory.is_tight()), (1500, 1, true));
        assert!(memory.try_take(10).is_ok());
        assert!(matches!(memory.try_take(10), Err(Error::MemoryBufferIsFull(_))));
        memory.give_back(10);
        assert!(memory.try_take(10).is_ok());
        drop(held);
        assert_eq!((memory.used(), memory.is_tight()), (10, false));
        assert!(memory.try_take(700).is_ok() && memory.hold(100).is_some());
        assert_eq!(memory.times_tight(), 2);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let memory = MemoryLimit::new(0);
        assert!(memory.try_take(usize::MAX).is_ok());
        assert!(memory.try_take(usize::MAX).is_ok());
        memory.give_back(1);
        assert!(Arc::new(memory).hold(usize::MAX).is_none());
    }
}
