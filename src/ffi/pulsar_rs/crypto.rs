//! `pulsar_rs/crypto.h`

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use pulsar_rs_client::{KeyInfo, KeySource};
use zeroize::Zeroizing;

use crate::crypto::ForeignKeys;
use crate::ffi::consumer_configuration::pulsar_consumer_configuration_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Context, Misuse, Opaque};
use crate::ffi::producer_configuration::pulsar_producer_configuration_t;
use crate::ffi::reader_configuration::pulsar_reader_configuration_t;
use crate::ffi::result::pulsar_result;
use crate::ffi::string_map::pulsar_string_map_t;
use crate::ffi::table_view_configuration::pulsar_table_view_configuration_t;
use crate::ffi::text::copied;

/// Functions of the program that give keys by name. It does not change.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_crypto_key_reader_t(());

impl Opaque for pulsar_rs_crypto_key_reader_t {
    type Value = KeySource;
    const TAG: u32 = 0x5052_4352;
}

/// A key that a function of the program fills in, during its call.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_crypto_key_t(());

impl Opaque for pulsar_rs_crypto_key_t {
    type Value = KeyInfo;
    const TAG: u32 = 0x5052_434b;
}

pub(crate) type KeyFunction = extern "C" fn(
    name: *const c_char,
    metadata: *mut pulsar_string_map_t,
    key: *mut pulsar_rs_crypto_key_t,
    ctx: *mut c_void,
) -> MaybeUninit<pulsar_result>;

/// Gives a key: puts it into `key` with `pulsar_rs_crypto_key_set_pem` and returns `pulsar_result_Ok`. Any other result
/// says that there is no such key.
///
/// `name` is that of the key. `metadata` is empty for a public key; for a private one it has what was set with
/// `pulsar_rs_crypto_key_set_metadata` when the producer asked for the public one. Everything is valid during the call
/// only, and stays the library's.
#[allow(non_camel_case_types)]
pub type pulsar_rs_crypto_key_function = Option<
    extern "C" fn(
        name: *const c_char,
        metadata: *mut pulsar_string_map_t,
        key: *mut pulsar_rs_crypto_key_t,
        ctx: *mut c_void,
    ) -> MaybeUninit<pulsar_result>,
>;

/// Frees the context of a key reader.
#[allow(non_camel_case_types)]
pub type pulsar_rs_crypto_free_function = Option<extern "C" fn(ctx: *mut c_void)>;

/// Creates a key reader from functions of the program. Producers ask for public keys with their first message, and again
/// whenever they make a new data key, every 4 hours; consumers for a private key whenever a data key comes that they do not
/// know, of several recipients for one after the other.
///
/// Ownership: the caller frees the reader with `pulsar_rs_crypto_key_reader_free`, at once if it likes: configurations, and
/// what was created with them, keep the functions. `free_ctx` is called once, when nothing has them any more.
/// Threads: the functions run on threads that send, and on threads of the client; several may run at the same time, and they
/// may block, but must return within seconds: two of the client's threads at most wait for one reader, and whatever else
/// needs its keys waits behind. They must not use the producer, consumer, reader or table view that they
/// are called for. `free_ctx` runs on whichever thread lets go last.
/// NULL: without `public_key` nothing is encrypted, without `private_key` nothing decrypted; `free_ctx` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_crypto_key_reader_create(
    public_key: pulsar_rs_crypto_key_function,
    private_key: pulsar_rs_crypto_key_function,
    ctx: *mut c_void,
    free_ctx: pulsar_rs_crypto_free_function,
) -> *mut pulsar_rs_crypto_key_reader_t {
    guard(std::ptr::null_mut(), || {
        let keys = ForeignKeys {
            public: public_key,
            private: private_key,
            context: Context::new(ctx),
            free: free_ctx,
        };
        handle::give(KeySource::new(keys))
    })
}

/// Frees a key reader. Configurations that have it keep what they need.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_crypto_key_reader_free(reader: Option<NonNull<pulsar_rs_crypto_key_reader_t>>) {
    guard((), || drop(handle::reclaim(reader)));
}

/// Sets a key: RSA, at most 4096 bits, in PEM. A public one as `PUBLIC KEY` or `RSA PUBLIC KEY`, a private one as
/// `PRIVATE KEY` or `RSA PRIVATE KEY`, without a passphrase.
///
/// Ownership: the bytes are copied; the copy is wiped after its use.
/// NULL: NULL bytes are an empty key, which cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_crypto_key_set_pem(
    key: Option<NonNull<pulsar_rs_crypto_key_t>>,
    pem: *const c_void,
    len: usize,
) {
    guard((), || {
        let pem = Zeroizing::new(handle::with_bytes(pem, len, <[u8]>::to_vec));
        let _ = handle::with_mut(key, |key| key.pem = pem);
    });
}

/// Adds something that travels with each message to whoever is asked for the private key, readable for everybody. The
/// version of the key, say.
///
/// Ownership: both strings are copied.
/// NULL: with a NULL name or value nothing changes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_crypto_key_set_metadata(
    key: Option<NonNull<pulsar_rs_crypto_key_t>>,
    name: *const c_char,
    value: *const c_char,
) {
    guard((), || {
        if let Some((name, value)) = copied(name).zip(copied(value)) {
            let _ = handle::with_mut(key, |key| {
                key.metadata.retain(|(known, _)| *known != name.as_bytes());
                key.metadata.push((name.into_bytes(), value.into_bytes()));
            });
        }
    });
}

/// Sets where the public keys come from, in place of `pulsar_producer_configuration_set_default_crypto_key_reader`. For
/// whom messages are encrypted says `pulsar_producer_configuration_set_encryption_key`.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL reader nothing is encrypted.
/// Errors: a reader that was freed changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_producer_configuration_set_crypto_key_reader(
    conf: Option<NonNull<pulsar_producer_configuration_t>>,
    reader: Option<NonNull<pulsar_rs_crypto_key_reader_t>>,
) {
    set_reader(conf, reader, |conf| &mut conf.key_source);
}

/// Sets where the private keys come from, in place of `pulsar_consumer_configuration_set_default_crypto_key_reader`. Dead
/// letters and retry letters of messages that were encrypted are encrypted for the same names, so it is asked for their
/// public keys too.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL reader nothing is decrypted.
/// Errors: a reader that was freed changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_consumer_configuration_set_crypto_key_reader(
    conf: Option<NonNull<pulsar_consumer_configuration_t>>,
    reader: Option<NonNull<pulsar_rs_crypto_key_reader_t>>,
) {
    set_reader(conf, reader, |conf| &mut conf.key_source);
}

/// Sets where the private keys come from, in place of `pulsar_reader_configuration_set_default_crypto_key_reader`.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL reader nothing is decrypted.
/// Errors: a reader that was freed changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_reader_configuration_set_crypto_key_reader(
    conf: Option<NonNull<pulsar_reader_configuration_t>>,
    reader: Option<NonNull<pulsar_rs_crypto_key_reader_t>>,
) {
    set_reader(conf, reader, |conf| &mut conf.key_source);
}

/// Sets where the private keys come from. Messages that cannot be decrypted are left out.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: with a NULL reader nothing is decrypted.
/// Errors: a reader that was freed changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_table_view_configuration_set_crypto_key_reader(
    conf: Option<NonNull<pulsar_table_view_configuration_t>>,
    reader: Option<NonNull<pulsar_rs_crypto_key_reader_t>>,
) {
    set_reader(conf, reader, |conf| &mut conf.key_source);
}

/// Without a reader there is none from now on; with a handle that cannot be used everything stays as it was.
fn set_reader<O: Opaque>(
    conf: Option<NonNull<O>>,
    reader: Option<NonNull<pulsar_rs_crypto_key_reader_t>>,
    place: impl FnOnce(&mut O::Value) -> &mut Option<KeySource>,
) {
    guard((), || match handle::with(reader, KeySource::clone) {
        Ok(source) => replace(conf, Some(source), place),
        Err(Misuse::Null) => replace(conf, None, place),
        Err(Misuse::Foreign | Misuse::Forked) => {}
    });
}

/// Changes where a configuration gets keys from. What was there before goes when the configuration is not in use any more:
/// the program's function that frees a context may run then.
pub(crate) fn replace<O: Opaque>(
    conf: Option<NonNull<O>>,
    source: Option<KeySource>,
    place: impl FnOnce(&mut O::Value) -> &mut Option<KeySource>,
) {
    let old = handle::with_mut(conf, |conf| std::mem::replace(place(conf), source));
    drop(old);
}

#[cfg(test)]
mod tests {
    use std::ptr::{null, null_mut};
    use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

    use super::*;
    use crate::ffi::consumer_configuration::{
        pulsar_consumer_configuration_create, pulsar_consumer_configuration_free,
        pulsar_consumer_configuration_set_default_crypto_key_reader, pulsar_consumer_is_encryption_enabled,
    };

    static CONF: AtomicPtr<pulsar_consumer_configuration_t> = AtomicPtr::new(null_mut());
    static HAD_READER: AtomicU32 = AtomicU32::new(0);

    /// Looks at the configuration, as a program may.
    extern "C" fn look(_: *mut c_void) {
        let conf = NonNull::new(CONF.load(Ordering::SeqCst));
        HAD_READER
            .fetch_add(pulsar_consumer_is_encryption_enabled(conf).cast_unsigned() + 10, Ordering::SeqCst);
    }

    fn reader_of_configuration() -> Option<NonNull<pulsar_rs_crypto_key_reader_t>> {
        NonNull::new(pulsar_rs_crypto_key_reader_create(None, None, null_mut(), Some(look)))
    }

    #[test]
    fn a_reader_goes_when_the_configuration_is_whole() {
        CONF.store(pulsar_consumer_configuration_create(), Ordering::SeqCst);
        let conf = NonNull::new(CONF.load(Ordering::SeqCst));
        let set = || {
            let reader = reader_of_configuration();
            pulsar_rs_consumer_configuration_set_crypto_key_reader(conf, reader);
            pulsar_rs_crypto_key_reader_free(reader);
        };
        set();
        set();
        assert_eq!(HAD_READER.load(Ordering::SeqCst), 11);
        pulsar_consumer_configuration_set_default_crypto_key_reader(conf, null(), null());
        assert_eq!(HAD_READER.load(Ordering::SeqCst), 22);
        set();
        // The handle of something else changes nothing; none takes the reader away.
        pulsar_rs_consumer_configuration_set_crypto_key_reader(conf, conf.map(NonNull::cast));
        assert_eq!(pulsar_consumer_is_encryption_enabled(conf), 1);
        pulsar_rs_consumer_configuration_set_crypto_key_reader(conf, None);
        assert_eq!((pulsar_consumer_is_encryption_enabled(conf), HAD_READER.load(Ordering::SeqCst)), (0, 32));
        pulsar_consumer_configuration_free(conf);
    }
}
