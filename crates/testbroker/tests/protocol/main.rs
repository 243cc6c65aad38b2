//! The broker as a client sees it, frame by frame.
//!
//! With `PULSAR_HOST_PORT=host:port` those tests that need no control of the broker run against that one: a real
//! Pulsar must pass them too.

// A test that fails here is to stop at once, as `#[test]` functions do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ack;
mod client;
mod compaction;
mod connect;
mod control;
mod dispatch;
mod entry_metadata;
mod failover;
mod hostile;
mod http;
mod key_shared;
mod last_message_id;
mod lookup;
mod non_persistent;
mod producer;
mod receipts;
mod redeliver;
mod retention;
mod schema;
mod seek;
mod send;
mod shared;
mod subscribe;
mod target;
mod terminate;
mod topic_lists;
mod unload;
mod unsubscribe;
