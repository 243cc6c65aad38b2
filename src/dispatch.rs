//! Threads that run user code: callbacks of completed operations, and listeners.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Builder, JoinHandle, ThreadId};

use once_cell::sync::OnceCell;
use parking_lot::{Condvar, Mutex};
use pulsar_rs_client::{Error, SentEntry, Tokens};

use crate::backlog::Backlog;
use crate::sends::{SendToken, call_back, count};
use crate::task::Task;
use crate::waiters::Waiters;

/// Calls in a row that one consumer gets before the other jobs of the thread have their turn.
pub(crate) const TURN: usize = 100;

/// One thread with a queue, started when it is first needed.
///
/// The queue has no limit of its own. What bounds it: the callbacks of messages count in their producer's
/// [`Backlog`], log lines in their logger, a listener has one job at a time, and so has each operation that
/// the program began with a callback.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    name: &'static str,
    queue: Arc<Queue>,
    thread: OnceCell<Running>,
}

/// Jobs for the thread. It takes all at once, and is woken only when it waits: the lock is taken twice for
/// many jobs, and nobody spins.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    posted: Condvar,
    /// How many `Job::Sent` are not done yet.
    sent: AtomicUsize,
    /// Who waits for jobs to begin or to be done.
    waiters: Waiters,
}

#[derive(Default)]
struct QueueState {
    jobs: Vec<Job>,
    waits: bool,
    stopped: bool,
}

#[derive(Debug)]
struct Running {
    id: ThreadId,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What a dispatcher does.
pub(crate) enum Job {
    /// Call back for the messages of one entry.
    Sent(SentJob),
    /// Call a function.
    Call(Box<dyn FnOnce() + Send>),
    /// Go on with a task.
    Poll(Arc<Task>),
}

/// Messages of one entry, with their outcome.
pub(crate) struct SentJob {
    pub tokens: Tokens<SendToken>,
    pub outcome: Result<SentEntry, Error>,
    /// Where they count until their callbacks begin.
    pub backlog: Arc<Backlog>,
}

impl Dispatcher {
    /// A dispatcher whose thread has this name.
    pub fn new(name: &'static str) -> Self {
        Dispatcher { name, queue: Arc::default(), thread: OnceCell::new() }
    }

    /// Starts the thread, unless it runs. What is queued before that waits for it.
    pub fn start(&self) -> Result<(), Error> {
        if self.queue.state.lock().stopped {
            return Err(Error::AlreadyClosed("the client is freed".into()));
        }
        let started = self.thread.get_or_try_init(|| Running::start(self.name, self.queue.clone()));
        started
            .map(drop)
            .map_err(|error| Error::Unknown(format!("cannot start the thread {}: {error}", self.name)))
    }

    /// Queues a job. Gives it back when the dispatcher is stopped.
    pub fn post(&self, job: Job) -> Result<(), Job> {
        self.queue.push(job)
    }

    /// Queues a call.
    pub fn call(&self, call: impl FnOnce() + Send + 'static) {
        // Stopped: the client was freed, and no callback comes after that.
        let _ = self.post(Job::Call(Box::new(call)));
    }

    /// Whether callbacks of messages are queued or run.
    pub fn owes_callbacks(&self) -> bool {
        self.queue.sent.load(Ordering::Acquire) > 0
    }

    /// Whether the calling thread is this dispatcher's.
    pub fn is_current(&self) -> bool {
        self.thread.get().is_some_and(|running| running.id == thread::current().id())
    }

    /// Returns when all that is queued now is done; at once on the thread itself, which cannot wait for
    /// itself.
    pub fn drain(&self) {
        if self.is_current() || self.thread.get().is_none() {
            return;
        }
        let done = Arc::new(AtomicBool::new(false));
        let (flag, queue) = (done.clone(), self.queue.clone());
        let last = move || {
            flag.store(true, Ordering::SeqCst);
            queue.waiters.wake();
        };
        if self.post(Job::Call(Box::new(last))).is_ok() {
            self.wait_while(|| !done.load(Ordering::SeqCst));
        }
    }

    /// Blocks while the condition holds. It is looked at whenever callbacks of messages begin.
    pub fn wait_while(&self, condition: impl Fn() -> bool) {
        self.queue.waiters.wait_while(condition);
    }

    /// Lets go of all who wait for this dispatcher, now and later: its thread is about to wait for theirs.
    pub fn release_waiters(&self) {
        self.queue.waiters.release();
    }

    /// Does what is queued and ends the thread. On the thread itself this returns at once; what is queued is
    /// done after the current job.
    pub fn stop(&self) {
        self.queue.stop();
        let thread = self.thread.get().and_then(|running| running.thread.lock().take());
        if let Some(thread) = thread
            && !self.is_current()
        {
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), Job> {
        let mut state = self.state.lock();
        if state.stopped {
            return Err(job);
        }
        if matches!(job, Job::Sent(..)) {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        state.jobs.push(job);
        if std::mem::take(&mut state.waits) {
            drop(state);
            self.posted.notify_one();
        }
        Ok(())
    }

    fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        drop(state);
        self.posted.notify_one();
    }

    fn perform(&self, job: Job) {
        match job {
            Job::Sent(SentJob { tokens, outcome, backlog }) => {
                // Before the callbacks run: one of them may send and find no other room than this.
                backlog.remove(count(&tokens));
                self.waiters.wake();
                call_back(tokens.as_slice(), &outcome);
            }
            Job::Call(call) => call(),
            Job::Poll(task) => task.run(),
        }
    }

    /// Swaps all waiting jobs into `jobs`, which must be empty. False when there will be no more.
    fn take(&self, jobs: &mut Vec<Job>) -> bool {
        let mut state = self.state.lock();
        while state.jobs.is_empty() {
            if state.stopped {
                return false;
            }
            state.waits = true;
            self.posted.wait(&mut state);
        }
        std::mem::swap(&mut state.jobs, jobs);
        true
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} jobs", self.state.lock().jobs.len())
    }
}

impl Running {
    fn start(name: &str, queue: Arc<Queue>) -> std::io::Result<Self> {
        let thread = Builder::new().name(name.into()).spawn(move || run(&queue))?;
        Ok(Running { id: thread.thread().id(), thread: Mutex::new(Some(thread)) })
    }
}

fn run(queue: &Queue) {
    let mut jobs = Vec::new();
    while queue.take(&mut jobs) {
        for job in jobs.drain(..) {
            let is_sent = matches!(job, Job::Sent(..));
            // A panic is a defect of this library. It costs its job; the callbacks behind it still come.
            let _ = catch_unwind(AssertUnwindSafe(|| queue.perform(job)));
            if is_sent {
                queue.sent.fetch_sub(1, Ordering::Release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_its_job_only() {
        let dispatcher = Dispatcher::new("test");
        dispatcher.start().unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let flag = done.clone();
        dispatcher.call(|| panic!("a defect"));
        dispatcher.call(move || flag.store(true, Ordering::Relaxed));
        dispatcher.drain();
        assert!(done.load(Ordering::Relaxed));
        dispatcher.stop();
    }

    #[test]
    fn what_is_queued_is_done_before_the_end() {
        let dispatcher = Arc::new(Dispatcher::new("test"));
        dispatcher.start().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let (counter, inner) = (done.clone(), dispatcher.clone());
        dispatcher.call(move || {
            let after = counter.clone();
            inner.call(move || _ = after.fetch_add(1, Ordering::Relaxed));
            inner.stop();
            assert_eq!(counter.fetch_add(1, Ordering::Relaxed), 0);
        });
        let queue = Arc::downgrade(&dispatcher.queue);
        drop(dispatcher);
        // The thread ends last and drops the queue.
        while queue.strong_count() > 0 {
            thread::yield_now();
        }
        assert_eq!(done.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn waiters_are_let_go() {
        let dispatcher = Arc::new(Dispatcher::new("test"));
        let waiting = dispatcher.clone();
        let thread = thread::spawn(move || waiting.wait_while(|| true));
        dispatcher.release_waiters();
        thread.join().unwrap();
        dispatcher.wait_while(|| true);
    }

    #[test]
    fn a_stopped_dispatcher_does_not_start() {
        let dispatcher = Dispatcher::new("test");
        dispatcher.stop();
        assert!(dispatcher.start().is_err());
        assert!(dispatcher.post(Job::Call(Box::new(|| ()))).is_err());
    }
}
