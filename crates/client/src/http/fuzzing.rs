//! What fuzz targets call of HTTP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use url::Url;

use super::{HttpRequest, MAX_ANSWER, MAX_REDIRECTS, Next, exchange, server};
use crate::Error;
use crate::fuzzing::{SECRET, block_on, check_text, has_secret};
use crate::service_url::Address;

const REDIRECTS: [StatusCode; 5] = [
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::FOUND,
    StatusCode::SEE_OTHER,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::PERMANENT_REDIRECT,
];

/// Answers as servers may send them, with two zeros between one and the next. The first byte says what is asked for: 1, a
/// `POST`; 2, redirects keep credentials; 4, without TLS; 8, bytes come one by one.
///
/// # Panics
///
/// When a redirect leads where it must not, when a request is malformed, and when a text shows a secret.
pub fn answers(data: &[u8]) {
    let Some((flags, mut rest)) = data.split_first().filter(|_| !has_secret(data)) else {
        return;
    };
    let mut answers = Vec::new();
    while let Some(end) = rest.windows(2).position(|pair| pair == [0, 0]) {
        answers.push(rest[..end].to_vec());
        rest = &rest[end + 2..];
    }
    answers.push(rest.to_vec());
    let scheme = if flags & 4 == 0 { "https" } else { "http" };
    let start = format!("{scheme}://user:{SECRET}@server:8080/t?code={SECRET}#{SECRET}");
    let url = Url::parse(&start).expect("it is one");
    follow(request(url, *flags), answers, if flags & 8 == 0 { usize::MAX } else { 1 });
}

/// Redirects: a line each of what a server says where to go. Its first byte says how: the number of the status, and 8, a
/// password is put in; 16, a query is. Before them stands a byte as in [`answers`] and the first URL.
///
/// # Panics
///
/// As [`answers`].
pub fn redirects(data: &[u8]) {
    let Some((flags, rest)) = data.split_first().filter(|_| !has_secret(data)) else {
        return;
    };
    let mut lines = rest.split(|byte| *byte == b'\n');
    let start = lines.next().and_then(|line| Url::parse(std::str::from_utf8(line).ok()?).ok());
    let Some(url) = start.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return;
    };
    let answers = lines.filter_map(|line| {
        let (how, location) = line.split_first()?;
        let status = REDIRECTS[usize::from(how % 8) % REDIRECTS.len()].as_u16();
        let mut answer = format!("HTTP/1.1 {status} Go\r\nContent-Length: 0\r\nLocation: ").into_bytes();
        let scheme = [&b"https://"[..], b"http://", b"//"].into_iter().find(|it| location.starts_with(it));
        let scheme = scheme.filter(|_| how & 8 != 0).unwrap_or_default();
        answer.extend_from_slice(scheme);
        if !scheme.is_empty() {
            answer.extend_from_slice(format!("user:{SECRET}@").as_bytes());
        }
        answer.extend_from_slice(&location[scheme.len()..]);
        if how & 16 != 0 {
            answer.extend_from_slice(format!("?{SECRET}#{SECRET}").as_bytes());
        }
        answer.extend_from_slice(b"\r\n\r\n");
        Some(answer)
    });
    follow(request(url, *flags), answers, usize::MAX);
}

fn request(url: Url, flags: u8) -> HttpRequest {
    let mut request = HttpRequest::get(url);
    request.redirects_keep_authorization = flags & 2 != 0;
    request.credentials.insert(AUTHORIZATION, HeaderValue::from_static(SECRET));
    if flags & 1 != 0 {
        request.method = Method::POST;
        request.body = SECRET.into();
    }
    request
}

/// Follows redirects as [`super::send`] does, without a network.
fn follow(mut request: HttpRequest, answers: impl IntoIterator<Item = Vec<u8>>, piece: usize) {
    let (origin, keeps) = (request.url.origin(), request.redirects_keep_authorization);
    let (mut has_left, mut had_tls) = (false, false);
    for answer in answers.into_iter().take(MAX_REDIRECTS + 1) {
        has_left |= request.url.origin() != origin;
        had_tls |= request.url.scheme() == "https";
        assert!(matches!(request.url.scheme(), "http" | "https"));
        assert!(!had_tls || request.url.scheme() == "https", "TLS was left");
        assert!(!has_left || request.method == Method::GET, "what was posted left its origin");
        check_text(&format!("{request:?}"));
        let mut script = Script { answer, at: 0, piece, written: Vec::new() };
        let next = server(&request.url).and_then(|address| {
            assert_eq!(address.tls, request.url.scheme() == "https");
            let outcome = block_on(exchange(&request, &address, &mut script, false));
            check_request(&script.written, &request, &address, keeps || !has_left);
            outcome
        });
        let outcome = match next {
            Ok(Next::Elsewhere(url, status)) => request.redirect(url, status),
            Ok(Next::Here(answer)) => {
                assert!(answer.body.len() <= MAX_ANSWER);
                return check_text(&format!("{answer:?}"));
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            assert!(matches!(error, Error::Lookup(_) | Error::Disconnected(_)), "{error}");
            let text = error.to_string();
            assert!(text.len() <= 1024, "{} bytes", text.len());
            return check_text(&text);
        }
    }
}

/// One request and nothing else has to go to a server, with what it may know.
fn check_request(written: &[u8], request: &HttpRequest, address: &Address, may_know: bool) {
    if written.is_empty() {
        // It could not be written down; that is an error.
        return;
    }
    let end = written.windows(4).position(|at| at == b"\r\n\r\n").expect("an end of the head");
    assert_eq!(&written[end + 4..], &request.body[..]);
    let head = std::str::from_utf8(&written[..end]).expect("text");
    assert!(!head.contains('#') && head.matches('\n').count() == head.matches("\r\n").count(), "{head:?}");
    let mut lines = head.split("\r\n");
    let words: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    assert!(words.len() == 3 && words[0] == request.method.as_str(), "{words:?}");
    assert!(words[1].starts_with('/') && words[2] == "HTTP/1.1", "{words:?}");
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let values = |wanted| fields.iter().filter(move |(name, _)| *name == wanted).map(|(_, value)| *value);
    assert_eq!(values("host").collect::<Vec<_>>(), [address.to_string()]);
    assert_eq!(values("authorization").count(), usize::from(may_know), "{head:?}");
}

/// A server that answers once it was asked.
struct Script {
    answer: Vec<u8>,
    at: usize,
    /// Bytes that come at once.
    piece: usize,
    written: Vec<u8>,
}

impl AsyncRead for Script {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let script = self.get_mut();
        if script.written.is_empty() {
            return Poll::Pending;
        }
        let rest = &script.answer[script.at..];
        let piece = &rest[..rest.len().min(script.piece).min(into.remaining())];
        into.put_slice(piece);
        script.at += piece.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
