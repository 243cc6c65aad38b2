//! Topics that were moved to another cluster.

use pulsar_rs_wire::extension::CommandTopicMigrated;

use super::{Broker, by_scheme};
use crate::connection::ConnectionId;
use crate::subscription::ConsumerKey;
use crate::topic::{ProducerKey, TopicId};

/// `ResourceType` of the protocol.
#[derive(Debug, Clone, Copy)]
enum Resource {
    Producer = 0,
    Consumer = 1,
}

impl Broker {
    /// Tells all producers and consumers of a moved topic where it is, and closes them.
    pub fn leave_topic(&mut self, id: TopicId) {
        let Some(topic) = self.topic(id) else { return };
        let producers = topic.producers.keys();
        let consumers: Vec<_> = topic
            .subscriptions_mut()
            .flat_map(|(_, subscription)| {
                let cursor = subscription.cursor.clone();
                subscription.reset(cursor)
            })
            .collect();
        for key in producers {
            self.turn_producer_away(id, key);
            self.remove_producer(id, key);
        }
        for key in consumers {
            self.turn_consumer_away(id, key);
        }
    }

    /// Has a client take its producer elsewhere, if the topic was moved.
    pub fn turn_producer_away(&mut self, id: TopicId, key: ProducerKey) -> bool {
        let is_moved = self.tell_where(id, key.connection, Resource::Producer, key.producer_id);
        if is_moved {
            self.close_producer_of(key, None);
        }
        is_moved
    }

    /// Has a client take its consumer elsewhere, if the topic was moved.
    pub fn turn_consumer_away(&mut self, id: TopicId, key: ConsumerKey) -> bool {
        let is_moved = self.tell_where(id, key.connection, Resource::Consumer, key.consumer_id);
        if is_moved {
            self.close_consumer_of(key, None);
        }
        is_moved
    }

    fn tell_where(
        &mut self,
        id: TopicId,
        connection: ConnectionId,
        kind: Resource,
        resource_id: u64,
    ) -> bool {
        let Some(url) = self.topic(id).and_then(|topic| topic.moved_to.clone()) else { return false };
        let (plain, tls) = by_scheme(Some(url));
        let moved = CommandTopicMigrated {
            resource_id,
            resource_type: kind as i32,
            broker_service_url: plain,
            broker_service_url_tls: tls,
        };
        self.send(connection, moved);
        true
    }
}
