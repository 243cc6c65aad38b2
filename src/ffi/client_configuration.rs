//! `pulsar/c/client_configuration.h`
//!
//! As long as the header: a setter and a getter for each setting, with what its users have to know.

use std::ffi::{CString, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use pulsar_rs_client::UnusableAuthentication;
use pulsar_rs_client::log::Level;

use super::authentication::pulsar_authentication_t;
use super::guard::guard;
use super::handle::{self, Context, Misuse, Opaque};
use super::text::{c_string, copied, empty};
use crate::authentication::made;
use crate::client_configuration::{ClientConfiguration, TlsConfiguration};
use crate::logger::ForeignLogger;

/// How a client behaves.
#[allow(non_camel_case_types)]
pub struct pulsar_client_configuration_t(());

impl Opaque for pulsar_client_configuration_t {
    type Value = ClientConfiguration;
    const TAG: u32 = 0x5043_4331;
}

/// How serious a log line is.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum pulsar_logger_level_t {
    /// For those who debug this library.
    pulsar_DEBUG = 0,
    /// Normal life: connected, created, closed.
    pulsar_INFO = 1,
    /// Trouble that the library deals with.
    pulsar_WARN = 2,
    /// Trouble that an operation reports, or that costs data.
    pulsar_ERROR = 3,
}

impl From<Level> for pulsar_logger_level_t {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => pulsar_logger_level_t::pulsar_DEBUG,
            Level::Info => pulsar_logger_level_t::pulsar_INFO,
            Level::Warn => pulsar_logger_level_t::pulsar_WARN,
            Level::Error => pulsar_logger_level_t::pulsar_ERROR,
        }
    }
}

/// Takes a log line. `file` and `message` are valid during the call.
#[allow(non_camel_case_types)]
pub type pulsar_logger = Option<
    extern "C" fn(
        level: pulsar_logger_level_t,
        file: *const c_char,
        line: c_int,
        message: *const c_char,
        ctx: *mut c_void,
    ),
>;

/// A logger that says which lines it wants.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pulsar_logger_t {
    /// Handed to both functions.
    pub ctx: *mut c_void,
    /// Whether lines of a level are wanted; NULL: all are.
    pub is_enabled: Option<extern "C" fn(level: pulsar_logger_level_t, ctx: *mut c_void) -> bool>,
    /// Takes the lines; NULL: nobody does.
    pub log: pulsar_logger,
}

/// Changes a configuration. A handle that cannot be used is left alone: setters have no result.
pub(in crate::ffi) fn set(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    change: impl FnOnce(&mut ClientConfiguration),
) {
    guard((), || _ = handle::with_mut(conf, change));
}

/// Reads a value; that of a new configuration when the handle cannot be used.
pub(in crate::ffi) fn get<T>(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    read: impl Fn(&ClientConfiguration) -> T,
    absent: T,
) -> T {
    guard(None, || handle::with(conf, read).ok()).unwrap_or(absent)
}

/// Creates a client configuration with the defaults.
///
/// Ownership: the caller frees it with `pulsar_client_configuration_free`. It may be freed right after use: what is
/// created with it takes a copy.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_create() -> *mut pulsar_client_configuration_t {
    guard(std::ptr::null_mut(), || handle::give(ClientConfiguration::default()))
}

/// Frees a configuration.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_free(conf: Option<NonNull<pulsar_client_configuration_t>>) {
    guard((), || drop(handle::reclaim(conf)));
}

/// Sets how long creating, subscribing, closing and lookups may take, in seconds. Default 30.
///
/// Errors: a negative time makes every use of the client fail with `pulsar_result_InvalidConfiguration`.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_operation_timeout_seconds(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    timeout: c_int,
) {
    set(conf, |conf| conf.operation_timeout_seconds = timeout);
}

/// Returns the operation timeout in seconds.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_operation_timeout_seconds(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.operation_timeout_seconds, 30)
}

/// Sets the number of threads for I/O; less than 1 means 1. Default 1, which serves many connections.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_io_threads(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    threads: c_int,
) {
    set(conf, |conf| conf.io_threads = threads);
}

/// Returns the number of threads for I/O.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_io_threads(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.io_threads, 1)
}

/// Sets the number of threads for message listeners; less than 1 means 1. A consumer's messages all come on the
/// same one. Default 1.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_message_listener_threads(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    threads: c_int,
) {
    set(conf, |conf| conf.message_listener_threads = threads);
}

/// Returns the number of threads for message listeners.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_message_listener_threads(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.message_listener_threads, 1)
}

/// Sets how often a silent broker is asked whether it lives, in seconds; after twice that time the connection is
/// given up. 0: never. Default 30.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_keep_alive_interval_in_seconds(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    keep_alive_interval_in_seconds: c_uint,
) {
    set(conf, |conf| conf.keep_alive_interval_seconds = keep_alive_interval_in_seconds);
}

/// Returns the keep-alive interval in seconds.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_keep_alive_interval_in_seconds(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_uint {
    get(conf, |conf| conf.keep_alive_interval_seconds, 30)
}

/// Names the advertised listener of the brokers that lookups ask for. Default: none.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL string changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_listener_name(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    listener_name: *const c_char,
) {
    set(conf, |conf| {
        if let Some(text) = copied(listener_name) {
            conf.listener_name = text;
        }
    });
}

/// Returns the name of the advertised listener; the empty string when there is none.
///
/// Ownership: the string belongs to the configuration until it is set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_listener_name(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> *const c_char {
    get(conf, |conf| conf.listener_name.as_ptr(), empty())
}

/// Sets how many bytes of messages all producers together may have under way: payload, keys and properties; and what
/// waits in the queues of consumers with `pulsar_rs_consumer_configuration_set_auto_scaled_receiver_queue` counts as
/// well. At the limit a producer blocks or fails with `pulsar_result_MemoryBufferIsFull`, as it does for pending
/// messages; one message may pass it, and one may always be under way. 0: no limit. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_memory_limit(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    memory_limit_bytes: c_ulonglong,
) {
    set(conf, |conf| conf.memory_limit_bytes = memory_limit_bytes);
}

/// Returns the memory limit in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_memory_limit(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_ulonglong {
    get(conf, |conf| conf.memory_limit_bytes, 0)
}

/// Sets how many lookups may be under way at the same time; others wait for their turn. Default 50000.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: a number below 1 counts as 1.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_concurrent_lookup_request(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    concurrent_lookup_request: c_int,
) {
    set(conf, |conf| conf.concurrent_lookup_requests = concurrent_lookup_request);
}

/// Returns how many lookups may be under way at the same time.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_concurrent_lookup_request(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.concurrent_lookup_requests, 50_000)
}

/// Sets how often producers of partitioned topics look for new partitions, in seconds; 0: never. Default 60.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_partitions_update_interval(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    interval_in_seconds: c_uint,
) {
    set(conf, |conf| conf.partitions_update_interval_seconds = interval_in_seconds);
}

/// Returns how often producers look for new partitions, in seconds.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_partitions_update_interval(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_uint {
    get(conf, |conf| conf.partitions_update_interval_seconds, 60)
}

/// Sets how often the client logs a line about each producer and consumer that did something, at level INFO, in
/// seconds: its rates, its latencies, its totals. 0: never. Default 600. The default logger drops these lines.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_stats_interval_in_seconds(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    interval: c_uint,
) {
    set(conf, |conf| conf.stats_interval_seconds = interval);
}

/// Returns how often the client logs statistics, in seconds; 0: never.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_stats_interval_in_seconds(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_uint {
    get(conf, |conf| conf.stats_interval_seconds, 600)
}

/// Has no effect: TLS is spoken where the service URL is `pulsar+ssl://` or `https://`, as in the established library.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_use_tls(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    useTls: c_int,
) {
    set(conf, |conf| conf.tls.use_tls = useTls != 0);
}

/// Returns what `pulsar_client_configuration_set_use_tls` set: 1 or 0. Default 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_is_use_tls(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.tls.use_tls.into(), 0)
}

/// Names a file with the certificates, in PEM, of the authorities that are trusted, and of no others. Default: none,
/// which means those that the system trusts, or those that Mozilla trusts where the system has none. A server that signed
/// its certificate itself is trusted when that certificate is in the file. The file is read for every new connection, so
/// that a renewed one is used from the next connection on.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL string changes nothing; the empty string names no file.
/// Errors: with a file that cannot be used, what needs a connection fails with `pulsar_result_AuthenticationError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_tls_trust_certs_file_path(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    tlsTrustCertsFilePath: *const c_char,
) {
    set_path(conf, tlsTrustCertsFilePath, |tls, path| tls.trust_certs_file = path);
}

/// Returns the path of the trusted certificates; the empty string when there is none.
///
/// Ownership: the string belongs to the configuration until it is set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_tls_trust_certs_file_path(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> *const c_char {
    get(conf, |conf| conf.tls.trust_certs_file.as_ptr(), empty())
}

/// Sets whether any certificate of a server is taken, so that whoever is on the way can read and change everything. Each
/// client with it logs a warning. Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_tls_allow_insecure_connection(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    allowInsecure: c_int,
) {
    set(conf, |conf| conf.tls.allow_insecure = allowInsecure != 0);
}

/// Returns 1 when any certificate of a server is taken, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_is_tls_allow_insecure_connection(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.tls.allow_insecure.into(), 0)
}

/// Sets whether a server's certificate has to be for the host that is connected to. Default 0, as in the established
/// library: any server with a certificate of a trusted authority passes for any other. Programs should set 1.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_validate_hostname(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    validateHostName: c_int,
) {
    set(conf, |conf| conf.tls.validate_hostname = validateHostName != 0);
}

/// Returns 1 when a server's certificate has to be for its host, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_is_validate_hostname(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.tls.validate_hostname.into(), 0)
}

/// Names a file with the client's certificate, in PEM, with those between it and its authority behind it. It needs a
/// private key file. Default: none. The file is read for every new connection.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL string changes nothing; the empty string names no file.
/// Errors: with a file that cannot be used, what needs a connection fails with `pulsar_result_AuthenticationError`; with
/// one of the two files alone every use of the client fails with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_tls_certificate_file_path(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    certificateFilePath: *const c_char,
) {
    set_path(conf, certificateFilePath, |tls, path| tls.certificate_file = path);
}

/// Returns the path of the client's certificate; the empty string when there is none.
///
/// Ownership: the string belongs to the configuration until it is set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_tls_certificate_file_path(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> *const c_char {
    get(conf, |conf| conf.tls.certificate_file.as_ptr(), empty())
}

/// Names a file with the key of the client's certificate, in PEM: PKCS#8, PKCS#1 or SEC1, without a password. Default:
/// none. The file is read for every new connection.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL string changes nothing; the empty string names no file.
/// Errors: as for `pulsar_client_configuration_set_tls_certificate_file_path`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_tls_private_key_file_path(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    private_key_file_path: *const c_char,
) {
    set_path(conf, private_key_file_path, |tls, path| tls.private_key_file = path);
}

/// Returns the path of the key of the client's certificate; the empty string when there is none.
///
/// Ownership: the string belongs to the configuration until it is set anew.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_get_tls_private_key_file_path(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> *const c_char {
    get(conf, |conf| conf.tls.private_key_file.as_ptr(), empty())
}

fn set_path(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    path: *const c_char,
    change: impl FnOnce(&mut TlsConfiguration, CString),
) {
    set(conf, |conf| {
        if let Some(path) = copied(path) {
            change(&mut conf.tls, path);
        }
    });
}

/// Sets who the client shows to be. Default: it does not say.
///
/// Ownership: the configuration keeps what it needs: the authentication may be freed at once, and the configuration once
/// the client is there.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL authentication changes nothing.
/// Errors: what is no authentication, or was freed, makes every use of the client fail with
/// `pulsar_result_AuthenticationError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_auth(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    authentication: Option<NonNull<pulsar_authentication_t>>,
) {
    guard((), || {
        let wanted = match handle::with(authentication, Arc::clone) {
            Ok(wanted) => wanted,
            Err(Misuse::Null) => return,
            Err(_) => {
                made(Ok(UnusableAuthentication::new("what was set is no authentication, or was freed")))
            }
        };
        set(conf, |conf| conf.authentication = Some(wanted));
    });
}

/// Sets whether HTTP lookups that are redirected to another host show there, too, who the client is (any value but 0), or
/// not (0). Only for clusters that redirect among themselves: whoever is redirected to learns the token or password.
/// Default 0.
///
/// Threads: nobody else may use the configuration meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_http_lookup_auth_allow_redirect(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    http_lookup_auth_allow_redirect: c_int,
) {
    set(conf, |conf| conf.http_lookup_auth_allow_redirect = http_lookup_auth_allow_redirect != 0);
}

/// Returns 1 when HTTP lookups that are redirected to another host show there, too, who the client is, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_is_http_lookup_auth_allow_redirect(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.http_lookup_auth_allow_redirect.into(), 0)
}

/// Sets a function that gets the client's log lines from INFO on. Default: warnings and errors go to standard
/// error.
///
/// Ownership: `ctx` stays the caller's and must live until the client is freed.
/// Threads: it is called on the caller's threads and on the client's callback thread, several at a time, never
/// with a lock held. At most 1000 lines wait for the callback thread; a line tells how many others were dropped.
/// NULL: without a function nothing is logged.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_logger(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    logger: pulsar_logger,
    ctx: *mut c_void,
) {
    let logger = pulsar_logger_t { ctx, is_enabled: None, log: logger };
    set(conf, |conf| conf.logger = Some(factory(logger, Level::Info)));
}

/// Sets a logger that says which lines it wants, of all levels.
///
/// Ownership: the struct is copied; its `ctx` stays the caller's and must live until the client is freed.
/// Threads: its functions are called on the caller's threads and on the client's callback thread, several at a
/// time, never with a lock held. At most 1000 lines wait for the callback thread; a line tells how many others
/// were dropped.
/// NULL: without a `log` function nothing is logged.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_client_configuration_set_logger_t(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    logger: pulsar_logger_t,
) {
    set(conf, |conf| conf.logger = Some(factory(logger, Level::Debug)));
}

/// Makes loggers that call the program's.
fn factory(logger: pulsar_logger_t, floor: Level) -> Arc<dyn Fn() -> ForeignLogger + Send + Sync> {
    let (context, is_enabled, log) = (Context::new(logger.ctx), logger.is_enabled, logger.log);
    Arc::new(move || {
        ForeignLogger::new(floor, move |level, file, line, message| {
            let ctx = context.ptr();
            let level = level.into();
            if let Some(log) = log
                && is_enabled.is_none_or(|is_enabled| is_enabled(level, ctx))
            {
                let line = c_int::try_from(line).unwrap_or(c_int::MAX);
                log(level, c_string(file).as_ptr(), line, c_string(message).as_ptr(), ctx);
            }
        })
    })
}
