use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::Error;
use crate::http::{HttpAnswer, HttpRequest, send};
use crate::tls::Connector;

/// Characters of an error code that are shown.
const MAX_CODE: usize = 60;

/// What an [`Authentication`](super::Authentication) may ask servers with: the client's trust file and timeouts. Their
/// certificates are verified, names too, whatever the client's settings for brokers: they are told secrets.
pub struct Network {
    connector: Connector,
    connect_timeout: Duration,
    /// For a request and its answer.
    patience: Duration,
}

impl Network {
    pub(crate) fn new(connector: Connector, connect_timeout: Duration, patience: Duration) -> Self {
        Network { connector, connect_timeout, patience }
    }

    /// The answer to a request. Errors tell who was asked, and are errors of authentication: programs of the established
    /// API know an issuer that is not there as that.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, Error> {
        let what = format!("{request:?}");
        let sending = send(request, &self.connector, self.connect_timeout);
        match timeout(self.patience, sending).await {
            Ok(Ok(answer)) if answer.status.is_success() => Ok(answer),
            Ok(Ok(answer)) => Err(refused(&what, &answer)),
            Ok(Err(error)) => Err(Error::Authentication(format!("{what}: {error}"))),
            Err(_) => Err(Error::Authentication(format!("{what}: no answer within {:?}", self.patience))),
        }
    }
}

/// The error for a server that has nothing for us, with the code that it gives, if it gives one as OAuth 2.0 wants it.
pub(super) fn refused(what: &str, answer: &HttpAnswer) -> Error {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let code = json.as_ref().and_then(|json| json.get("error")?.as_str()).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_code = !code.is_empty() && code.len() <= MAX_CODE && code.bytes().all(is_plain);
    let code = if is_code { format!(", {code}") } else { String::new() };
    Error::Authentication(format!("{what}: HTTP {}{code}", answer.status))
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Network").field("patience", &self.patience).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::TlsConfig;
    use crate::log::{Log, StderrLogger};

    /// One for tests.
    pub fn network() -> Network {
        let log = Log::new(std::sync::Arc::new(StderrLogger));
        let connector = Connector::new(TlsConfig::default(), None, None, log).unwrap();
        Network::new(connector, Duration::from_secs(5), Duration::from_secs(5))
    }
}
