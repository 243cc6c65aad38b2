use std::sync::Arc;

#[cfg(feature = "http")]
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Authentication, Network, Secret};
use crate::Error;

/// Method of clients that do not say who they are, as the established clients name it.
const NO_METHOD: &str = "none";

/// Who a client is, as its connections and lookups see it.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    authentication: Option<Arc<dyn Authentication>>,
    network: Arc<Network>,
}

impl Identity {
    pub fn new(authentication: Option<Arc<dyn Authentication>>, network: Network) -> Self {
        Identity { authentication, network: Arc::new(network) }
    }

    /// Name of the method.
    pub fn method(&self) -> &str {
        self.authentication.as_ref().map_or(NO_METHOD, |authentication| authentication.method())
    }

    /// What goes with `Connect`; nothing of a client that does not say who it is.
    pub async fn introduction(&self) -> Result<Option<Secret>, Error> {
        match &self.authentication {
            None => Ok(None),
            Some(authentication) => authentication.answer(None, &self.network).await.map(Some),
        }
    }

    /// The answer to a challenge.
    pub async fn answer(&self, challenge: &[u8]) -> Result<Secret, Error> {
        match &self.authentication {
            None => Err(Error::Authentication("the broker wants authentication, which is not set".into())),
            Some(authentication) => authentication.answer(Some(challenge), &self.network).await,
        }
    }

    /// A server refused the client for what it was told.
    pub fn refused(&self) {
        self.authentication.iter().for_each(|authentication| authentication.refused());
    }

    /// What goes with HTTP lookups.
    #[cfg(feature = "http")]
    pub async fn http_headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        let Some(authentication) = &self.authentication else {
            return Ok(headers);
        };
        for (name, value) in authentication.http_headers(&self.network).await? {
            insert(&mut headers, name, &value)?;
        }
        Ok(headers)
    }
}

/// Adds a header whose value is secret.
#[cfg(feature = "http")]
pub(super) fn insert(headers: &mut HeaderMap, name: String, value: &str) -> Result<(), Error> {
    let wrong = |part| Error::Authentication(format!("the {part} of an HTTP header cannot be sent"));
    let name = HeaderName::try_from(name).map_err(|_| wrong("name"))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong("value"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
