//! `pulsar/c/message_router.h`

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use super::guard::guard;
use super::handle::{self, Context, Opaque};
use super::message::pulsar_message_t;

/// What a router can know of the topic.
#[allow(non_camel_case_types)]
pub struct pulsar_topic_metadata_t(());

impl Opaque for pulsar_topic_metadata_t {
    /// Number of partitions.
    type Value = usize;
    const TAG: u32 = 0x5054_4d31;
}

/// Chooses the partition for a message: 0 or more, and less than
/// `pulsar_topic_metadata_get_num_partitions`. Anything else makes the send fail with
/// `pulsar_result_UnknownError`.
///
/// It is called once for each message, on the thread that sends it, with no lock held. Message and metadata belong to
/// the library and are valid during the call.
#[allow(non_camel_case_types)]
pub type pulsar_message_router = Option<
    extern "C" fn(
        msg: *mut pulsar_message_t,
        topic_metadata: *mut pulsar_topic_metadata_t,
        ctx: *mut c_void,
    ) -> c_int,
>;

/// Returns the number of the topic's partitions.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_topic_metadata_get_num_partitions(
    topic_metadata: Option<NonNull<pulsar_topic_metadata_t>>,
) -> c_int {
    let count = || handle::with(topic_metadata, |count| c_int::try_from(*count).unwrap_or(c_int::MAX));
    guard(0, || count().unwrap_or(0))
}

/// A program's router.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForeignRouter {
    pub function: extern "C" fn(*mut pulsar_message_t, *mut pulsar_topic_metadata_t, *mut c_void) -> c_int,
    pub context: Context,
}

impl ForeignRouter {
    /// What the program says; it may be nonsense.
    pub fn choose(&self, message: Option<NonNull<pulsar_message_t>>, partitions: usize) -> c_int {
        let metadata = handle::give::<pulsar_topic_metadata_t>(partitions);
        let message = message.map_or(std::ptr::null_mut(), NonNull::as_ptr);
        let chosen = (self.function)(message, metadata, self.context.ptr());
        let _ = handle::reclaim(NonNull::new(metadata));
        chosen
    }
}
