//! `pulsar/c/messages.h`

use std::ptr::NonNull;

use pulsar_rs_client::{Error, Message as Received};

use super::guard::guard;
use super::handle::{self, Opaque};
use super::message::pulsar_message_t;
use crate::message::Message;

/// Messages of a batch receive.
#[allow(non_camel_case_types)]
pub struct pulsar_messages_t(());

impl Opaque for pulsar_messages_t {
    type Value = MessageList;
    const TAG: u32 = 0x504d_4c31;
}

/// Messages that belong to their list, each with a handle of its own.
pub struct MessageList(Vec<NonNull<pulsar_message_t>>);

impl MessageList {
    pub(crate) fn new(messages: impl Iterator<Item = Message>) -> Self {
        MessageList(messages.filter_map(|message| NonNull::new(handle::give(message))).collect())
    }
}

impl Drop for MessageList {
    fn drop(&mut self) {
        for message in self.0.drain(..) {
            drop(handle::reclaim(Some(message)));
        }
    }
}

/// The messages of a list that were received, which are all.
pub(crate) fn received(msgs: Option<NonNull<pulsar_messages_t>>) -> Result<Vec<Received>, Error> {
    let one = |message: &NonNull<pulsar_message_t>| {
        handle::with(Some(*message), |message| message.as_received().cloned()).ok().flatten()
    };
    let all = handle::with(msgs, |list| list.0.iter().filter_map(one).collect());
    all.map_err(|_| Error::InvalidMessage("no list of messages".into()))
}

/// Returns the number of messages.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_messages_size(msgs: Option<NonNull<pulsar_messages_t>>) -> usize {
    guard(0, || handle::with(msgs, |list| list.0.len()).unwrap_or(0))
}

/// Returns the message at `index`, from 0; NULL when there is none.
///
/// Ownership: the message belongs to the list; do not free it alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_messages_get(
    msgs: Option<NonNull<pulsar_messages_t>>,
    index: usize,
) -> *mut pulsar_message_t {
    guard(std::ptr::null_mut(), || {
        let found = handle::with(msgs, |list| list.0.get(index).map(|message| message.as_ptr()));
        found.ok().flatten().unwrap_or(std::ptr::null_mut())
    })
}

/// Frees the list and its messages.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_messages_free(msgs: Option<NonNull<pulsar_messages_t>>) {
    guard((), || drop(handle::reclaim(msgs)));
}
