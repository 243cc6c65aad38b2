//! What fuzz targets call: inner parts that see bytes of others. Not there in any other build.

use crate::TopicName;
use crate::service_url::{Address, ServiceUrl};

pub use crate::consumer::fuzzing::{chunks, entry};

/// Where a program or a broker says that brokers are.
///
/// # Panics
///
/// When an address that is believed does not mean the same where it is written down.
pub fn service_url(text: &str) {
    if let Ok(url) = ServiceUrl::parse(text) {
        for address in url.addresses() {
            let written = format!("pulsar://{address}");
            assert_eq!(Address::parse_broker_url(&written).ok().as_ref(), Some(address), "{written}");
        }
    }
    let _ = Address::parse_broker_url(text);
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
