//! Watches of topic lists: clients that are told which topics come and go.

use std::collections::BTreeSet;

use pulsar_rs_wire::extension::CommandWatchTopicUpdate;

use super::Broker;
use crate::topic::{Change, hash_of_names};
use crate::topic_name::TopicName;
use crate::topic_pattern::TopicPattern;

/// What one client watches.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// `tenant/namespace`.
    pub namespace: String,
    pub pattern: TopicPattern,
    /// Full names of the topics that match, as the client knows them.
    pub topics: BTreeSet<String>,
}

impl Watch {
    /// Hash of the list.
    pub fn hash(&self) -> String {
        hash_of_names(&self.topics.iter().cloned().collect::<Vec<_>>())
    }

    /// Takes a change over; true if the list is another one now.
    fn takes(&mut self, change: &Change) -> bool {
        let watched = TopicName::parse(&change.topic)
            .is_ok_and(|name| name.is_persistent() && name.namespace == self.namespace);
        watched
            && self.pattern.matches(&change.topic)
            && if change.created {
                self.topics.insert(change.topic.clone())
            } else {
                self.topics.remove(&change.topic)
            }
    }
}

impl Broker {
    /// Tells those who watch which topics came and went. As with a real broker, only persistent ones are watched.
    pub fn tell_watchers(&mut self) {
        let changes = self.registry.take_changes();
        if changes.is_empty() {
            return;
        }
        for id in self.connections.ids() {
            let mut updates = Vec::new();
            let Some(connection) = self.connections.get_mut(id) else { continue };
            for change in &changes {
                let taken = connection.watches.iter_mut().filter_map(|(watcher_id, watch)| {
                    watch.takes(change).then(|| (*watcher_id, watch.hash()))
                });
                updates.extend(taken.map(|(watcher_id, topics_hash)| {
                    let topic = || vec![change.topic.clone()];
                    CommandWatchTopicUpdate {
                        watcher_id,
                        new_topics: if change.created { topic() } else { Vec::new() },
                        deleted_topics: if change.created { Vec::new() } else { topic() },
                        topics_hash,
                    }
                }));
            }
            for update in updates {
                self.send(id, update);
            }
        }
    }
}
