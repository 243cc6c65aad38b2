//! Calls that would run inside themselves run one after the other instead.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::dispatch::{Dispatcher, Job, TURN};

type Call = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The calls that run on this thread, outermost first, with those that wait for them.
    static RUNNING: RefCell<Vec<(usize, VecDeque<Call>)>> = const { RefCell::new(Vec::new()) };
}

/// Runs `call`; when a call with the same key runs on this thread already, as soon as that returned. After
/// many in a row the rest goes on as a job of the dispatcher: others have their turn there, and a thread of
/// the program gets out.
pub(crate) fn unroll(key: usize, dispatcher: &Arc<Dispatcher>, call: impl FnOnce() + Send + 'static) {
    let call: Call = Box::new(call);
    let later =
        RUNNING.with_borrow_mut(|running| match running.iter_mut().find(|(found, _)| *found == key) {
            Some((_, waiting)) => {
                waiting.push_back(call);
                None
            }
            None => Some(call),
        });
    if let Some(call) = later {
        run(key, dispatcher, VecDeque::from([call]));
    }
}

/// Runs the calls, and those that come up meanwhile.
fn run(key: usize, dispatcher: &Arc<Dispatcher>, calls: VecDeque<Call>) {
    RUNNING.with_borrow_mut(|running| running.push((key, calls)));
    let outermost = Outermost(key);
    let mut in_a_row = 0;
    while let Some(next) = next(key) {
        next();
        in_a_row += 1;
        // Without that thread, or when the client was freed so that nothing more arrives, all of it runs here.
        if in_a_row >= TURN && dispatcher.start().is_ok() {
            break;
        }
    }
    let rest = outermost.end();
    if !rest.is_empty() {
        go_on_later(key, dispatcher, rest);
    }
}

fn go_on_later(key: usize, dispatcher: &Arc<Dispatcher>, calls: VecDeque<Call>) {
    let again = dispatcher.clone();
    let job = Job::Call(Box::new(move || run(key, &again, calls)));
    // Stopped in this moment.
    if let Err(Job::Call(call)) = dispatcher.post(job) {
        call();
    }
}

/// The next call that waits.
fn next(key: usize) -> Option<Call> {
    RUNNING.with_borrow_mut(|running| {
        let (_, waiting) = running.iter_mut().find(|(found, _)| *found == key)?;
        waiting.pop_front()
    })
}

/// The outermost call with a key; it is over when this is dropped, also by a panic.
struct Outermost(usize);

impl Outermost {
    /// The calls that still wait.
    fn end(self) -> VecDeque<Call> {
        RUNNING.with_borrow_mut(|running| {
            let own = running.iter_mut().find(|(found, _)| *found == self.0);
            own.map(|(_, waiting)| std::mem::take(waiting)).unwrap_or_default()
        })
    }
}

impl Drop for Outermost {
    fn drop(&mut self) {
        // Outside the list, because calls may drop what unrolls again.
        let calls = RUNNING.with_borrow_mut(|running| {
            let index = running.iter().position(|(found, _)| *found == self.0)?;
            Some(running.remove(index))
        });
        drop(calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Default)]
    struct Seen {
        calls: AtomicU32,
        depth: AtomicU32,
        deepest: AtomicU32,
        /// Calls when the other job ran.
        at_other: AtomicU32,
    }

    fn count_down(left: u32, dispatcher: &Arc<Dispatcher>, seen: &Arc<Seen>) {
        let (again, seen) = (dispatcher.clone(), seen.clone());
        unroll(1, dispatcher, move || {
            seen.calls.fetch_add(1, Ordering::Relaxed);
            let depth = seen.depth.fetch_add(1, Ordering::Relaxed) + 1;
            seen.deepest.fetch_max(depth, Ordering::Relaxed);
            if left > 0 {
                count_down(left - 1, &again, &seen);
            }
            seen.depth.fetch_sub(1, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_call_inside_itself_does_not_recurse() {
        let (dispatcher, seen) = (Arc::new(Dispatcher::new("test")), Arc::new(Seen::default()));
        count_down(100_000, &dispatcher, &seen);
        dispatcher.stop();
        let numbers = [&seen.calls, &seen.depth, &seen.deepest].map(|number| number.load(Ordering::Relaxed));
        assert_eq!(numbers[1..], [0, 1]);
        // The rest was refused by the dispatcher that stopped, and went on somewhere.
        assert_eq!(numbers[0], 100_001);
    }

    #[test]
    fn others_have_their_turn() {
        let (dispatcher, seen) = (Arc::new(Dispatcher::new("test")), Arc::new(Seen::default()));
        let (inner, counts, other) = (dispatcher.clone(), seen.clone(), seen.clone());
        dispatcher.start().unwrap();
        dispatcher.call(move || {
            let waiting = inner.clone();
            waiting
                .call(move || other.at_other.store(other.calls.load(Ordering::Relaxed), Ordering::Relaxed));
            count_down(1000, &inner, &counts);
        });
        while seen.calls.load(Ordering::Relaxed) < 1001 {
            std::thread::yield_now();
        }
        dispatcher.stop();
        assert_eq!(seen.at_other.load(Ordering::Relaxed) as usize, TURN);
    }

    #[test]
    fn other_keys_run_at_once() {
        let dispatcher = Arc::new(Dispatcher::new("test"));
        let inner = Arc::new(AtomicU32::new(0));
        let (seen, again) = (inner.clone(), dispatcher.clone());
        unroll(1, &dispatcher, move || {
            let flag = inner.clone();
            unroll(2, &again, move || flag.store(1, Ordering::Relaxed));
            assert_eq!(inner.load(Ordering::Relaxed), 1);
        });
        assert_eq!(seen.load(Ordering::Relaxed), 1);
    }
}
