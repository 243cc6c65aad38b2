//! An in-memory broker that speaks the Apache Pulsar binary protocol, so that clients can be tried and tested
//! without a real Pulsar.
//!
//! It serves topics, partitioned ones too, producers with all access modes, the four subscription types,
//! acknowledgements of entries and of single messages in a batch, seeking, deduplication, delayed delivery,
//! schemas, compaction, non-persistent topics and watches of topic lists; it answers as a Pulsar 4.0 standalone does.
//! Clients may have to show who they are, and roles be allowed to produce or consume.
//! Transactions are left out, and refused where a client waits for an answer.
//!
//! Tests start it in their process and make it misbehave:
//!
//! ```
//! use pulsar_rs_testbroker::{Kind, Options, TestBroker};
//!
//! let broker = TestBroker::start(Options::default())?;
//! println!("clients connect to {}", broker.url());
//! broker.create_topic("orders", 3)?;
//! // The next lookup is answered with the error ServiceNotReady (6).
//! broker.fail_next(Kind::Lookup, 6, "not now", 1);
//! broker.drop_connections();
//! assert_eq!(broker.commands_received(Kind::Connect), 0);
//! broker.stop();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The binary `pulsar-testbroker` runs it in a process of its own.
//!
//! On a second port it answers lookups over HTTP, as a real broker's REST interface does. With the feature `tls`, which
//! is on by default, both are there with TLS as well where the options say so.
//!
//! One thread does everything: it owns the state, reads frames, handles them, and writes the
//! answers. Entries are kept as the bytes that came and go out unchanged.
#![forbid(unsafe_code)]

mod auth;
mod broker;
mod commands;
mod connection;
mod control;
mod der;
mod faults;
mod http;
mod id_map;
mod options;
mod refusal;
mod server;
mod stats;
mod subscription;
mod timers;
#[cfg(feature = "tls")]
mod tls;
mod topic;
mod topic_name;
mod topic_pattern;

pub use auth::{Authentication, Authorization, TokenKey};
pub use control::TestBroker;
pub use options::Options;
#[cfg(feature = "tls")]
pub use options::{TlsOptions, TlsVersion};
pub use pulsar_rs_wire::Kind;
pub use stats::{ConsumerStats, SubscriptionStats, TopicStats};
