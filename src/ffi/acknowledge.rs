//! What the functions that acknowledge have in common.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use pulsar_rs_client::Error;

use super::consumer::{id, pulsar_consumer_t, pulsar_result_callback, with_received};
use super::handle;
use super::message::pulsar_message_t;
use super::message_id::pulsar_message_id_t;
use super::operations::{Done, asynchronous, blocking};
use super::result::pulsar_result;
use crate::acknowledgements::Acknowledged;
use crate::consumer::Consumer;

/// What a program names to be acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named {
    Message(Option<NonNull<pulsar_message_t>>),
    Id(Option<NonNull<pulsar_message_id_t>>),
    UpToMessage(Option<NonNull<pulsar_message_t>>),
    UpToId(Option<NonNull<pulsar_message_id_t>>),
}

impl Named {
    fn with(self, act: impl FnOnce(Acknowledged<'_>) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Named::Message(message) => with_received(message, |message| act(Acknowledged::one(message))),
            Named::Id(message_id) => act(Acknowledged::id(&id(message_id)?)),
            Named::UpToMessage(message) => {
                with_received(message, |message| act(Acknowledged::up_to(message)))
            }
            Named::UpToId(message_id) => act(Acknowledged::UpToId(&id(message_id)?)),
        }
    }

    /// Starts what has `done` told; without anything to acknowledge it is told at once.
    pub fn start(self, done: Done, acknowledge: impl FnOnce(Acknowledged<'_>, Done)) {
        let mut done = Some(done);
        let outcome = self.with(|what| {
            if let Some(done) = done.take() {
                acknowledge(what, done);
            }
            Ok(())
        });
        if let (Err(error), Some(done)) = (outcome, done) {
            done(Err(error));
        }
    }
}

/// Acknowledges; with receipts it waits for the broker's.
#[inline]
pub(super) fn acknowledge(consumer: Option<NonNull<pulsar_consumer_t>>, named: Named) -> pulsar_result {
    blocking(consumer, |consumer| named.with(|what| consumer.acknowledge(what)))
}

/// Acknowledges and calls back: before this returns, or, with receipts, on the callback thread. `note` acknowledges
/// without receipts; it is there beside `named` because each caller has its own, which becomes part of it.
#[inline]
pub(super) fn acknowledge_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
    named: Named,
    note: impl FnOnce(&Arc<Consumer>) -> Result<(), Error>,
) {
    if handle::with(consumer, |consumer| consumer.has_ack_receipts).unwrap_or_default() {
        return confirm_async(consumer, callback, ctx, named);
    }
    let result = blocking(consumer, note);
    if let Some(callback) = callback {
        callback(result, ctx);
    }
}

/// Apart from the way of most acknowledgements, which stays short.
#[inline(never)]
fn confirm_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    callback: pulsar_result_callback,
    ctx: *mut c_void,
    named: Named,
) {
    asynchronous(consumer, callback, ctx, |consumer, done| {
        named.start(done, |what, done| consumer.acknowledge_async(what, done));
    });
}
