//! `pulsar_rs/authentication.h`

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use pulsar_rs_client::{CertificatePem, UnusableAuthentication};
use zeroize::Zeroizing;

use crate::authentication::{from_certificate_supplier, made};
use crate::ffi::authentication::pulsar_authentication_t;
use crate::ffi::guard::guard;
use crate::ffi::handle::{self, Context, Opaque};
use crate::ffi::result::pulsar_result;

/// A certificate with its key that a function of the program fills in, during its call.
#[allow(non_camel_case_types)]
pub struct pulsar_rs_certificate_t(());

impl Opaque for pulsar_rs_certificate_t {
    type Value = CertificatePem;
    const TAG: u32 = 0x5052_4345;
}

pub(crate) type CertificateFunction =
    extern "C" fn(certificate: *mut pulsar_rs_certificate_t, ctx: *mut c_void) -> MaybeUninit<pulsar_result>;

/// Gives a client's certificate: puts it and its key into `certificate` with `pulsar_rs_certificate_set_pem` and
/// `pulsar_rs_certificate_set_private_key_pem`, and returns `pulsar_result_Ok`. Any other result says that there is none.
///
/// `certificate` is valid during the call only, and stays the library's.
#[allow(non_camel_case_types)]
pub type pulsar_rs_certificate_function = Option<
    extern "C" fn(certificate: *mut pulsar_rs_certificate_t, ctx: *mut c_void) -> MaybeUninit<pulsar_result>,
>;

/// Creates an authentication by the certificate that the client shows in the TLS handshake, as
/// `pulsar_authentication_tls_create` does, with a function in place of files. It is called with `ctx` for each connection
/// with TLS and each HTTPS lookup; not here, and not without TLS. What the configuration's own certificate files have is not
/// used then.
///
/// Ownership: the caller frees it with `pulsar_authentication_free`. `ctx` stays the caller's and must live until every
/// client that uses the authentication is freed.
/// Threads: the function is called on a thread of the client, never two calls at the same time, and never with a lock
/// held. It may take its time: the connection fails when that is over, and freeing the client waits 1 s for it at most.
/// NULL: where the function is NULL, connections fail with `pulsar_result_AuthenticationError`.
/// Errors: where the function fails, or gives a certificate or key that cannot be used or do not belong together,
/// connections fail with `pulsar_result_AuthenticationError` and a text that says so.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_authentication_tls_create_with_supplier(
    supplier: pulsar_rs_certificate_function,
    ctx: *mut c_void,
) -> *mut pulsar_authentication_t {
    guard(std::ptr::null_mut(), || {
        handle::give(match supplier {
            Some(supplier) => from_certificate_supplier(supplier, Context::new(ctx)),
            None => made(Ok(UnusableAuthentication::new("NULL instead of a certificate supplier"))),
        })
    })
}

/// Sets the certificate, with those between it and its authority behind it, in PEM.
///
/// Ownership: the bytes are copied; the copy is wiped after its use.
/// NULL: NULL bytes are no certificate, which cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_certificate_set_pem(
    certificate: Option<NonNull<pulsar_rs_certificate_t>>,
    pem: *const c_void,
    len: usize,
) {
    set(certificate, pem, len, |certificate| &mut certificate.certificate);
}

/// Sets the private key of the certificate: PKCS#8, PKCS#1 or SEC1 in PEM, without a passphrase.
///
/// Ownership: the bytes are copied; the copy is wiped after its use.
/// NULL: NULL bytes are no key, which cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_certificate_set_private_key_pem(
    certificate: Option<NonNull<pulsar_rs_certificate_t>>,
    pem: *const c_void,
    len: usize,
) {
    set(certificate, pem, len, |certificate| &mut certificate.private_key);
}

fn set(
    certificate: Option<NonNull<pulsar_rs_certificate_t>>,
    pem: *const c_void,
    len: usize,
    place: impl FnOnce(&mut CertificatePem) -> &mut Zeroizing<Vec<u8>>,
) {
    guard((), || {
        let pem = Zeroizing::new(handle::with_bytes(pem, len, <[u8]>::to_vec));
        let _ = handle::with_mut(certificate, |certificate| *place(certificate) = pem);
    });
}
