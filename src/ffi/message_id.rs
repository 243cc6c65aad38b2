//! `pulsar/c/message_id.h`

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::thread::LocalKey;

use once_cell::sync::Lazy;
use pulsar_rs_client::MessageId;

use super::guard::guard;
use super::handle::pool::{Pool, Pooled, give_pooled, recycle};
use super::handle::{self, Opaque, Static};

/// Names a message in its topic.
#[allow(non_camel_case_types)]
pub struct pulsar_message_id_t(());

impl Opaque for pulsar_message_id_t {
    type Value = MessageId;
    const TAG: u32 = 0x504d_4931;
}

thread_local!(static POOL: Pool<MessageId> = Pool::new());

impl Pooled for pulsar_message_id_t {
    fn pool() -> &'static LocalKey<Pool<MessageId>> {
        &POOL
    }

    fn fresh() -> MessageId {
        MessageId::EARLIEST
    }

    fn renew(id: &mut MessageId) -> bool {
        id.first_chunk.is_none()
    }
}

/// Hands an id to the program, which frees it with [`pulsar_message_id_free`].
#[inline]
pub(crate) fn give(id: MessageId) -> *mut pulsar_message_id_t {
    give_pooled(|place| *place = id)
}

static EARLIEST: Lazy<Static<pulsar_message_id_t>> = Lazy::new(|| Static::new(MessageId::EARLIEST));
static LATEST: Lazy<Static<pulsar_message_id_t>> = Lazy::new(|| Static::new(MessageId::LATEST));

/// Returns the id before the first message of any topic.
///
/// Ownership: static; freeing it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_id_earliest() -> *const pulsar_message_id_t {
    guard(std::ptr::null(), || EARLIEST.as_ptr())
}

/// Returns the id behind the last message of any topic.
///
/// Ownership: static; freeing it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_id_latest() -> *const pulsar_message_id_t {
    guard(std::ptr::null(), || LATEST.as_ptr())
}

/// Returns the id as bytes that every Pulsar client reads, and their number in `len`.
///
/// Ownership: the caller frees the bytes with `free`.
/// NULL: a NULL id gives NULL and length 0; `len` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_id_serialize(
    message_id: Option<NonNull<pulsar_message_id_t>>,
    len: Option<NonNull<c_int>>,
) -> *mut c_void {
    guard(std::ptr::null_mut(), || {
        let bytes = handle::with(message_id, MessageId::serialize).unwrap_or_default();
        let memory = if bytes.is_empty() { std::ptr::null_mut() } else { handle::malloc_bytes(&bytes) };
        let written = if memory.is_null() { 0 } else { bytes.len() };
        handle::write(len, c_int::try_from(written).unwrap_or(c_int::MAX));
        memory
    })
}

/// Reads an id that `pulsar_message_id_serialize`, or another Pulsar client, wrote.
///
/// Ownership: the caller frees the id with `pulsar_message_id_free`.
/// Errors: bytes that are no id, and no bytes, give NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_id_deserialize(buffer: *const c_void, len: u32) -> *mut pulsar_message_id_t {
    guard(std::ptr::null_mut(), || {
        let id = handle::with_bytes(buffer, len as usize, MessageId::deserialize);
        id.map_or(std::ptr::null_mut(), give)
    })
}

/// Returns the id as text: `(ledger,entry,partition,batch index)`.
///
/// Ownership: the caller frees the string with `free`.
/// NULL: a NULL id gives NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_id_str(message_id: Option<NonNull<pulsar_message_id_t>>) -> *mut c_char {
    guard(std::ptr::null_mut(), || {
        let text = handle::with(message_id, ToString::to_string);
        text.map_or(std::ptr::null_mut(), |text| handle::malloc_text(&text))
    })
}

/// Frees an id.
///
/// NULL: does nothing, as for `pulsar_message_id_earliest()` and `pulsar_message_id_latest()`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_id_free(message_id: Option<NonNull<pulsar_message_id_t>>) {
    guard((), || {
        if !is_constant(message_id) {
            recycle(message_id);
        }
    });
}

/// Whether it is one of the two ids that belong to the library.
pub(super) fn is_constant(message_id: Option<NonNull<pulsar_message_id_t>>) -> bool {
    [&EARLIEST, &LATEST]
        .into_iter()
        .filter_map(Lazy::get)
        .any(|id| handle::from_const(id.as_ptr()) == message_id)
}
