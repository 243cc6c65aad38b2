use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;

use super::answers::{Answer, answer};
use super::caller::check_caller;
use crate::broker::Broker;
use crate::connection::Transport;
use crate::server::{Door, Security};

/// Bytes of a request's body that are read.
const MAX_BODY: usize = 64 * 1024;

/// Takes requests until the broker ends. Each has a connection of its own.
pub(crate) async fn serve(broker: Rc<RefCell<Broker>>, door: Rc<RefCell<Door>>, security: Security) {
    loop {
        let Ok((stream, _)) = poll_fn(|cx| door.borrow_mut().poll_accept(cx)).await else {
            // Out of file descriptors, most likely: others must go first.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (broker, security) = (Rc::clone(&broker), security.clone());
        spawn_local(async move {
            let Some(transport) = security.admit(stream).await else { return };
            let role = transport.role();
            match transport {
                Transport::Plain(stream) => serve_client(broker, stream, role).await,
                #[cfg(feature = "tls")]
                Transport::Tls(stream) => serve_client(broker, *stream, role).await,
            }
        });
    }
}

async fn serve_client(
    broker: Rc<RefCell<Broker>>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    role: Option<String>,
) {
    let service = service_fn(|request| respond(Rc::clone(&broker), request, role.clone()));
    // A client that goes away in the middle is nothing to report.
    drop(http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await);
}

async fn respond(
    broker: Rc<RefCell<Broker>>,
    request: Request<Incoming>,
    role: Option<String>,
) -> Result<Response<String>, Infallible> {
    let thawed = Arc::clone(&broker.borrow().http.thawed);
    while broker.borrow().frozen {
        thawed.notified().await;
    }
    let (head, body) = request.into_parts();
    // What breaks off, or is no text, is answered as if it were empty.
    let body = Limited::new(body, MAX_BODY).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let answer = {
        let body = std::str::from_utf8(&body).unwrap_or_default();
        decide(&mut broker.borrow_mut(), &head, role.as_deref(), body)
    };
    broker.borrow_mut().dispatch_dirty();
    let (status, kind, location, body) = match answer {
        Answer::Json(status, json) => (status, "application/json", None, json.to_string()),
        Answer::Done => (StatusCode::NO_CONTENT, "application/json", None, String::new()),
        Answer::Redirect(url) => (StatusCode::TEMPORARY_REDIRECT, "text/html", Some(url), String::new()),
        // The web server of a real broker has a page for these.
        Answer::Page(status) => {
            (status, "text/html;charset=iso-8859-1", None, format!("<html>{status}</html>"))
        }
    };
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, kind);
    if let Some(url) = location {
        response = response.header(LOCATION, url);
    }
    Ok(response.body(body).unwrap_or_default())
}

fn decide(broker: &mut Broker, request: &Parts, role: Option<&str>, body: &str) -> Answer {
    broker.http.requests += 1;
    if broker.options.verbose {
        eprintln!("http > {} {}", request.method, request.uri);
    }
    if let Some(status) = broker.http.take_failure() {
        return Answer::Page(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    if let Err(refused) = check_caller(broker, request, role) {
        return refused;
    }
    answer(broker, &request.method, &request.uri, body)
}
