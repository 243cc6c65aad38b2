use std::sync::Arc;

use super::{Authentication, Secret};
use crate::Error;

/// Method of clients that do not say who they are, as the established clients name it.
const NO_METHOD: &str = "none";

/// Who a client is, as its connections and lookups see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    authentication: Option<Arc<dyn Authentication>>,
}

impl Identity {
    pub fn new(authentication: Option<Arc<dyn Authentication>>) -> Self {
        Identity { authentication }
    }

    /// Name of the method.
    pub fn method(&self) -> &str {
        self.authentication.as_ref().map_or(NO_METHOD, |authentication| authentication.method())
    }

    /// What goes with `Connect`; nothing of a client that does not say who it is.
    pub async fn introduction(&self) -> Result<Option<Secret>, Error> {
        match &self.authentication {
            None => Ok(None),
            Some(authentication) => authentication.answer(None).await.map(Some),
        }
    }

    /// The answer to a challenge.
    pub async fn answer(&self, challenge: &[u8]) -> Result<Secret, Error> {
        match &self.authentication {
            None => Err(Error::Authentication("the broker wants authentication, which is not set".into())),
            Some(authentication) => authentication.answer(Some(challenge)).await,
        }
    }
}
