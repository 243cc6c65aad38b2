//! Shared subscriptions: entries go round the consumers, each is acknowledged alone.

use super::consumer::{Consumer, Pending};
use super::cursor::Cursor;
use super::delivery::{Feed, Outlet};
use super::replay::Replay;
use crate::topic::Entry;

/// Entries that one consumer gets in a row, as `dispatcherMaxRoundRobinBatchSize` of a real broker.
const RUN: usize = 20;

/// What a Shared subscription keeps beside its cursor.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub replay: Replay,
    /// Index of the consumer whose turn is next.
    turn: usize,
}

impl Shared {
    /// Sends what may be sent.
    pub fn dispatch(
        &mut self,
        consumers: &mut [Consumer],
        cursor: &mut Cursor,
        feed: &Feed<'_>,
        outlet: &mut impl Outlet,
    ) {
        self.replay.release_due(feed.now);
        while let Some(index) = self.next_consumer(consumers, feed, outlet) {
            let consumer = &mut consumers[index];
            for _ in 0..RUN {
                if !feed.may_send(consumer, outlet) {
                    break;
                }
                let Some((number, entry)) = self.next_entry(cursor, feed) else { return };
                let redeliveries = self.replay.redeliveries(number);
                let messages = feed.send((number, entry), cursor, consumer, redeliveries, outlet);
                consumer.hold(number, Pending { messages, hash: 0 });
            }
        }
    }

    /// Whose turn it is among the consumers of the best priority that can take an entry.
    pub(super) fn next_consumer(
        &mut self,
        consumers: &[Consumer],
        feed: &Feed<'_>,
        outlet: &mut impl Outlet,
    ) -> Option<usize> {
        let mut chosen: Option<(i32, usize)> = None;
        for step in 0..consumers.len() {
            let index = (self.turn + step) % consumers.len();
            let consumer = &consumers[index];
            let better = chosen.is_none_or(|(priority, _)| consumer.priority < priority);
            if better && feed.may_send(consumer, outlet) {
                chosen = Some((consumer.priority, index));
            }
        }
        let (_, index) = chosen?;
        self.turn = index + 1;
        Some(index)
    }

    fn next_entry<'a>(&mut self, cursor: &mut Cursor, feed: &Feed<'a>) -> Option<(u64, &'a Entry)> {
        while let Some((number, _)) = self.replay.waiting.pop_first() {
            if let Some(entry) = feed.log.get(number).filter(|_| !cursor.is_acked(number)) {
                return Some((number, entry));
            }
        }
        while let Some(number) = cursor.read_next(feed.log.end()) {
            let Some(entry) = feed.log.get(number) else { continue };
            match due_time(entry).filter(|due| *due > feed.now) {
                Some(due) => self.replay.delay(due, number, 0),
                None => return Some((number, entry)),
            }
        }
        None
    }
}

/// When a delayed message is to be delivered, milliseconds since 1970.
pub(super) fn due_time(entry: &Entry) -> Option<u64> {
    u64::try_from(entry.metadata()?.deliver_at_time?).ok()
}
