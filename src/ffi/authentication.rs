//! `pulsar/c/authentication.h`

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use pulsar_rs_client::{
    BasicAuthentication, Error, TlsAuthentication, TokenAuthentication, UnusableAuthentication,
    authentication_by_name,
};
use zeroize::Zeroizing;

use super::guard::guard;
use super::handle::{self, Context, Opaque};
use super::text::{TextError, text};
use crate::authentication::{Authentication, from_supplier, made, made_by_name};

/// A way to show brokers who the client is. One may be used for several clients.
#[allow(non_camel_case_types)]
pub struct pulsar_authentication_t(());

impl Opaque for pulsar_authentication_t {
    type Value = Authentication;
    const TAG: u32 = 0x5041_5531;
}

/// Gives a token: a string in memory of `malloc`, which the library frees.
#[allow(non_camel_case_types)]
pub type token_supplier = Option<extern "C" fn(ctx: *mut c_void) -> *mut c_char>;

/// Creates an authentication from the name of its method and its parameters in one string. Names are `token`, `basic`,
/// `tls`, `oauth2` and `athenz`, and those of the Java client's classes, such as
/// `org.apache.pulsar.client.impl.auth.AuthenticationToken`; case does not matter. Parameters are
///
/// - for `token` the token, `token:TOKEN`, `file:PATH`, `file:///PATH` or `env:NAME`;
/// - for `basic` `username` and `password`, and for `tls` `tlsCertFile` and `tlsKeyFile`, as JSON or as
///   `name:value,name:value`;
/// - for `oauth2` and `athenz` what `pulsar_authentication_oauth2_create` and `pulsar_authentication_athenz_create` take.
///
/// Plugins in shared libraries are not loaded.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. The strings are copied, and the copies overwritten
/// when they are not needed any more.
/// NULL: NULL parameters count as an empty string.
/// Errors: what cannot be made is returned all the same, and fails with `pulsar_result_AuthenticationError` when a client
/// uses it: for a name that is not known, NULL among them, and for parameters that are missing or cannot be read.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_create(
    dynamic_lib_path: *const c_char,
    auth_params_string: *const c_char,
) -> *mut pulsar_authentication_t {
    give(|| {
        made_by_name(string("authentication", dynamic_lib_path).and_then(|name| {
            let parameters = match secret("parameters", auth_params_string) {
                Err(_) if auth_params_string.is_null() => Zeroizing::default(),
                parameters => parameters?,
            };
            authentication_by_name(&name, &parameters)
        }))
    })
}

/// Creates an authentication by the certificate that the client shows in the TLS handshake, with the files of the
/// certificate and its key, in PEM. They are read for each connection; without TLS they are not used.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. The strings are copied.
/// NULL: a NULL string gives an authentication that fails with `pulsar_result_AuthenticationError` when it is used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_tls_create(
    certificate_path: *const c_char,
    private_key_path: *const c_char,
) -> *mut pulsar_authentication_t {
    give(|| {
        made(string("certificate", certificate_path).and_then(|certificate| {
            Ok(TlsAuthentication::new(certificate, string("private key", private_key_path)?))
        }))
    })
}

/// Creates an authentication by a token.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. The string is copied, and the copy overwritten when
/// it is not needed any more.
/// NULL: a NULL string gives an authentication that fails with `pulsar_result_AuthenticationError` when it is used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_token_create(token: *const c_char) -> *mut pulsar_authentication_t {
    give(|| made(secret("token", token).map(|token| TokenAuthentication::new(&token))))
}

/// Creates an authentication by tokens that a function gives, which is called with `ctx` for each connection and HTTP
/// lookup, and when a broker asks for a new token; not here.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. The strings that the function returns have to be from
/// `malloc`; the library overwrites and frees them. `ctx` stays the caller's and must live until every client that uses
/// the authentication is freed.
/// Threads: the function is called on a thread of the client, never two calls at the same time, and never with a lock
/// held. It may take its time: the connection fails when that is over, and freeing the client waits 1 s for it at most.
/// NULL: where the function is NULL, or returns NULL, connections fail with `pulsar_result_AuthenticationError`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_token_create_with_supplier(
    token_supplier: token_supplier,
    ctx: *mut c_void,
) -> *mut pulsar_authentication_t {
    give(|| {
        let context = Context::new(ctx);
        let Some(supplier) = token_supplier else {
            let why = "NULL instead of a token supplier";
            return made(Ok(UnusableAuthentication::new(why)));
        };
        from_supplier(move || handle::take_malloced_text(supplier(context.ptr())))
    })
}

/// Creates an authentication by user and password. They travel as they are: use it with TLS.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. The strings are copied, and the copies overwritten
/// when they are not needed any more.
/// NULL: a NULL string gives an authentication that fails with `pulsar_result_AuthenticationError` when it is used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_basic_create(
    username: *const c_char,
    password: *const c_char,
) -> *mut pulsar_authentication_t {
    give(|| {
        made(
            string("user", username)
                .and_then(|user| Ok(BasicAuthentication::new(&user, &secret("password", password)?))),
        )
    })
}

/// Creates an authentication by role tokens of Athenz, with a JSON object of strings: `tenantDomain`, `tenantService`,
/// `providerDomain`, `privateKey` (a path, `file:///PATH` or `data:application/x-pem-file;base64,...`; RSA in PEM),
/// `ztsUrl`, and, where they are not the usual ones, `keyId`, `principalHeader` and `roleHeader`. ZTS must show a
/// certificate for its name, of an authority of the client's trust file or, without one, of the system's, whatever else the
/// client's TLS settings say.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. The string is copied, and the copy overwritten when it
/// is not needed any more.
/// NULL: a NULL string gives an authentication that fails like one with missing parameters.
/// Errors: parameters that are missing, cannot be read, or are not supported (`x509CertChain`, `caCert`) are told when a
/// client uses it, with `pulsar_result_AuthenticationError`; a library built without the feature `athenz` says
/// `pulsar_result_OperationNotSupported`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_athenz_create(
    auth_params_string: *const c_char,
) -> *mut pulsar_authentication_t {
    give(|| {
        let parameters = secret("parameters", auth_params_string);
        made_by_name(parameters.and_then(|parameters| authentication_by_name("athenz", &parameters)))
    })
}

/// Creates an authentication by tokens that an OAuth 2.0 issuer gives for a client's credentials, with a JSON object of
/// strings: `issuer_url`; `private_key`, a path, `file:///PATH` or `data:application/json;base64,...` of JSON with
/// `client_id` and `client_secret`, or these two themselves; and, where the issuer wants them, `audience` and `scope`. The
/// issuer must show a certificate for its name, of an authority of the client's trust file or, without one, of the system's,
/// whatever else the client's TLS settings say. A token is kept until shortly before it ends.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. The string is copied, and the copy overwritten when it
/// is not needed any more.
/// NULL: a NULL string gives an authentication that fails like one with missing parameters.
/// Errors: parameters that are missing or cannot be read, and what goes wrong at the issuer, are told when a client uses
/// it, with `pulsar_result_AuthenticationError`; a library built without the feature `oauth2` says
/// `pulsar_result_OperationNotSupported`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_oauth2_create(
    auth_params_string: *const c_char,
) -> *mut pulsar_authentication_t {
    give(|| {
        let parameters = secret("parameters", auth_params_string);
        made_by_name(parameters.and_then(|parameters| authentication_by_name("oauth2", &parameters)))
    })
}

/// Frees an authentication. Configurations and clients that use it keep what they need.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_authentication_free(authentication: Option<NonNull<pulsar_authentication_t>>) {
    guard((), || drop(handle::reclaim(authentication)));
}

fn give(make: impl FnOnce() -> Authentication) -> *mut pulsar_authentication_t {
    guard(std::ptr::null_mut(), || handle::give(make()))
}

fn string(what: &str, string: *const c_char) -> Result<String, Error> {
    text(string).map_err(|error| {
        Error::Authentication(match error {
            TextError::Null => format!("NULL instead of the {what}"),
            TextError::NotUtf8 => format!("the {what} is not UTF-8"),
        })
    })
}

fn secret(what: &str, secret: *const c_char) -> Result<Zeroizing<String>, Error> {
    string(what, secret).map(Zeroizing::new)
}
