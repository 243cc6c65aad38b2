//! The broker under test: one of our own, or a real one that is named by the environment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use pulsar_rs_testbroker::{Options, TestBroker};

use crate::client::Client;

const VARIABLE: &str = "PULSAR_HOST_PORT";

/// Where a test's clients connect to.
pub enum Target {
    Own(TestBroker),
    Real(String),
}

impl Target {
    /// A broker for a test that needs no control of it.
    pub fn any() -> Target {
        match std::env::var(VARIABLE) {
            Ok(address) => Target::Real(address),
            Err(_) => Target::own(Options::default()),
        }
    }

    pub fn own(options: Options) -> Target {
        Target::Own(TestBroker::start(options).unwrap())
    }

    pub fn client(&self) -> Client {
        match self {
            Target::Own(broker) => Client::connect(&format!("127.0.0.1:{}", broker.port()), false),
            Target::Real(address) => Client::connect(address, true),
        }
    }

    pub fn address(&self) -> String {
        match self {
            Target::Own(broker) => format!("127.0.0.1:{}", broker.port()),
            Target::Real(address) => address.clone(),
        }
    }

    pub fn is_real(&self) -> bool {
        matches!(self, Target::Real(_))
    }
}

/// A topic name that no other test uses, on a real broker neither.
pub fn topic(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("persistent://public/default/{name}-{time}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
