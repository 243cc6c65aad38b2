//! `pulsar_rs/completion.h`
//!
//! As long as the header: one function for each operation that the established API has with a callback.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use pulsar_rs_client::Error;

use crate::client::{Client, Topics};
use crate::completion::{CompletionQueue, Made, Object, Slot, give};
use crate::consumer::Consumer;
use crate::ffi::acknowledge::Named;
use crate::ffi::arguments::{subscription, topic};
use crate::ffi::client::{configuration, pulsar_client_t};
use crate::ffi::consumer::{id, pulsar_consumer_t};
use crate::ffi::consumer_configuration::pulsar_consumer_configuration_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Opaque};
use crate::ffi::message::pulsar_message_t;
use crate::ffi::message_id::pulsar_message_id_t;
use crate::ffi::operations::{Done, Operated, blocking};
use crate::ffi::producer::{pulsar_producer_t, send};
use crate::ffi::producer_configuration::pulsar_producer_configuration_t;
use crate::ffi::reader::pulsar_reader_t;
use crate::ffi::reader_configuration::pulsar_reader_configuration_t;
use crate::ffi::result::pulsar_result;
use crate::ffi::string_list::pulsar_string_list_t;
use crate::ffi::table_view::pulsar_table_view_t;
use crate::ffi::table_view_configuration::pulsar_table_view_configuration_t;
use crate::ffi::text::{c_string, text};
use crate::producer::Producer;
use crate::reader::{Reader, Target};
use crate::receives::Wanted;
use crate::sends::SendToken;
use crate::table_view::TableView;

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
    /// Of operations that answer a question: 1 for yes, 0 for no.
    pub answer: i32,
    /// What the operation made, which is the caller's to free, as the operation's function says; else NULL.
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
            answer: 0,
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

/// Frees a queue, with the outcomes that were not fetched. What they hold is taken back: producers and consumers that
/// were created are closed, messages that were received come again, as if they were negatively acknowledged. Operations
/// that go on have the same done with what they make; receives that wait end without a message.
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
    blocking(producer, |producer| producer.set_completion_queue(usable(queue)?))
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
    of_producer(producer, token, |producer, done| producer.flush_with(done))
}

/// Closes the producer; the outcome goes to its completion queue, behind those of what was pending, which fails.
///
/// Errors: as for `pulsar_rs_producer_send_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_close_queued(
    producer: Option<NonNull<pulsar_producer_t>>,
    token: u64,
) -> pulsar_result {
    of_producer(producer, token, |producer, done| producer.close_with(done))
}

/// Has the outcomes of a consumer's queued operations go to a queue. Once set it stays.
///
/// Ownership: the queue stays the caller's.
/// Errors: `pulsar_result_InvalidConfiguration` when the consumer has a queue already or the queue cannot be used,
/// `pulsar_result_ConsumerNotInitialized` for a consumer that cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_set_completion_queue(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| consumer.set_completion_queue(usable(queue)?))
}

/// Receives the next message; the outcome goes to the consumer's completion queue, with the message as its `object`, to
/// be freed with `pulsar_message_free`. Receives that wait get messages in the order in which they were begun, and
/// their outcomes come in the order of the messages. Each holds a place in the queue meanwhile.
///
/// Ownership: a message that was not fetched when the queue is freed comes again, as if it was negatively
/// acknowledged.
/// Errors: on any result but `pulsar_result_Ok` nothing goes to the queue: `pulsar_result_InvalidConfiguration` without
/// a queue, `pulsar_result_ProducerQueueIsFull` when the queue is full. A receive that waits when the consumer is
/// closed fails with `pulsar_result_AlreadyClosed`, one of a consumer with a listener with
/// `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_receive_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    token: u64,
) -> pulsar_result {
    receive(consumer, token, Wanted::Message)
}

/// Gathers messages as the batch receive policy says; the outcome goes to the consumer's completion queue, with the
/// messages as its `object`, to be freed with `pulsar_messages_free`. There may be none. Takes turns with the other
/// receives, and counts as one operation.
///
/// Ownership: as for `pulsar_rs_consumer_receive_queued`.
/// Errors: as for `pulsar_rs_consumer_receive_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_batch_receive_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    token: u64,
) -> pulsar_result {
    receive(consumer, token, Wanted::Batch)
}

/// Acknowledges a message; the outcome goes to the consumer's completion queue. It is there when this returns:
/// acknowledging does not wait for the broker, unless ack receipts are enabled.
///
/// Ownership: the message stays the caller's.
/// Errors: on any result but `pulsar_result_Ok` nothing goes to the queue: `pulsar_result_InvalidConfiguration` without
/// a queue, `pulsar_result_ProducerQueueIsFull` when the queue is full.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| {
        Named::Message(message).start(done, |what, done| consumer.acknowledge_with(what, done));
    })
}

/// The same for the message with this id.
///
/// Ownership: the id stays the caller's.
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_id_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| {
        Named::Id(message_id).start(done, |what, done| consumer.acknowledge_with(what, done));
    })
}

/// Acknowledges a message and all before it; the outcome goes to the consumer's completion queue, and is there when
/// this returns, unless ack receipts are enabled.
///
/// Ownership: the message stays the caller's.
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`; on shared subscriptions the outcome is
/// `pulsar_result_CumulativeAcknowledgementNotAllowedError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_cumulative_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| {
        Named::UpToMessage(message).start(done, |what, done| consumer.acknowledge_with(what, done));
    })
}

/// The same for the message with this id and all before it.
///
/// Ownership: the id stays the caller's.
/// Errors: as for `pulsar_rs_consumer_acknowledge_cumulative_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_acknowledge_cumulative_id_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| {
        Named::UpToId(message_id).start(done, |what, done| consumer.acknowledge_with(what, done));
    })
}

/// Deletes the subscription and closes the consumer; the outcome goes to its completion queue.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`; while the subscription has other consumers the outcome is
/// `pulsar_result_BrokerMetadataError`, and nothing changes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_unsubscribe_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| consumer.unsubscribe_async(done))
}

/// Does as `pulsar_rs_consumer_unsubscribe_queued`, also while the subscription has other consumers: the broker closes them.
/// Those of this library then subscribe again.
///
/// Errors: as for `pulsar_rs_consumer_unsubscribe_queued`; brokers before Pulsar 3.3 know no force, and refuse as there.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_unsubscribe_by_force_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| consumer.unsubscribe_by_force_async(done))
}

/// Closes the consumer, after sending the acknowledgements that wait; the outcome goes to its completion queue. Receives
/// that wait fail. Messages that are in the queue can still be fetched, but not acknowledged.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_close_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| consumer.close_async(done))
}

/// Reads on behind the message with this id, see `pulsar_consumer_seek_async`; the outcome goes to the consumer's completion
/// queue. Messages that are in the queue by then are of before.
///
/// Ownership: the id stays the caller's, who may free it at once.
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_seek_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| match id(message_id) {
        Ok(id) => consumer.seek_async(Target::Id(id), done),
        Err(error) => done(Err(error)),
    })
}

/// The same for the first message that was published at or after a time, in milliseconds since 1970.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_seek_by_timestamp_queued(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    timestamp: u64,
    token: u64,
) -> pulsar_result {
    of_consumer(consumer, token, |consumer, done| consumer.seek_async(Target::Time(timestamp), done))
}

/// Has the outcomes of a reader's queued operations go to a queue. Once set it stays.
///
/// Ownership: the queue stays the caller's.
/// Errors: `pulsar_result_InvalidConfiguration` when the reader has a queue already or the queue cannot be used,
/// `pulsar_result_ConsumerNotInitialized` for a reader that cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_set_completion_queue(
    reader: Option<NonNull<pulsar_reader_t>>,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
) -> pulsar_result {
    blocking(reader, |reader| reader.set_completion_queue(usable(queue)?))
}

/// Reads the next message; the outcome goes to the reader's completion queue, with the message as its `object`, to be freed
/// with `pulsar_message_free`. Reads that wait get messages in the order in which they were begun. Each holds a place in
/// the queue meanwhile.
///
/// Ownership: a message that was not fetched when the queue is freed is lost for this reader.
/// Errors: as for `pulsar_rs_consumer_receive_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_read_next_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    token: u64,
) -> pulsar_result {
    blocking(reader, |reader| reader.read_queued(Wanted::Message, token))
}

/// Reads on behind the message with this id; the outcome goes to the reader's completion queue.
///
/// Ownership: the id stays the caller's, who may free it at once.
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_seek_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    message_id: Option<NonNull<pulsar_message_id_t>>,
    token: u64,
) -> pulsar_result {
    of_reader(reader, token, |reader, done| match id(message_id) {
        Ok(id) => reader.seek_async(Target::Id(id), done),
        Err(error) => done(Err(error)),
    })
}

/// The same for the first message that was published at or after a time, in milliseconds since 1970.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_seek_by_timestamp_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    timestamp: u64,
    token: u64,
) -> pulsar_result {
    of_reader(reader, token, |reader, done| reader.seek_async(Target::Time(timestamp), done))
}

/// Closes the reader; the outcome goes to its completion queue. Reads that wait fail.
///
/// Errors: as for `pulsar_rs_consumer_acknowledge_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_close_queued(
    reader: Option<NonNull<pulsar_reader_t>>,
    token: u64,
) -> pulsar_result {
    of_reader(reader, token, |reader, done| reader.close_async(done))
}

/// Closes a table view; the outcome goes to a completion queue.
///
/// Errors: `pulsar_result_InvalidConfiguration` for a queue that cannot be used, `pulsar_result_ProducerQueueIsFull` when it
/// is full; after closing the outcome is `pulsar_result_ConsumerNotInitialized`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_table_view_close_queued(
    table_view: Option<NonNull<pulsar_table_view_t>>,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
) -> pulsar_result {
    let take = |_: &TableView| Slot::take(&usable(queue)?, false);
    queued(table_view, token, take, |view, done| view.close_async(done))
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
    making(client, topic_name, queue, token, |client, queue, done| {
        let created = move |created: Result<Arc<Producer>, Error>| {
            done(created.and_then(|producer| {
                producer.set_completion_queue(queue)?;
                // Nobody has it: it closes itself.
                Ok(Made::boxed(producer, give::<pulsar_producer_t>, drop))
            }));
        };
        client.create_producer_async(topic(topic_name), &configuration(conf), created);
    })
}

/// Subscribes to a topic; the outcome goes to a completion queue, with the consumer as its `object`, to be freed with
/// `pulsar_consumer_free`. It completes to the same queue.
///
/// Ownership: names and configuration may be freed right after.
/// NULL: a NULL configuration means the defaults.
/// Errors: as for `pulsar_rs_client_create_producer_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_subscribe_queued(
    client: Option<NonNull<pulsar_client_t>>,
    topic_name: *const c_char,
    subscription_name: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
) -> pulsar_result {
    making(client, topic_name, queue, token, |client, queue, done| {
        let subscribed = move |subscribed: Result<Arc<Consumer>, Error>| {
            done(subscribed.and_then(|consumer| {
                consumer.set_completion_queue(queue)?;
                // Its listener would keep it open.
                let unwanted = |consumer: Arc<Consumer>| consumer.dispose();
                Ok(Made::boxed(consumer, give::<pulsar_consumer_t>, unwanted))
            }));
        };
        client.subscribe_async(
            topic(topic_name).map(Topics::One),
            subscription(subscription_name),
            &configuration(conf),
            subscribed,
        );
    })
}

/// Creates a reader; the outcome goes to a completion queue, with the reader as its `object`, to be freed with
/// `pulsar_reader_free`. It completes to the same queue.
///
/// Ownership: topic, id and configuration may be freed right after.
/// NULL: a NULL configuration means the defaults.
/// Errors: as for `pulsar_rs_client_create_producer_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_create_reader_queued(
    client: Option<NonNull<pulsar_client_t>>,
    topic_name: *const c_char,
    start_message_id: *const pulsar_message_id_t,
    conf: Option<NonNull<pulsar_reader_configuration_t>>,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
) -> pulsar_result {
    making(client, topic_name, queue, token, |client, queue, done| {
        let created = move |created: Result<Arc<Reader>, Error>| {
            done(created.and_then(|reader| {
                reader.set_completion_queue(queue)?;
                // Its listener would keep it open.
                let unwanted = |reader: Arc<Reader>| reader.dispose();
                Ok(Made::boxed(reader, give::<pulsar_reader_t>, unwanted))
            }));
        };
        let start = id(handle::from_const(start_message_id));
        let conf = handle::with(conf, Clone::clone).unwrap_or_default();
        client.create_reader_async(topic(topic_name), start, &conf, created);
    })
}

/// Creates a table view, see `pulsar_client_create_table_view`; the outcome goes to a completion queue, with the view as its
/// `object`, to be freed with `pulsar_table_view_free`.
///
/// Ownership: topic and configuration may be freed right after.
/// NULL: a NULL configuration means the defaults.
/// Errors: as for `pulsar_rs_client_create_producer_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_create_table_view_queued(
    client: Option<NonNull<pulsar_client_t>>,
    topic_name: *const c_char,
    conf: Option<NonNull<pulsar_table_view_configuration_t>>,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
) -> pulsar_result {
    making(client, topic_name, queue, token, |client, _, done| {
        let created = move |created: Result<Arc<TableView>, Error>| {
            let unwanted = |view: Arc<TableView>| view.dispose();
            done(created.map(|view| Made::boxed(view, give::<pulsar_table_view_t>, unwanted)));
        };
        let conf = handle::with(conf, Clone::clone).unwrap_or_default();
        client.create_table_view_async(topic(topic_name), &conf, created);
    })
}

/// Gets the full names of a topic's partitions, or the topic's own when it has none; the outcome goes to a completion
/// queue, with the `pulsar_string_list_t` as its `object`, to be freed with `pulsar_string_list_free`.
///
/// Ownership: the topic may be freed right after.
/// Errors: as for `pulsar_rs_client_create_producer_queued`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_get_topic_partitions_queued(
    client: Option<NonNull<pulsar_client_t>>,
    topic_name: *const c_char,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
) -> pulsar_result {
    making(client, topic_name, queue, token, |client, _, done| {
        let handle =
            |names: Vec<String>| give::<pulsar_string_list_t>(names.into_iter().map(c_string).collect());
        let found = move |names: Result<Vec<String>, Error>| {
            done(names.map(|names| Made::boxed(names, handle, drop)));
        };
        client.partitions_async(topic(topic_name), found);
    })
}

/// Closes all producers and consumers of the client, then its connections; the outcome goes to a completion queue,
/// behind those of what was pending.
///
/// Errors: as for `pulsar_rs_client_create_producer_queued`; after closing the outcome is
/// `pulsar_result_AlreadyClosed`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_close_queued(
    client: Option<NonNull<pulsar_client_t>>,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
) -> pulsar_result {
    let take = |_: &Client| Slot::take(&usable(queue)?, false);
    queued(client, token, take, |client, done| client.close_async(done))
}

/// Starts an operation of a producer. What ends it may hold the producer's lock, so it must not hold the producer.
fn of_producer(
    producer: Option<NonNull<pulsar_producer_t>>,
    token: u64,
    start: impl FnOnce(&Arc<Producer>, Done),
) -> pulsar_result {
    blocking(producer, |producer| {
        let accepted = producer.take_slot()?.accept(token);
        let last_error = producer.last_error.clone();
        let done = move |outcome| {
            last_error.note(&outcome);
            accepted.complete(&outcome);
        };
        start(producer, Box::new(done));
        Ok(())
    })
}

/// Starts an operation of a consumer that makes nothing.
pub(super) fn of_consumer(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    token: u64,
    start: impl FnOnce(&Arc<Consumer>, Done),
) -> pulsar_result {
    queued(consumer, token, |consumer| consumer.take_slot(), start)
}

/// Starts an operation of a reader that makes nothing.
fn of_reader(
    reader: Option<NonNull<pulsar_reader_t>>,
    token: u64,
    start: impl FnOnce(&Arc<Reader>, Done),
) -> pulsar_result {
    queued(reader, token, |reader| reader.take_slot(), start)
}

fn receive(consumer: Option<NonNull<pulsar_consumer_t>>, token: u64, wanted: Wanted) -> pulsar_result {
    blocking(consumer, |consumer| consumer.receive_queued(wanted, token))
}

/// Starts an operation, and keeps the text of its failure.
fn queued<O: Operated>(
    handle: Option<NonNull<O>>,
    token: u64,
    take: impl FnOnce(&O::Owner) -> Result<Slot, Error>,
    start: impl FnOnce(&Arc<O::Owner>, Done),
) -> pulsar_result {
    blocking(handle, |owner| {
        let accepted = take(owner)?.accept(token);
        let keeper = owner.clone();
        let done = move |outcome| {
            O::last_error(&keeper).note(&outcome);
            accepted.complete(&outcome);
        };
        start(owner, Box::new(done));
        Ok(())
    })
}

/// Starts an operation of a client on a topic that makes something.
fn making(
    client: Option<NonNull<pulsar_client_t>>,
    topic_name: *const c_char,
    queue: Option<NonNull<pulsar_rs_completion_queue_t>>,
    token: u64,
    start: impl FnOnce(&Client, Arc<CompletionQueue>, MadeDone),
) -> pulsar_result {
    blocking(client, |client| {
        let queue = usable(queue)?;
        let accepted = Slot::take(&queue, false)?.accept(token);
        let keeper = client.clone();
        let topic = text(topic_name).unwrap_or_default();
        let done = move |outcome| {
            keeper.last_error.note_about(&topic, &outcome);
            accepted.complete_with(outcome);
        };
        start(client, queue, Box::new(done));
        Ok(())
    })
}

/// Takes what an operation made.
type MadeDone = Box<dyn FnOnce(Result<Box<dyn Object>, Error>) + Send>;

fn usable(queue: Option<NonNull<pulsar_rs_completion_queue_t>>) -> Result<Arc<CompletionQueue>, Error> {
    handle::shared(queue).map_err(|_| Error::InvalidConfiguration("this is no completion queue".into()))
}
