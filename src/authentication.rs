//! What stands behind an authentication handle.

use std::ffi::c_int;
use std::sync::Arc;

use pulsar_rs_client::{
    Authentication as Core, CertificatePem, Error, TlsAuthentication, TokenAuthentication,
    UnusableAuthentication,
};
use zeroize::Zeroizing;

use crate::ffi::handle::{Context, Lent, enum_number};
use crate::ffi::pulsar_rs::authentication::{CertificateFunction, pulsar_rs_certificate_t};
use crate::ffi::result::pulsar_result;

/// What a client shows, shared with the configurations and clients that use it.
pub(crate) type Authentication = Arc<dyn Core>;

/// An authentication; one that fails whenever it is used, where it could not be made: programs do not check what the
/// functions that make one return, and must not go on without any.
pub(crate) fn made<A: Core + 'static>(made: Result<A, Error>) -> Authentication {
    match made {
        Ok(authentication) => Arc::new(authentication),
        Err(error) => unusable(error),
    }
}

/// The same for one whose kind is known at run time only.
pub(crate) fn made_by_name(made: Result<Authentication, Error>) -> Authentication {
    made.unwrap_or_else(unusable)
}

/// Tokens of a function of the program: the bytes of its string, or nothing when it gave none.
pub(crate) fn from_supplier(
    supplier: impl Fn() -> Option<Zeroizing<Vec<u8>>> + Send + Sync + 'static,
) -> Authentication {
    Arc::new(TokenAuthentication::from_supplier(move || {
        let bytes =
            supplier().ok_or_else(|| Error::Authentication("the token supplier returned NULL".into()))?;
        match std::str::from_utf8(&bytes) {
            Ok(token) => Ok(Zeroizing::new(token.to_owned())),
            Err(_) => Err(Error::Authentication("the token supplier returned what is not UTF-8".into())),
        }
    }))
}

/// Certificates of a function of the program, which fills in an object.
pub(crate) fn from_certificate_supplier(supplier: CertificateFunction, context: Context) -> Authentication {
    const OK: c_int = pulsar_result::pulsar_result_Ok as c_int;
    Arc::new(TlsAuthentication::from_supplier(move || {
        let failed = |why| Error::Authentication(format!("the certificate supplier {why}"));
        let certificate = Lent::<pulsar_rs_certificate_t>::new(CertificatePem::default());
        let result = supplier(certificate.as_ptr(), context.ptr());
        match enum_number(result) {
            OK => certificate.take().ok_or_else(|| failed("freed the certificate".to_owned())),
            other => Err(failed(format!("returned {other}"))),
        }
    }))
}

fn unusable(error: Error) -> Authentication {
    Arc::new(match error {
        Error::Authentication(_) | Error::NotSupported(_) => UnusableAuthentication::from(error),
        other => UnusableAuthentication::new(other.to_string()),
    })
}
