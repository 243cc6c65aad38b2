//! Asking for messages again.

use std::time::{Duration, Instant};

use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::{CommandRedeliverUnacknowledgedMessages, MessageIdData};

use super::acknowledge::entry_of;
use super::{Consumer, Message, Parts, Phase, Shared, State};
use crate::MessageId;

/// Ids in one command of redelivery, as in the Java client.
const IDS_PER_COMMAND: usize = 1000;

impl Consumer {
    /// Asks for the message again, after the [delay](super::ConsumerConfig::negative_ack_delay). The whole
    /// batch comes again, without the messages of it that are acknowledged.
    pub fn negative_acknowledge(&self, message: &Message) {
        match &self.parts {
            Parts::One(shared) => shared.nack_message(message),
            // A topic that is gone has nothing to deliver again.
            Parts::Several(group) => {
                _ = group.member(message.topic()).inspect(|member| member.nack_message(message));
            }
        }
    }

    /// Asks for the message with this id again; with a
    /// [backoff](super::ConsumerConfig::negative_ack_backoff), as if it came for the first time.
    pub fn negative_acknowledge_id(&self, id: &MessageId) {
        let Some(entry) = entry_of(id) else {
            return;
        };
        let message = (entry, u32::try_from(id.batch_index).ok());
        match &self.parts {
            Parts::One(shared) => shared.nack(message, 0, None),
            Parts::Several(group) => _ = group.member_of(id).inspect(|member| member.nack(message, 0, None)),
        }
    }

    /// Asks for everything again that was delivered to this consumer and not acknowledged.
    pub fn redeliver_unacknowledged(&self) {
        match &self.parts {
            Parts::One(shared) => shared.redeliver_all(&mut shared.state.lock()),
            Parts::Several(group) => {
                for member in group.members() {
                    member.redeliver_all(&mut member.state.lock());
                }
            }
        }
    }
}

impl Shared {
    fn nack_message(&self, message: &Message) {
        let entry = &message.entry;
        let index = entry.acks.is_some().then_some(message.index);
        self.nack((entry.id, index), entry.redelivery_count, Some(entry.reading));
    }

    /// `redeliveries` is how often it came before, as far as that is known; `reading` is the one that the message came in, where that is known.
    fn nack(&self, (id, index): (EntryId, Option<u32>), redeliveries: u32, reading: Option<u64>) {
        let mut state = self.state.lock();
        let is_elsewhere = reading.is_some_and(|reading| reading != state.reading);
        if is_elsewhere || matches!(state.phase, Phase::Closed) {
            return;
        }
        let due = Instant::now() + self.nack_delay(redeliveries);
        state.negative_acks.add(id, due);
        state.counters.negative_acks += 1;
        state.last_chances.refuse(id, index);
        // The whole entry comes again, unless it was delivered for the last time: then the rest of it does not.
        if !state.last_chances.has_unrefused(id) {
            state.unwatch(id);
        }
        let wake = state.alarm_is_later(Some(due));
        drop(state);
        if wake {
            self.timers.notify_one();
        }
    }

    /// How long a negative acknowledgement waits.
    pub(super) fn nack_delay(&self, redeliveries: u32) -> Duration {
        let backoff = self.config.negative_ack_backoff;
        backoff.map_or(self.config.negative_ack_delay, |backoff| backoff.delay(redeliveries))
    }

    /// Asks the broker for entries again. Without sharing it can only send everything again.
    pub(super) fn redeliver(&self, state: &mut State, entries: &[EntryId]) {
        if entries.is_empty() {
            return;
        }
        if !self.config.subscription_type.is_shared() {
            return self.redeliver_all(state);
        }
        let entries = state.with_chunks(entries);
        if let Phase::Ready(connection) = &state.phase {
            for entries in entries.chunks(IDS_PER_COMMAND) {
                let ids = entries.iter().map(|id| MessageIdData {
                    ledger_id: id.ledger,
                    entry_id: id.entry,
                    ..MessageIdData::default()
                });
                let command = CommandRedeliverUnacknowledgedMessages {
                    consumer_id: self.id,
                    message_ids: ids.collect(),
                    consumer_epoch: None,
                };
                connection.send(&command.into());
                state.counters.redelivery_requests += 1;
            }
        }
    }

    fn redeliver_all(&self, state: &mut State) {
        // Without a connection there is nothing to ask: a new one begins with what is not acknowledged.
        let Phase::Ready(connection) = &state.phase else {
            return;
        };
        let connection = connection.clone();
        // Entries that are on the way already come again too; without sharing they can be told apart.
        let consumer_epoch = (!self.config.subscription_type.is_shared()).then(|| {
            state.epoch += 1;
            state.epoch
        });
        state.counters.redelivery_requests += 1;
        let dropped = self.inbox.discard();
        let locked = state.locked.clear();
        state.chunks.clear();
        state.negative_acks.clear();
        state.last_chances.clear();
        if let Some(unacked) = &mut state.unacked {
            unacked.clear();
        }
        // What is acknowledged must not come again.
        self.send_acks(state);
        let command = CommandRedeliverUnacknowledgedMessages {
            consumer_id: self.id,
            message_ids: Vec::new(),
            consumer_epoch,
        };
        connection.send(&command.into());
        self.give_back(&connection, state.quota.returned(dropped).saturating_add(locked));
    }
}

impl State {
    /// The entries, each that ends a message in chunks with the chunks before it. These are forgotten: they come again.
    pub(super) fn with_chunks(&mut self, entries: &[EntryId]) -> Vec<EntryId> {
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            match self.chunks.take(*entry) {
                None => all.push(*entry),
                Some(chunks) => all.extend_from_slice(&chunks),
            }
        }
        all
    }
}
