use super::Broker;
use crate::stats::{ConsumerStats, SubscriptionStats, TopicStats};
use crate::subscription::{Consumer, Subscription};
use crate::topic::{Log, Topic};

impl Broker {
    /// The topic with this name, as it is now.
    pub fn topic_stats(&mut self, name: &str) -> Option<TopicStats> {
        self.find_topic(name).map(|(_, topic)| topic_stats(topic))
    }
}

fn topic_stats(topic: &Topic) -> TopicStats {
    let log = &topic.log;
    TopicStats {
        entries: log.end() - log.first(),
        entries_stored: log.end(),
        messages: log.messages(),
        bytes: log.bytes() as u64,
        producers: u32::try_from(topic.producers.list().len()).unwrap_or(u32::MAX),
        terminated: topic.terminated,
        subscriptions: topic.subscriptions().map(|(_, found)| subscription_stats(found, log)).collect(),
    }
}

fn subscription_stats(subscription: &Subscription, log: &Log) -> SubscriptionStats {
    SubscriptionStats {
        name: subscription.name.clone(),
        durable: subscription.durable,
        kind: subscription.sub_type().as_str_name().to_owned(),
        backlog: subscription.cursor.backlog(log, log.end()),
        properties: subscription.properties.clone(),
        replicated: subscription.replicated,
        backlog_entries: subscription.cursor.backlog_entries(log),
        unacked: subscription.unacked(log),
        permits: subscription.consumers().iter().map(|consumer| consumer.permits).sum(),
        consumers: subscription.consumers().iter().map(consumer_stats).collect(),
    }
}

fn consumer_stats(consumer: &Consumer) -> ConsumerStats {
    ConsumerStats {
        name: consumer.name.clone(),
        metadata: consumer.metadata.clone(),
        permits: consumer.permits,
        unacked: consumer.unacked,
    }
}
