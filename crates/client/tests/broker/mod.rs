//! The broker that tests run against: one in memory, or the real Pulsar that the environment names.

#![allow(dead_code)] // each test uses a part

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pulsar_rs_client::{Client, ClientConfig};
use pulsar_rs_testbroker::{Options, TestBroker};

pub mod account;
pub mod admin;
pub mod certificates;
pub mod encrypted;
pub mod keys;
pub mod lines;
pub mod numbers;
mod proxy;
pub mod raw;

pub use proxy::Proxy;

/// A broker whose connections can be cut.
pub enum Broker {
    InMemory(TestBroker),
    /// A real one, reached through a proxy that it advertises.
    Real {
        url: String,
        proxy: Proxy,
    },
}

impl Broker {
    /// The broker that `PULSAR_URL` names, as tests/pulsar/pulsar sets it; without it, one in memory.
    pub async fn start() -> Broker {
        match std::env::var("PULSAR_URL") {
            Ok(url) => {
                let port = std::env::var("PULSAR_PROXIED_PORT").unwrap().parse().unwrap();
                let target = url.strip_prefix("pulsar://").unwrap().to_owned();
                Broker::Real { url, proxy: Proxy::start(port, target).await }
            }
            Err(_) => Broker::InMemory(TestBroker::start(Options::default()).unwrap()),
        }
    }

    pub fn is_real(&self) -> bool {
        matches!(self, Broker::Real { .. })
    }

    pub fn url(&self) -> &str {
        match self {
            Broker::InMemory(broker) => broker.url(),
            Broker::Real { url, .. } => url,
        }
    }

    /// The one in memory, for what only that tells.
    pub fn in_memory(&self) -> Option<&TestBroker> {
        match self {
            Broker::InMemory(broker) => Some(broker),
            Broker::Real { .. } => None,
        }
    }

    /// The URL of the same broker for lookups over HTTP.
    pub fn http_url(&self) -> String {
        match self {
            Broker::InMemory(broker) => broker.http_url().to_owned(),
            Broker::Real { .. } => std::env::var("PULSAR_HTTP").unwrap(),
        }
    }

    /// A client whose producers and consumers connect where [`Broker::cut`] reaches them.
    pub fn client(&self) -> Client {
        self.client_with(self.client_config())
    }

    /// What [`Broker::client`] has.
    pub fn client_config(&self) -> ClientConfig {
        let listener_name = self.is_real().then(|| "proxied".to_owned());
        ClientConfig { listener_name, ..ClientConfig::default() }
    }

    pub fn client_with(&self, config: ClientConfig) -> Client {
        Client::new(self.url(), config).unwrap()
    }

    /// Creates a topic with partitions; 0: one without.
    pub async fn create_topic(&self, topic: &str, partitions: u32) {
        match self {
            Broker::InMemory(broker) => broker.create_topic(topic, partitions).unwrap(),
            // One without partitions comes with its first producer.
            Broker::Real { .. } if partitions == 0 => {}
            Broker::Real { .. } => admin::create_partitions(&self.http_url(), topic, partitions).await,
        }
    }

    /// Gives a topic more partitions.
    pub async fn add_partitions(&self, topic: &str, partitions: u32) {
        match self {
            Broker::InMemory(broker) => broker.add_partitions(topic, partitions).unwrap(),
            Broker::Real { .. } => admin::change_partitions(&self.http_url(), topic, partitions).await,
        }
    }

    /// Begins a new ledger in the topic.
    pub async fn roll(&self, topic: &str) {
        admin::unload(&self.http_url(), topic).await;
    }

    /// Compacts the topic.
    pub async fn compact(&self, topic: &str) {
        admin::compact(&self.http_url(), topic).await;
    }

    /// Cuts all connections, as a crash does; returns how many there were.
    pub fn cut(&self) -> usize {
        match self {
            Broker::InMemory(broker) => broker.drop_connections(),
            Broker::Real { proxy, .. } => proxy.cut(),
        }
    }

    /// Unloads a topic, as when it moves: its producers and consumers are closed and come back.
    pub async fn unload(&self, topic: &str) {
        admin::unload(&self.http_url(), topic).await;
    }

    /// Entries of a subscription that are not acknowledged.
    pub async fn backlog(&self, topic: &str, subscription: &str) -> u64 {
        admin::backlog(&self.http_url(), topic, subscription).await
    }

    /// A new topic that drops duplicates.
    pub fn deduplicating_topic(&self, name: &str) -> String {
        if let Broker::InMemory(broker) = self {
            broker.deduplication(true);
            return unique(name);
        }
        // tests/pulsar makes this namespace with deduplication.
        format!("persistent://public/dedup/{}", unique(name))
    }
}

/// A name that no other test, and no other run, has.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Waits until `condition` holds; fails when it takes longer than `bound`.
pub async fn eventually(bound: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < bound, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
