//! What stands behind an authentication handle.

use std::sync::Arc;

use pulsar_rs_client::{Authentication as Core, Error, TokenAuthentication, UnusableAuthentication};
use zeroize::Zeroizing;

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

fn unusable(error: Error) -> Authentication {
    Arc::new(match error {
        Error::Authentication(_) | Error::NotSupported(_) => UnusableAuthentication::from(error),
        other => UnusableAuthentication::new(other.to_string()),
    })
}
