//! Freed handles that wait to be used again: programs make and free one message and one id for each message sent.
//!
//! Each thread has its own, so nothing is locked. A handle goes to the pool of the thread that frees it. A waiting
//! handle has no tag, so whoever uses it, or frees it again, is told that it is no handle.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::LocalKey;

use once_cell::sync::Lazy;

use super::{Boxed, Opaque, check};

/// Handles of one type that wait on one thread, at most. More are given back to the allocator.
const LIMIT: usize = 64;

/// Set to anything: freed memory goes back to the allocator at once, so that tools which look for its use see it.
static IS_OFF: Lazy<bool> = Lazy::new(|| std::env::var_os("PULSAR_RS_NO_POOL").is_some());

/// A handle type whose freed handles are used again, each with its value.
pub(crate) trait Pooled: Opaque + 'static {
    /// What waits on this thread.
    fn pool() -> &'static LocalKey<Pool<Self::Value>>;

    /// The value of a new handle.
    fn fresh() -> Self::Value;

    /// Makes a freed value as good as a new one, but for memory that it keeps. False: it is not worth keeping.
    fn renew(value: &mut Self::Value) -> bool;
}

/// What waits on one thread; it goes with the thread.
#[derive(Debug)]
pub(crate) struct Pool<V> {
    limit: usize,
    waiting: RefCell<Vec<NonNull<Boxed<V>>>>,
}

impl<V> Pool<V> {
    pub fn new() -> Self {
        Pool { limit: if *IS_OFF { 0 } else { LIMIT }, waiting: RefCell::default() }
    }

    #[inline]
    fn take(&self) -> Option<NonNull<Boxed<V>>> {
        self.waiting.borrow_mut().pop()
    }

    /// False: there are enough.
    #[inline]
    fn put(&self, boxed: NonNull<Boxed<V>>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let has_room = waiting.len() < self.limit;
        if has_room {
            waiting.push(boxed);
        }
        has_room
    }
}

impl<V> Drop for Pool<V> {
    fn drop(&mut self) {
        for boxed in self.waiting.take() {
            free(boxed);
        }
    }
}

/// Hands a handle to C, which gives it back through [`recycle`]. Its value is as good as a fresh one; `fill` changes
/// what shall be different.
#[inline]
pub(crate) fn give_pooled<O: Pooled>(fill: impl FnOnce(&mut O::Value)) -> *mut O {
    // No pool: the thread is about to end.
    let waiting = O::pool().try_with(Pool::take).ok().flatten();
    let boxed = waiting.unwrap_or_else(new_boxed::<O>).as_ptr();
    // SAFETY: it is new or has waited, so nobody else has it.
    unsafe {
        fill(&mut (*boxed).value);
        (*boxed).tag.store(O::TAG, Ordering::Relaxed);
    }
    boxed.cast()
}

#[cold]
fn new_boxed<O: Pooled>() -> NonNull<Boxed<O::Value>> {
    let boxed = Boxed { tag: AtomicU32::new(0), generation: 0, value: O::fresh() };
    NonNull::from(Box::leak(Box::new(boxed)))
}

/// Takes a handle back from C, to be used again or freed. Does nothing for NULL and for what is no such handle.
#[inline]
pub(crate) fn recycle<O: Pooled>(handle: Option<NonNull<O>>) {
    const { assert!(!O::HAS_THREADS, "a pool knows nothing of forks") };
    let Ok(boxed) = check(handle) else {
        return;
    };
    // SAFETY: checked to be a live handle of type O, and the caller gives it up. The tag is cleared first, so that
    // using or freeing it later is noticed.
    let is_worth_keeping = unsafe {
        (*boxed.as_ptr()).tag.store(0, Ordering::Relaxed);
        O::renew(&mut (*boxed.as_ptr()).value)
    };
    if !(is_worth_keeping && O::pool().try_with(|pool| pool.put(boxed)).unwrap_or(false)) {
        free(boxed);
    }
}

/// Out of line, so that handles that are kept pay nothing for it.
#[inline(never)]
fn free<V>(boxed: NonNull<Boxed<V>>) {
    // SAFETY: every handle is a box, and C gave this one up; it waits no longer.
    drop(unsafe { Box::from_raw(boxed.as_ptr()) });
}

#[cfg(test)]
mod tests {
    use super::super::{Misuse, with};
    use super::*;

    struct Plum;
    impl Opaque for Plum {
        type Value = Vec<u8>;
        const TAG: u32 = 3;
    }

    thread_local!(static PLUMS: Pool<Vec<u8>> = Pool::new());

    impl Pooled for Plum {
        fn pool() -> &'static LocalKey<Pool<Vec<u8>>> {
            &PLUMS
        }

        fn fresh() -> Vec<u8> {
            Vec::new()
        }

        fn renew(value: &mut Vec<u8>) -> bool {
            value.clear();
            value.capacity() < 100
        }
    }

    fn plum(stone: u8) -> Option<NonNull<Plum>> {
        NonNull::new(give_pooled(|value: &mut Vec<u8>| value.push(stone)))
    }

    #[test]
    fn handles_are_used_again_and_then_new() {
        let first = plum(1);
        recycle(first);
        assert_eq!(with(first, Vec::len), Err(Misuse::Foreign));
        recycle(first);
        let (second, third) = (plum(2), plum(3));
        assert_eq!(second, first);
        assert_ne!(third, first, "it was freed twice and waited once");
        assert_eq!(with(second, Vec::clone), Ok(vec![2]));
        recycle(second);
        recycle(third);
        recycle(None::<NonNull<Plum>>);
    }

    #[test]
    fn only_so_many_wait() {
        let plums: Vec<_> = (0..100).map(plum).collect();
        plums.into_iter().for_each(recycle);
        assert_eq!(PLUMS.with(|pool| pool.waiting.borrow().len()), LIMIT);
        let large = NonNull::new(give_pooled::<Plum>(|value| value.reserve(100)));
        recycle(large);
        assert_eq!(PLUMS.with(|pool| pool.waiting.borrow().len()), LIMIT - 1);
    }

    #[test]
    fn a_thread_that_ends_takes_back_what_comes_late() {
        struct Late(Option<NonNull<Plum>>);
        impl Drop for Late {
            fn drop(&mut self) {
                recycle(self.0);
                recycle(plum(1));
            }
        }
        thread_local!(static LATE: RefCell<Late> = const { RefCell::new(Late(None)) });
        let thread = std::thread::spawn(|| {
            // Made before the pool, so it goes after it.
            LATE.with(|late| late.borrow_mut().0 = None);
            let handle = plum(1);
            LATE.with(|late| late.borrow_mut().0 = handle);
        });
        thread.join().unwrap();
    }
}
