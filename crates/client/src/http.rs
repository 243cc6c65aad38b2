//! Requests over HTTP, with or without TLS: an answer of limited size, redirects followed. Each request has a connection
//! of its own, since requests are rare and servers many.

#[cfg(fuzzing)]
pub mod fuzzing;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderMap, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use url::{Position, Url};

use crate::Error;
use crate::lookup::MAX_REDIRECTS;
use crate::service_url::Address;
use crate::tls::{Connector, refused};

/// Characters of a URL that an error shows, at most.
const MAX_SHOWN: usize = 300;

/// Characters that the name of a host may have, with a dot behind it (RFC 1035, 2.3.4).
const MAX_HOST: usize = 254;

/// Bytes of an answer to most requests, at most. What is asked for has some hundred.
const MAX_ANSWER: usize = 4 << 20;

/// What is asked for.
#[derive(Clone)]
pub(crate) struct HttpRequest {
    /// A `POST` goes elsewhere only where the server says that it stays one (307, 308), and to no other origin: its body
    /// may be secret.
    pub method: Method,
    pub url: Url,
    /// What every server gets that it is redirected to.
    pub headers: HeaderMap,
    /// What only the origin of the URL gets, unless `redirects_keep_authorization`.
    pub credentials: HeaderMap,
    pub redirects_keep_authorization: bool,
    pub body: Bytes,
    /// Bytes of the answer, at most.
    pub max_answer: usize,
}

impl HttpRequest {
    pub fn get(url: Url) -> Self {
        HttpRequest {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            credentials: HeaderMap::new(),
            redirects_keep_authorization: false,
            body: Bytes::new(),
            max_answer: MAX_ANSWER,
        }
    }

    /// The same elsewhere.
    fn redirect(&mut self, to: Url, status: StatusCode) -> Result<(), Error> {
        let from = shown(&self.url);
        let refused = |why: &str| Err(Error::Lookup(format!("{from} redirects to {}, {why}", shown(&to))));
        if self.url.scheme() == "https" && to.scheme() != "https" {
            return refused("which is without TLS");
        }
        let is_elsewhere = to.origin() != self.url.origin();
        if self.method != Method::GET && (is_elsewhere || !matches!(status.as_u16(), 307 | 308)) {
            return refused("where this request is not repeated");
        }
        if is_elsewhere && !self.redirects_keep_authorization {
            self.credentials.clear();
        }
        self.url = to;
        Ok(())
    }
}

/// Without headers and body, which may be secret.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method, shown(&self.url))
    }
}

/// What a server answered in the end.
pub(crate) struct HttpAnswer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// Without its body, which may be a token.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, {} bytes", self.status, self.body.len())
    }
}

/// Sends a request and follows redirects. Each connection may take `connect_timeout`, TLS included; the whole is not
/// bounded. To be called on the client's runtime.
pub(crate) async fn send(
    mut request: HttpRequest,
    connector: &Connector,
    connect_timeout: Duration,
) -> Result<HttpAnswer, Error> {
    for _ in 0..=MAX_REDIRECTS {
        match ask(&request, connector, connect_timeout).await? {
            Next::Here(answer) => return Ok(answer),
            Next::Elsewhere(url, status) => request.redirect(url, status)?,
        }
    }
    Err(Error::Lookup(format!("{}: more than {MAX_REDIRECTS} redirects", shown(&request.url))))
}

/// Where the answer is.
enum Next {
    Here(HttpAnswer),
    Elsewhere(Url, StatusCode),
}

/// Asks the server that the URL names.
async fn ask(request: &HttpRequest, connector: &Connector, connect_timeout: Duration) -> Result<Next, Error> {
    let address = server(&request.url)?;
    let connecting = timeout(connect_timeout, connector.connect(&address, connect_timeout));
    let stream = connecting.await.map_err(|_| {
        Error::Disconnected(format!("no connection to {address} within {connect_timeout:?}"))
    })??;
    exchange(request, &address, stream, connector.has_certificate()).await
}

/// The server that a URL names.
fn server(url: &Url) -> Result<Address, Error> {
    let host = url.host_str().filter(|host| host.len() <= MAX_HOST);
    let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
        return Err(Error::Lookup(format!("{} names no server", shown(url))));
    };
    Ok(Address { host: host.to_owned(), port, tls: url.scheme() == "https" })
}

/// Asks a server over a connection with it.
async fn exchange(
    request: &HttpRequest,
    address: &Address,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    has_certificate: bool,
) -> Result<Next, Error> {
    let failed = |error: hyper::Error| broken(address, &error, has_certificate);
    // `writev` would raise SIGPIPE, which ends a program that is not written in Rust.
    let (mut sender, connection) =
        http1::Builder::new().writev(false).handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let message = message(request, address)?;
    let answering = async {
        let response = sender.send_request(message).await.map_err(failed)?;
        let status = response.status();
        if let Some(next) = redirect(&request.url, &response)? {
            return Ok(Next::Elsewhere(next, status));
        }
        let body = read(response.into_body(), request.max_answer, address, has_certificate).await?;
        Ok(Next::Here(HttpAnswer { status, body }))
    };
    let drive = async {
        // How it ends is told to those who wait for the answer.
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        outcome = answering => outcome,
        never = drive => never,
    }
}

fn message(request: &HttpRequest, address: &Address) -> Result<Request<Full<Bytes>>, Error> {
    let url = &request.url;
    let mut message = Request::builder()
        .method(request.method.clone())
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, address.to_string())
        .body(Full::new(request.body.clone()))
        .map_err(|error| Error::Lookup(format!("cannot ask for {}: {error}", shown(url))))?;
    let headers = message.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("pulsar_rs-v", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.extend(request.headers.clone());
    headers.extend(request.credentials.clone());
    Ok(message)
}

/// Where an answer sends us, if it does.
fn redirect(from: &Url, response: &Response<Incoming>) -> Result<Option<Url>, Error> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    match next {
        Some(next) if matches!(next.scheme(), "http" | "https") => Ok(Some(next)),
        // Not shown: it may have secrets anywhere.
        Some(_) | None => Err(Error::Lookup(format!("{} redirects to what is no URL of HTTP", shown(from)))),
    }
}

async fn read(
    mut body: Incoming,
    limit: usize,
    address: &Address,
    has_certificate: bool,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(address, &error, has_certificate))?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            return Err(Error::Lookup(format!("{address} answers with more than {limit} bytes")));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn broken(address: &Address, error: &hyper::Error, has_certificate: bool) -> Error {
    if error.is_parse() {
        return Error::Lookup(format!("{address} does not answer in HTTP: {error}"));
    }
    // Where it is TLS that failed, that is behind what hyper says.
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match cause.and_then(|cause| refused(cause, has_certificate)) {
        Some(why) => Error::Connect(format!("TLS with {address}: {why}")),
        None => Error::Disconnected(format!("{address}: {error}")),
    }
}

/// A URL without its query and whatever else may be secret.
fn shown(url: &Url) -> String {
    let server = &url[Position::BeforeHost..Position::AfterPort];
    let parts = [url.scheme(), "://", server, url.path()];
    parts.into_iter().flat_map(str::chars).take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use hyper::header::AUTHORIZATION;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn with_secret(method: Method, from: &str) -> HttpRequest {
        let mut request = HttpRequest { method, body: "secret".into(), ..HttpRequest::get(url(from)) };
        request.credentials.insert(AUTHORIZATION, HeaderValue::from_static("secret"));
        request
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        for (to, keep, has) in [
            ("https://a/other", false, true),
            ("https://a:8443/t", false, false),
            ("https://b/t", false, false),
            ("https://b/t", true, true),
        ] {
            let mut request = with_secret(Method::GET, "https://a/t");
            request.redirects_keep_authorization = keep;
            request.redirect(url(to), StatusCode::FOUND).unwrap();
            assert_eq!(request.credentials.contains_key(AUTHORIZATION), has, "{to}, {keep}");
        }
    }

    #[test]
    fn redirects_do_not_leave_tls() {
        let mut request = HttpRequest::get(url("http://a/t"));
        request.redirect(url("https://b/t"), StatusCode::FOUND).unwrap();
        let refused = request.redirect(url("http://b/t"), StatusCode::FOUND);
        assert!(matches!(refused, Err(Error::Lookup(_))), "{refused:?}");
    }

    #[test]
    fn what_is_posted_goes_to_no_other_origin() {
        for (to, status, follows) in [
            ("https://a/other", StatusCode::PERMANENT_REDIRECT, true),
            ("https://a/other", StatusCode::FOUND, false),
            ("https://b/t", StatusCode::TEMPORARY_REDIRECT, false),
        ] {
            let mut request = with_secret(Method::POST, "https://a/t");
            assert_eq!(request.redirect(url(to), status).is_ok(), follows, "{to} {status}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut request = with_secret(Method::POST, "https://user:secret@a/t?code=secret");
        let error = request.redirect(url("http://a/t?code=secret"), StatusCode::FOUND).unwrap_err();
        let answer = HttpAnswer { status: StatusCode::OK, body: "secret".into() };
        let text = format!("{request:?} {error} {answer:?}");
        assert!(!text.contains("secret") && text.contains("https://a/t"), "{text}");
    }

    #[test]
    fn names_of_servers_have_a_bound() {
        assert_eq!(server(&url("https://a:8443/t")).unwrap().to_string(), "a:8443");
        let error = server(&url(&format!("http://{}/", "a.".repeat(10_000)))).unwrap_err().to_string();
        assert!(error.contains("names no server") && error.len() < 2 * MAX_SHOWN, "{error}");
    }
}
