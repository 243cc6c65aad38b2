//! Lookups over the binary protocol.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::{CommandLookupTopic, CommandPartitionedTopicMetadata};
use pulsar_rs_wire::proto::command_lookup_topic_response::LookupType;
use pulsar_rs_wire::proto::{CommandGetTopicsOfNamespace, CommandLookupTopicResponse};
use tokio::sync::Semaphore;

use super::{Addresses, LookupConfig, MAX_REDIRECTS, TopicQuery, believable, places, share};
use crate::auth::Identity;
use crate::connection::{Broker, Cluster, Connection, TopicWatch, enter};
use crate::service_url::Address;
use crate::tls::Connector;
use crate::{Error, TopicName};

/// Asks brokers, or a proxy before them, over connections like those of producers and consumers.
#[derive(Debug)]
pub(crate) struct BinaryLookup {
    addresses: Addresses,
    /// TLS is spoken with the service, and with the brokers that it names.
    pub(super) tls: bool,
    connector: Connector,
    listener_name: Option<String>,
    identity: Identity,
    /// The brokers are behind a proxy, which is the service: the last lookup said so.
    through_proxy: Mutex<Option<Address>>,
    /// A place for each lookup at the same time.
    places: Semaphore,
}

impl BinaryLookup {
    pub(super) fn new(addresses: Addresses, tls: bool, config: &LookupConfig) -> Self {
        BinaryLookup {
            addresses,
            tls,
            connector: config.connector.clone(),
            listener_name: config.listener_name.clone(),
            identity: config.identity.clone(),
            through_proxy: Mutex::default(),
            places: places(config.concurrent),
        }
    }

    /// The broker that serves `topic`.
    pub async fn broker(&self, cluster: Cluster<'_>, topic: &TopicName) -> Result<Broker, Error> {
        let (service, mut connection) = self.connect(cluster).await?;
        let mut authoritative = false;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.ask(&connection, topic, authoritative).await?;
            let logical = broker_in(topic, &answer, self.tls)?;
            *self.through_proxy.lock() =
                (answer.proxy_through_service_url == Some(true)).then(|| service.clone());
            let broker = self.assigned(logical);
            if answer.response() == LookupType::Connect {
                return Ok(broker);
            }
            authoritative = answer.authoritative.unwrap_or_default();
            connection = cluster.connection(&broker).await?;
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
        // The semaphore is never closed. Without a connection nobody has a place: to wait for one may take long.
        let _place = self.places.acquire().await;
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
    pub async fn partitions(&self, cluster: Cluster<'_>, topic: &TopicName) -> Result<u32, Error> {
        let (_, connection) = self.connect(cluster).await?;
        let _place = self.places.acquire().await;
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
            Command::PartitionedMetadataResponse(answer) => {
                believable(topic, answer.partitions.unwrap_or_default().into())
            }
            other => Err(Error::Lookup(format!("{topic}: answered with {:?}", other.kind()))),
        }
    }

    /// Full names of the topics of a namespace.
    pub async fn topics(&self, cluster: Cluster<'_>, query: &TopicQuery) -> Result<Vec<String>, Error> {
        let (_, connection) = self.connect(cluster).await?;
        let _place = self.places.acquire().await;
        let answer = connection
            .request(|request_id| {
                CommandGetTopicsOfNamespace {
                    request_id,
                    namespace: query.namespace.clone(),
                    mode: Some(query.mode.into()),
                    ..CommandGetTopicsOfNamespace::default()
                }
                .into()
            })
            .await?;
        match answer {
            Command::GetTopicsOfNamespaceResponse(answer) => Ok(answer.topics),
            other => Err(Error::Lookup(format!("{}: answered with {:?}", query.namespace, other.kind()))),
        }
    }

    /// Has the broker tell when topics come and go; nothing when it cannot.
    pub async fn watch_topics(
        &self,
        cluster: Cluster<'_>,
        number: u64,
        query: &TopicQuery,
    ) -> Result<Option<TopicWatch>, Error> {
        let (_, connection) = self.connect(cluster).await?;
        connection.watch_topics(number, query.namespace.clone(), query.pattern.clone()).await
    }

    /// A handshake with one of the addresses. One that does not let this client in has answered.
    pub async fn probe(&self, patience: Duration) -> Result<(), Error> {
        let mut outcome = Err(Error::Connect("the service URL names no address".into()));
        for address in self.addresses.all() {
            let entering =
                enter(&self.connector, address, None, &self.identity, share(patience, &self.addresses));
            outcome = match entering.await {
                Err(failure) if !failure.is_refusal() => Err(failure.into_error()),
                _ => Ok(()),
            };
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// A connection to one of the service's addresses.
    async fn connect(&self, cluster: Cluster<'_>) -> Result<(Address, Arc<Connection>), Error> {
        let mut round = self.addresses.round();
        while let Some(address) = round.next() {
            match cluster.connection(&Broker::direct(address.clone())).await {
                Ok(connection) => {
                    round.succeeded();
                    return Ok((address.clone(), connection));
                }
                Err(error) => round.failed(error),
            }
        }
        Err(round.failure())
    }
}

/// The broker that an answer names.
pub(super) fn broker_in(
    topic: &TopicName,
    answer: &CommandLookupTopicResponse,
    tls: bool,
) -> Result<Address, Error> {
    let (url, how) =
        if tls { (&answer.broker_service_url_tls, "with") } else { (&answer.broker_service_url, "without") };
    match url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => Address::parse_broker_url(url, tls),
        None => Err(Error::Lookup(format!("{topic}: the answer names no broker {how} TLS"))),
    }
}
