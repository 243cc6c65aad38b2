//! GET, and no more: an answer of limited size, redirects followed. Each request has a connection of its own, since
//! lookups are rare and brokers many.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use url::{Position, Url};

use super::MAX_REDIRECTS;
use crate::Error;
use crate::connection::connect_tcp;
use crate::service_url::Address;

/// Characters of a redirect that an error shows, at most.
const MAX_SHOWN: usize = 300;

/// Bytes of an answer. What is asked for has some hundred; the longest are those that list a namespace's topics.
const MAX_ANSWER: usize = 4 << 20;

/// What a server answered in the end.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// Asks for `url` and follows redirects.
pub(super) async fn get(mut url: Url, connect_timeout: Duration) -> Result<Answer, Error> {
    for _ in 0..=MAX_REDIRECTS {
        match ask(&url, connect_timeout).await? {
            Next::Here(answer) => return Ok(answer),
            Next::Elsewhere(next) => url = next,
        }
    }
    Err(Error::Lookup(format!("{url}: more than {MAX_REDIRECTS} redirects")))
}

/// Where the answer is.
enum Next {
    Here(Answer),
    Elsewhere(Url),
}

/// Asks the server that the URL names.
async fn ask(url: &Url, connect_timeout: Duration) -> Result<Next, Error> {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(Error::Lookup(format!("{url} names no server")));
    };
    let address = Address { host: host.to_owned(), port };
    let socket = timeout(connect_timeout, connect_tcp(&address, connect_timeout)).await.map_err(|_| {
        Error::Disconnected(format!("no connection to {address} within {connect_timeout:?}"))
    })??;
    let failed = |error: hyper::Error| broken(&address, &error);
    // `writev` would raise SIGPIPE, which ends a program that is not written in Rust.
    let (mut sender, connection) =
        http1::Builder::new().writev(false).handshake(TokioIo::new(socket)).await.map_err(failed)?;
    let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, address.to_string())
        .header(USER_AGENT, concat!("pulsar_rs-v", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close")
        .body(String::new())
        .map_err(|error| Error::Lookup(format!("cannot ask for {url}: {error}")))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        if let Some(next) = redirect(url, &response)? {
            return Ok(Next::Elsewhere(next));
        }
        let status = response.status();
        Ok(Next::Here(Answer { status, body: read(response.into_body(), &address).await? }))
    };
    let drive = async {
        // How it ends is told to those who wait for the answer.
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        outcome = exchange => outcome,
        never = drive => never,
    }
}

/// Where an answer sends us, if it does.
fn redirect(from: &Url, response: &Response<Incoming>) -> Result<Option<Url>, Error> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    match next {
        Some(next) if next.scheme() == "http" => Ok(Some(next)),
        Some(next) if next.scheme() == "https" => {
            Err(Error::NotSupported(format!("{from} redirects to {next}: https is not supported yet")))
        }
        Some(_) | None => {
            let shown = |location: &str| location.chars().take(MAX_SHOWN).collect::<String>();
            let location = location.map(shown);
            Err(Error::Lookup(format!("{from} redirects to {location:?}")))
        }
    }
}

async fn read(mut body: Incoming, address: &Address) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(address, &error))?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > MAX_ANSWER {
            return Err(Error::Lookup(format!("{address} answers with more than {MAX_ANSWER} bytes")));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn broken(address: &Address, error: &hyper::Error) -> Error {
    if error.is_parse() {
        return Error::Lookup(format!("{address} does not answer in HTTP: {error}"));
    }
    Error::Disconnected(format!("{address}: {error}"))
}
