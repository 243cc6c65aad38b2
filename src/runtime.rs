//! The threads that do a client's I/O, where no user code runs, and helpers for what blocks: name lookups, files, late
//! compression, and the program's suppliers of tokens and keys.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder as RuntimeBuilder, Handle, Runtime};
use tokio::sync::Notify;

/// Name lookups, and compression of batches whose time has come, run on threads of their own, which go after this time
/// without any.
const HELPERS_LINGER: Duration = Duration::from_secs(1);

/// These threads at most: a thousand producers that compress are no reason for a thousand threads.
const HELPERS: usize = 4;

/// How long stopping waits for what cannot be interrupted, such as a name lookup.
const STOP_WITHIN: Duration = Duration::from_secs(1);

thread_local! {
    static IS_IO_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is an I/O thread of some client, where user code must not run.
pub(crate) fn is_io_thread() -> bool {
    IS_IO_THREAD.get()
}

/// A tokio runtime that belongs to one client.
#[derive(Debug)]
pub(crate) struct IoRuntime {
    handle: Handle,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
enum Running {
    /// One thread drives everything.
    One {
        stop: Arc<Notify>,
        thread: JoinHandle<()>,
    },
    Many(Runtime),
}

impl IoRuntime {
    /// Starts `threads` I/O threads, at least one.
    pub fn start(threads: usize) -> io::Result<Self> {
        let mut builder = if threads > 1 {
            RuntimeBuilder::new_multi_thread()
        } else {
            RuntimeBuilder::new_current_thread()
        };
        let runtime = builder
            .worker_threads(threads.max(1))
            .thread_name("pulsar-io")
            .thread_keep_alive(HELPERS_LINGER)
            .max_blocking_threads(HELPERS)
            .on_thread_start(|| IS_IO_THREAD.set(true))
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let running = if threads > 1 { Running::Many(runtime) } else { drive(runtime)? };
        Ok(IoRuntime { handle, running: Mutex::new(Some(running)) })
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the threads; what ran there is dropped. A second call does nothing.
    pub fn stop(&self) {
        match self.running.lock().take() {
            Some(Running::One { stop, thread }) => {
                stop.notify_one();
                let _ = thread.join();
            }
            Some(Running::Many(runtime)) => runtime.shutdown_timeout(STOP_WITHIN),
            None => {}
        }
    }
}

/// Drives a runtime of one thread until told to stop.
fn drive(runtime: Runtime) -> io::Result<Running> {
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let thread = Builder::new().name("pulsar-io".into()).spawn(move || {
        IS_IO_THREAD.set(true);
        runtime.block_on(stopped.notified());
        runtime.shutdown_timeout(STOP_WITHIN);
    })?;
    Ok(Running::One { stop, thread })
}
