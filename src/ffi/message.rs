//! `pulsar/c/message.h`

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::thread::LocalKey;

use super::guard::guard;
use super::handle::pool::{Pool, Pooled, give_pooled, recycle};
use super::handle::{self, ForeignBytes, Opaque};
use super::message_id::{self, pulsar_message_id_t};
use super::string_map::pulsar_string_map_t;
use super::text::{copied, empty};
use crate::message::Message;

/// A message: to send, or received.
#[allow(non_camel_case_types)]
pub struct pulsar_message_t(());

impl Opaque for pulsar_message_t {
    type Value = Message;
    const TAG: u32 = 0x504d_5331;
}

thread_local!(static POOL: Pool<Message> = Pool::new());

impl Pooled for pulsar_message_t {
    fn pool() -> &'static LocalKey<Pool<Message>> {
        &POOL
    }

    fn fresh() -> Message {
        Message::default()
    }

    fn renew(message: &mut Message) -> bool {
        message.renew()
    }
}

/// Changes the message of a setter. A handle that cannot be used is left alone: setters have no result.
fn set(message: Option<NonNull<pulsar_message_t>>, change: impl FnOnce(&mut Message)) {
    guard((), || _ = handle::with_mut(message, change));
}

/// Reads something from a message; `absent` for a handle that cannot be used.
fn get<T: Copy>(
    message: Option<NonNull<pulsar_message_t>>,
    absent: T,
    read: impl FnOnce(&Message) -> T,
) -> T {
    guard(absent, || handle::with(message, read).unwrap_or(absent))
}

/// The bytes of a C string for a setter, if it is one.
fn bytes_of(string: *const c_char) -> Option<Vec<u8>> {
    handle::with_c_str(string, <[u8]>::to_vec)
}

/// Creates an empty message.
///
/// Ownership: the caller frees it with `pulsar_message_free`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_create() -> *mut pulsar_message_t {
    guard(std::ptr::null_mut(), || give_pooled(|_| ()))
}

/// Makes `to` a copy of `from`.
///
/// Ownership: content is copied, but for content set with `pulsar_message_set_allocated_content`, of which both
/// then keep the pointer. A received message shares its bytes with its copies.
/// Threads: nobody else may use `to` meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_copy(from: *const pulsar_message_t, to: Option<NonNull<pulsar_message_t>>) {
    guard((), || {
        if let Ok(copy) = handle::with(handle::from_const(from), Message::clone) {
            let _ = handle::with_mut(to, |to| *to = copy);
        }
    });
}

/// Frees a message, sent or not. What was sent is not affected.
///
/// Ownership: pointers that its getters returned are gone with it; content set with
/// `pulsar_message_set_allocated_content` stays the caller's.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_free(message: Option<NonNull<pulsar_message_t>>) {
    guard((), || recycle(message));
}

/// Sets the content.
///
/// Ownership: `size` bytes are copied.
/// Threads: nobody else may use the message meanwhile.
/// NULL: NULL data is an empty content.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_content(
    message: Option<NonNull<pulsar_message_t>>,
    data: *const c_void,
    size: usize,
) {
    set(message, |message| handle::with_bytes(data, size, |bytes| message.set_content(bytes)));
}

/// Sets the content without copying it.
///
/// Ownership: the bytes stay the caller's and must not change or go until the message was sent, and was freed or
/// got other content. Sending copies them.
/// Threads: nobody else may use the message meanwhile.
/// NULL: NULL data is an empty content.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_allocated_content(
    message: Option<NonNull<pulsar_message_t>>,
    data: *mut c_void,
    size: usize,
) {
    set(message, |message| message.set_foreign_content(ForeignBytes::new(data, size)));
}

/// Sets a property, in place of an older one with the same name. Properties travel in the order of their names.
///
/// Ownership: both strings are copied.
/// Threads: nobody else may use the message meanwhile.
/// NULL: with a NULL name or value nothing changes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_property(
    message: Option<NonNull<pulsar_message_t>>,
    name: *const c_char,
    value: *const c_char,
) {
    set(message, |message| {
        if let Some((name, value)) = bytes_of(name).zip(bytes_of(value)) {
            message.set_property(name, value);
        }
    });
}

/// Sets the key, which decides on the partition, on compaction, and on the consumer in key-shared subscriptions.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the message meanwhile.
/// NULL: a NULL key changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_partition_key(
    message: Option<NonNull<pulsar_message_t>>,
    partition_key: *const c_char,
) {
    set(message, |message| {
        if let Some(key) = bytes_of(partition_key) {
            message.set_partition_key(key);
        }
    });
}

/// Sets the key that decides on the consumer in key-shared subscriptions instead of the partition key.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the message meanwhile.
/// NULL: a NULL key changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_ordering_key(
    message: Option<NonNull<pulsar_message_t>>,
    ordering_key: *const c_char,
) {
    set(message, |message| {
        if let Some(key) = bytes_of(ordering_key) {
            message.set_ordering_key(key);
        }
    });
}

/// Sets the time of the event, milliseconds since 1970 by the application's reckoning.
///
/// Threads: nobody else may use the message meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_event_timestamp(
    message: Option<NonNull<pulsar_message_t>>,
    event_timestamp: u64,
) {
    set(message, |message| message.set_event_time(event_timestamp));
}

/// Sets the sequence id, 0 or more, instead of the one that the producer would count.
///
/// Threads: nobody else may use the message meanwhile.
/// Errors: a negative id changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_sequence_id(
    message: Option<NonNull<pulsar_message_t>>,
    sequence_id: i64,
) {
    set(message, |message| {
        if let Ok(id) = u64::try_from(sequence_id) {
            message.set_sequence_id(id);
        }
    });
}

/// Has the message delivered `delay_millis` milliseconds from now, in shared subscriptions. Such a message is not
/// batched.
///
/// Threads: nobody else may use the message meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_deliver_after(
    message: Option<NonNull<pulsar_message_t>>,
    delay_millis: u64,
) {
    set(message, |message| message.set_deliver_after(delay_millis));
}

/// Has the message delivered at this time, milliseconds since 1970, in shared subscriptions. Such a message is not
/// batched.
///
/// Threads: nobody else may use the message meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_deliver_at(
    message: Option<NonNull<pulsar_message_t>>,
    delivery_timestamp_millis: u64,
) {
    set(message, |message| message.set_deliver_at(delivery_timestamp_millis));
}

/// Names the clusters that the message is replicated to, instead of what the namespace says.
///
/// Ownership: `size` strings are copied.
/// Threads: nobody else may use the message meanwhile.
/// NULL: NULL means no clusters of its own; NULL elements are skipped.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_replication_clusters(
    message: Option<NonNull<pulsar_message_t>>,
    clusters: *mut *const c_char,
    size: usize,
) {
    set(message, |message| message.set_clusters(handle::c_strs(clusters, size)));
}

/// Keeps the message in this cluster (any `flag` but 0), or undoes that (0).
///
/// Threads: nobody else may use the message meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_disable_replication(
    message: Option<NonNull<pulsar_message_t>>,
    flag: c_int,
) {
    set(message, |message| message.disable_replication(flag != 0));
}

/// Makes it a message without a value, which is not the same as an empty one: compaction deletes its key.
///
/// Threads: nobody else may use the message meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_null_value(message: Option<NonNull<pulsar_message_t>>) {
    set(message, Message::set_null_value);
}

/// Returns the properties.
///
/// Ownership: a new map, which the caller frees with `pulsar_string_map_free`.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_properties(
    message: Option<NonNull<pulsar_message_t>>,
) -> *mut pulsar_string_map_t {
    guard(std::ptr::null_mut(), || {
        let properties = handle::with(message, |message| message.properties().clone());
        properties.map_or(std::ptr::null_mut(), handle::give)
    })
}

/// Returns 1 if the message has a property of that name, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_has_property(
    message: Option<NonNull<pulsar_message_t>>,
    name: *const c_char,
) -> c_int {
    let name = copied(name);
    get(message, 0, |message| name.is_some_and(|name| message.properties().contains_key(&name)).into())
}

/// Returns the value of a property; the empty string when there is none.
///
/// Ownership: the string belongs to the message and stays where it is until the message is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_property(
    message: Option<NonNull<pulsar_message_t>>,
    name: *const c_char,
) -> *const c_char {
    let name = copied(name);
    get(message, empty(), |message| {
        let value = name.and_then(|name| message.properties().get(&name));
        value.map_or(empty(), |value| value.as_ptr())
    })
}

/// Returns the content; NULL when it is empty.
///
/// Ownership: the bytes belong to the message and stay where they are until it is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_data(message: Option<NonNull<pulsar_message_t>>) -> *const c_void {
    get(message, std::ptr::null(), |message| match message.payload() {
        [] => std::ptr::null(),
        payload => payload.as_ptr().cast(),
    })
}

/// Returns the length of the content in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_length(message: Option<NonNull<pulsar_message_t>>) -> u32 {
    get(message, 0, |message| u32::try_from(message.payload().len()).unwrap_or(u32::MAX))
}

/// Returns the id: of a received message, or of one that `pulsar_producer_send` stored. Any other message has
/// (-1,-1,-1,-1).
///
/// Ownership: a new id, which the caller frees with `pulsar_message_id_free`.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_message_id(
    message: Option<NonNull<pulsar_message_t>>,
) -> *mut pulsar_message_id_t {
    guard(std::ptr::null_mut(), || {
        handle::with(message, Message::id).map_or(std::ptr::null_mut(), message_id::give)
    })
}

/// Returns the partition key; the empty string when there is none.
///
/// Ownership: the string belongs to the message and stays where it is until the message is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_partitionKey(
    message: Option<NonNull<pulsar_message_t>>,
) -> *const c_char {
    get(message, empty(), Message::partition_key_text)
}

/// Returns 1 if the message has a partition key, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_has_partition_key(message: Option<NonNull<pulsar_message_t>>) -> c_int {
    get(message, 0, |message| message.partition_key().is_some().into())
}

/// Returns the ordering key; the empty string when there is none.
///
/// Ownership: the string belongs to the message and stays where it is until the message is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_orderingKey(
    message: Option<NonNull<pulsar_message_t>>,
) -> *const c_char {
    get(message, empty(), Message::ordering_key_text)
}

/// Returns 1 if the message has an ordering key, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_has_ordering_key(message: Option<NonNull<pulsar_message_t>>) -> c_int {
    get(message, 0, |message| message.ordering_key().is_some().into())
}

/// Returns the time when a producer's client sent the message, milliseconds since 1970; 0 before that.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_publish_timestamp(message: Option<NonNull<pulsar_message_t>>) -> u64 {
    get(message, 0, Message::publish_time)
}

/// Returns the time of the event, milliseconds since 1970; 0 when it was not set.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_event_timestamp(message: Option<NonNull<pulsar_message_t>>) -> u64 {
    get(message, 0, Message::event_time)
}

/// Returns the full name of the topic that the message was received from; else the empty string.
///
/// Ownership: the string belongs to the message and stays where it is until the message is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_topic_name(message: Option<NonNull<pulsar_message_t>>) -> *const c_char {
    get(message, empty(), Message::topic_text)
}

/// Returns how often the broker delivered the message before. It counts for shared subscriptions only.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_redelivery_count(message: Option<NonNull<pulsar_message_t>>) -> c_int {
    get(message, 0, |message| c_int::try_from(message.redelivery_count()).unwrap_or(c_int::MAX))
}

/// Returns 1 if the message has a schema version, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_has_schema_version(message: Option<NonNull<pulsar_message_t>>) -> c_int {
    get(message, 0, |message| message.has_schema_version().into())
}

/// Returns the schema version, 8 bytes with the high one first, then NUL; the empty string when there is none.
///
/// Ownership: the string belongs to the message and stays where it is until the message is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_schemaVersion(
    message: Option<NonNull<pulsar_message_t>>,
) -> *const c_char {
    get(message, empty(), Message::schema_version_text)
}

/// Sets the version of the schema that the message was written with. Default: that of the producer's schema.
///
/// Ownership: the string is copied. It ends at its first NUL, so versions with such a byte cannot be set.
/// Threads: nobody else may use the message meanwhile.
/// NULL: a NULL string changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_set_schema_version(
    message: Option<NonNull<pulsar_message_t>>,
    schema_version: *const c_char,
) {
    set(message, |message| {
        if let Some(version) = bytes_of(schema_version) {
            message.set_schema_version(version);
        }
    });
}

/// Returns the name of the producer that sent the message; the empty string before that.
///
/// Ownership: the string belongs to the message and stays where it is until the message is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_producer_name(
    message: Option<NonNull<pulsar_message_t>>,
) -> *const c_char {
    get(message, empty(), Message::producer_name_text)
}

/// Returns the cluster that the message was replicated from; NULL when it was not.
///
/// Ownership: the string belongs to the message and stays where it is until the message is freed or set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_get_replicated_from(
    message: Option<NonNull<pulsar_message_t>>,
) -> *const c_char {
    get(message, std::ptr::null(), Message::replicated_from_text)
}

/// Returns 1 if the message has no value, which is not the same as an empty one, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_message_has_null_value(message: Option<NonNull<pulsar_message_t>>) -> c_int {
    get(message, 0, |message| message.has_null_value().into())
}
