//! Additions to the established API, all named `pulsar_rs_*`.

pub(crate) mod authentication;
pub(crate) mod bulk;
pub(crate) mod client;
pub(crate) mod client_configuration;
pub(crate) mod completion;
pub(crate) mod consumer;
pub(crate) mod consumer_configuration;
pub(crate) mod crypto;
pub(crate) mod message;
pub(crate) mod position;
pub(crate) mod producer;
pub(crate) mod producer_configuration;
pub(crate) mod reader;
pub(crate) mod reader_configuration;
pub(crate) mod reconnect;
pub(crate) mod schema;
pub(crate) mod stats;
pub(crate) mod table_view;
#[cfg(feature = "test-broker")]
pub(crate) mod test_broker;
pub(crate) mod version;
