//! Another Rust library in the same program: with a standard library, threads and panics of its own.

use std::collections::HashMap;
use std::ffi::c_int;
use std::panic::catch_unwind;

/// Counts on other threads; gives `count`.
#[unsafe(no_mangle)]
pub extern "C" fn other_threads(count: c_int) -> c_int {
    let threads: Vec<_> = (0..count).map(|number| std::thread::spawn(move || (number, 1))).collect();
    let ended: HashMap<c_int, c_int> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
    ended.values().sum()
}

/// Panics, and catches it: gives 1. Things on the stack are dropped meanwhile, or it gives 2.
#[unsafe(no_mangle)]
pub extern "C" fn other_panic() -> c_int {
    struct Dropped<'a>(&'a mut bool);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            *self.0 = true;
        }
    }
    let mut dropped = false;
    let caught = catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = Dropped(&mut dropped);
        panic!("the other library panics");
    }));
    match (caught, dropped) {
        (Err(_), true) => 1,
        (Err(_), false) => 2,
        (Ok(()), _) => 0,
    }
}
