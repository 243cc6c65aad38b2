//! Sending entries to consumers: what every subscription type shares.

use pulsar_rs_wire::Command;
use pulsar_rs_wire::hot::Message;

use super::ack_set::AckSet;
use super::consumer::Consumer;
use super::cursor::Cursor;
use crate::connection::ConnectionId;
use crate::topic::{Compacted, Entry, Ledgers, Log};

/// Where messages go.
pub(crate) trait Outlet {
    /// Whether the connection takes more messages now. If not, the subscription is dispatched again as soon
    /// as it does.
    fn takes_more(&mut self, connection: ConnectionId) -> bool;
    /// Sends an entry.
    fn deliver(&mut self, connection: ConnectionId, message: &Message, entry: &Entry);
    /// Sends another command.
    fn command(&mut self, connection: ConnectionId, command: Command);
}

/// What a dispatch reads from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feed<'a> {
    pub log: &'a Log,
    pub compacted: Option<&'a Compacted>,
    pub ledgers: &'a Ledgers,
    /// Number of the partition; -1 for a topic that is none.
    pub partition: i32,
    /// The clock, milliseconds since 1970.
    pub now: u64,
    /// No entries will come any more.
    pub terminated: bool,
    /// Unacknowledged messages at which a consumer gets no more, where acknowledgements are individual.
    pub max_unacked: u64,
}

impl Feed<'_> {
    /// Sends one entry to a consumer, at the cost of its permits. Returns the messages sent.
    pub fn send(
        &self,
        (number, entry): (u64, &Entry),
        cursor: &Cursor,
        consumer: &mut Consumer,
        redeliveries: u32,
        outlet: &mut impl Outlet,
    ) -> u32 {
        let ack_set = cursor.ack_set(number);
        let messages = ack_set.map_or(entry.messages, AckSet::unacked);
        consumer.permits -= i64::from(messages);
        let message = Message {
            consumer_id: consumer.key.consumer_id,
            entry: self.ledgers.position(number),
            partition: Some(self.partition),
            redelivery_count: (redeliveries > 0).then_some(redeliveries),
            ack_set: ack_set.map(AckSet::to_protocol).unwrap_or_default(),
            consumer_epoch: consumer.epoch,
        };
        outlet.deliver(consumer.key.connection, &message, entry);
        messages
    }

    /// The entry with this number as a consumer gets it, who may want to read compacted.
    pub fn entry(&self, number: u64, compacted: bool) -> Option<&Entry> {
        match self.compacted.filter(|found| compacted && number < found.horizon()) {
            Some(found) => found.get(number),
            None => self.log.get(number),
        }
    }

    /// Whether a consumer of a Shared or `Key_Shared` subscription may get an entry now.
    pub fn may_send(&self, consumer: &Consumer, outlet: &mut impl Outlet) -> bool {
        consumer.permits > 0
            && consumer.unacked < self.max_unacked
            && outlet.takes_more(consumer.key.connection)
    }
}
