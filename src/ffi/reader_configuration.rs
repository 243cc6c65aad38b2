//! `pulsar/c/reader_configuration.h`

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::consumer_configuration::pulsar_consumer_crypto_failure_action;
use super::guard::guard;
use super::handle::{self, Context, Opaque};
use super::message::pulsar_message_t;
use super::reader::pulsar_reader_t;
use super::text::{copied, empty};
use crate::crypto;
use crate::ffi::pulsar_rs::crypto::replace;
use crate::reader_configuration::ReaderConfiguration;

/// How a reader behaves.
#[allow(non_camel_case_types)]
pub struct pulsar_reader_configuration_t(());

impl Opaque for pulsar_reader_configuration_t {
    type Value = ReaderConfiguration;
    const TAG: u32 = 0x5043_5231;
}

/// Gets the messages of a reader. It frees `msg` with `pulsar_message_free`; `reader` is valid during the call only.
#[allow(non_camel_case_types)]
pub type pulsar_reader_listener =
    Option<extern "C" fn(reader: *mut pulsar_reader_t, msg: *mut pulsar_message_t, ctx: *mut c_void)>;

/// A listener that is there.
pub(crate) type ListenerFunction = extern "C" fn(*mut pulsar_reader_t, *mut pulsar_message_t, *mut c_void);

/// Creates a configuration with the defaults.
///
/// Ownership: the caller frees it with `pulsar_reader_configuration_free`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_create() -> *mut pulsar_reader_configuration_t {
    guard(std::ptr::null_mut(), || handle::give(ReaderConfiguration::default()))
}

/// Frees a configuration. Readers that were created with it do not need it any more.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_free(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) {
    guard((), || drop(handle::reclaim(configuration)));
}

/// Sets a function that gets the messages, instead of reading them.
///
/// Ownership: each message belongs to the listener, which frees it with `pulsar_message_free`. The reader pointer that
/// it gets is valid during the call only. `ctx` stays the caller's and must live until the reader is closed and a call that
/// runs then, or is about to, has ended: no other follows it, and freeing the client waits for it.
/// Threads: it is called on a listener thread of the client, one message after the other. It may call anything, also
/// close its own reader.
/// NULL: without a function there is no listener.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_set_reader_listener(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    listener: pulsar_reader_listener,
    ctx: *mut c_void,
) {
    set(configuration, |conf| conf.listener = listener.map(|function| (function, Context::new(ctx))));
}

/// Returns 1 when a listener is set, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_has_reader_listener(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> c_int {
    get(configuration, |conf| c_int::from(conf.listener.is_some()))
}

/// Sets how many messages are fetched ahead. Default 1000.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
/// Errors: with a negative size a reader is refused with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_set_receiver_queue_size(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    size: c_int,
) {
    set(configuration, |conf| conf.receiver_queue_size = size);
}

/// Returns how many messages are fetched ahead.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_get_receiver_queue_size(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> c_int {
    get(configuration, |conf| conf.receiver_queue_size)
}

/// Sets the reader's name, which is shown in the topic's statistics. Default: a random one.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_set_reader_name(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    readerName: *const c_char,
) {
    set(configuration, |conf| {
        if let Some(name) = copied(readerName) {
            conf.reader_name = name;
        }
    });
}

/// Returns the reader's name; empty when none was set.
///
/// Ownership: the string belongs to the configuration, until the name is set again.
/// NULL: returns an empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_get_reader_name(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> *const c_char {
    guard(empty(), || handle::with(configuration, |conf| conf.reader_name.as_ptr()).unwrap_or(empty()))
}

/// Sets what the random name of the reader's subscription begins with, and a `-` behind it. Default: nothing.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_set_subscription_role_prefix(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    subscriptionRolePrefix: *const c_char,
) {
    set(configuration, |conf| {
        if let Some(prefix) = copied(subscriptionRolePrefix) {
            conf.subscription_role_prefix = prefix;
        }
    });
}

/// Returns what the name of the reader's subscription begins with; empty when nothing was set.
///
/// Ownership: the string belongs to the configuration, until the prefix is set again.
/// NULL: returns an empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_get_subscription_role_prefix(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> *const c_char {
    guard(empty(), || {
        handle::with(configuration, |conf| conf.subscription_role_prefix.as_ptr()).unwrap_or(empty())
    })
}

/// Sets whether only the newest message of each key is read, as far as the topic is compacted (any value but 0). Default
/// 0.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
/// Errors: readers of topics that are not stored are refused with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_set_read_compacted(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    readCompacted: c_int,
) {
    set(configuration, |conf| conf.read_compacted = readCompacted != 0);
}

/// Returns 1 when compacted messages are left out, else 0.
///
/// NULL: returns 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_is_read_compacted(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> c_int {
    get(configuration, |conf| c_int::from(conf.read_compacted))
}

/// Sets the files that keys are read from, for all names: RSA keys in PEM. Only the private one is needed.
///
/// Ownership: both paths are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing; a key without a path cannot be read.
/// Errors: the files are not looked at here: messages cannot be decrypted then, see
/// `pulsar_reader_configuration_set_crypto_failure_action`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_set_default_crypto_key_reader(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    public_key_path: *const c_char,
    private_key_path: *const c_char,
) {
    guard((), || {
        let files = crypto::files(public_key_path, private_key_path);
        replace(configuration, Some(files), |conf| &mut conf.key_source);
    });
}

/// Returns what becomes of messages that are encrypted and cannot be decrypted.
///
/// NULL: returns `pulsar_ConsumerFail`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_get_crypto_failure_action(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
) -> pulsar_consumer_crypto_failure_action {
    guard(pulsar_consumer_crypto_failure_action::pulsar_ConsumerFail, || {
        handle::with(configuration, |conf| conf.crypto_failure_action)
            .unwrap_or(pulsar_consumer_crypto_failure_action::pulsar_ConsumerFail)
    })
}

/// Sets what becomes of messages that are encrypted and cannot be decrypted. Default `pulsar_ConsumerFail`: they are not
/// read.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
/// Errors: a number that is no action changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_reader_configuration_set_crypto_failure_action(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    crypto_failure_action: MaybeUninit<pulsar_consumer_crypto_failure_action>,
) {
    set(configuration, |conf| {
        if let Some(action) = handle::enum_value(crypto_failure_action) {
            conf.crypto_failure_action = action;
        }
    });
}

fn set(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    change: impl FnOnce(&mut ReaderConfiguration),
) {
    guard((), || _ = handle::with_mut(configuration, change));
}

fn get(
    configuration: Option<NonNull<pulsar_reader_configuration_t>>,
    look: impl FnOnce(&ReaderConfiguration) -> c_int,
) -> c_int {
    guard(0, || handle::with(configuration, look).unwrap_or(0))
}
