//! Notices that the process was forked: the threads of a client do not exist in the child.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Changes in a forked child, so that handles made before can be told from those made there.
pub(crate) fn generation() -> u32 {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        // SAFETY: the handler only adds to an atomic, which is allowed between fork and exec.
        // It fails for want of memory alone; then forks go unnoticed, as they would without us.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    current()
}

/// The same for hot paths, once some handle was made.
pub(crate) fn current() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
