use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};
use zeroize::{Zeroize, Zeroizing};

use super::cached::{Cached, Fetched};
use super::document::Document;
use super::parameters::Parameters;
use super::token::bearer;
use super::{Answering, Authentication, Network, Secret, SecretHeaders};
use crate::Error;
use crate::http::HttpRequest;

/// What is joined to the issuer's URL for its description.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Bytes of a request for a token beside its values.
const FORM_ROOM: usize = 256;

/// A token that an OAuth 2.0 issuer gives for a client's credentials (RFC 6749, section 4.4). It is kept until shortly
/// before it ends. Brokers see the method `token`.
///
/// The issuer must show a certificate for its name, of an authority of the client's trust file or, without one, of the
/// system's, whatever else the client's TLS settings say. Of its description nothing is needed but `token_endpoint`.
pub struct OAuth2Authentication {
    issuer: Url,
    credentials: Credentials,
    audience: Option<String>,
    scope: Option<String>,
    /// Where tokens are asked for, once the issuer said it.
    endpoint: Mutex<Option<Url>>,
    token: Cached,
}

enum Credentials {
    /// JSON with `client_id` and `client_secret`.
    Document(Document),
    Given {
        id: String,
        secret: Zeroizing<String>,
    },
}

impl OAuth2Authentication {
    /// As the established clients write it, as JSON: `issuer_url`; `private_key`, a path, `file:///PATH` or
    /// `data:application/json;base64,...` of JSON with `client_id` and `client_secret`, or these two themselves; and, where
    /// the issuer wants them, `audience` and `scope`. The names of the Java client, `issuerUrl` and `privateKey`, are
    /// understood too. Files are read for each token.
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        let parameters = Parameters::parse_json(text)?;
        let either = |one, other| parameters.get(one).or_else(|| parameters.get(other));
        let issuer = either("issuer_url", "issuerUrl");
        let issuer =
            issuer.ok_or_else(|| Error::Authentication("OAuth 2.0: the issuer_url is missing".into()))?;
        let issuer = Url::parse(issuer).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let issuer = issuer.ok_or_else(|| {
            Error::Authentication("OAuth 2.0: the issuer_url is no http or https URL".into())
        })?;
        if let Some(kind) = parameters.get("type").filter(|kind| *kind != "client_credentials") {
            return Err(Error::Authentication(format!("OAuth 2.0: the type {kind:?} is not supported")));
        }
        let method = parameters.get("tokenEndpointAuthMethod");
        if let Some(method) = method.filter(|method| *method != "client_secret_post") {
            let text = format!("OAuth 2.0: the tokenEndpointAuthMethod {method:?} is not supported");
            return Err(Error::Authentication(text));
        }
        let credentials = match either("private_key", "privateKey") {
            Some(key) => Credentials::Document(Document::parse(key, "application/json")?),
            None => Credentials::Given {
                id: parameters.want("client_id")?.to_owned(),
                secret: Zeroizing::new(parameters.want("client_secret")?.to_owned()),
            },
        };
        Ok(OAuth2Authentication {
            issuer,
            credentials,
            audience: parameters.get("audience").map(str::to_owned),
            scope: parameters.get("scope").map(str::to_owned),
            endpoint: Mutex::default(),
            token: Cached::default(),
        })
    }

    async fn fetch(&self, network: &Network) -> Result<Fetched, Error> {
        let form = self.form().await?;
        let mut known = self.endpoint.lock().await;
        let endpoint = match known.clone() {
            Some(endpoint) => endpoint,
            None => self.discover(network).await?,
        };
        let mut request = HttpRequest {
            method: Method::POST,
            body: Bytes::from_owner(form),
            ..HttpRequest::get(endpoint.clone())
        };
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, kind);
        // Next time it is asked for again, unless it works: issuers move.
        *known = None;
        let answer = network.send(request).await?;
        let fetched = token_in(&Zeroizing::new(answer.body))?;
        *known = Some(endpoint);
        Ok(fetched)
    }

    /// Where the issuer gives tokens.
    async fn discover(&self, network: &Network) -> Result<Url, Error> {
        let mut url = self.issuer.clone();
        url.set_path(&format!("{}{DISCOVERY}", self.issuer.path().trim_end_matches('/')));
        let answer = network.send(HttpRequest::get(url)).await?;
        self.endpoint_in(&answer.body)
    }

    /// The token endpoint in the issuer's description.
    pub(super) fn endpoint_in(&self, description: &[u8]) -> Result<Url, Error> {
        let json: Option<Value> = serde_json::from_slice(description).ok();
        let endpoint = json.as_ref().and_then(|json| json.get("token_endpoint")?.as_str());
        let endpoint = endpoint.and_then(|endpoint| Url::parse(endpoint).ok()).ok_or_else(|| {
            Error::Authentication(format!("{self:?}: the issuer's description names no token_endpoint"))
        })?;
        let is_safe = endpoint.scheme() == "https" || self.issuer.scheme() == "http";
        if !is_safe || !matches!(endpoint.scheme(), "http" | "https") {
            return Err(Error::Authentication(format!("{self:?}: the token_endpoint is not https")));
        }
        Ok(endpoint)
    }

    /// The body of a request for a token.
    pub(super) async fn form(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (id, secret) = self.credentials.read().await?;
        let optional = [("audience", &self.audience), ("scope", &self.scope)];
        // A byte takes three at most; a string that grows would leave copies behind.
        let values = optional.iter().filter_map(|(_, value)| value.as_ref().map(String::len)).sum::<usize>();
        let room = FORM_ROOM + 3 * (id.len() + secret.len() + values);
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(room));
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("client_id", &id).append_pair("client_secret", &secret);
        for (name, value) in optional {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        Ok(Zeroizing::new(form.finish().into_bytes()))
    }

    async fn token(&self, again: bool, network: &Network) -> Result<Zeroizing<String>, Error> {
        self.token.get(again, self.fetch(network)).await
    }
}

impl Credentials {
    /// Id and secret.
    async fn read(&self) -> Result<(String, Zeroizing<String>), Error> {
        match self {
            Credentials::Given { id, secret } => Ok((id.clone(), secret.clone())),
            Credentials::Document(document) => {
                let bytes = document.read().await?;
                let wrong = |why: &str| Error::Authentication(format!("OAuth 2.0: {document:?} {why}"));
                let text = std::str::from_utf8(&bytes).map_err(|_| wrong("is no text"))?;
                let values =
                    Parameters::parse_json(text).map_err(|_| wrong("is not a JSON object of strings"))?;
                let value =
                    |name| values.get(name).ok_or_else(|| wrong("has no client_id and client_secret"));
                Ok((value("client_id")?.to_owned(), Zeroizing::new(value("client_secret")?.to_owned())))
            }
        }
    }
}

impl Authentication for OAuth2Authentication {
    fn method(&self) -> &'static str {
        "token"
    }

    fn answer<'a>(&'a self, challenge: Option<&'a [u8]>, network: &'a Network) -> Answering<'a, Secret> {
        Box::pin(async move {
            let token = self.token(challenge.is_some(), network).await?;
            Ok(Zeroizing::new(token.as_bytes().to_vec()))
        })
    }

    fn refused(&self) {
        self.token.refused();
    }

    fn http_headers<'a>(&'a self, network: &'a Network) -> Answering<'a, SecretHeaders> {
        Box::pin(async { Ok(bearer(&self.token(false, network).await?)) })
    }
}

impl fmt::Debug for OAuth2Authentication {
    /// The issuer, without what is shown to it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "OAuth 2.0 by {}", self.issuer.origin().ascii_serialization())
    }
}

/// The token in an issuer's answer.
pub(super) fn token_in(body: &[u8]) -> Result<Fetched, Error> {
    let wrong = || Error::Authentication("OAuth 2.0: the issuer's answer has no access_token".into());
    let mut json: Value = serde_json::from_slice(body).map_err(|_| wrong())?;
    let expires = json.get("expires_in");
    // Some issuers write it as a string, or with a fraction.
    let seconds = expires.and_then(|seconds| seconds.as_f64().or_else(|| seconds.as_str()?.parse().ok()));
    let token = match json.get_mut("access_token").map(Value::take) {
        Some(Value::String(token)) if !token.is_empty() => Zeroizing::new(token),
        _ => return Err(wrong()),
    };
    for other in ["refresh_token", "id_token"] {
        if let Some(Value::String(other)) = json.get_mut(other) {
            other.zeroize();
        }
    }
    Ok(Fetched { token, lifetime: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parameters_of_both_clients_are_understood() {
        for (parameters, form) in [
            (
                r#"{"issuer_url":"https://i/x","client_id":"me","client_secret":"a&b","audience":"urn:p"}"#,
                "grant_type=client_credentials&client_id=me&client_secret=a%26b&audience=urn%3Ap",
            ),
            (
                r#"{"type":"client_credentials","issuerUrl":"https://i","privateKey":"data:application/json;base64,eyJjbGllbnRfaWQiOiJtZSIsImNsaWVudF9zZWNyZXQiOiJzIn0=","scope":"a b"}"#,
                "grant_type=client_credentials&client_id=me&client_secret=s&scope=a+b",
            ),
        ] {
            let made = OAuth2Authentication::from_parameters(parameters).unwrap();
            assert_eq!(made.form().await.unwrap().as_slice(), form.as_bytes());
            assert_eq!(made.method(), "token");
            assert_eq!(format!("{made:?}"), "OAuth 2.0 by https://i");
        }
        for wrong in [
            "not JSON",
            "{}",
            r#"{"issuer_url":"https://i"}"#,
            r#"{"issuer_url":"https://i","client_id":"me"}"#,
            r#"{"issuer_url":"file:///x","client_id":"me","client_secret":"s"}"#,
            r#"{"issuer_url":"https://i","client_id":"me","client_secret":"s","type":"password"}"#,
            r#"{"issuer_url":"https://i","client_id":"m","tokenEndpointAuthMethod":"tls_client_auth"}"#,
        ] {
            let error = OAuth2Authentication::from_parameters(wrong).unwrap_err();
            assert!(matches!(error, Error::Authentication(_)), "{wrong}: {error}");
        }
    }

    #[test]
    fn answers_need_a_token_and_may_say_how_long_it_is_good() {
        let lifetime = |body: &str| {
            let fetched = token_in(body.as_bytes());
            fetched.map(|fetched| fetched.lifetime.map(|lifetime| lifetime.as_secs()))
        };
        assert_eq!(lifetime(r#"{"access_token":"a","expires_in":60}"#), Ok(Some(60)));
        assert_eq!(lifetime(r#"{"access_token":"a","expires_in":"60"}"#), Ok(Some(60)));
        assert_eq!(lifetime(r#"{"access_token":"a","expires_in":60.5}"#), Ok(Some(60)));
        assert_eq!(lifetime(r#"{"access_token":"a","expires_in":1e30}"#), Ok(None));
        assert_eq!(lifetime(r#"{"access_token":"a","expires_in":-1}"#), Ok(None));
        assert_eq!(lifetime(r#"{"access_token":"a"}"#), Ok(None));
        for wrong in ["", "{}", r#"{"access_token":""}"#, r#"{"access_token":1}"#] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
