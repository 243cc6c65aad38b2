//! `pulsar_rs/test_broker.h`

use std::ffi::{CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::time::Duration;

use pulsar_rs_testbroker::{Authentication, Kind, Options, TestBroker, TokenKey};

use crate::ffi::guard::guard;
use crate::ffi::handle::{self, CEnum, Misuse, Opaque};
use crate::ffi::result::pulsar_result;
use crate::ffi::text::{c_string, text};

/// A broker in this process, in memory, for trying and testing without a real one. It speaks the Pulsar protocol,
/// so other clients can use it too.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_test_broker_t(());

/// A running broker and its URLs for C.
pub struct Running {
    broker: TestBroker,
    url: CString,
    http_url: CString,
}

impl Opaque for pulsar_rs_test_broker_t {
    type Value = Running;
    const TAG: u32 = 0x5054_4231;
    const HAS_THREADS: bool = true;
}

/// A command of clients that can be made to fail. The values are those of the protocol.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_rs_test_broker_command {
    /// The first command on a connection.
    pulsar_rs_command_Connect = 2,
    /// Creating a consumer.
    pulsar_rs_command_Subscribe = 4,
    /// Creating a producer.
    pulsar_rs_command_Producer = 5,
    /// Sending a message or batch.
    pulsar_rs_command_Send = 6,
    /// Acknowledging messages; it has an answer only where the client asks for one.
    pulsar_rs_command_Ack = 10,
    /// Deleting a subscription.
    pulsar_rs_command_Unsubscribe = 12,
    /// Closing a producer.
    pulsar_rs_command_CloseProducer = 15,
    /// Closing a consumer.
    pulsar_rs_command_CloseConsumer = 16,
    /// Asking for the number of partitions.
    pulsar_rs_command_PartitionedMetadata = 21,
    /// Asking which broker serves a topic.
    pulsar_rs_command_Lookup = 23,
    /// Moving a subscription to a message or a time.
    pulsar_rs_command_Seek = 28,
    /// Asking for the last message of a topic.
    pulsar_rs_command_GetLastMessageId = 29,
    /// Asking for the topics of a namespace.
    pulsar_rs_command_GetTopicsOfNamespace = 32,
    /// Asking for a schema.
    pulsar_rs_command_GetSchema = 34,
    /// Asking to be told which topics come and go.
    pulsar_rs_command_WatchTopicList = 64,
}

impl CEnum for pulsar_rs_test_broker_command {
    fn from_number(number: c_int) -> Option<Self> {
        use pulsar_rs_test_broker_command as C;
        let all = [
            C::pulsar_rs_command_Connect,
            C::pulsar_rs_command_Subscribe,
            C::pulsar_rs_command_Producer,
            C::pulsar_rs_command_Send,
            C::pulsar_rs_command_Ack,
            C::pulsar_rs_command_Unsubscribe,
            C::pulsar_rs_command_CloseProducer,
            C::pulsar_rs_command_CloseConsumer,
            C::pulsar_rs_command_PartitionedMetadata,
            C::pulsar_rs_command_Lookup,
            C::pulsar_rs_command_Seek,
            C::pulsar_rs_command_GetLastMessageId,
            C::pulsar_rs_command_GetTopicsOfNamespace,
            C::pulsar_rs_command_GetSchema,
            C::pulsar_rs_command_WatchTopicList,
        ];
        all.into_iter().find(|command| *command as c_int == number)
    }
}

impl From<pulsar_rs_test_broker_command> for Kind {
    fn from(command: pulsar_rs_test_broker_command) -> Self {
        use pulsar_rs_test_broker_command as C;
        match command {
            C::pulsar_rs_command_Connect => Kind::Connect,
            C::pulsar_rs_command_Subscribe => Kind::Subscribe,
            C::pulsar_rs_command_Producer => Kind::Producer,
            C::pulsar_rs_command_Send => Kind::Send,
            C::pulsar_rs_command_Ack => Kind::Ack,
            C::pulsar_rs_command_Unsubscribe => Kind::Unsubscribe,
            C::pulsar_rs_command_CloseProducer => Kind::CloseProducer,
            C::pulsar_rs_command_CloseConsumer => Kind::CloseConsumer,
            C::pulsar_rs_command_PartitionedMetadata => Kind::PartitionedMetadata,
            C::pulsar_rs_command_Lookup => Kind::Lookup,
            C::pulsar_rs_command_Seek => Kind::Seek,
            C::pulsar_rs_command_GetLastMessageId => Kind::GetLastMessageId,
            C::pulsar_rs_command_GetTopicsOfNamespace => Kind::GetTopicsOfNamespace,
            C::pulsar_rs_command_GetSchema => Kind::GetSchema,
            C::pulsar_rs_command_WatchTopicList => Kind::WatchTopicList,
        }
    }
}

/// Starts a broker on a port of 127.0.0.1; 0 takes a free one. It accepts connections when this returns. Lookups over
/// HTTP are answered on a free port beside it.
///
/// Ownership: the caller stops it with `pulsar_rs_test_broker_stop`.
/// Threads: the broker has one thread of its own. All its functions may be called on any thread, and return when
/// their effect is in place.
/// Errors: returns NULL when the port is taken, or no thread can be had.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_start(port: u16) -> *mut pulsar_rs_test_broker_t {
    guard(std::ptr::null_mut(), || {
        let broker = TestBroker::start(Options { port, ..Options::default() });
        broker.map_or(std::ptr::null_mut(), |broker| {
            let url = c_string(broker.url());
            let http_url = c_string(broker.http_url());
            handle::give(Running { broker, url, http_url })
        })
    })
}

/// Returns the service URL for clients.
///
/// Ownership: the string belongs to the broker.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_url(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
) -> *const c_char {
    guard(std::ptr::null(), || {
        handle::with(broker, |running| running.url.as_ptr()).unwrap_or(std::ptr::null())
    })
}

/// Returns the service URL for clients that look topics up over HTTP.
///
/// Ownership: the string belongs to the broker.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_http_url(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
) -> *const c_char {
    guard(std::ptr::null(), || {
        handle::with(broker, |running| running.http_url.as_ptr()).unwrap_or(std::ptr::null())
    })
}

/// Stops the broker and frees it. All connections end; what it stored is gone.
///
/// NULL: does nothing, as in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_stop(broker: Option<NonNull<pulsar_rs_test_broker_t>>) {
    guard((), || drop(handle::reclaim(broker)));
}

/// Creates a topic; with `partitions` above 0 a partitioned one. One that is there already stays as it is.
///
/// Errors: `pulsar_result_InvalidTopicName`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_create_topic(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
    partitions: u32,
) -> pulsar_result {
    with_text(broker, topic, |broker, topic| match broker.create_topic(topic, partitions) {
        Ok(()) => pulsar_result::pulsar_result_Ok,
        Err(_) => pulsar_result::pulsar_result_InvalidTopicName,
    })
}

/// Gives a partitioned topic more partitions, `partitions` in all.
///
/// Errors: `pulsar_result_InvalidTopicName` also when the topic has as many already, or none.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_add_partitions(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
    partitions: u32,
) -> pulsar_result {
    with_text(broker, topic, |broker, topic| match broker.add_partitions(topic, partitions) {
        Ok(()) => pulsar_result::pulsar_result_Ok,
        Err(_) => pulsar_result::pulsar_result_InvalidTopicName,
    })
}

/// Ends every connection at once, as a broker that crashes does. Returns how many there were.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_drop_connections(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
) -> c_int {
    guard(0, || with(broker, |broker| count(broker.drop_connections())).unwrap_or(0))
}

/// Sends receipts `millis` milliseconds late from now on; 0: at once.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_delay_receipts(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    millis: u64,
) -> pulsar_result {
    act(broker, |broker| broker.delay_receipts(Duration::from_millis(millis)))
}

/// Sends no receipts (any value but 0), or sends those that were held back, in order (0).
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_withhold_receipts(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    withhold: c_int,
) -> pulsar_result {
    act(broker, |broker| broker.withhold_receipts(withhold != 0))
}

/// Answers the next `times` commands of a kind with an error instead of doing them. `server_error` is a
/// `ServerError` of the protocol, such as 6 (service not ready) or 11 (topic not found).
///
/// Ownership: `message` is copied.
/// Errors: a number that is no command returns `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_fail_next(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    command: MaybeUninit<pulsar_rs_test_broker_command>,
    server_error: c_int,
    message: *const c_char,
    times: u32,
) -> pulsar_result {
    with_text(broker, message, |broker, message| match handle::enum_value(command) {
        Some(command) => {
            broker.fail_next(command.into(), server_error, message, times);
            pulsar_result::pulsar_result_Ok
        }
        None => pulsar_result::pulsar_result_InvalidConfiguration,
    })
}

/// Closes the producers of a topic from the broker's side, as when the topic moves. They connect again. Returns
/// how many there were.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_close_producers(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
) -> c_int {
    guard(0, || {
        let Ok(topic) = text(topic) else { return 0 };
        with(broker, |broker| count(broker.close_producer(&topic, None))).unwrap_or(0)
    })
}

/// Closes the consumers of a subscription from the broker's side, as when the topic moves. They connect again.
/// Returns how many there were.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_close_consumers(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
    subscription: *const c_char,
) -> c_int {
    guard(0, || {
        let (Ok(topic), Ok(subscription)) = (text(topic), text(subscription)) else { return 0 };
        with(broker, |broker| count(broker.close_consumer(&topic, &subscription, None))).unwrap_or(0)
    })
}

/// Unloads a topic, or all partitions of one, as when it moves or its broker restarts: its producers and consumers are
/// closed and connect again, subscriptions that are not durable end, and messages that come then lie in another ledger.
/// Entries that every subscription has acknowledged go with their ledger.
///
/// Errors: `pulsar_result_TopicNotFound`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_unload(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
) -> pulsar_result {
    with_text(broker, topic, |broker, topic| found(broker.unload(topic)))
}

/// Compacts a topic, or all partitions of one: consumers that read compacted get, of all messages there are now, the
/// newest of each key, unless its payload is empty; messages without a key are left out. Others get all messages.
///
/// Errors: `pulsar_result_TopicNotFound`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_compact(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
) -> pulsar_result {
    with_text(broker, topic, |broker, topic| found(broker.compact(topic)))
}

/// Deletes a topic, or one with all its partitions, whoever uses it. Producers and consumers that connect again create
/// a new one.
///
/// Errors: `pulsar_result_TopicNotFound`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_delete_topic(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
) -> pulsar_result {
    with_text(broker, topic, |broker, topic| found(broker.delete_topic(topic)))
}

/// Switches deduplication on (any value but 0) or off (0), for all topics.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_set_deduplication(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    enabled: c_int,
) -> pulsar_result {
    act(broker, |broker| broker.deduplication(enabled != 0))
}

/// Switches on (any value but 0) or off (0) that entries stored from now on have the broker's clock and a message count
/// in front of them, from which clients know the index of each message. Off at the start.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_set_entry_metadata(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    enabled: c_int,
) -> pulsar_result {
    act(broker, |broker| broker.entry_metadata(enabled != 0))
}

/// From now on clients have to show who they are, with a token of `pulsar_rs_test_broker_issue_token` or as a user of
/// `pulsar_rs_test_broker_add_user` (any value but 0), or need not (0), as at the start. Those that are connected stay so;
/// tokens and users from before are not accepted any more.
///
/// Errors: `pulsar_result_UnknownError` when there are no random numbers.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_require_authentication(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    required: c_int,
) -> pulsar_result {
    let random = || Some(Authentication { token: Some(TokenKey::random()?), ..Authentication::default() });
    guard(pulsar_result::pulsar_result_UnknownError, || {
        let wanted = if required == 0 { None } else { random() };
        if required != 0 && wanted.is_none() {
            return pulsar_result::pulsar_result_UnknownError;
        }
        act(broker, |broker| broker.require_authentication(wanted))
    })
}

/// Has the broker accept a user with a password, beside others; the user is the role.
///
/// Ownership: the strings are copied.
/// Errors: `pulsar_result_NotAllowedError` unless authentication is required.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_add_user(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    user: *const c_char,
    password: *const c_char,
) -> pulsar_result {
    with_text(broker, user, |broker, user| match text(password) {
        Err(_) => pulsar_result::pulsar_result_InvalidConfiguration,
        Ok(password) if broker.add_user(user, &password) => pulsar_result::pulsar_result_Ok,
        Ok(_) => pulsar_result::pulsar_result_NotAllowedError,
    })
}

/// Returns a JSON web token for a role, which the broker accepts for `seconds`; 0: for ever; a negative number: not any
/// more.
///
/// Ownership: the caller frees it with `free`.
/// NULL: returns NULL, also unless authentication is required.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_issue_token(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    role: *const c_char,
    seconds: i64,
) -> *mut c_char {
    guard(std::ptr::null_mut(), || {
        let Ok(role) = text(role) else { return std::ptr::null_mut() };
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let lifetime = (seconds != 0).then_some(lifetime);
        let token = with(broker, |broker| broker.issue_token(&role, lifetime)).ok().flatten();
        token.map_or(std::ptr::null_mut(), |token| handle::malloc_text(&token))
    })
}

/// From now on roles may do only what this function permits them: produce, consume, both or none (any value but 0
/// permits). Before its first use, every role may do everything. Requests over HTTP that change something are for nobody
/// then.
///
/// Ownership: the string is copied.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_set_permissions(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    role: *const c_char,
    produce: c_int,
    consume: c_int,
) -> pulsar_result {
    with_text(broker, role, |broker, role| {
        broker.permit(role, produce != 0, consume != 0);
        pulsar_result::pulsar_result_Ok
    })
}

/// Stops reading from and answering to clients, with their connections open (any value but 0), or goes on (0).
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_freeze(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    frozen: c_int,
) -> pulsar_result {
    act(broker, |broker| broker.freeze(frozen != 0))
}

/// Returns how many messages of a subscription are not acknowledged; -1 when there is no such subscription.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_test_broker_backlog(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    topic: *const c_char,
    subscription: *const c_char,
) -> i64 {
    guard(-1, || {
        let (Ok(topic), Ok(subscription)) = (text(topic), text(subscription)) else { return -1 };
        let stats = with(broker, |broker| broker.topic_stats(&topic)).ok().flatten();
        let backlog = stats.and_then(|stats| Some(stats.subscription(&subscription)?.backlog));
        backlog.and_then(|backlog| i64::try_from(backlog).ok()).unwrap_or(-1)
    })
}

fn with<R>(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    look: impl FnOnce(&TestBroker) -> R,
) -> Result<R, Misuse> {
    handle::with(broker, |running| look(&running.broker))
}

fn act(broker: Option<NonNull<pulsar_rs_test_broker_t>>, action: impl FnOnce(&TestBroker)) -> pulsar_result {
    guard(pulsar_result::pulsar_result_UnknownError, || match with(broker, action) {
        Ok(()) => pulsar_result::pulsar_result_Ok,
        Err(_) => pulsar_result::pulsar_result_InvalidConfiguration,
    })
}

fn with_text(
    broker: Option<NonNull<pulsar_rs_test_broker_t>>,
    string: *const c_char,
    action: impl FnOnce(&TestBroker, &str) -> pulsar_result,
) -> pulsar_result {
    guard(pulsar_result::pulsar_result_UnknownError, || match text(string) {
        Ok(text) => with(broker, |broker| action(broker, &text))
            .unwrap_or(pulsar_result::pulsar_result_InvalidConfiguration),
        Err(_) => pulsar_result::pulsar_result_InvalidConfiguration,
    })
}

fn found(topic: bool) -> pulsar_result {
    if topic { pulsar_result::pulsar_result_Ok } else { pulsar_result::pulsar_result_TopicNotFound }
}

fn count(number: usize) -> c_int {
    c_int::try_from(number).unwrap_or(c_int::MAX)
}
