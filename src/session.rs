//! What a client owns beside the core: its I/O threads and the threads for callbacks and listeners.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crossbeam_channel::bounded;
use parking_lot::Mutex;
use pulsar_rs_client::Error;
use tokio::runtime::Handle;

use crate::dispatch::Dispatcher;
use crate::listener::Gate;
use crate::runtime::IoRuntime;
use crate::task::Task;

/// The threads of one client.
#[derive(Debug)]
pub(crate) struct Session {
    runtime: IoRuntime,
    callbacks: Arc<Dispatcher>,
    listeners: Vec<Arc<Dispatcher>>,
    next_listener: AtomicUsize,
    /// Of consumers with a listener; those that are gone are swept out when one more comes.
    gates: Mutex<Vec<Weak<Gate>>>,
}

impl Session {
    pub fn start(io_threads: usize, listener_threads: usize) -> io::Result<Self> {
        let listener = |_| Arc::new(Dispatcher::new("pulsar-listener"));
        Ok(Session {
            runtime: IoRuntime::start(io_threads)?,
            callbacks: Arc::new(Dispatcher::new("pulsar-callback")),
            listeners: (0..listener_threads.max(1)).map(listener).collect(),
            next_listener: AtomicUsize::new(0),
            gates: Mutex::default(),
        })
    }

    pub fn runtime(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// The thread for callbacks of completed operations.
    pub fn callbacks(&self) -> &Arc<Dispatcher> {
        &self.callbacks
    }

    /// The thread for a new listener, which runs then; they take turns.
    pub fn listener_thread(&self) -> Result<&Arc<Dispatcher>, Error> {
        let next = self.next_listener.fetch_add(1, Ordering::Relaxed);
        let thread = &self.listeners[next % self.listeners.len()];
        thread.start()?;
        Ok(thread)
    }

    /// A gate for a listener, which [`Session::end_listeners`] knows.
    pub fn gate(&self, paused: bool) -> Arc<Gate> {
        let gate = Arc::new(Gate::new(paused));
        let mut gates = self.gates.lock();
        gates.retain(|gate| gate.strong_count() > 0);
        gates.push(Arc::downgrade(&gate));
        gate
    }

    /// Ends the listeners that are paused: the consumers are closed.
    pub fn end_listeners(&self) {
        for gate in std::mem::take(&mut *self.gates.lock()) {
            gate.upgrade().inspect(|gate| gate.end());
        }
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

    /// Runs an operation on the I/O threads; `done` is called on the callback thread; at once when there can
    /// be no such thread.
    pub fn then<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, Error>> + Send + 'static,
        done: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) {
        if let Err(error) = self.callbacks.start() {
            return done(Err(error));
        }
        let completion = Completion { callbacks: self.callbacks.clone(), done: Some(done), result: None };
        self.runtime.handle().spawn(async move {
            let mut completion = completion;
            completion.result = Some(operation.await);
        });
    }

    /// Runs on the callback thread, which was started, what waits for messages and then calls back.
    pub fn run_on_callbacks(&self, work: impl Future<Output = ()> + Send + 'static) {
        Task::spawn(&self.callbacks, self.runtime(), work);
    }

    /// Returns when all callbacks that are queued now have run; at once when called from one of them.
    pub fn drain_callbacks(&self) {
        self.callbacks.drain();
    }

    /// Ends all threads, after the callbacks that are queued. Nothing runs afterwards; inside a callback,
    /// nothing but the callbacks that are queued, after that one.
    pub fn stop(&self) {
        self.runtime.stop();
        if self.callbacks.is_current() {
            // A listener may wait for callbacks, none of which runs before this one returns.
            self.callbacks.release_waiters();
        }
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
