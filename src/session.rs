//! What a client owns beside the core: its I/O threads and the threads for callbacks and listeners.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::bounded;
use pulsar_rs_client::Error;
use tokio::runtime::Handle;

use crate::dispatch::Dispatcher;
use crate::runtime::IoRuntime;
use crate::task::Task;

/// The threads of one client.
#[derive(Debug)]
pub(crate) struct Session {
    runtime: IoRuntime,
    callbacks: Arc<Dispatcher>,
    listeners: Vec<Arc<Dispatcher>>,
    next_listener: AtomicUsize,
}

impl Session {
    pub fn start(io_threads: usize, listener_threads: usize) -> io::Result<Self> {
        let listener = |_| Arc::new(Dispatcher::new("pulsar-listener"));
        Ok(Session {
            runtime: IoRuntime::start(io_threads)?,
            callbacks: Arc::new(Dispatcher::new("pulsar-callback")),
            listeners: (0..listener_threads.max(1)).map(listener).collect(),
            next_listener: AtomicUsize::new(0),
        })
    }

    pub fn runtime(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// The thread for callbacks of completed operations.
    pub fn callbacks(&self) -> &Arc<Dispatcher> {
        &self.callbacks
    }

    /// The thread for a new listener; they take turns.
    pub fn listener_thread(&self) -> &Arc<Dispatcher> {
        let next = self.next_listener.fetch_add(1, Ordering::Relaxed);
        &self.listeners[next % self.listeners.len()]
    }

    /// Runs an operation on the I/O threads and blocks until it is done. It works inside callbacks too: the
    /// runtime completes it, no other callback has to run first.
    pub fn wait<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, result) = bounded(1);
        self.runtime.handle().spawn(async move { _ = done.send(operation.await) });
        result.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Runs an operation on the I/O threads; `done` is called on the callback thread.
    pub fn then<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, Error>> + Send + 'static,
        done: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) {
        let completion = Completion { callbacks: self.callbacks.clone(), done: Some(done), result: None };
        self.runtime.handle().spawn(async move {
            let mut completion = completion;
            completion.result = Some(operation.await);
        });
    }

    /// Runs on the callback thread what waits for messages and then calls back.
    pub fn run_on_callbacks(&self, work: impl Future<Output = ()> + Send + 'static) {
        Task::spawn(&self.callbacks, self.runtime(), work);
    }

    /// Returns when all callbacks that are queued now have run; at once when called from one of them.
    pub fn drain_callbacks(&self) {
        if self.callbacks.is_current() || !self.callbacks.is_started() {
            return;
        }
        let (done, drained) = bounded(1);
        self.callbacks.call(move || _ = done.send(()));
        let _ = drained.recv();
    }

    /// Ends all threads, after the callbacks that are queued. Nothing runs afterwards.
    pub fn stop(&self) {
        self.runtime.stop();
        for listener in &self.listeners {
            listener.stop();
        }
        self.callbacks.stop();
    }
}

/// Calls `done` on the callback thread when it is dropped: after the operation, or, with an error, when the
/// runtime ends before it.
struct Completion<T: Send + 'static, F: FnOnce(Result<T, Error>) + Send + 'static> {
    callbacks: Arc<Dispatcher>,
    done: Option<F>,
    result: Option<Result<T, Error>>,
}

impl<T: Send + 'static, F: FnOnce(Result<T, Error>) + Send + 'static> Drop for Completion<T, F> {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            let result = self.result.take().unwrap_or_else(|| Err(gone()));
            self.callbacks.call(move || done(result));
        }
    }
}

fn gone() -> Error {
    Error::AlreadyClosed("the client is freed".into())
}
