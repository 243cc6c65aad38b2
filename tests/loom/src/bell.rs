//! The bell of a completion queue.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::arming::Arming;

/// A queue that only counts, and a bell that is a flag.
struct Model {
    arming: Arming,
    entries: AtomicUsize,
    bell: AtomicBool,
}

impl Model {
    fn push(&self) {
        self.entries.fetch_add(1, Ordering::AcqRel);
        if self.arming.must_ring() {
            self.bell.store(true, Ordering::Release);
        }
    }

    /// As `CompletionQueue::poll` without a limit.
    fn poll(&self) -> usize {
        let mut fetched = 0;
        loop {
            fetched += self.entries.swap(0, Ordering::AcqRel);
            self.bell.store(false, Ordering::Release);
            if self.arming.may_sleep(|| self.entries.load(Ordering::Acquire) == 0) {
                return fetched;
            }
            self.bell.store(true, Ordering::Release);
        }
    }
}

#[test]
fn no_entry_is_left_behind_a_silent_bell() {
    let mut checker = loom::model::Builder::new();
    // More switches between threads take a minute and find nothing else.
    checker.preemption_bound = Some(3);
    checker.check(|| {
        let model = Arc::new(Model {
            arming: Arming::new(),
            entries: AtomicUsize::new(0),
            bell: AtomicBool::new(false),
        });
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let model = model.clone();
                thread::spawn(move || model.push())
            })
            .collect();
        let mut fetched = model.poll();
        for writer in writers {
            writer.join().unwrap();
        }
        // Everything was fetched, or the bell says that there is more.
        if model.bell.load(Ordering::Acquire) {
            fetched += model.poll();
        }
        assert_eq!(fetched, 2);
    });
}
