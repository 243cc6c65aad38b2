use super::{Answering, Authentication, Network, Secret, SecretHeaders};
use crate::Error;

/// Stands for an authentication that could not be made: whoever uses it learns why. Programs that do not look at what
/// making it returned must not go on without any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableAuthentication {
    error: Error,
}

impl UnusableAuthentication {
    /// `why` goes into the errors; it must hold no secret.
    pub fn new(why: impl Into<String>) -> Self {
        UnusableAuthentication { error: Error::Authentication(why.into()) }
    }
}

impl From<Error> for UnusableAuthentication {
    /// With this error, whose text must hold no secret.
    fn from(error: Error) -> Self {
        UnusableAuthentication { error }
    }
}

impl Authentication for UnusableAuthentication {
    fn method(&self) -> &'static str {
        "unusable"
    }

    fn answer<'a>(&'a self, _: Option<&'a [u8]>, _: &'a Network) -> Answering<'a, Secret> {
        Box::pin(async { Err(self.error.clone()) })
    }

    fn http_headers<'a>(&'a self, _: &'a Network) -> Answering<'a, SecretHeaders> {
        Box::pin(async { Err(self.error.clone()) })
    }
}
