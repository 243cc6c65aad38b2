//! Finds the broker that serves a topic, and the number of a topic's partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::{CommandLookupTopic, CommandPartitionedTopicMetadata};
use pulsar_rs_wire::proto::CommandLookupTopicResponse;
use pulsar_rs_wire::proto::command_lookup_topic_response::LookupType;

use tokio::sync::Semaphore;

use crate::connection::{Broker, Connection, ConnectionPool};
use crate::service_url::{Address, ServiceUrl};
use crate::{Error, TopicName};

/// Redirects followed before a lookup is given up, as in the C++ client.
const MAX_REDIRECTS: usize = 20;

/// Partitions that a topic may have. Clusters serve some ten thousands; each costs memory here.
const MAX_PARTITIONS: u32 = 100_000;

/// Lookups over the binary protocol.
#[derive(Debug)]
pub(crate) struct Lookup {
    service: ServiceUrl,
    listener_name: Option<String>,
    /// Which of the service's addresses is tried first: the one that worked last.
    preferred: AtomicUsize,
    /// The brokers are behind a proxy, which is the service: the last lookup said so.
    through_proxy: Mutex<Option<Address>>,
    /// A place for each lookup at the same time.
    places: Semaphore,
}

impl Lookup {
    pub fn new(service: ServiceUrl, listener_name: Option<String>, concurrent: usize) -> Self {
        let places = Semaphore::new(concurrent.clamp(1, Semaphore::MAX_PERMITS));
        Lookup {
            service,
            listener_name,
            preferred: AtomicUsize::new(0),
            through_proxy: Mutex::default(),
            places,
        }
    }

    /// The broker that serves `topic`.
    pub async fn broker(&self, pool: &ConnectionPool, topic: &TopicName) -> Result<Broker, Error> {
        // The semaphore is never closed.
        let _place = self.places.acquire().await;
        let (service, mut connection) = self.connect(pool).await?;
        let mut authoritative = false;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.ask(&connection, topic, authoritative).await?;
            let url = answer
                .broker_service_url
                .as_deref()
                .ok_or_else(|| Error::Lookup(format!("{topic}: the answer names no broker")))?;
            let logical = Address::parse_broker_url(url)?;
            *self.through_proxy.lock() =
                (answer.proxy_through_service_url == Some(true)).then(|| service.clone());
            let broker = self.assigned(logical);
            if answer.response() == LookupType::Connect {
                return Ok(broker);
            }
            authoritative = answer.authoritative.unwrap_or_default();
            connection = pool.get(&broker).await?;
        }
        Err(Error::Lookup(format!("{topic}: more than {MAX_REDIRECTS} redirects")))
    }

    /// Where to connect to for a broker that another broker named.
    pub fn assigned(&self, logical: Address) -> Broker {
        match self.through_proxy.lock().clone() {
            Some(physical) => Broker { logical, physical },
            None => Broker::direct(logical),
        }
    }

    async fn ask(
        &self,
        connection: &Connection,
        topic: &TopicName,
        authoritative: bool,
    ) -> Result<CommandLookupTopicResponse, Error> {
        let answer = connection
            .request(|request_id| {
                CommandLookupTopic {
                    topic: topic.as_str().to_owned(),
                    request_id,
                    authoritative: Some(authoritative),
                    advertised_listener_name: self.listener_name.clone(),
                    ..CommandLookupTopic::default()
                }
                .into()
            })
            .await?;
        match answer {
            Command::LookupResponse(answer) => Ok(answer),
            other => Err(Error::Lookup(format!("{topic}: answered with {:?}", other.kind()))),
        }
    }

    /// Number of partitions of `topic`; 0 when it has none.
    pub async fn partitions(&self, pool: &ConnectionPool, topic: &TopicName) -> Result<u32, Error> {
        let _place = self.places.acquire().await;
        let (_, connection) = self.connect(pool).await?;
        let answer = connection
            .request(|request_id| {
                CommandPartitionedTopicMetadata {
                    topic: topic.as_str().to_owned(),
                    request_id,
                    ..CommandPartitionedTopicMetadata::default()
                }
                .into()
            })
            .await?;
        match answer {
            Command::PartitionedMetadataResponse(answer) => match answer.partitions.unwrap_or_default() {
                count @ ..=MAX_PARTITIONS => Ok(count),
                count => Err(Error::Lookup(format!("{topic}: {count} partitions are not believed"))),
            },
            other => Err(Error::Lookup(format!("{topic}: answered with {:?}", other.kind()))),
        }
    }

    /// A connection to one of the service's addresses, beginning with the one that worked last.
    async fn connect(&self, pool: &ConnectionPool) -> Result<(Address, Arc<Connection>), Error> {
        let addresses = self.service.addresses();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut failure = None;
        for offset in 0..addresses.len() {
            let index = (first + offset) % addresses.len();
            let address = &addresses[index];
            let rotation = Rotation { preferred: &self.preferred, next: (index + 1) % addresses.len() };
            match pool.get(&Broker::direct(address.clone())).await {
                Ok(connection) => {
                    std::mem::forget(rotation);
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok((address.clone(), connection));
                }
                // What may pass is the better reason: the caller then tries again.
                Err(error) if error.is_transient() => failure = Some(error),
                Err(error) => _ = failure.get_or_insert(error),
            }
        }
        Err(failure.unwrap_or_else(|| Error::Connect("the service URL names no address".into())))
    }
}

/// Has the next attempt begin behind an address that fails, or that takes all the time there is.
struct Rotation<'a> {
    preferred: &'a AtomicUsize,
    next: usize,
}

impl Drop for Rotation<'_> {
    fn drop(&mut self) {
        self.preferred.store(self.next, Ordering::Relaxed);
    }
}
