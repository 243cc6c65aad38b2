//! Who sends a request, and whether he may.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::answers::{Answer, reason};
use crate::auth::Operation;
use crate::broker::Broker;

/// The answer to a caller who does not show who he is, or may not do what he asks for. `peer` is the common name of his
/// certificate.
pub(super) fn check_caller(broker: &Broker, request: &Parts, peer: Option<&str>) -> Result<(), Answer> {
    let role = match &broker.options.authentication {
        None => None,
        Some(authentication) => {
            let (method, data) = credentials(request, peer.is_some());
            let principal = authentication.principal(method, &data, peer);
            Some(principal.map_err(|_| Answer::Page(StatusCode::UNAUTHORIZED))?.role)
        }
    };
    let path = request.uri.path();
    let operation = match request.method {
        Method::GET if path.starts_with("/lookup/") => Operation::Lookup,
        Method::GET if path.ends_with("/partitions") => Operation::Metadata,
        Method::GET if path.ends_with("/topics") => Operation::Topics,
        _ => Operation::Administer,
    };
    broker.check_role(role.as_deref(), operation).map_err(|refusal| {
        let text = match operation {
            Operation::Lookup | Operation::Metadata => {
                let topic = path.trim_end_matches("/partitions");
                format!("Unauthorized to validateTopicOperation for operation [LOOKUP] on topic [{topic}]")
            }
            _ => refusal.message,
        };
        reason(StatusCode::FORBIDDEN, &text)
    })
}

/// Method and data, as the binary protocol has them: a header counts more than a certificate. What cannot be read is no
/// proof.
fn credentials(request: &Parts, has_certificate: bool) -> (&'static str, Vec<u8>) {
    let header = request.headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    match header.and_then(|header| header.split_once(' ')) {
        Some(("Bearer", token)) => ("token", token.as_bytes().to_vec()),
        Some(("Basic", encoded)) => ("basic", STANDARD.decode(encoded).unwrap_or_default()),
        _ => (if has_certificate { "tls" } else { "none" }, Vec::new()),
    }
}
