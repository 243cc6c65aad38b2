//! `pulsar_rs/completion.h`

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use pulsar_rs_client::Error;

use crate::completion::{CompletionQueue, Slot};
use crate::ffi::arguments::topic;
use crate::ffi::client::{configuration, pulsar_client_t};
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Opaque};
use crate::ffi::message::pulsar_message_t;
use crate::ffi::operations::blocking;
use crate::ffi::producer::{pulsar_producer_t, send};
use crate::ffi::producer_configuration::pulsar_producer_configuration_t;
use crate::ffi::result::pulsar_result;
use crate::sends::SendToken;

/// Holds outcomes until the program fetches them.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_completion_queue_t(());

impl Opaque for pulsar_rs_completion_queue_t {
    type Value = Arc<CompletionQueue>;
    const TAG: u32 = 0x5052_4351;
    const HAS_THREADS: bool = true;
}

/// An outcome: of one operation, or of several sends in a row that went the same way.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct pulsar_rs_completion_t {
    /// What the program gave with the operation; of several sends, with the first. The others have the numbers behind
    /// it.
    pub token: u64,
    /// How many operations these are.
    pub count: u32,
    /// How they ended.
    pub result: pulsar_result,
    /// Of sends that succeeded: the ledger of the entry; -1 when the broker had the messages already.
    pub ledger: i64,
    /// The entry in its ledger; -1 when the broker had the messages already.
    pub entry: i64,
    /// Partition of the topic, or -1.
    pub partition: i32,
    /// Place of the first of the messages in the batch; -1: it was sent alone.
    pub batch_index: i32,
    /// Messages in the batch; 0: it was sent alone.
    pub batch_size: i32,
    /// The producer or consumer that was created, which is the caller's; else NULL.
    pub object: *mut c_void,
}

// SAFETY: the object is a handle, which may be used on any thread.
unsafe impl Send for pulsar_rs_completion_t {}

impl Default for pulsar_rs_completion_t {
    fn default() -> Self {
        pulsar_rs_completion_t {
            token: 0,
            count: 1,
            result: pulsar_result::pulsar_result_Ok,
            ledger: -1,
            entry: -1,
            partition: -1,
            batch_index: -1,
            batch_size: 0,
            object: std::ptr::null_mut(),
        }
    }
}

/// Creates a queue for up to `capacity` operations whose outcomes were not fetched yet; each message counts. One queue
/// may serve any number of clients and producers.
///
/// Ownership: the caller frees it with `pulsar_rs_completion_queue_free`.
/// Errors: returns NULL when `capacity` is 0 or no file descriptor can be had.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_completion_queue_create(capacity: u32) -> *mut pulsar_rs_completion_queue_t {
    guard(std::ptr::null_mut(), || {
        let queue = usize::try_from(capacity).ok().filter(|capacity| *capacity > 0).map(CompletionQueue::new);
        match queue {
            Some(Ok(queue)) => handle::give(Arc::new(queue)),
            Some(Err(_)) | None => std::ptr::null_mut(),
        }
    })
}

/// Frees a queue. Outcomes that come later are dropped; objects among those that were not fetched are not freed.
///
/// Threads: nobody may use the queue any more. Threads that wait in a send for room in the queue fail.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_completion_queue_free(queue: Option<NonNull<pulsar_rs_completion_queue_t>>) {
    guard((), || {
        if let Some(queue) = handle::reclaim(queue) {
            queue.close();
        }
    });
}

/// Returns a file descriptor that is readable while outcomes wait, for poll, epoll and the like.
///
/// Ownership: it belongs to the queue; it is never to be read, written or closed.
/// NULL: returns -1.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_completion_queue_fd(
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
) -> c_int {
    guard(-1, || handle::with(queue, |queue| queue.fd()).unwrap_or(-1))
}

/// Fetches up to `max` outcomes that are there, in the order in which they came, and returns how many.
///
/// Threads: any; several may fetch at a time.
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_completion_queue_poll(
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    completions: Option<NonNull<pulsar_rs_completion_t>>,
    max: usize,
) -> usize {
    fetch(queue, completions, |queue, take| queue.poll(max, take))
}

/// The same, and waits for the first outcome, at most `timeout_ms` milliseconds; a negative time is for ever.
///
/// Threads: any, but in a callback of a client it holds up the outcomes that it waits for.
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_completion_queue_wait(
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    completions: Option<NonNull<pulsar_rs_completion_t>>,
    max: usize,
    timeout_ms: c_int,
) -> usize {
    let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    fetch(queue, completions, |queue, take| queue.wait(max, timeout, take))
}

fn fetch(
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    completions: Option<NonNull<pulsar_rs_completion_t>>,
    how: impl FnOnce(&CompletionQueue, &mut dyn FnMut(usize, pulsar_rs_completion_t)) -> usize,
) -> usize {
    guard(0, || match (handle::shared(queue), completions) {
        (Ok(queue), Some(_)) => {
            how(&queue, &mut |index, completion| handle::write_at(completions, index, completion))
        }
        _ => 0,
    })
}

/// Has the outcomes of a producer's queued operations go to a queue. Once set it stays.
///
/// Ownership: the queue stays the caller's; it must not be freed before the producer is closed.
/// Errors: `pulsar_result_InvalidConfiguration` when the producer has a queue already or a handle cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_set_completion_queue(
    producer: Option<NonNull<pulsar_producer_t>>,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
) -> pulsar_result {
    blocking(producer, |producer| {
        let queue = handle::shared(queue)
            .map_err(|_| Error::InvalidConfiguration("this is no completion queue".into()))?;
        producer.set_completion_queue(queue)
    })
}

/// Sends a message; the outcome goes to the producer's completion queue.
///
/// Ownership: the message may be freed as soon as this returns.
/// Threads: nobody else may use the message meanwhile.
/// Errors: the message is not accepted, and nothing goes to the queue, on any result but `pulsar_result_Ok`:
/// `pulsar_result_InvalidConfiguration` without a queue; when too many messages are pending, or the queue is full, it
/// blocks or fails with `pulsar_result_ProducerQueueIsFull`, as the producer is configured.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_send_queued(
    producer: Option<NonNull<pulsar_producer_t>>,
    msg: Option<NonNull<pulsar_message_t>>,
    token: u64,
) -> pulsar_result {
    blocking(producer, |producer| {
        let slot = producer.take_slot()?;
        send(producer, msg, SendToken::queued(token))?;
        slot.keep();
        Ok(())
    })
}

/// Sends what is gathered; when everything accepted so far has its outcome, that of the flush goes to the producer's
/// completion queue, behind them.
///
/// Errors: as for `pulsar_rs_producer_send_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_flush_queued(
    producer: Option<NonNull<pulsar_producer_t>>,
    token: u64,
) -> pulsar_result {
    blocking(producer, |producer| {
        let slot = producer.take_slot()?;
        producer.flush_with(move |result| slot.complete(token, &result, std::ptr::null_mut()));
        Ok(())
    })
}

/// Closes the producer; the outcome goes to its completion queue, behind those of what was pending, which fails.
///
/// Errors: as for `pulsar_rs_producer_send_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_close_queued(
    producer: Option<NonNull<pulsar_producer_t>>,
    token: u64,
) -> pulsar_result {
    blocking(producer, |producer| {
        let slot = producer.take_slot()?;
        producer.close_with(move |result| slot.complete(token, &result, std::ptr::null_mut()));
        Ok(())
    })
}

/// Creates a producer; the outcome goes to a completion queue, with the producer as its `object`, to be freed with
/// `pulsar_producer_free`. It completes to the same queue.
///
/// Ownership: topic and configuration may be freed right after.
/// NULL: a NULL configuration means the defaults.
/// Errors: on any result but `pulsar_result_Ok` nothing goes to the queue: `pulsar_result_InvalidConfiguration` for a
/// handle that cannot be used, `pulsar_result_ProducerQueueIsFull` when the queue is full.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_create_producer_queued(
    client: Option<NonNull<pulsar_client_t>>,
    topic_name: *const c_char,
    conf: *const pulsar_producer_configuration_t,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
) -> pulsar_result {
    guard(pulsar_result::pulsar_result_UnknownError, || {
        let (Ok(client), Ok(queue)) = (handle::shared(client), handle::shared(queue)) else {
            return pulsar_result::pulsar_result_InvalidConfiguration;
        };
        let slot = match Slot::take(&queue, false) {
            Ok(slot) => slot,
            Err(error) => return pulsar_result::from(&error),
        };
        let done = move |created: Result<Arc<crate::producer::Producer>, Error>| {
            let result = created.and_then(|producer| {
                producer.set_completion_queue(queue)?;
                Ok(handle::give::<pulsar_producer_t>(producer).cast())
            });
            slot.complete(token, &result, result.as_ref().copied().unwrap_or(std::ptr::null_mut()));
        };
        client.create_producer_async(topic(topic_name), &configuration(conf), done);
        pulsar_result::pulsar_result_Ok
    })
}
