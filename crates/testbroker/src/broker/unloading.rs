//! What operators do with topics: unload, compact, delete.

use super::Broker;
use crate::topic::TopicId;
use crate::topic_name::TopicName;

/// Why a topic stays.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Undeletable {
    /// There is no such topic.
    Missing,
    /// It has producers or subscriptions.
    InUse,
}

impl Broker {
    /// Unloads a topic, or each of its partitions: producers and consumers are closed, and come back to another ledger.
    /// False if there is no such topic.
    pub fn unload(&mut self, name: &TopicName) -> bool {
        let parts = self.parts(name);
        for part in &parts {
            let Some(id) = self.registry.find(part) else { continue };
            self.disconnect_all(id);
            let ledger = self.registry.next_ledger();
            if let Some(topic) = self.topic(id).filter(|topic| topic.persistent) {
                topic.roll(ledger);
            }
        }
        !parts.is_empty()
    }

    /// Compacts a topic, or each of its partitions. False if there is no such topic.
    pub fn compact(&mut self, name: &TopicName) -> bool {
        let parts = self.parts(name);
        for part in &parts {
            let found = self.registry.find(part).and_then(|id| self.topic(id));
            if let Some(topic) = found.filter(|topic| topic.persistent) {
                topic.compact();
            }
        }
        !parts.is_empty()
    }

    /// Deletes a topic, or one with all its partitions. With `force`, its producers and consumers are closed first.
    pub fn delete(&mut self, name: &TopicName, force: bool) -> Result<(), Undeletable> {
        let parts = self.parts(name);
        if parts.is_empty() {
            return Err(Undeletable::Missing);
        }
        if !force && parts.iter().any(|part| self.is_in_use(part)) {
            return Err(Undeletable::InUse);
        }
        for part in &parts {
            if let Some(id) = self.registry.find(part) {
                self.disconnect_all(id);
            }
            self.registry.delete(part);
        }
        self.registry.delete_partitioned(name);
        self.tell_watchers();
        Ok(())
    }

    /// The topic with this name, or its partitions.
    fn parts(&self, name: &TopicName) -> Vec<TopicName> {
        match self.registry.partitions(name) {
            Some(partitions) => (0..partitions).map(|number| name.part(number)).collect(),
            None => self.registry.find(name).map(|_| name.clone()).into_iter().collect(),
        }
    }

    fn is_in_use(&mut self, name: &TopicName) -> bool {
        let found = self.registry.find(name).and_then(|id| self.topic(id));
        found
            .is_some_and(|topic| topic.subscriptions().next().is_some() || !topic.producers.keys().is_empty())
    }

    /// Closes all producers and consumers of a topic. Subscriptions that are not durable end.
    fn disconnect_all(&mut self, id: TopicId) {
        let Some(topic) = self.topic(id) else { return };
        let producers = topic.producers.keys();
        let mut consumers = Vec::new();
        let mut ended = Vec::new();
        for (subscription_id, subscription) in topic.subscriptions_mut() {
            let cursor = subscription.cursor.clone();
            consumers.extend(subscription.reset(cursor));
            if !subscription.durable {
                ended.push(subscription_id);
            }
        }
        for subscription in ended {
            topic.remove_subscription(subscription);
        }
        for key in producers {
            self.close_producer_of(key, None);
            self.remove_producer(id, key);
        }
        for key in consumers {
            self.close_consumer_of(key, None);
        }
    }
}
