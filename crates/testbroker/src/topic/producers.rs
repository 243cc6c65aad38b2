//! Which producers a topic has, and which it admits: names and access modes.

use std::collections::VecDeque;

use pulsar_rs_wire::proto::{ProducerAccessMode, ServerError};

use crate::connection::ConnectionId;
use crate::refusal::Refusal;

/// A producer's connection and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProducerKey {
    pub connection: ConnectionId,
    pub producer_id: u64,
}

/// A producer that wants to publish to a topic, or does.
#[derive(Debug, Clone)]
pub(crate) struct Producer {
    pub key: ProducerKey,
    pub name: String,
    pub mode: ProducerAccessMode,
    /// The topic's epoch when this producer had it for itself before; absent at the first time.
    pub topic_epoch: Option<u64>,
    /// The request that is answered when the producer's turn comes.
    pub request_id: u64,
}

/// How a producer was admitted.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// It has to wait for the topic to be free.
    pub queued: bool,
    /// Producers that lost the topic to it.
    pub fenced: Vec<ProducerKey>,
    /// Producers that waited and are refused now.
    pub turned_away: Vec<Producer>,
}

/// The producers of one topic.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    list: Vec<Producer>,
    waiting: VecDeque<Producer>,
    /// One producer has the topic for itself.
    exclusive: bool,
    /// Rises each time that a producer gets the topic for itself.
    epoch: Option<u64>,
}

impl Producers {
    /// The topic's epoch, once any producer had the topic for itself.
    pub fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// Producers that may publish.
    pub fn list(&self) -> &[Producer] {
        &self.list
    }

    /// Producers that may publish and those that wait for it.
    pub fn keys(&self) -> Vec<ProducerKey> {
        self.list.iter().chain(&self.waiting).map(|producer| producer.key).collect()
    }

    /// The producer that has this name.
    pub fn named(&self, name: &str) -> Option<&Producer> {
        self.list.iter().find(|producer| producer.name == name)
    }

    /// Whether the access mode lets `producer` in; changes nothing.
    ///
    /// The order of the checks is that of a real broker: access mode before name.
    pub fn check_access(&self, producer: &Producer) -> Result<(), Refusal> {
        let taken = self.exclusive || !self.waiting.is_empty();
        let fenced = |why: String| Err(Refusal::new(ServerError::ProducerFenced, why));
        let held = || {
            let holder = self.list.first().map_or("", |holder| &holder.name);
            format!("Topic has an existing exclusive producer: {holder}")
        };
        match producer.mode {
            ProducerAccessMode::Shared if taken => Err(Refusal::new(ServerError::ProducerBusy, held())),
            ProducerAccessMode::Exclusive if taken => fenced(held()),
            ProducerAccessMode::Exclusive if !self.list.is_empty() => {
                fenced("Topic has existing shared producers".to_owned())
            }
            ProducerAccessMode::WaitForExclusive if !self.exclusive && self.list.is_empty() => {
                self.check_epoch(producer)
            }
            ProducerAccessMode::Exclusive | ProducerAccessMode::ExclusiveWithFencing => {
                self.check_epoch(producer)
            }
            _ => Ok(()),
        }
    }

    /// A producer that had the topic is not let in again after another one had it.
    fn check_epoch(&self, producer: &Producer) -> Result<(), Refusal> {
        match (producer.topic_epoch, self.epoch) {
            (Some(theirs), Some(ours)) if theirs < ours => {
                let message =
                    format!("Topic epoch has already moved. Current epoch: {ours}, Producer epoch: {theirs}");
                Err(Refusal::new(ServerError::ProducerFenced, message))
            }
            _ => Ok(()),
        }
    }

    /// Lets a producer in that [`Producers::check_access`] passed.
    pub fn admit(&mut self, producer: Producer) -> Admitted {
        let mut admitted = Admitted::default();
        match producer.mode {
            ProducerAccessMode::Shared => self.list.push(producer),
            ProducerAccessMode::ExclusiveWithFencing => {
                admitted.turned_away = self.waiting.drain(..).collect();
                admitted.fenced = self.list.drain(..).map(|fenced| fenced.key).collect();
                self.take_over(producer);
            }
            ProducerAccessMode::WaitForExclusive if self.exclusive || !self.list.is_empty() => {
                self.waiting.push_back(producer);
                admitted.queued = true;
            }
            ProducerAccessMode::Exclusive | ProducerAccessMode::WaitForExclusive => self.take_over(producer),
        }
        admitted
    }

    fn take_over(&mut self, producer: Producer) {
        self.exclusive = true;
        self.epoch = producer.topic_epoch.or(Some(self.epoch.map_or(0, |epoch| epoch + 1)));
        self.list.push(producer);
    }

    /// Takes a producer out. Gives the one whose turn it is now, if any waited for it.
    pub fn remove(&mut self, key: ProducerKey) -> Option<Producer> {
        self.waiting.retain(|producer| producer.key != key);
        let before = self.list.len();
        self.list.retain(|producer| producer.key != key);
        if self.list.len() == before || !self.list.is_empty() {
            return None;
        }
        self.exclusive = false;
        let next = self.waiting.pop_front()?;
        self.take_over(next.clone());
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProducerAccessMode::{Exclusive, ExclusiveWithFencing, Shared, WaitForExclusive};

    fn producer(producer_id: u64, mode: ProducerAccessMode) -> Producer {
        Producer {
            key: ProducerKey { connection: ConnectionId(1), producer_id },
            name: format!("p{producer_id}"),
            mode,
            topic_epoch: None,
            request_id: producer_id,
        }
    }

    fn refused(producers: &Producers, candidate: &Producer) -> Option<ServerError> {
        let refusal = producers.check_access(candidate).err()?;
        ServerError::try_from(refusal.code).ok()
    }

    fn admit(producers: &mut Producers, candidate: Producer) -> Admitted {
        producers.check_access(&candidate).unwrap();
        producers.admit(candidate)
    }

    #[test]
    fn an_exclusive_producer_keeps_the_others_out() {
        let mut producers = Producers::default();
        admit(&mut producers, producer(1, Exclusive));
        assert_eq!(producers.epoch(), Some(0));
        assert_eq!(refused(&producers, &producer(2, Exclusive)), Some(ServerError::ProducerFenced));
        assert_eq!(refused(&producers, &producer(3, Shared)), Some(ServerError::ProducerBusy));
        assert!(producers.remove(producer(1, Exclusive).key).is_none());
        admit(&mut producers, producer(3, Shared));
        assert_eq!(refused(&producers, &producer(2, Exclusive)), Some(ServerError::ProducerFenced));
    }

    #[test]
    fn who_waits_gets_the_topic_when_it_is_free() {
        let mut producers = Producers::default();
        admit(&mut producers, producer(1, Shared));
        admit(&mut producers, producer(2, Shared));
        assert!(admit(&mut producers, producer(3, WaitForExclusive)).queued);
        assert!(admit(&mut producers, producer(4, WaitForExclusive)).queued);
        assert!(producers.remove(producer(1, Shared).key).is_none());
        assert_eq!(producers.remove(producer(2, Shared).key).unwrap().name, "p3");
        assert_eq!(producers.remove(producer(3, Shared).key).unwrap().name, "p4");
        assert_eq!(producers.epoch(), Some(1));
    }

    #[test]
    fn fencing_takes_over_and_bars_the_way_back() {
        let mut producers = Producers::default();
        admit(&mut producers, producer(1, Exclusive));
        admit(&mut producers, producer(2, WaitForExclusive));
        let admitted = admit(&mut producers, producer(3, ExclusiveWithFencing));
        assert_eq!(admitted.fenced, [producer(1, Exclusive).key]);
        assert_eq!(admitted.turned_away[0].name, "p2");
        assert_eq!(producers.epoch(), Some(1));
        producers.remove(producer(3, Exclusive).key);
        let returning = Producer { topic_epoch: Some(0), ..producer(1, Exclusive) };
        assert_eq!(refused(&producers, &returning), Some(ServerError::ProducerFenced));
        let holder = Producer { topic_epoch: Some(1), ..producer(3, Exclusive) };
        admit(&mut producers, holder);
        assert_eq!(producers.epoch(), Some(1), "the same holder comes back to the same epoch");
    }
}
