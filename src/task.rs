//! Futures that run on a dispatcher, because user code runs in them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::dispatch::{Dispatcher, Job};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future and the dispatcher that polls it.
pub(crate) struct Task {
    /// Taken out while it is polled, so that no lock is held while user code runs.
    work: Mutex<Option<Work>>,
    dispatcher: Arc<Dispatcher>,
    /// For the future's timers.
    runtime: Handle,
    queued: AtomicBool,
}

impl Task {
    /// Runs `work` on the dispatcher's thread.
    pub fn spawn(
        dispatcher: &Arc<Dispatcher>,
        runtime: Handle,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = Arc::new(Task {
            work: Mutex::new(Some(Box::pin(work))),
            dispatcher: dispatcher.clone(),
            runtime,
            queued: AtomicBool::new(false),
        });
        task.wake();
    }

    /// Goes on as far as possible. Called by the dispatcher.
    pub fn run(self: Arc<Self>) {
        // Whoever wakes from here on has it queued again.
        self.queued.store(false, Ordering::Release);
        let Some(mut work) = self.work.lock().take() else {
            return;
        };
        let waker = Waker::from(self.clone());
        let _timers = self.runtime.enter();
        if work.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending {
            *self.work.lock() = Some(work);
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let dispatcher = self.dispatcher.clone();
        if let Err(Job::Poll(task)) = dispatcher.post(Job::Poll(self)) {
            // The dispatcher is gone, so nobody will go on. The future may hold the waker that holds the
            // task: let it go.
            let work = task.work.lock().take();
            drop(work);
        }
    }
}

/// Lets the other jobs of the dispatcher run.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
