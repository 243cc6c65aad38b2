//! Keeping up with topics that come and go, and with partitions that are added.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::letters::Letters;
use super::super::{Shared, SubscribeOptions};
use super::{Followed, Group, Place, Topics};
use crate::client::Deadline;
use crate::gate::Asker;
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
    /// Subscribes to all there is; if one fails, to none.
    pub(super) async fn follow_all(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
        let mut asking = JoinSet::new();
        for topic in self.wanted(deadline, Asker::Program).await? {
            let group = self.clone();
            asking.spawn_on(
                async move { group.growth_of(topic, deadline, Asker::Program).await },
                self.client.runtime(),
            );
        }
        let mut growths = Vec::new();
        while let Some(growth) = asking.join_next().await {
            growths.extend(growth.unwrap_or_else(|_| Err(gone()))?);
        }
        self.subscribe_to(growths, deadline).await
    }

    /// Subscribes to what is new. A topic that fails keeps no other one away; the next look tries it again. Returns the
    /// first failure.
    async fn follow_new(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
        let mut following = JoinSet::new();
        for topic in self.wanted(deadline, Asker::Background).await? {
            let group = self.clone();
            let follow = async move {
                match group.growth_of(topic, deadline, Asker::Background).await? {
                    Some(growth) => group.subscribe_to(vec![growth], deadline).await,
                    None => Ok(()),
                }
            };
            following.spawn_on(follow, self.client.runtime());
        }
        let mut outcome = Ok(());
        while let Some(followed) = following.join_next().await {
            outcome = outcome.and(followed.unwrap_or_else(|_| Err(gone())));
        }
        outcome
    }

    /// The topics to follow; those that are gone are left.
    async fn wanted(&self, deadline: Deadline, asker: Asker) -> Result<Vec<TopicName>, Error> {
        match &self.follows {
            Topics::Listed(topics) => Ok(topics.clone()),
            Topics::Matching(pattern) => {
                let found = pattern.find(&self.client, deadline, asker).await?;
                self.leave(|topic| !found.contains(topic));
                Ok(found.into_iter().collect())
            }
        }
    }

    /// Closes the consumers of topics that are gone.
    fn leave(&self, is_gone: impl Fn(&TopicName) -> bool) {
        let mut left = Vec::new();
        {
            let mut table = self.table.write();
            let gone: Vec<_> = table.topics.extract_if(|topic, _| is_gone(topic)).collect();
            for (topic, followed) in gone {
                for name in names(&topic, 0, followed.partitions) {
                    left.extend(table.members.remove(name.as_str()));
                }
            }
        }
        for member in left {
            self.client.log().info(format_args!("{} is gone, {} leaves it", member.topic, self.name));
            self.client.close_in_background(member.end());
        }
    }

    /// What is new of a topic, if anything is.
    async fn growth_of(
        &self,
        topic: TopicName,
        deadline: Deadline,
        asker: Asker,
    ) -> Result<Option<Growth>, Error> {
        let mut known = self.table.read().topics.get(&topic).cloned();
        let may_change = matches!(self.follows, Topics::Matching(_));
        // One without partitions gets none, unless it was deleted and created anew.
        if known.as_ref().is_some_and(|known| known.partitions == 0) && !may_change {
            return Ok(None);
        }
        let to = self.client.partitions(&topic, deadline, asker).await?;
        if known.as_ref().is_some_and(|known| to < known.partitions || (known.partitions == 0 && to > 0)) {
            // It is another topic with the same name.
            self.leave(|gone| *gone == topic);
            known = None;
        }
        match known {
            Some(Followed { partitions: from, .. }) if from == to => Ok(None),
            Some(Followed { partitions: from, letters }) => {
                Ok(Some(Growth { topic, from, to, letters, is_known: true }))
            }
            None => {
                let letters = self.letters_of(&topic)?;
                Ok(Some(Growth { topic, from: 0, to, letters, is_known: false }))
            }
        }
    }

    /// Subscribes to all at the same time; on an error to none.
    async fn subscribe_to(&self, growths: Vec<Growth>, deadline: Deadline) -> Result<(), Error> {
        let mut starting = Starting { group: self, growths, added: Vec::new() };
        starting.added = self.add(&starting.growths)?;
        let mut subscribing = JoinSet::new();
        for member in &starting.added {
            let member = member.clone();
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
                // A partition that was named by itself, too.
                if table.members.contains_key(topic.as_str()) {
                    continue;
                }
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
    added: Vec<Arc<Shared>>,
}

impl Starting<'_> {
    fn finish(mut self) {
        self.added.clear();
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
        for member in &self.added {
            table.members.remove(member.topic.as_str());
        }
        for growth in &self.growths {
            if !growth.is_known {
                table.topics.remove(&growth.topic);
            } else if let Some(followed) = table.topics.get_mut(&growth.topic) {
                followed.partitions = growth.from;
            }
        }
        drop(table);
        for member in self.added.drain(..) {
            self.group.client.close_in_background(member.end());
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
        let looked = group.follow_new(group.client.deadline()).await;
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
