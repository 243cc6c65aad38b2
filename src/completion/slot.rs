//! Places in a completion queue, from taking one to the outcome.

use std::ffi::c_void;
use std::sync::Arc;

use pulsar_rs_client::Error;

use super::CompletionQueue;
use crate::ffi::handle::{self, Opaque};
use crate::ffi::pulsar_rs::completion::pulsar_rs_completion_t;
use crate::ffi::result::pulsar_result;

/// A place that one operation has taken. Dropped, it is given back: the operation was not accepted.
#[derive(Debug)]
pub(crate) struct Slot(Option<Arc<CompletionQueue>>);

impl Slot {
    pub fn take(queue: &Arc<CompletionQueue>, block: bool) -> Result<Self, Error> {
        queue.take_places(1, block)?;
        Ok(Slot(Some(queue.clone())))
    }

    /// The operation was accepted: its outcome comes from elsewhere.
    pub fn keep(mut self) {
        self.0 = None;
    }

    /// The operation is accepted under the program's number.
    pub fn accept(mut self, token: u64) -> Accepted {
        Accepted { queue: self.0.take(), token }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.give_back(1);
        }
    }
}

/// An accepted operation, which has exactly one outcome. Dropped without one, it fails: its client is gone.
#[derive(Debug)]
pub(crate) struct Accepted {
    queue: Option<Arc<CompletionQueue>>,
    token: u64,
}

impl Accepted {
    /// The operation has ended and made nothing.
    pub fn complete(mut self, outcome: &Result<(), Error>) {
        self.push(outcome);
    }

    /// The operation has ended with the answer to a question.
    pub fn complete_with_answer(mut self, outcome: Result<bool, Error>) {
        match outcome {
            Ok(answer) => {
                if let Some(queue) = self.queue.take() {
                    let completion = self.completion(pulsar_result::pulsar_result_Ok);
                    queue.push(pulsar_rs_completion_t { answer: answer.into(), ..completion });
                }
            }
            Err(error) => self.push(&Err(error)),
        }
    }

    /// The operation has ended; what it made is the program's when it fetches the outcome.
    pub fn complete_with(mut self, outcome: Result<Box<dyn Object>, Error>) {
        match outcome {
            Ok(object) => {
                if let Some(queue) = self.queue.take() {
                    queue.push_object(self.completion(pulsar_result::pulsar_result_Ok), object);
                }
            }
            Err(error) => self.push(&Err(error)),
        }
    }

    fn push(&mut self, outcome: &Result<(), Error>) {
        if let Some(queue) = self.queue.take() {
            queue.push(self.completion(pulsar_result::from(outcome)));
        }
    }

    fn completion(&self, result: pulsar_result) -> pulsar_rs_completion_t {
        pulsar_rs_completion_t { token: self.token, result, ..pulsar_rs_completion_t::default() }
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.push(&Err(Error::AlreadyClosed("the client is freed".into())));
    }
}

/// What an operation made, until the program fetches it.
pub(crate) trait Object: Send + std::fmt::Debug {
    /// The program has it from now on.
    fn hand_over(self: Box<Self>) -> *mut c_void;

    /// The program will not have it.
    fn take_back(self: Box<Self>);
}

/// A value that becomes a handle, or goes to `unwanted`.
pub(crate) struct Made<V, H, U> {
    value: V,
    handle: H,
    unwanted: U,
}

impl<V, H, U> Made<V, H, U>
where
    V: Send + 'static,
    H: FnOnce(V) -> *mut c_void + Send + 'static,
    U: FnOnce(V) + Send + 'static,
{
    pub fn boxed(value: V, handle: H, unwanted: U) -> Box<dyn Object> {
        Box::new(Made { value, handle, unwanted })
    }
}

impl<V, H, U> Object for Made<V, H, U>
where
    V: Send,
    H: FnOnce(V) -> *mut c_void + Send,
    U: FnOnce(V) + Send,
{
    fn hand_over(self: Box<Self>) -> *mut c_void {
        (self.handle)(self.value)
    }

    fn take_back(self: Box<Self>) {
        (self.unwanted)(self.value);
    }
}

impl<V, H, U> std::fmt::Debug for Made<V, H, U> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Made").finish_non_exhaustive()
    }
}

/// A handle as the object of an outcome.
pub(crate) fn give<O: Opaque>(value: O::Value) -> *mut c_void {
    handle::give::<O>(value).cast()
}
