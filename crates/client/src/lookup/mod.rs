//! Finds the broker that serves a topic, and the number of a topic's partitions.

mod addresses;
mod binary;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg_attr(not(feature = "http"), path = "http_left_out.rs")]
mod http;

use std::time::Duration;

use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use self::addresses::Addresses;
use self::binary::BinaryLookup;
use self::http::HttpLookup;
use crate::auth::Identity;
use crate::connection::{Broker, Cluster, TopicWatch};
use crate::service_url::{Address, Scheme, ServiceUrl};
use crate::tls::Connector;
use crate::{Error, TopicName};

/// Partitions that a topic may have. Clusters serve some ten thousands; each costs memory here.
const MAX_PARTITIONS: u64 = 100_000;

/// Redirects followed before a request or lookup is given up, as in the C++ client.
pub(crate) const MAX_REDIRECTS: usize = 20;

/// How a client looks topics up.
#[derive(Debug, Clone)]
// Some of it is for HTTP alone.
#[cfg_attr(not(feature = "http"), allow(dead_code))]
pub(crate) struct LookupConfig {
    /// Where HTTP is spoken, whoever asks.
    pub runtime: Handle,
    pub connector: Connector,
    /// For TCP.
    pub connect_timeout: Duration,
    /// For a question and its answer, redirects included.
    pub operation_timeout: Duration,
    /// Who asks.
    pub identity: Identity,
    /// Where HTTP lookups are redirected to learns that, too.
    pub redirects_keep_authorization: bool,
    /// Which of the brokers' advertised listeners is asked for.
    pub listener_name: Option<String>,
    /// Lookups at the same time.
    pub concurrent: usize,
}

/// Which topics of a namespace are asked for.
#[derive(Debug, Clone)]
pub(crate) struct TopicQuery {
    /// `tenant/namespace`.
    pub namespace: String,
    pub mode: Mode,
    /// A topic's name with a regular expression. Brokers may apply it, or not.
    pub pattern: String,
}

/// What answers lookups: it depends on the scheme of the service URL.
#[derive(Debug)]
pub(crate) enum Lookup {
    Binary(BinaryLookup),
    Http(HttpLookup),
}

impl Lookup {
    pub fn new(service: ServiceUrl, config: &LookupConfig) -> Self {
        let (scheme, tls) = (service.scheme(), service.tls());
        let addresses = Addresses::new(service);
        match scheme {
            Scheme::Binary => Lookup::Binary(BinaryLookup::new(addresses, tls, config)),
            Scheme::Http => Lookup::Http(HttpLookup::new(addresses, tls, config)),
        }
    }

    /// The broker that serves `topic`.
    pub async fn broker(&self, cluster: Cluster<'_>, topic: &TopicName) -> Result<Broker, Error> {
        match self {
            Lookup::Binary(lookup) => lookup.broker(cluster, topic).await,
            Lookup::Http(lookup) => lookup.broker(cluster.who_returns(), topic).await,
        }
    }

    /// Where to connect to for a broker that another broker named by its URL.
    pub fn assigned(&self, url: &str) -> Result<Broker, Error> {
        match self {
            Lookup::Binary(lookup) => Ok(lookup.assigned(Address::parse_broker_url(url, lookup.tls)?)),
            Lookup::Http(lookup) => Ok(Broker::direct(Address::parse_broker_url(url, lookup.tls)?)),
        }
    }

    /// Whether anything can be looked up at the service: one of its addresses answers within `patience`. To be called
    /// on the client's runtime.
    pub async fn probe(&self, patience: Duration) -> Result<(), Error> {
        match self {
            Lookup::Binary(lookup) => lookup.probe(patience).await,
            Lookup::Http(lookup) => lookup.probe(patience).await,
        }
    }

    /// Number of partitions of `topic`; 0 when it has none.
    pub async fn partitions(&self, cluster: Cluster<'_>, topic: &TopicName) -> Result<u32, Error> {
        match self {
            Lookup::Binary(lookup) => lookup.partitions(cluster, topic).await,
            Lookup::Http(lookup) => lookup.partitions(cluster.who_returns(), topic).await,
        }
    }

    /// Full names of the topics of a namespace; partitions are named one by one.
    pub async fn topics(&self, cluster: Cluster<'_>, query: &TopicQuery) -> Result<Vec<String>, Error> {
        match self {
            Lookup::Binary(lookup) => lookup.topics(cluster, query).await,
            Lookup::Http(lookup) => lookup.topics(cluster.who_returns(), query).await,
        }
    }

    /// Has the service tell when topics come and go, under a number of the caller's; nothing where it cannot.
    pub async fn watch_topics(
        &self,
        cluster: Cluster<'_>,
        number: u64,
        query: &TopicQuery,
    ) -> Result<Option<TopicWatch>, Error> {
        match self {
            Lookup::Binary(lookup) => lookup.watch_topics(cluster, number, query).await,
            Lookup::Http(_) => Ok(None),
        }
    }
}

/// What one address may take of `patience`, so that one that does not answer leaves time for the others.
fn share(patience: Duration, addresses: &Addresses) -> Duration {
    patience / u32::try_from(addresses.all().len()).unwrap_or(u32::MAX).max(1)
}

/// A place for each of `count` lookups at the same time.
fn places(count: usize) -> Semaphore {
    Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))
}

/// A number of partitions, unless no cluster has so many.
fn believable(topic: &TopicName, count: u64) -> Result<u32, Error> {
    u32::try_from(count)
        .ok()
        .filter(|_| count <= MAX_PARTITIONS)
        .ok_or_else(|| Error::Lookup(format!("{topic}: {count} partitions are not believed")))
}
