//! Outcomes of sends: for callbacks, on the callback thread; for blocked threads, directly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use pulsar_rs_client::{Error, MessageId, SendSink, SentEntry, Token, Tokens};
use slab::Slab;

use crate::dispatch::{Dispatcher, Job};
use crate::ffi::handle::{self, Context};
use crate::ffi::producer::SendFunction;
use crate::ffi::result::pulsar_result;
use crate::last_error::LastError;

/// What a producer keeps for each message: 16 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendToken {
    /// Absent: nobody is called, or a thread waits.
    callback: Option<SendFunction>,
    /// For the callback; or the number of the thread that waits.
    context: Context,
}

impl Token for SendToken {}

/// No thread waits.
const NOBODY: usize = usize::MAX;

impl SendToken {
    /// The callback with its context; `None` when nobody wants to know.
    pub fn callback(callback: Option<SendFunction>, context: Context) -> Self {
        match callback {
            Some(_) => SendToken { callback, context },
            None => SendToken::waiting(NOBODY),
        }
    }

    fn waiting(number: usize) -> Self {
        SendToken { callback: None, context: Context::new(std::ptr::without_provenance_mut(number)) }
    }

    fn waiting_number(&self) -> Option<usize> {
        let number = self.context.ptr().addr();
        (self.callback.is_none() && number != NOBODY).then_some(number)
    }
}

/// Takes the outcomes of one producer.
#[derive(Debug)]
pub(crate) struct CallbackSink {
    callbacks: Arc<Dispatcher>,
    sync: Arc<SyncSends>,
    /// The producer's: a callback gets a code only.
    last_error: Arc<LastError>,
}

impl CallbackSink {
    pub fn new(callbacks: Arc<Dispatcher>) -> Self {
        CallbackSink { callbacks, sync: Arc::default(), last_error: Arc::default() }
    }

    pub fn last_error(&self) -> &Arc<LastError> {
        &self.last_error
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
        if tokens.as_slice().iter().any(|token| token.callback.is_some()) {
            // Refused: the client was freed, and no callback comes after that.
            let _ = self.callbacks.post(Job::Sent(tokens, outcome));
        }
    }
}

/// Calls the callbacks of the messages in one entry, in order.
pub(crate) fn call_back(tokens: &[SendToken], outcome: &Result<SentEntry, Error>) {
    let result = pulsar_result::from(outcome);
    for (index, token) in tokens.iter().enumerate() {
        if let Some(callback) = token.callback {
            let id =
                outcome.as_ref().map_or(std::ptr::null_mut(), |entry| handle::give(entry.message_id(index)));
            callback(result, id, token.context.ptr());
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
        for (index, token) in tokens.iter().enumerate() {
            if let Some(number) = token.waiting_number() {
                let sender = self.waiting.lock().get(number).cloned();
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
        SendToken::waiting(self.number)
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
