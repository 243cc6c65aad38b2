//! Calls that would run inside themselves run one after the other instead.

use std::cell::RefCell;
use std::collections::VecDeque;

type Call = Box<dyn FnOnce()>;

thread_local! {
    /// The calls that run on this thread, outermost first, with those that wait for them.
    static RUNNING: RefCell<Vec<(usize, VecDeque<Call>)>> = const { RefCell::new(Vec::new()) };
}

/// Runs `call`; when a call with the same key runs on this thread already, as soon as that returned.
pub(crate) fn unroll(key: usize, call: impl FnOnce() + 'static) {
    let later =
        RUNNING.with_borrow_mut(|running| match running.iter_mut().find(|(found, _)| *found == key) {
            Some((_, waiting)) => {
                waiting.push_back(Box::new(call));
                None
            }
            None => {
                running.push((key, VecDeque::new()));
                Some(call)
            }
        });
    let Some(call) = later else {
        return;
    };
    let _over_at_the_end = Outermost(key);
    call();
    while let Some(next) = next(key) {
        next();
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

impl Drop for Outermost {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| running.retain(|(found, _)| *found != self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    fn count_down(left: u32, depth: &Rc<Cell<u32>>, deepest: &Rc<Cell<u32>>) {
        let (depth, deepest) = (depth.clone(), deepest.clone());
        unroll(1, move || {
            depth.set(depth.get() + 1);
            deepest.set(deepest.get().max(depth.get()));
            if left > 0 {
                count_down(left - 1, &depth, &deepest);
            }
            depth.set(depth.get() - 1);
        });
    }

    #[test]
    fn a_call_inside_itself_does_not_recurse() {
        let (depth, deepest) = (Rc::default(), Rc::default());
        count_down(100_000, &depth, &deepest);
        assert_eq!((depth.get(), deepest.get()), (0, 1));
    }

    #[test]
    fn other_keys_run_at_once() {
        let inner = Rc::new(Cell::new(false));
        let seen = inner.clone();
        unroll(1, move || {
            let flag = inner.clone();
            unroll(2, move || flag.set(true));
            assert!(inner.get());
        });
        assert!(seen.get());
    }
}
