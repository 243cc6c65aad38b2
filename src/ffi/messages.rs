//! `pulsar/c/messages.h`

use std::ptr::NonNull;

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
