//! `pulsar/c/client.h`
//!
//! As long as the header: the functions that create and subscribe, each with and without a callback.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use pulsar_rs_client::Error;

use super::arguments;
use super::client_configuration::pulsar_client_configuration_t;
use super::consumer::{id, pulsar_consumer_t};
use super::consumer_configuration::pulsar_consumer_configuration_t;
use super::guard::guard;
use super::handle::{self, Context, Opaque};
use super::message_id::pulsar_message_id_t;
use super::operations::{Operated, asynchronous, blocking, unusable};
use super::producer::pulsar_producer_t;
use super::producer_configuration::pulsar_producer_configuration_t;
use super::reader::pulsar_reader_t;
use super::reader_configuration::pulsar_reader_configuration_t;
use super::result::pulsar_result;
use super::string_list::pulsar_string_list_t;
use super::table_view::pulsar_table_view_t;
use super::table_view_configuration::pulsar_table_view_configuration_t;
use super::text::{c_string, text};
use crate::client::{Client, Topics};
use crate::consumer::Consumer;
use crate::last_error::LastError;
use crate::reader::Reader;

/// A connection to a Pulsar cluster.
#[allow(non_camel_case_types)]
pub struct pulsar_client_t(());

impl Opaque for pulsar_client_t {
    type Value = Arc<Client>;
    const TAG: u32 = 0x5043_4c31;
    const HAS_THREADS: bool = true;
}

impl Operated for pulsar_client_t {
    type Owner = Client;
    const UNUSABLE: pulsar_result = pulsar_result::pulsar_result_InvalidConfiguration;

    fn last_error(owner: &Client) -> &LastError {
        &owner.last_error
    }
}

/// Gets the producer that was created; NULL when that failed. The caller frees it with `pulsar_producer_free`.
#[allow(non_camel_case_types)]
pub type pulsar_create_producer_callback =
    Option<extern "C" fn(result: pulsar_result, producer: *mut pulsar_producer_t, ctx: *mut c_void)>;

/// Gets the consumer that subscribed; NULL when that failed. The caller frees it with `pulsar_consumer_free`.
#[allow(non_camel_case_types)]
pub type pulsar_subscribe_callback =
    Option<extern "C" fn(result: pulsar_result, consumer: *mut pulsar_consumer_t, ctx: *mut c_void)>;

/// Gets the reader that was created; NULL when that failed. The caller frees it with `pulsar_reader_free`.
#[allow(non_camel_case_types)]
pub type pulsar_reader_callback =
    Option<extern "C" fn(result: pulsar_result, reader: *mut pulsar_reader_t, ctx: *mut c_void)>;

/// Gets the table view that was created; NULL when that failed. The caller frees it with `pulsar_table_view_free`.
#[allow(non_camel_case_types, non_snake_case)]
pub type pulsar_table_view_callback =
    Option<extern "C" fn(result: pulsar_result, tableView: *mut pulsar_table_view_t, ctx: *mut c_void)>;

/// Gets the names of a topic's partitions; NULL when that failed. The caller frees the list with
/// `pulsar_string_list_free`.
#[allow(non_camel_case_types)]
pub type pulsar_get_partitions_callback =
    Option<extern "C" fn(result: pulsar_result, partitions: *mut pulsar_string_list_t, ctx: *mut c_void)>;

/// Gets the result of closing.
#[allow(non_camel_case_types)]
pub type pulsar_close_callback = Option<extern "C" fn(result: pulsar_result, ctx: *mut c_void)>;

/// Creates a client for the cluster at `service_url`: `pulsar://host:6650`, or `http://host:8080` to look topics up over
/// HTTP, or several hosts with commas between them. Nothing is connected yet.
///
/// Ownership: the caller frees the client with `pulsar_client_free`; the configuration may be freed at once.
/// Threads: the client and what is created with it may be used on any thread.
/// NULL: a NULL configuration means the defaults.
/// Errors: a wrong URL makes every use of the client fail, with `pulsar_result_InvalidUrl`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_create(
    service_url: *const c_char,
    client_configuration: *const pulsar_client_configuration_t,
) -> *mut pulsar_client_t {
    guard(std::ptr::null_mut(), || {
        let url = text(service_url).map_err(|why| Error::InvalidUrl(why.to_string()));
        let configuration = handle::with(handle::from_const(client_configuration), Clone::clone);
        handle::give(Arc::new(Client::new(url, &configuration.unwrap_or_default())))
    })
}

/// Creates a producer and blocks until it is there, at most the operation timeout.
///
/// Ownership: the caller frees the producer with `pulsar_producer_free`; the configuration may be freed at once.
/// NULL: a NULL configuration means the defaults.
/// Errors: `producer` is written on success only; `pulsar_rs_client_last_error` has the text of a failure.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_create_producer(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    conf: *const pulsar_producer_configuration_t,
    producer: Option<NonNull<*mut pulsar_producer_t>>,
) -> pulsar_result {
    about_topic(client, topic, |client| {
        arguments::output(producer)?;
        let created = client.create_producer(arguments::topic(topic), &configuration(conf))?;
        handle::write(producer, handle::give(created));
        Ok(())
    })
}

/// Creates a producer.
///
/// Ownership: the configuration may be freed at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// arguments are wrong.
/// NULL: a NULL configuration means the defaults; without a callback the producer is closed again.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_create_producer_async(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    conf: *const pulsar_producer_configuration_t,
    callback: pulsar_create_producer_callback,
    ctx: *mut c_void,
) {
    // Nobody has it: it closes itself.
    creating(client, topic, callback, ctx, drop, |client, done| {
        client.create_producer_async(arguments::topic(topic), &configuration(conf), done);
    });
}

/// Subscribes to a topic and blocks until that is done, at most the operation timeout.
///
/// Ownership: the caller frees the consumer with `pulsar_consumer_free`; the configuration may be freed at once.
/// NULL: a NULL configuration means the defaults.
/// Errors: `consumer` is written on success only; `pulsar_rs_client_last_error` has the text of a failure.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_subscribe(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    subscription_name: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    consumer: Option<NonNull<*mut pulsar_consumer_t>>,
) -> pulsar_result {
    about_topic(client, topic, |client| {
        arguments::output(consumer)?;
        let subscription = arguments::subscription(subscription_name);
        let topics = arguments::topic(topic).map(Topics::One);
        let created = client.subscribe(topics, subscription, &configuration(conf))?;
        handle::write(consumer, handle::give(created));
        Ok(())
    })
}

/// Subscribes to a topic.
///
/// Ownership: the configuration may be freed at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// arguments are wrong.
/// NULL: a NULL configuration means the defaults; without a callback the consumer is closed again.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_subscribe_async(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    subscription_name: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    callback: pulsar_subscribe_callback,
    ctx: *mut c_void,
) {
    let wanted = arguments::topic(topic).map(Topics::One);
    subscribing(client, topic, wanted, subscription_name, conf, callback, ctx);
}

/// Subscribes to several topics, and to all their partitions, also those that are added later. Blocks, at most the
/// operation timeout. There may be no topics: then nothing is ever received.
///
/// Ownership: names and configuration may be freed at once; the caller frees the consumer with `pulsar_consumer_free`.
/// NULL: a NULL configuration means the defaults.
/// Errors: `consumer` is written on success only. If one topic fails, all do. A receiver queue of size 0 gives
/// `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_subscribe_multi_topics(
    client: Option<NonNull<pulsar_client_t>>,
    topics: *mut *const c_char,
    topics_count: c_int,
    subscription_name: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    consumer: Option<NonNull<*mut pulsar_consumer_t>>,
) -> pulsar_result {
    about_topic(client, first(topics, topics_count), |client| {
        arguments::output(consumer)?;
        let topics = arguments::topics(topics, topics_count).map(Topics::Several);
        let subscription = arguments::subscription(subscription_name);
        let created = client.subscribe(topics, subscription, &configuration(conf))?;
        handle::write(consumer, handle::give(created));
        Ok(())
    })
}

/// Subscribes to several topics, see `pulsar_client_subscribe_multi_topics`.
///
/// Ownership: names and configuration may be freed at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// arguments are wrong.
/// NULL: a NULL configuration means the defaults; without a callback the consumer is closed again.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_subscribe_multi_topics_async(
    client: Option<NonNull<pulsar_client_t>>,
    topics: *mut *const c_char,
    topics_count: c_int,
    subscription_name: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    callback: pulsar_subscribe_callback,
    ctx: *mut c_void,
) {
    let wanted = arguments::topics(topics, topics_count).map(Topics::Several);
    let first = first(topics, topics_count);
    subscribing(client, first, wanted, subscription_name, conf, callback, ctx);
}

/// Subscribes to all topics that match a regular expression, also to those that come later. It is written as a topic's
/// name, `persistent://public/default/orders-.*`, and has to match the whole name behind the domain; which domain is
/// meant, the configuration's regex subscription mode says. There is no look-around and there are no back references.
/// Blocks, at most the operation timeout. No topic need match.
///
/// New topics are found at once where the broker tells of them, else within the interval that
/// `pulsar_rs_consumer_configuration_set_pattern_discovery_interval_ms` sets.
///
/// Ownership: pattern and configuration may be freed at once; the caller frees the consumer with
/// `pulsar_consumer_free`.
/// NULL: a NULL configuration means the defaults.
/// Errors: `consumer` is written on success only. A wrong expression gives `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_subscribe_pattern(
    client: Option<NonNull<pulsar_client_t>>,
    topic_pattern: *const c_char,
    subscription_name: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    consumer: Option<NonNull<*mut pulsar_consumer_t>>,
) -> pulsar_result {
    about_topic(client, topic_pattern, |client| {
        arguments::output(consumer)?;
        let topics = arguments::topic(topic_pattern).map(Topics::Matching);
        let subscription = arguments::subscription(subscription_name);
        let created = client.subscribe(topics, subscription, &configuration(conf))?;
        handle::write(consumer, handle::give(created));
        Ok(())
    })
}

/// Subscribes to all topics that match a regular expression, see `pulsar_client_subscribe_pattern`.
///
/// Ownership: pattern and configuration may be freed at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// arguments are wrong.
/// NULL: a NULL configuration means the defaults; without a callback the consumer is closed again.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_subscribe_pattern_async(
    client: Option<NonNull<pulsar_client_t>>,
    topic_pattern: *const c_char,
    subscription_name: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    callback: pulsar_subscribe_callback,
    ctx: *mut c_void,
) {
    let wanted = arguments::topic(topic_pattern).map(Topics::Matching);
    subscribing(client, topic_pattern, wanted, subscription_name, conf, callback, ctx);
}

/// Creates a reader that begins behind the message `startMessageId`, or at an end of the topic, and blocks until it is
/// there, at most the operation timeout. A message of one partition says nothing about others: for topics with partitions
/// only the ends are possible.
///
/// Ownership: id and configuration stay the caller's, who may free them at once; the caller frees the reader with
/// `pulsar_reader_free`.
/// NULL: a NULL configuration means the defaults.
/// Errors: `reader` is written on success only; `pulsar_rs_client_last_error` has the text of a failure.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_create_reader(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    startMessageId: *const pulsar_message_id_t,
    conf: Option<NonNull<pulsar_reader_configuration_t>>,
    reader: Option<NonNull<*mut pulsar_reader_t>>,
) -> pulsar_result {
    about_topic(client, topic, |client| {
        arguments::output(reader)?;
        let start = id(handle::from_const(startMessageId));
        let conf = handle::with(conf, Clone::clone).unwrap_or_default();
        let created = client.create_reader(arguments::topic(topic), start, &conf)?;
        handle::write(reader, handle::give(created));
        Ok(())
    })
}

/// Creates a reader, see `pulsar_client_create_reader`.
///
/// Ownership: id and configuration may be freed at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// arguments are wrong.
/// NULL: a NULL configuration means the defaults; without a callback the reader is closed again.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_create_reader_async(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    startMessageId: *const pulsar_message_id_t,
    conf: Option<NonNull<pulsar_reader_configuration_t>>,
    callback: pulsar_reader_callback,
    ctx: *mut c_void,
) {
    // Its listener would keep it open.
    let unwanted = |reader: Arc<Reader>| reader.dispose();
    creating(client, topic, callback, ctx, unwanted, |client, done| {
        let start = id(handle::from_const(startMessageId));
        let conf = handle::with(conf, Clone::clone).unwrap_or_default();
        client.create_reader_async(arguments::topic(topic), start, &conf, done);
    });
}

/// Creates a view of the newest value of each key of a topic, which has to be a stored one, and blocks until the view has
/// everything that is there. How long that takes depends on how much it is.
///
/// Ownership: the configuration may be freed at once; the caller frees the view with `pulsar_table_view_free`.
/// NULL: a NULL configuration means the defaults.
/// Errors: `c_tableView` is written on success only; `pulsar_rs_client_last_error` has the text of a failure.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_create_table_view(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    conf: Option<NonNull<pulsar_table_view_configuration_t>>,
    c_tableView: Option<NonNull<*mut pulsar_table_view_t>>,
) -> pulsar_result {
    about_topic(client, topic, |client| {
        arguments::output(c_tableView)?;
        let conf = handle::with(conf, Clone::clone).unwrap_or_default();
        let created = client.create_table_view(arguments::topic(topic), &conf)?;
        handle::write(c_tableView, handle::give(created));
        Ok(())
    })
}

/// Creates a table view, see `pulsar_client_create_table_view`.
///
/// Ownership: the configuration may be freed at once; `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// arguments are wrong.
/// NULL: a NULL configuration means the defaults; without a callback the view is closed again.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_create_table_view_async(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    conf: Option<NonNull<pulsar_table_view_configuration_t>>,
    callback: pulsar_table_view_callback,
    ctx: *mut c_void,
) {
    creating(
        client,
        topic,
        callback,
        ctx,
        |view| view.dispose(),
        |client, done| {
            let conf = handle::with(conf, Clone::clone).unwrap_or_default();
            client.create_table_view_async(arguments::topic(topic), &conf, done);
        },
    );
}

/// Gets the full names of a topic's partitions, or the topic's own when it has none. Blocks, at most the
/// operation timeout.
///
/// Ownership: the caller frees the list with `pulsar_string_list_free`.
/// Errors: `partitions` is written on success only.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_get_topic_partitions(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    partitions: Option<NonNull<*mut pulsar_string_list_t>>,
) -> pulsar_result {
    about_topic(client, topic, |client| {
        arguments::output(partitions)?;
        let names = client.partitions(arguments::topic(topic))?;
        handle::write(partitions, handle::give(names.into_iter().map(c_string).collect()));
        Ok(())
    })
}

/// Gets the full names of a topic's partitions, or the topic's own when it has none.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the
/// arguments are wrong.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_get_topic_partitions_async(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    callback: pulsar_get_partitions_callback,
    ctx: *mut c_void,
) {
    creating(client, topic, callback, ctx, drop, |client, done| {
        let names = |names: Vec<String>| names.into_iter().map(c_string).collect();
        client.partitions_async(arguments::topic(topic), move |result| done(result.map(names)));
    });
}

/// Closes all producers and consumers of the client, then its connections. What is pending fails with
/// `pulsar_result_AlreadyClosed`, and its callbacks have run when this returns; inside a callback, they run
/// after it. The brokers are given the operation timeout; how long those callbacks take is up to them.
///
/// Errors: a second call returns `pulsar_result_AlreadyClosed`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_close(client: Option<NonNull<pulsar_client_t>>) -> pulsar_result {
    blocking(client, |client| client.close())
}

/// Closes all producers and consumers of the client, then its connections.
///
/// Ownership: `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread, behind those of what was pending.
/// Errors: after closing it gets `pulsar_result_AlreadyClosed`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_close_async(
    client: Option<NonNull<pulsar_client_t>>,
    callback: pulsar_close_callback,
    ctx: *mut c_void,
) {
    asynchronous(client, callback, ctx, |client, done| client.close_async(done));
}

/// Frees a client, after closing it if that was not done. Its threads end. When this returns, every message that
/// was accepted has its outcome, all callbacks have run, and none runs afterwards.
///
/// Inside a callback of the client, the callbacks and log lines that are due come after that one, and the callback
/// thread ends with them; a flush or close that waits for callbacks on another thread goes on without them. Inside
/// a listener of the client, its thread ends when the listener returns.
///
/// Ownership: producers and consumers that were not freed can still be freed; they fail with
/// `pulsar_result_AlreadyClosed`.
/// NULL: does nothing, as in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_free(client: Option<NonNull<pulsar_client_t>>) {
    guard((), || {
        if let Some(client) = handle::reclaim(client) {
            client.dispose();
        }
    });
}

/// A copy of a configuration; the defaults for one that cannot be used.
pub(super) fn configuration<O: Opaque<Value: Clone + Default>>(conf: *const O) -> O::Value {
    handle::with(handle::from_const(conf), Clone::clone).unwrap_or_default()
}

/// Runs an operation of a client on a topic, and keeps the text of its failure.
fn about_topic(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    operation: impl FnOnce(&Client) -> Result<(), Error>,
) -> pulsar_result {
    guard(pulsar_result::pulsar_result_UnknownError, || match handle::shared(client) {
        Ok(client) => {
            let outcome = operation(&client);
            client.last_error.note_about(&text(topic).unwrap_or_default(), &outcome);
            pulsar_result::from(&outcome)
        }
        Err(why) => unusable::<pulsar_client_t>(why),
    })
}

/// The first name of a list, which stands for all in the text of a failure.
fn first(topics: *mut *const c_char, count: c_int) -> *const c_char {
    arguments::each(topics, count, |topics| topics.first().copied()).flatten().unwrap_or(std::ptr::null())
}

/// Subscribes, and hands the consumer to a callback.
fn subscribing(
    client: Option<NonNull<pulsar_client_t>>,
    name: *const c_char,
    topics: Result<Topics, Error>,
    subscription: *const c_char,
    conf: *const pulsar_consumer_configuration_t,
    callback: pulsar_subscribe_callback,
    ctx: *mut c_void,
) {
    // Without a callback: its listener would keep it open.
    let unwanted = |consumer: Arc<Consumer>| consumer.dispose();
    creating(client, name, callback, ctx, unwanted, |client, done| {
        let subscription = arguments::subscription(subscription);
        client.subscribe_async(topics, subscription, &configuration(conf), done);
    });
}

/// Starts an operation of a client on a topic that hands what it creates to a callback; without one to
/// `unwanted`.
fn creating<O: Opaque<Value: Send> + 'static>(
    client: Option<NonNull<pulsar_client_t>>,
    topic: *const c_char,
    callback: Option<extern "C" fn(pulsar_result, *mut O, *mut c_void)>,
    ctx: *mut c_void,
    unwanted: fn(O::Value),
    start: impl FnOnce(&Client, Done<O>),
) {
    guard((), || {
        let context = Context::new(ctx);
        match handle::shared(client) {
            Ok(client) => {
                let owner = client.clone();
                let topic = text(topic).unwrap_or_default();
                let done: Done<O> = Box::new(move |outcome| {
                    owner.last_error.note_about(&topic, &outcome);
                    if let Some(callback) = callback {
                        let result = pulsar_result::from(&outcome);
                        let created = outcome.map_or(std::ptr::null_mut(), handle::give);
                        callback(result, created, context.ptr());
                    } else if let Ok(created) = outcome {
                        unwanted(created);
                    }
                });
                start(&client, done);
            }
            Err(why) => {
                if let Some(callback) = callback {
                    callback(unusable::<pulsar_client_t>(why), std::ptr::null_mut(), ctx);
                }
            }
        }
    });
}

/// Takes what an operation creates.
type Done<O> = Box<dyn FnOnce(Result<<O as Opaque>::Value, Error>) + Send>;
