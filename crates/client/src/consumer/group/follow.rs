//! Keeping up with topics that come and go, and with partitions that are added.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::letters::Letters;
use super::super::{Shared, SubscribeOptions};
use super::{Followed, Group, Place, Topics};
use crate::client::Deadline;
use crate::{Error, MessageId, TopicName};

/// A topic, the number of its partitions that are subscribed to, and of those that there are.
struct Growth {
    topic: TopicName,
    from: u32,
    to: u32,
    letters: Option<Arc<Letters>>,
    /// It was subscribed to before.
    is_known: bool,
}

impl Growth {
    /// What is new.
    fn names(&self) -> impl Iterator<Item = TopicName> + '_ {
        names(&self.topic, self.from, self.to)
    }
}

impl Group {
    /// Subscribes to what is there and was not subscribed to.
    pub(super) async fn follow_topics(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
        let wanted = match &self.follows {
            Topics::Listed(topics) => topics.clone(),
            Topics::Matching(pattern) => {
                let found = pattern.find(&self.client, deadline).await?;
                self.leave_all_but(&found);
                found.into_iter().collect()
            }
        };
        let growths = self.growths(wanted, deadline).await?;
        self.subscribe_to(growths, deadline).await
    }

    /// Closes the consumers of topics that are gone.
    fn leave_all_but(&self, found: &BTreeSet<TopicName>) {
        let mut left = Vec::new();
        {
            let mut table = self.table.write();
            let gone: Vec<_> = table.topics.extract_if(|topic, _| !found.contains(topic)).collect();
            for (topic, followed) in gone {
                for name in names(&topic, 0, followed.partitions) {
                    left.extend(table.members.remove(name.as_str()));
                }
            }
        }
        for member in left {
            self.client.log().info(format_args!("{} is gone, {} leaves it", member.topic, self.name));
            let closing = member.end();
            self.client.spawn(async move { _ = closing.await });
        }
    }

    /// Asks for the partitions of all topics at the same time.
    async fn growths(
        self: &Arc<Self>,
        topics: Vec<TopicName>,
        deadline: Deadline,
    ) -> Result<Vec<Growth>, Error> {
        let mut asking = JoinSet::new();
        for topic in topics {
            let known = self.table.read().topics.get(&topic).cloned();
            let is_known = known.is_some();
            let Followed { partitions: from, letters } = match known {
                // One without partitions gets none.
                Some(known) if known.partitions == 0 => continue,
                Some(known) => known,
                None => Followed { partitions: 0, letters: self.letters_of(&topic)? },
            };
            let client = self.client.clone();
            let ask = async move {
                let to = client.partitions(&topic, deadline).await?;
                Ok::<_, Error>(Growth { topic, from, to, letters, is_known })
            };
            asking.spawn_on(ask, self.client.runtime());
        }
        let mut growths = Vec::new();
        while let Some(answer) = asking.join_next().await {
            let growth = answer.unwrap_or_else(|_| Err(gone()))?;
            if !growth.is_known || growth.to > growth.from {
                growths.push(growth);
            }
        }
        Ok(growths)
    }

    /// Subscribes to all at the same time; on an error to none.
    async fn subscribe_to(self: &Arc<Self>, growths: Vec<Growth>, deadline: Deadline) -> Result<(), Error> {
        let starting = Starting { group: self, growths };
        let mut subscribing = JoinSet::new();
        for member in self.add(&starting.growths)? {
            let start = async move { member.start(deadline).await };
            subscribing.spawn_on(start, self.client.runtime());
        }
        while let Some(started) = subscribing.join_next().await {
            started.unwrap_or_else(|_| Err(gone()))?;
        }
        starting.finish();
        Ok(())
    }

    /// Makes the consumers of new topics and partitions known, before any message of theirs can come.
    fn add(&self, growths: &[Growth]) -> Result<Vec<Arc<Shared>>, Error> {
        let mut table = self.table.write();
        self.check_open()?;
        let count: usize = growths.iter().map(|growth| growth.names().count()).sum();
        let total = table.members.len() + count;
        let mut added = Vec::with_capacity(count);
        for growth in growths {
            for topic in growth.names() {
                let options = self.options(total, growth);
                let member = Shared::new(&self.client, topic, self.subscription.clone(), options);
                table.members.insert(member.topic.shared(), member.clone());
                added.push(member);
            }
            let followed = Followed { partitions: growth.to, letters: growth.letters.clone() };
            table.topics.insert(growth.topic.clone(), followed);
        }
        Ok(added)
    }

    /// Who puts messages of a topic aside.
    fn letters_of(&self, topic: &TopicName) -> Result<Option<Arc<Letters>>, Error> {
        match &self.letters {
            Some(letters) => Ok(Some(letters.clone())),
            None => Letters::new(&self.client, topic, &self.subscription, &self.config),
        }
    }

    /// How the consumer of one of `total` topics is made. Of a partition that was added, everything is new.
    fn options(&self, total: usize, growth: &Growth) -> SubscribeOptions {
        let mut config = self.config.clone();
        if growth.from > 0 && !config.durable {
            (config.start, config.start_rollback) = (Some(MessageId::EARLIEST), None);
        }
        let share = config.max_total_receiver_queue_size / total.max(1);
        config.receiver_queue_size = config.receiver_queue_size.min(share).max(1);
        config.name = Some(self.consumer_name.clone());
        SubscribeOptions {
            config,
            place: Some(Place::new(self.hub.clone())),
            // One that was deleted while we look must not come back because of us.
            create_topic: matches!(self.follows, Topics::Listed(_)),
            letters: growth.letters.clone(),
        }
    }

    /// How often to look; never, if it is zero.
    fn interval(&self) -> Duration {
        match &self.follows {
            Topics::Listed(_) => self.client.partitions_update_interval(),
            Topics::Matching(_) => self.config.pattern_discovery_interval,
        }
    }
}

/// Names of the partitions from `from` to `to`; of the topic itself if it has none.
fn names(topic: &TopicName, from: u32, to: u32) -> impl Iterator<Item = TopicName> {
    let whole = (to == 0).then(|| topic.clone());
    whole.into_iter().chain((from..to).map(|partition| topic.with_partition(partition)))
}

/// What is being subscribed to, and is taken back unless all of it succeeds.
struct Starting<'a> {
    group: &'a Group,
    growths: Vec<Growth>,
}

impl Starting<'_> {
    fn finish(mut self) {
        for growth in self.growths.drain(..) {
            let Group { subscription, name, client, .. } = self.group;
            client.log().info(format_args!(
                "{subscription} of {name} follows {} with {} partitions",
                growth.topic, growth.to
            ));
        }
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        let mut table = self.group.table.write();
        let mut members = Vec::new();
        for growth in &self.growths {
            members.extend(growth.names().filter_map(|name| table.members.remove(name.as_str())));
            if !growth.is_known {
                table.topics.remove(&growth.topic);
            } else if let Some(followed) = table.topics.get_mut(&growth.topic) {
                followed.partitions = growth.from;
            }
        }
        drop(table);
        for member in members {
            let closing = member.end();
            self.group.client.spawn(async move { _ = closing.await });
        }
    }
}

/// Looks for new topics and partitions until the consumer is gone.
pub(super) fn start(group: &Arc<Group>) {
    group.client.spawn(watch(group.clone(), group.interval()));
    if let Topics::Matching(pattern) = &group.follows {
        pattern.watch(group);
    }
}

async fn watch(group: Arc<Group>, interval: Duration) {
    loop {
        // Woken before that by what a broker says of topics, and at the end.
        if interval.is_zero() {
            group.look.notified().await;
        } else {
            let _ = tokio::time::timeout(interval, group.look.notified()).await;
        }
        if group.is_closed() {
            return;
        }
        let looked = group.follow_topics(group.client.deadline()).await;
        if let Err(error) = looked
            && !group.is_closed()
        {
            let (client, name) = (&group.client, &group.name);
            client.log().warn(format_args!("cannot look for what is new in {name}: {error}"));
        }
    }
}

fn gone() -> Error {
    Error::AlreadyClosed("the client is gone".into())
}
