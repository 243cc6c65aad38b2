//! What fuzz targets call of lookups.

use hyper::StatusCode;
use pulsar_rs_wire::proto::CommandLookupTopicResponse;

use super::{MAX_PARTITIONS, binary, http};
use crate::fuzzing::{SECRET, check_text, has_secret};
use crate::http::HttpAnswer;
use crate::service_url::{Address, ServiceUrl};
use crate::{Error, TopicName};

/// The URLs of an answer over the binary protocol, or of a broker that sends a producer elsewhere: two lines, the first for
/// clients without TLS. A password is put into those that begin with `@`.
///
/// # Panics
///
/// When a client with TLS is sent where none is, when an address that is believed does not mean the same where it is
/// written down, and when a text shows a password.
pub fn broker_urls(text: &str) {
    if has_secret(text.as_bytes()) {
        return;
    }
    let topic = topic();
    let mut lines = text.splitn(2, '\n').map(with_password);
    let (plain, tls) = (lines.next(), lines.next());
    let answer = CommandLookupTopicResponse {
        broker_service_url: plain.clone(),
        broker_service_url_tls: tls.clone(),
        ..CommandLookupTopicResponse::default()
    };
    for (with_tls, url) in [(false, plain), (true, tls)] {
        let found = check_broker(binary::broker_in(&topic, &answer, with_tls), with_tls);
        assert!(!found || url.is_some_and(|url| !url.contains(SECRET)), "a name and a password");
    }
    // That of a cluster which a topic was moved to goes into the log.
    for url in [&answer.broker_service_url, &answer.broker_service_url_tls].into_iter().flatten() {
        match ServiceUrl::parse_broker_url(url) {
            Ok(_) => check_text(url),
            Err(error) => check_text(&error.to_string()),
        }
    }
}

fn with_password(url: &str) -> String {
    let Some((scheme, rest)) = url.strip_prefix('@').and_then(|url| url.split_once("://")) else {
        return url.to_owned();
    };
    format!("{scheme}://me:{SECRET}@{rest}")
}

/// The answer to a lookup over HTTP: a byte for the status, and the body.
///
/// # Panics
///
/// As [`broker_urls`], and when more is believed than a cluster has.
pub fn http_answer(data: &[u8]) {
    const STATUSES: [u16; 10] = [200, 401, 403, 404, 409, 412, 429, 400, 307, 204];
    let Some((status, body)) = data.split_first().filter(|_| !has_secret(data)) else {
        return;
    };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let status = StatusCode::from_u16(status).expect("one of them");
    let topic = topic();
    let answer = HttpAnswer { status, body: body.to_vec() };
    let answer = match http::body_in(&topic, answer) {
        Ok(answer) => answer,
        Err(error) => return check_text(&error.to_string()),
    };
    assert!(status.is_success());
    for tls in [false, true] {
        check_broker(http::broker_in(&topic, &answer, tls), tls);
    }
    match http::partitions_in(&topic, &answer) {
        Ok(count) => assert!(u64::from(count) <= MAX_PARTITIONS),
        Err(error) => check_text(&error.to_string()),
    }
    match http::topics_in("public/default", &answer) {
        Ok(names) => assert!(names.iter().map(String::len).sum::<usize>() <= body.len()),
        Err(error) => check_text(&error.to_string()),
    }
}

/// Whether there is a broker.
fn check_broker(broker: Result<Address, Error>, tls: bool) -> bool {
    match broker {
        Ok(address) => {
            assert_eq!(address.tls, tls);
            assert!(!address.bare_host().is_empty() && address.port != 0);
            check_text(&address.to_string());
            let scheme = if tls { "pulsar+ssl" } else { "pulsar" };
            let written = format!("{scheme}://{address}");
            if written.len() <= 1024 {
                assert_eq!(Address::parse_broker_url(&written, tls), Ok(address));
            }
            true
        }
        Err(error) => {
            check_text(&error.to_string());
            false
        }
    }
}

fn topic() -> TopicName {
    TopicName::parse("topic").expect("a name")
}
