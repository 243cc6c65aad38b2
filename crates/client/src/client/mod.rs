//! The client: what producers and consumers of one cluster share.

mod closings;
mod config;
mod failover;
mod inner;
mod memory;
mod moved;
mod services;

pub use config::ClientConfig;
pub use failover::FailoverConfig;
pub(crate) use inner::{ClientInner, Closing, Deadline, Member};
pub(crate) use memory::Held;
pub(crate) use moved::MovedTo;

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::consumer::{Consumer, ConsumerConfig, TopicPattern, Topics};
use crate::gate::Asker;
use crate::producer::{FutureSink, Producer, ProducerConfig, SendSink};
use crate::stats::ClientStats;
use crate::{Error, TopicName};

/// A connection to a Pulsar cluster. Cheap to clone; all clones are the same client.
///
/// Its tasks run on the tokio runtime it was created on. Nothing is connected before it is needed.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<ClientInner>,
}

impl Client {
    /// A client for the cluster at `service_url`: `pulsar://host:6650` or `http://host:8080`, or several hosts behind
    /// commas.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime; [`Client::with_runtime`] takes one explicitly.
    pub fn new(service_url: &str, config: ClientConfig) -> Result<Self, Error> {
        Client::with_runtime(service_url, config, Handle::current())
    }

    /// Like [`Client::new`], with tasks on the given runtime, which needs its I/O and time drivers.
    pub fn with_runtime(service_url: &str, config: ClientConfig, runtime: Handle) -> Result<Self, Error> {
        Ok(Client { inner: ClientInner::start(service_url, config, runtime)? })
    }

    /// Creates a producer whose sends are futures.
    pub async fn create_producer(
        &self,
        topic: &str,
        config: ProducerConfig,
    ) -> Result<Producer<FutureSink>, Error> {
        self.create_producer_with(topic, config, FutureSink::default()).await
    }

    /// Creates a producer whose outcomes go to `sink`.
    pub async fn create_producer_with<S: SendSink>(
        &self,
        topic: &str,
        config: ProducerConfig,
        sink: S,
    ) -> Result<Producer<S>, Error> {
        let topic = TopicName::parse(topic)?;
        self.inner.check_open()?;
        Producer::create(self.inner.clone(), topic, config, sink).await
    }

    /// Subscribes to a topic.
    pub async fn subscribe(
        &self,
        topic: &str,
        subscription: &str,
        config: ConsumerConfig,
    ) -> Result<Consumer, Error> {
        let topic = TopicName::parse(topic)?;
        check_subscription(subscription)?;
        self.inner.check_open()?;
        let deadline = self.inner.deadline();
        Consumer::create(self.inner.clone(), topic, subscription.to_owned(), config, deadline).await
    }

    /// Subscribes to several topics, with all their partitions. There may be none.
    pub async fn subscribe_topics(
        &self,
        topics: &[impl AsRef<str>],
        subscription: &str,
        config: ConsumerConfig,
    ) -> Result<Consumer, Error> {
        let mut wanted = Vec::with_capacity(topics.len());
        for topic in topics {
            let topic = TopicName::parse(topic.as_ref())?;
            if !wanted.contains(&topic) {
                wanted.push(topic);
            }
        }
        let topics = wanted;
        let name = name_of_several(topics.last());
        self.subscribe_to_several(name, Topics::Listed(topics), subscription, config).await
    }

    /// Subscribes to all topics that match a regular expression, see [`TopicPattern`], also to those that come later. Over
    /// HTTP, a namespace may have 1,000,000 topics and 64 MiB of their names; more is [`Error::Lookup`].
    pub async fn subscribe_pattern(
        &self,
        pattern: &str,
        subscription: &str,
        config: ConsumerConfig,
    ) -> Result<Consumer, Error> {
        let pattern = TopicPattern::parse(pattern, config.regex_mode)?;
        let name = pattern.as_str().into();
        self.subscribe_to_several(name, Topics::Matching(pattern), subscription, config).await
    }

    async fn subscribe_to_several(
        &self,
        name: Arc<str>,
        topics: Topics,
        subscription: &str,
        config: ConsumerConfig,
    ) -> Result<Consumer, Error> {
        check_subscription(subscription)?;
        self.inner.check_open()?;
        let (client, subscription) = (self.inner.clone(), subscription.to_owned());
        let deadline = client.deadline();
        Consumer::create_for_several(client, name, topics, subscription, config, deadline).await
    }

    /// Full names of a topic's partitions; the topic itself when it has none.
    pub async fn partitions(&self, topic: &str) -> Result<Vec<String>, Error> {
        let topic = TopicName::parse(topic)?;
        self.inner.check_open()?;
        let count = self.inner.partitions(&topic, self.inner.deadline(), Asker::Program).await?;
        Ok(match count {
            0 => vec![topic.to_string()],
            _ => (0..count).map(|partition| topic.with_partition(partition).to_string()).collect(),
        })
    }

    /// Runs a task of an object of the client.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.spawn(task);
    }

    /// What the client, its producers and its consumers did and are doing.
    ///
    /// It takes the lock of each for a moment, one after the other. Numbers of those that were closed are gone with
    /// them, as they are of a client that was closed.
    pub fn stats(&self) -> ClientStats {
        self.inner.stats()
    }

    /// The service URL that is used now: the client's own, or with [`ClientConfig::failover`] that of another cluster.
    pub fn service_url(&self) -> &str {
        self.inner.service_url()
    }

    /// Closes all producers and consumers, then the connections. A second call fails with
    /// [`Error::AlreadyClosed`].
    pub async fn close(&self) -> Result<(), Error> {
        self.inner.close().await
    }

    /// Ends all connections at once, without telling the brokers. After [`Client::close`], or instead of
    /// waiting for it, when the process must not be held up.
    pub fn abandon(&self) {
        self.inner.abandon();
    }

    /// Whether the client was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.check_open().is_err()
    }
}

fn check_subscription(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::InvalidConfiguration("the subscription name is empty".into()));
    }
    Ok(())
}

/// A name for several topics, in the form that the established clients give it.
fn name_of_several(last: Option<&TopicName>) -> Arc<str> {
    match last {
        None => "EmptyTopics".into(),
        Some(last) => format!("{last}-TopicsConsumerFakeName-{:010x}", fastrand::u64(..1 << 40)).into(),
    }
}
