//! The producer of a topic with partitions: one producer for each, and the choice among them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use tokio::task::JoinSet;

use super::config::ProducerConfig;
use super::routing::Router;
use super::shared::Shared;
use super::sink::SendSink;
use crate::client::{ClientInner, Deadline};
use crate::gate::Asker;
use crate::{Error, OutgoingMessage, TopicName};

pub(super) struct Partitioned<S: SendSink> {
    topic: TopicName,
    config: ProducerConfig,
    client: Arc<ClientInner>,
    sink: Arc<S>,
    router: Arc<Router>,
    /// By number. It only grows.
    partitions: RwLock<Vec<Arc<Shared<S>>>>,
    /// Changed with the partitions locked, so that none is added behind a close.
    closed: AtomicBool,
}

impl<S: SendSink> std::fmt::Debug for Partitioned<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Partitioned").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl<S: SendSink> Partitioned<S> {
    /// Creates the producers of all partitions; with a lazy start, only as far as needed to see that it
    /// works.
    pub async fn create(
        client: Arc<ClientInner>,
        topic: TopicName,
        config: ProducerConfig,
        sink: S,
        count: u32,
        deadline: Deadline,
    ) -> Result<Arc<Self>, Error> {
        let number = usize::try_from(count).unwrap_or(usize::MAX);
        let router = Router::new(config.routing, config.hashing, config.batching.is_some(), number);
        let partitioned = Arc::new(Partitioned {
            topic,
            config: config.for_partition(number),
            client,
            sink: Arc::new(sink),
            router: Arc::new(router),
            partitions: RwLock::default(),
            closed: AtomicBool::new(false),
        });
        let created = partitioned.add(0..count)?;
        // With a lazy start one producer tells whether this can work: a missing right shows at once.
        let started = if config.lazy_start_partitions { &created[..1] } else { &created[..] };
        let mut unfinished = Unfinished(&created);
        Self::start(started, deadline).await?;
        unfinished.0 = &[];
        (*partitioned.partitions.write()).clone_from(&created);
        let interval = partitioned.client.partitions_update_interval();
        if !interval.is_zero() {
            let watched = Arc::downgrade(&partitioned);
            partitioned.client.spawn(watch(watched, interval));
        }
        Ok(partitioned)
    }

    /// The producer for a message, ready to take it.
    pub fn choose(&self, message: &OutgoingMessage<'_>) -> Result<Arc<Shared<S>>, Error> {
        let partition = self.router.choose(message)?;
        let partitions = self.partitions.read();
        // The router counts those that are here.
        let shared =
            partitions.get(partition).ok_or_else(|| Error::Unknown("no such partition".into()))?.clone();
        drop(partitions);
        shared.start_lazily();
        Ok(shared)
    }

    pub fn count(&self) -> usize {
        self.partitions.read().len()
    }

    pub fn all(&self) -> Vec<Arc<Shared<S>>> {
        self.partitions.read().clone()
    }

    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    pub fn name(&self) -> Arc<str> {
        let first = self.partitions.read().first().cloned();
        first.map_or_else(|| "".into(), |shared| shared.name())
    }

    pub fn client(&self) -> &ClientInner {
        &self.client
    }

    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// No partition is added any more.
    pub fn stop_growing(&self) {
        let _partitions = self.partitions.write();
        self.closed.store(true, Ordering::Release);
    }

    fn add(&self, numbers: std::ops::Range<u32>) -> Result<Vec<Arc<Shared<S>>>, Error> {
        let one = |number: u32| {
            let topic = self.topic.with_partition(number);
            let place = (self.router.clone(), number as usize);
            Shared::new(&self.client, topic, self.config.clone(), self.sink.clone(), Some(place))
        };
        numbers.map(one).collect()
    }

    /// Starts all at the same time; on an error the others are given up.
    async fn start(partitions: &[Arc<Shared<S>>], deadline: Deadline) -> Result<(), Error> {
        let mut starting = JoinSet::new();
        for shared in partitions {
            let runtime = shared.client.runtime().clone();
            let shared = shared.clone();
            starting.spawn_on(async move { shared.start(deadline).await }, &runtime);
        }
        while let Some(started) = starting.join_next().await {
            started.unwrap_or_else(|_| Err(Error::AlreadyClosed("the client is gone".into())))?;
        }
        Ok(())
    }

    /// Takes new partitions in, if there are.
    async fn grow(&self) -> Result<(), Error> {
        let deadline = self.client.deadline();
        let count = self.client.partitions(&self.topic, deadline, Asker::Background).await?;
        let known = u32::try_from(self.count()).unwrap_or(u32::MAX);
        if count <= known {
            return Ok(());
        }
        let added = self.add(known..count)?;
        if !self.config.lazy_start_partitions {
            let mut unfinished = Unfinished(&added);
            Self::start(&added, deadline).await?;
            unfinished.0 = &[];
        }
        self.client.log().info(format_args!("{} grew from {known} to {count} partitions", self.topic));
        let mut partitions = self.partitions.write();
        if self.closed.load(Ordering::Acquire) {
            drop(partitions);
            drop(Unfinished(&added));
            return Ok(());
        }
        partitions.extend(added);
        self.router.grow(partitions.len());
        Ok(())
    }
}

/// Producers that are given up with whoever creates them, also when nobody waits for that any more.
struct Unfinished<'a, S: SendSink>(&'a [Arc<Shared<S>>]);

impl<S: SendSink> Drop for Unfinished<'_, S> {
    fn drop(&mut self) {
        for shared in self.0 {
            shared.abandon();
        }
    }
}

/// Looks for new partitions until the producer is gone.
async fn watch<S: SendSink>(producer: Weak<Partitioned<S>>, interval: std::time::Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(producer) = producer.upgrade().filter(|producer| !producer.closed.load(Ordering::Acquire))
        else {
            return;
        };
        if let Err(error) = producer.grow().await {
            producer
                .client
                .log()
                .warn(format_args!("cannot look for new partitions of {}: {error}", producer.topic));
        }
    }
}
