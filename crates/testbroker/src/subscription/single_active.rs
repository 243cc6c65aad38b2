//! Exclusive and Failover subscriptions: one consumer at a time gets everything, in order.

use pulsar_rs_wire::proto::CommandActiveConsumerChange;

use super::consumer::{Consumer, ConsumerKey};
use super::cursor::Cursor;
use super::delivery::{Feed, Outlet};
use super::turn::Turn;

/// Who of the consumers is served.
#[derive(Debug, Default)]
pub(crate) struct SingleActive {
    active: Option<ConsumerKey>,
    /// Consumers are told about changes; only a Failover subscription has any.
    failover: bool,
    /// The active consumer changed and the consumers were not told yet.
    announce: bool,
}

impl SingleActive {
    pub fn new(failover: bool) -> Self {
        SingleActive { failover, ..SingleActive::default() }
    }

    /// The consumer that is served.
    pub fn active(&self) -> Option<ConsumerKey> {
        self.active
    }

    /// Elects the active consumer again after `newcomer` came, or another one went.
    ///
    /// The best priority comes first; among equals the topic's turn decides.
    pub fn elect(
        &mut self,
        consumers: &[Consumer],
        turn: Turn,
        newcomer: Option<ConsumerKey>,
        cursor: &mut Cursor,
        outlet: &mut impl Outlet,
    ) {
        let best = consumers.iter().map(|consumer| consumer.priority).min();
        let mut candidates: Vec<&Consumer> =
            consumers.iter().filter(|consumer| Some(consumer.priority) == best).collect();
        candidates.sort_by(|a, b| a.name.cmp(&b.name));
        let elected = turn.choose(&candidates).map(|index| candidates[index].key);
        if elected != self.active {
            self.active = elected;
            self.announce = self.failover;
            cursor.rewind();
        } else if let Some(newcomer) = newcomer.filter(|_| self.failover) {
            tell(newcomer, false, outlet);
        }
    }

    /// Sends what may be sent.
    pub fn dispatch(
        &mut self,
        consumers: &mut [Consumer],
        cursor: &mut Cursor,
        feed: &Feed<'_>,
        outlet: &mut impl Outlet,
    ) {
        if std::mem::take(&mut self.announce) {
            for consumer in &*consumers {
                tell(consumer.key, Some(consumer.key) == self.active, outlet);
            }
        }
        let Some(active) = self.active else { return };
        let Some(consumer) = consumers.iter_mut().find(|consumer| consumer.key == active) else { return };
        while consumer.permits > 0 && outlet.takes_more(active.connection) {
            let Some(number) = cursor.read_next(feed.log.end()) else { return };
            if let Some(entry) = feed.entry(number, consumer.read_compacted) {
                feed.send((number, entry), cursor, consumer, 0, outlet);
            }
        }
    }
}

fn tell(consumer: ConsumerKey, is_active: bool, outlet: &mut impl Outlet) {
    let change =
        CommandActiveConsumerChange { consumer_id: consumer.consumer_id, is_active: Some(is_active) };
    outlet.command(consumer.connection, change.into());
}
