//! Outcomes of sends: for callbacks, on the callback thread; for blocked threads, directly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use pulsar_rs_client::{Error, MessageId, SendSink, SentEntry, Token, Tokens};
use slab::Slab;

use crate::backlog::Backlog;
use crate::completion::CompletionQueue;
use crate::dispatch::{Dispatcher, Job, SentJob};
use crate::ffi::handle::Context;
use crate::ffi::message_id;
use crate::ffi::producer::SendFunction;
use crate::ffi::pulsar_rs::completion::pulsar_rs_completion_t;
use crate::ffi::result::pulsar_result;
use crate::last_error::LastError;

/// Who wants to know what becomes of a message, or of several in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SendToken {
    Nobody,
    Callback(SendFunction, Context),
    /// The number of a thread that waits.
    Waiting(usize),
    /// The completion queue, under this number and those behind it.
    Queued {
        first: u64,
        count: u32,
    },
}

impl Token for SendToken {
    #[inline]
    fn count(&self) -> usize {
        match self {
            SendToken::Queued { count, .. } => *count as usize,
            _ => 1,
        }
    }

    #[inline]
    fn absorb(&mut self, next: &Self) -> bool {
        match (self, next) {
            (SendToken::Queued { first, count }, SendToken::Queued { first: next, count: 1 })
                if first.wrapping_add(u64::from(*count)) == *next =>
            {
                *count += 1;
                true
            }
            _ => false,
        }
    }
}

impl SendToken {
    /// The callback with its context; nobody when there is none.
    pub fn callback(callback: Option<SendFunction>, context: Context) -> Self {
        callback.map_or(SendToken::Nobody, |callback| SendToken::Callback(callback, context))
    }

    /// One message for the completion queue.
    pub fn queued(token: u64) -> Self {
        SendToken::Queued { first: token, count: 1 }
    }

    /// Whether a callback will run on the callback thread.
    #[inline]
    pub fn has_callback(&self) -> bool {
        matches!(self, SendToken::Callback(..))
    }

    fn is_queued(&self) -> bool {
        matches!(self, SendToken::Queued { .. })
    }
}

/// Takes the outcomes of one producer.
#[derive(Debug)]
pub(crate) struct CallbackSink {
    callbacks: Arc<Dispatcher>,
    backlog: Arc<Backlog>,
    sync: Arc<SyncSends>,
    /// Set once, if at all.
    queue: OnceCell<Arc<CompletionQueue>>,
    /// The producer's: a callback gets a code only.
    last_error: Arc<LastError>,
}

impl CallbackSink {
    pub fn new(callbacks: Arc<Dispatcher>) -> Self {
        CallbackSink {
            callbacks,
            backlog: Arc::default(),
            sync: Arc::default(),
            queue: OnceCell::new(),
            last_error: Arc::default(),
        }
    }

    pub fn last_error(&self) -> &Arc<LastError> {
        &self.last_error
    }

    /// What the callback thread has not come to yet.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// Where outcomes of queued operations go.
    pub fn queue(&self) -> &OnceCell<Arc<CompletionQueue>> {
        &self.queue
    }

    /// Prepares a send whose outcome the calling thread waits for.
    pub fn begin_sync(&self) -> SyncSend {
        let (sender, outcome) = bounded(1);
        let number = self.sync.waiting.lock().insert(sender);
        self.sync.count.fetch_add(1, Ordering::Release);
        SyncSend { sends: self.sync.clone(), number, outcome }
    }
}

impl SendSink for CallbackSink {
    type Token = SendToken;

    fn complete(&self, tokens: Tokens<SendToken>, outcome: Result<SentEntry, Error>) {
        self.last_error.note(&outcome);
        if self.sync.count.load(Ordering::Acquire) > 0 {
            self.sync.complete(tokens.as_slice(), &outcome);
        }
        if let Some(queue) = self.queue.get()
            && tokens.as_slice().iter().any(SendToken::is_queued)
        {
            complete_queued(queue, tokens.as_slice(), &outcome);
        }
        if tokens.as_slice().iter().any(SendToken::has_callback) {
            let messages = count(&tokens);
            self.backlog.add(messages);
            let job = SentJob { tokens, outcome, backlog: self.backlog.clone() };
            // Refused: the client was freed, and no callback comes after that. So there is nothing to wait for.
            if self.callbacks.post(Job::Sent(job)).is_err() {
                self.backlog.remove(messages);
                self.callbacks.release_waiters();
            }
        }
    }
}

/// Messages that tokens stand for.
#[inline]
pub(crate) fn count(tokens: &Tokens<SendToken>) -> usize {
    tokens.as_slice().iter().map(Token::count).sum()
}

/// The tokens, each with the place in the entry of the first message that it stands for.
fn with_places(tokens: &[SendToken]) -> impl Iterator<Item = (usize, &SendToken)> {
    tokens.iter().scan(0, |next, token| {
        let place = *next;
        *next += token.count();
        Some((place, token))
    })
}

/// Calls the callbacks of the messages in one entry, in order.
pub(crate) fn call_back(tokens: &[SendToken], outcome: &Result<SentEntry, Error>) {
    let result = pulsar_result::from(outcome);
    for (index, token) in with_places(tokens) {
        if let SendToken::Callback(callback, context) = token {
            let id = outcome
                .as_ref()
                .map_or(std::ptr::null_mut(), |entry| message_id::give(entry.message_id(index)));
            callback(result, id, context.ptr());
        }
    }
}

/// One entry of the queue for each token, which may stand for a whole batch.
fn complete_queued(queue: &CompletionQueue, tokens: &[SendToken], outcome: &Result<SentEntry, Error>) {
    let result = pulsar_result::from(outcome);
    for (index, token) in with_places(tokens) {
        if let SendToken::Queued { first, count } = token {
            let mut completion = pulsar_rs_completion_t {
                token: *first,
                count: *count,
                result,
                ..pulsar_rs_completion_t::default()
            };
            if let Ok(entry) = outcome {
                let id = entry.message_id(index);
                completion.ledger = id.ledger;
                completion.entry = id.entry;
                completion.partition = id.partition;
                completion.batch_index = id.batch_index;
                completion.batch_size = id.batch_size;
            }
            queue.push(completion);
        }
    }
}

/// Threads that wait for the outcome of a send.
#[derive(Debug, Default)]
struct SyncSends {
    waiting: Mutex<Slab<Sender<Result<MessageId, Error>>>>,
    /// How many, to spare the lock when there are none.
    count: AtomicUsize,
}

impl SyncSends {
    fn complete(&self, tokens: &[SendToken], outcome: &Result<SentEntry, Error>) {
        for (index, token) in with_places(tokens) {
            if let SendToken::Waiting(number) = token {
                let sender = self.waiting.lock().get(*number).cloned();
                if let Some(sender) = sender {
                    let _ = sender.send(outcome.clone().map(|entry| entry.message_id(index)));
                }
            }
        }
    }
}

/// A send whose outcome a thread waits for.
#[derive(Debug)]
pub(crate) struct SyncSend {
    sends: Arc<SyncSends>,
    number: usize,
    outcome: Receiver<Result<MessageId, Error>>,
}

impl SyncSend {
    pub fn token(&self) -> SendToken {
        SendToken::Waiting(self.number)
    }

    /// Blocks until the outcome is known: the I/O thread, or whoever ends the send, hands it over directly.
    pub fn wait(self) -> Result<MessageId, Error> {
        let gone = |_| Err(Error::AlreadyClosed("the producer is closed".into()));
        self.outcome.recv().unwrap_or_else(gone)
    }
}

impl Drop for SyncSend {
    fn drop(&mut self) {
        self.sends.waiting.lock().try_remove(self.number);
        self.sends.count.fetch_sub(1, Ordering::Release);
    }
}
