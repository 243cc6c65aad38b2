//! Threads that run user code: callbacks of completed operations, and listeners.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder, JoinHandle, ThreadId};

use once_cell::sync::OnceCell;
use parking_lot::{Condvar, Mutex};
use pulsar_rs_client::{Error, SentEntry, Tokens};

use crate::sends::{SendToken, call_back};
use crate::task::Task;

/// One thread with a queue, started when it is first needed.
///
/// The queue has no limit of its own: each job belongs to an operation that was accepted under its own
/// limit (pending messages, a call that waits, a listener's consumer).
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
    Sent(Tokens<SendToken>, Result<SentEntry, Error>),
    /// Call a function.
    Call(Box<dyn FnOnce() + Send>),
    /// Go on with a task.
    Poll(Arc<Task>),
}

impl Dispatcher {
    /// A dispatcher whose thread has this name.
    pub fn new(name: &'static str) -> Self {
        Dispatcher { name, queue: Arc::default(), thread: OnceCell::new() }
    }

    /// Queues a job. Gives it back when the dispatcher is stopped, or no thread can be had.
    pub fn post(&self, job: Job) -> Result<(), Job> {
        self.queue.push(job)?;
        match self.thread.get_or_try_init(|| Running::start(self.name, self.queue.clone())) {
            Ok(_) => Ok(()),
            Err(_) => self.queue.take_back().map_or(Ok(()), Err),
        }
    }

    /// Queues a call.
    pub fn call(&self, call: impl FnOnce() + Send + 'static) {
        // Stopped: the client was freed, and no callback comes after that.
        let _ = self.post(Job::Call(Box::new(call)));
    }

    /// Whether anything was ever queued.
    pub fn is_started(&self) -> bool {
        self.thread.get().is_some()
    }

    /// Whether callbacks of messages are queued or run.
    pub fn owes_callbacks(&self) -> bool {
        self.queue.sent.load(Ordering::Acquire) > 0
    }

    /// Whether the calling thread is this dispatcher's.
    pub fn is_current(&self) -> bool {
        self.thread.get().is_some_and(|running| running.id == thread::current().id())
    }

    /// Does what is queued and ends the thread. On the thread itself it ends after the current job.
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

    /// The job that was pushed last: no thread could be had for it.
    fn take_back(&self) -> Option<Job> {
        let job = self.state.lock().jobs.pop();
        if matches!(job, Some(Job::Sent(..))) {
            self.sent.fetch_sub(1, Ordering::Relaxed);
        }
        job
    }

    fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        drop(state);
        self.posted.notify_one();
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
            match job {
                Job::Sent(tokens, outcome) => {
                    call_back(tokens.as_slice(), &outcome);
                    queue.sent.fetch_sub(1, Ordering::Release);
                }
                Job::Call(call) => call(),
                Job::Poll(task) => task.run(),
            }
        }
    }
}
