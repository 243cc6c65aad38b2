//! `pulsar_rs/schema.h`

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use pulsar_rs_client::{Error, SchemaInfo};

use crate::ffi::arguments::output;
use crate::ffi::consumer::pulsar_consumer_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Context, Opaque, from_const};
use crate::ffi::message::pulsar_message_t;
use crate::ffi::operations::{Operated, blocking, unusable};
use crate::ffi::result::pulsar_result;
use crate::ffi::string_map::pulsar_string_map_t;
use crate::ffi::text::{c_string, empty};

/// A schema of a topic, as its broker knows it. It does not change.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_schema_t(());

impl Opaque for pulsar_rs_schema_t {
    type Value = TopicSchema;
    const TAG: u32 = 0x5052_5343;
}

/// What is behind the handle.
#[derive(Debug)]
pub(crate) struct TopicSchema {
    name: CString,
    info: Arc<SchemaInfo>,
}

impl From<Arc<SchemaInfo>> for TopicSchema {
    fn from(info: Arc<SchemaInfo>) -> Self {
        TopicSchema { name: c_string(info.schema.name.as_bytes()), info }
    }
}

/// Gets a schema, which it frees with `pulsar_rs_schema_free`, or NULL when the result is none.
#[allow(non_camel_case_types)]
pub type pulsar_rs_schema_callback =
    Option<extern "C" fn(result: pulsar_result, schema: *mut pulsar_rs_schema_t, ctx: *mut c_void)>;

/// A version as a program names it: the newest, where there is none.
fn version(version: *const c_void, version_len: usize) -> Option<Vec<u8>> {
    handle::with_bytes(version, version_len, |bytes| (!bytes.is_empty()).then(|| bytes.to_vec()))
}

/// Gets a schema of the consumer's topic: that of a version, such as `pulsar_message_get_schemaVersion` names, which is
/// 8 bytes long with the usual brokers, or the newest. The broker is asked once for each version. Blocks, at most the
/// operation timeout.
///
/// Ownership: the version stays the caller's; the caller frees the schema with `pulsar_rs_schema_free`.
/// NULL: a NULL `version`, or a `version_len` of 0, asks for the newest schema.
/// Errors: `schema` is written on success only. `pulsar_result_TopicNotFound` when the topic has no such schema,
/// `pulsar_result_OperationNotSupported` when the consumer has several topics: see
/// `pulsar_rs_consumer_get_message_schema`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_get_schema(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    schema_version: *const c_void,
    version_len: usize,
    schema: Option<NonNull<*mut pulsar_rs_schema_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        output(schema)?;
        let found = consumer.schema(version(schema_version, version_len))?;
        handle::write(schema, handle::give(found.into()));
        Ok(())
    })
}

/// Gets a schema of the consumer's topic, see `pulsar_rs_consumer_get_schema`.
///
/// Ownership: the version is copied. The callback owns the schema. `ctx` stays the caller's.
/// Threads: the callback runs on the client's callback thread; on the caller's, before this returns, when the consumer
/// cannot be used.
/// NULL: without a callback nothing happens.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_get_schema_async(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    schema_version: *const c_void,
    version_len: usize,
    callback: pulsar_rs_schema_callback,
    ctx: *mut c_void,
) {
    let Some(callback) = callback else {
        return;
    };
    let context = Context::new(ctx);
    guard((), || match handle::shared(consumer) {
        Ok(owner) => {
            let keeper = owner.clone();
            let done = move |outcome: Result<Arc<SchemaInfo>, Error>| {
                pulsar_consumer_t::last_error(&keeper).note(&outcome);
                let result = pulsar_result::from(&outcome);
                let schema = outcome.map_or(std::ptr::null_mut(), |found| handle::give(found.into()));
                callback(result, schema, context.ptr());
            };
            owner.schema_async(version(schema_version, version_len), done);
        }
        Err(why) => {
            callback(unusable::<pulsar_consumer_t>(why), std::ptr::null_mut(), context.ptr());
        }
    });
}

/// Gets the schema that a message of this consumer was written with. Blocks, at most the operation timeout, when the
/// broker was not asked for it yet.
///
/// Ownership: the caller frees the schema with `pulsar_rs_schema_free`.
/// NULL: a NULL message fails with `pulsar_result_InvalidMessage`.
/// Errors: `schema` is written on success only: NULL when the message was written without a schema.
/// `pulsar_result_InvalidMessage` when the message was not received.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_get_message_schema(
    consumer: Option<NonNull<pulsar_consumer_t>>,
    message: Option<NonNull<pulsar_message_t>>,
    schema: Option<NonNull<*mut pulsar_rs_schema_t>>,
) -> pulsar_result {
    blocking(consumer, |consumer| {
        output(schema)?;
        let received = handle::with(message, |message| message.as_received().cloned()).ok().flatten();
        let received = received.ok_or_else(|| Error::InvalidMessage("it was not received".into()))?;
        let found = consumer.schema_of(received)?;
        handle::write(schema, found.map_or(std::ptr::null_mut(), |found| handle::give(found.into())));
        Ok(())
    })
}

/// Frees a schema.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_schema_free(schema: Option<NonNull<pulsar_rs_schema_t>>) {
    guard((), || drop(handle::reclaim(schema)));
}

/// Reads a value.
fn get<T>(schema: *const pulsar_rs_schema_t, read: impl Fn(&TopicSchema) -> T, absent: T) -> T {
    guard(None, || handle::with(from_const(schema), read).ok()).unwrap_or(absent)
}

/// Reads bytes, and writes how many they are.
fn bytes(
    schema: *const pulsar_rs_schema_t,
    len: Option<NonNull<usize>>,
    read: impl Fn(&SchemaInfo) -> &[u8],
) -> *const c_void {
    let (start, count) = get(
        schema,
        |schema| {
            let bytes = read(&schema.info);
            (bytes.as_ptr().cast(), bytes.len())
        },
        (std::ptr::null(), 0),
    );
    handle::write(len, count);
    start
}

/// Returns the schema's type: the number of a `pulsar_schema_type`, or one of the protocol that this has no name for.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_schema_type(schema: *const pulsar_rs_schema_t) -> c_int {
    get(schema, |schema| schema.info.schema.kind.number(), 0)
}

/// Returns the schema's name, which the broker gives it.
///
/// Ownership: the string belongs to the schema.
/// NULL: returns the empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_schema_name(schema: *const pulsar_rs_schema_t) -> *const c_char {
    get(schema, |schema| schema.name.as_ptr(), empty())
}

/// Returns the definition, in the form that the type has for it, and writes its length to `len`.
///
/// Ownership: the bytes belong to the schema.
/// NULL: a NULL schema has none, which is NULL with length 0; a NULL `len` is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_schema_definition(
    schema: *const pulsar_rs_schema_t,
    len: Option<NonNull<usize>>,
) -> *const c_void {
    bytes(schema, len, |info| &info.schema.definition)
}

/// Returns the version, as the broker numbers it, and writes its length to `len`.
///
/// Ownership: the bytes belong to the schema.
/// NULL: a NULL schema has none, which is NULL with length 0; a NULL `len` is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_schema_version(
    schema: *const pulsar_rs_schema_t,
    len: Option<NonNull<usize>>,
) -> *const c_void {
    bytes(schema, len, |info| &info.version)
}

/// Returns the properties.
///
/// Ownership: a new map, which the caller frees with `pulsar_string_map_free`.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_schema_properties(schema: *const pulsar_rs_schema_t) -> *mut pulsar_string_map_t {
    guard(std::ptr::null_mut(), || {
        let properties = handle::with(from_const(schema), |schema| {
            let pairs = schema.info.schema.properties.iter();
            let text = |text: &String| c_string(text.as_bytes());
            pairs.map(|(name, value)| (text(name), text(value))).collect::<BTreeMap<_, _>>()
        });
        properties.map_or(std::ptr::null_mut(), handle::give)
    })
}
