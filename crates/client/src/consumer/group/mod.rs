//! A consumer of several topics: of the partitions of a topic, of a list of topics, or of those that match a pattern.
//!
//! Each topic or partition has a consumer of its own; the receivers of all share a [`Hub`].

mod acks;
mod follow;
mod hub;
mod pattern;

pub(super) use hub::{Hub, Place};
pub use pattern::{RegexSubscriptionMode, TopicPattern};

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::letters::{Letters, retry_topic};
use super::{ConsumerConfig, Shared, already_closed};
use crate::client::{ClientInner, Closing, Deadline, Member};
use crate::stats::{ConsumerStats, MemberStats};
use crate::{Error, MessageId, TopicName};

/// What a consumer of several topics follows.
#[derive(Debug, Clone)]
pub(crate) enum Topics {
    /// These, and new partitions of theirs.
    Listed(Vec<TopicName>),
    /// All that match, also those that come later.
    Matching(TopicPattern),
}

impl Topics {
    /// Adds the topic for messages that are reconsumed later. It is that of the first topic, as are dead letters then.
    fn retry(
        &mut self,
        client: &Arc<ClientInner>,
        subscription: &str,
        config: &ConsumerConfig,
    ) -> Result<Option<Arc<Letters>>, Error> {
        let Topics::Listed(topics) = self else {
            let text = "a consumer of a pattern has no topic for messages that are reconsumed later";
            return if config.retry { Err(Error::InvalidConfiguration(text.into())) } else { Ok(None) };
        };
        let Some(first) = topics.first() else {
            return Ok(None);
        };
        let Some(retry) = retry_topic(first, subscription, config)? else {
            return Ok(None);
        };
        let letters = Letters::new(client, first, subscription, config)?;
        if !topics.contains(&retry) {
            topics.push(retry);
        }
        Ok(letters)
    }
}

/// The consumer of several topics.
pub(crate) struct Group {
    id: u64,
    /// How [`Consumer::topic`](super::Consumer::topic) names them all.
    name: Arc<str>,
    subscription: String,
    consumer_name: String,
    config: ConsumerConfig,
    client: Arc<ClientInner>,
    follows: Topics,
    /// For messages of all topics that are put aside; absent: each topic has its own, if any.
    letters: Option<Arc<Letters>>,
    hub: Arc<Hub>,
    table: RwLock<Table>,
    closed: AtomicBool,
    /// Wakes whoever looks for new topics and partitions.
    look: Notify,
    /// Wakes whoever watches over them.
    ended: Notify,
}

/// Its topics.
#[derive(Default)]
struct Table {
    /// By full name; partitions with their number.
    members: HashMap<Arc<str>, Arc<Shared>>,
    /// The topics that were subscribed to.
    topics: HashMap<TopicName, Followed>,
}

/// A topic that was subscribed to.
#[derive(Debug, Clone)]
struct Followed {
    /// Those that are subscribed to; 0: it has none.
    partitions: u32,
    /// For messages that are put aside.
    letters: Option<Arc<Letters>>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Group")
            .field("name", &self.name)
            .field("subscription", &self.subscription)
            .finish_non_exhaustive()
    }
}

impl Group {
    /// Subscribes to all topics; if one fails, to none.
    pub async fn create(
        client: Arc<ClientInner>,
        name: Arc<str>,
        follows: Topics,
        subscription: String,
        config: ConsumerConfig,
        deadline: Deadline,
    ) -> Result<Arc<Self>, Error> {
        config.validate_for_several()?;
        let mut follows = follows;
        let letters = follows.retry(&client, &subscription, &config)?;
        let group = Arc::new(Group {
            id: client.next_id(),
            name,
            subscription,
            consumer_name: config.name.clone().unwrap_or_else(super::random_name),
            config,
            client,
            follows,
            letters,
            hub: Arc::default(),
            table: RwLock::default(),
            closed: AtomicBool::new(false),
            look: Notify::new(),
            ended: Notify::new(),
        });
        let weak: Weak<Group> = Arc::downgrade(&group);
        group.client.register(group.id, weak as _)?;
        let unfinished = Unfinished(&group);
        group.follow_all(deadline).await?;
        std::mem::forget(unfinished);
        follow::start(&group);
        Ok(group)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    pub fn consumer_name(&self) -> &str {
        &self.consumer_name
    }

    pub fn config(&self) -> &ConsumerConfig {
        &self.config
    }

    pub fn client(&self) -> &ClientInner {
        &self.client
    }

    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub fn check_open(&self) -> Result<(), Error> {
        if self.is_closed() { Err(already_closed()) } else { Ok(()) }
    }

    /// All there are now, in the order of their names.
    pub fn members(&self) -> Vec<Arc<Shared>> {
        let mut members: Vec<_> = self.table.read().members.values().cloned().collect();
        members.sort_unstable_by(|one, other| one.topic.numbered().cmp(&other.topic.numbered()));
        members
    }

    /// The consumer of one topic; its messages outlive it.
    pub fn member(&self, topic: &str) -> Result<Arc<Shared>, Error> {
        self.check_open()?;
        let table = self.table.read();
        table.members.get(topic).cloned().ok_or_else(|| {
            Error::InvalidMessage(format!("{topic} is none of the topics of this consumer, or no more"))
        })
    }

    /// The consumer of the topic that an id is of. An id that was written and read again has lost its topic; its
    /// partition is enough where there is one topic.
    pub fn member_of(&self, id: &MessageId) -> Result<Arc<Shared>, Error> {
        if let Some(topic) = &id.topic {
            return self.member(topic);
        }
        self.check_open()?;
        let table = self.table.read();
        let name = |topic: &TopicName| match u32::try_from(id.partition) {
            Ok(partition) => topic.with_partition(partition),
            Err(_) => topic.clone(),
        };
        // Of those that can have such an id there must be one.
        let mut found = table.topics.keys().filter_map(|topic| table.members.get(name(topic).as_str()));
        let member = found.next().filter(|_| found.next().is_none());
        member.cloned().ok_or_else(|| {
            Error::NotSupported("the id does not tell which topic of this consumer it belongs to".into())
        })
    }

    pub fn is_connected(&self) -> bool {
        !self.is_closed() && self.table.read().members.values().all(|member| member.is_connected())
    }

    /// The sums of all topics.
    pub fn stats(&self) -> ConsumerStats {
        let mut sum = ConsumerStats {
            topic: self.name.clone(),
            partition: -1,
            subscription: self.subscription.as_str().into(),
            name: self.consumer_name.as_str().into(),
            is_connected: self.is_connected(),
            ..ConsumerStats::default()
        };
        for member in self.members() {
            sum.add(&member.snapshot());
        }
        sum
    }

    /// Runs an operation for each topic at the same time, and returns the first failure.
    pub async fn for_each<F>(&self, operation: impl Fn(Arc<Shared>) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let mut running = JoinSet::new();
        for member in self.members() {
            running.spawn_on(operation(member), self.client.runtime());
        }
        let mut outcome = Ok(());
        while let Some(ended) = running.join_next().await {
            let ended = ended.unwrap_or_else(|_| Err(Error::AlreadyClosed("the client is gone".into())));
            outcome = outcome.and(ended);
        }
        outcome
    }

    /// Ends everything on our side at once; the future tells the brokers.
    pub fn end(self: Arc<Self>) -> Closing {
        let members = {
            // With the table locked, so that no topic is added behind it.
            let mut table = self.table.write();
            self.closed.store(true, Ordering::Release);
            std::mem::take(&mut table.members)
        };
        self.hub.close(already_closed());
        self.look.notify_one();
        self.ended.notify_one();
        self.client.unregister(self.id);
        let closing: Vec<Closing> = members.into_values().map(Shared::end).collect();
        let runtime = self.client.runtime().clone();
        Box::pin(async move {
            let tasks: Vec<_> = closing.into_iter().map(|close| runtime.spawn(close)).collect();
            let mut outcome = Ok(());
            for task in tasks {
                outcome = outcome.and(task.await.unwrap_or(Ok(())));
            }
            outcome
        })
    }

    /// Deletes the subscription everywhere and closes the consumer.
    pub async fn unsubscribe(self: &Arc<Self>, force: bool) -> Result<(), Error> {
        self.check_open()?;
        self.for_each(|member| async move { member.unsubscribe(force).await }).await?;
        self.clone().end().await
    }
}

impl Member for Group {
    /// Its members tell for themselves.
    fn stats(&self) -> Option<MemberStats> {
        None
    }

    fn close(self: Arc<Self>) -> Closing {
        self.end()
    }
}

/// A group that is given up with whoever creates it.
struct Unfinished<'a>(&'a Arc<Group>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.client.close_in_background(self.0.clone().end());
    }
}
