//! What fuzz targets call: inner parts that see bytes of others. Not there in any other build.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::TopicName;
use crate::service_url::{Address, ServiceUrl};

pub use crate::auth::fuzzing::{parameters, token_answer};
pub use crate::consumer::fuzzing::{chunks, entry};
pub use crate::crypto::fuzzing::{unwrap_key, unwrap_keys, wrap_key};
pub use crate::http::fuzzing::{answers, redirects};
pub use crate::lookup::fuzzing::{broker_urls, http_answer};
pub use crate::tls::fuzzing::tls_files;

/// Stands for passwords, tokens and keys: no text may show it.
pub(crate) const SECRET: &str = "S3CRET-kA9";

/// Whether somebody else than the target wrote it, who may do so anywhere.
pub(crate) fn has_secret(data: &[u8]) -> bool {
    data.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
}

/// Bytes of a text for people, at most: what others wrote is cut off, or has 1024 bytes before it is escaped.
const MAX_TEXT: usize = 8 * 1024;

/// A text that goes into errors and logs.
///
/// # Panics
///
/// When it shows a secret, has no bound, or goes on in another line.
pub(crate) fn check_text(text: &str) {
    assert!(!text.contains(SECRET), "{text:?}");
    assert!(text.len() <= MAX_TEXT, "{} bytes", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// What a future that waits for nothing outside comes to.
///
/// # Panics
///
/// When it does not end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..100_000 {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return outcome;
        }
    }
    panic!("it waits for ever");
}

/// Where a program or a broker says that brokers are.
///
/// # Panics
///
/// When an address that is believed does not mean the same where it is written down.
pub fn service_url(text: &str) {
    match ServiceUrl::parse(text) {
        Ok(url) => {
            let scheme = if url.tls() { "pulsar+ssl" } else { "pulsar" };
            for address in url.addresses() {
                let written = format!("{scheme}://{address}");
                let parsed = Address::parse_broker_url(&written, url.tls()).ok();
                assert!(written.len() > 1024 || parsed.as_ref() == Some(address), "{written}");
            }
            assert_eq!(url.addresses().len(), text.split(',').count(), "{text:?}");
            assert!(!text.trim().contains(char::is_control), "{text:?}");
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
    for tls in [false, true] {
        let _ = Address::parse_broker_url(text, tls);
    }
}

/// The name of a topic.
///
/// # Panics
///
/// When a name that is accepted is not stable, or is not that of its partitions.
pub fn topic(text: &str) {
    let Ok(topic) = TopicName::parse(text) else {
        return;
    };
    assert_eq!(TopicName::parse(topic.as_str()).ok().as_ref(), Some(&topic));
    let partition = topic.with_partition(3);
    assert_eq!(partition.partition(), 3);
    assert_eq!(partition.without_partition(), topic);
    let _ = (topic.numbered(), topic.without_partition(), topic.without_domain());
}
