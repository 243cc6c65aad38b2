//! Acknowledging and refusing messages.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::MutexGuard;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::{CommandRedeliverUnacknowledgedMessages, MessageIdData};

use super::batch_acks::{BatchAcks, Progress};
use super::message::Entry;
use super::seek::Seeking;
use super::{Consumer, Message, Parts, Phase, Shared, State, already_closed};
use crate::{Error, MessageId};

/// Ids in one command of redelivery, as in the Java client.
const IDS_PER_COMMAND: usize = 1000;

impl Consumer {
    /// Acknowledges one message. It is sent with others, see
    /// [`ack_grouping_time`](super::ConsumerConfig::ack_grouping_time); acknowledging twice does no harm.
    pub fn acknowledge(&self, message: &Message) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.acknowledge(message),
            Parts::Several(group) => group.member(message.topic())?.acknowledge(message),
        }
    }

    /// Acknowledges one message by its id.
    ///
    /// An id without the size of its batch, as other clients write them, stands for its whole entry, unless
    /// this consumer knows the batch. Fails with [`Error::InvalidMessage`] for an id that no message can have:
    /// behind the end of its batch, or in a batch larger than any.
    pub fn acknowledge_id(&self, id: &MessageId) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.ack_id(id),
            Parts::Several(group) if entry_of(id).is_none() => group.check_open(),
            Parts::Several(group) => group.member_of(id)?.ack_id(id),
        }
    }

    /// Acknowledges the message and all before it. Not for shared subscriptions.
    pub fn acknowledge_cumulative(&self, message: &Message) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.acknowledge_cumulative(message),
            Parts::Several(group) => group.member(message.topic())?.acknowledge_cumulative(message),
        }
    }

    /// Acknowledges the message with this id and all before it. Not for shared subscriptions. For ids see
    /// [`Consumer::acknowledge_id`].
    pub fn acknowledge_cumulative_id(&self, id: &MessageId) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.ack_up_to_id(id),
            Parts::Several(group) if entry_of(id).is_none() => group.check_open(),
            Parts::Several(group) => group.member_of(id)?.ack_up_to_id(id),
        }
    }

    /// Asks for the message again, after the [delay](super::ConsumerConfig::negative_ack_delay). The whole
    /// batch comes again, without the messages of it that are acknowledged.
    pub fn negative_acknowledge(&self, message: &Message) {
        match &self.parts {
            Parts::One(shared) => shared.negative_acknowledge(message),
            // A topic that is gone has nothing to deliver again.
            Parts::Several(group) => {
                _ = group.member(message.topic()).inspect(|member| member.negative_acknowledge(message));
            }
        }
    }

    /// Asks for the message with this id again.
    pub fn negative_acknowledge_id(&self, id: &MessageId) {
        let Some(entry) = entry_of(id) else {
            return;
        };
        match &self.parts {
            Parts::One(shared) => shared.nack(entry, None),
            Parts::Several(group) => _ = group.member_of(id).inspect(|member| member.nack(entry, None)),
        }
    }

    /// Asks for everything again that was delivered to this consumer and not acknowledged.
    pub fn redeliver_unacknowledged(&self) {
        match &self.parts {
            Parts::One(shared) => shared.redeliver_unacknowledged(),
            Parts::Several(group) => {
                group.members().iter().for_each(|member| member.redeliver_unacknowledged());
            }
        }
    }
}

/// The entry that an id names; nothing for the ids that stand for the ends of a topic.
fn entry_of(id: &MessageId) -> Option<EntryId> {
    (id.ledger >= 0 && id.entry >= 0)
        .then(|| EntryId { ledger: id.ledger.cast_unsigned(), entry: id.entry.cast_unsigned() })
}

impl Shared {
    fn acknowledge(&self, message: &Message) -> Result<(), Error> {
        self.check_usable()?;
        let entry = &message.entry;
        match &entry.acks {
            None => {
                if let Some(state) = self.lock_for(entry)? {
                    self.ack_entry(state, entry.id, entry.chunks.clone());
                }
                Ok(())
            }
            Some(acks) => self.ack_in_batch(entry, acks, message.index),
        }
    }

    fn acknowledge_cumulative(&self, message: &Message) -> Result<(), Error> {
        self.check_cumulative()?;
        let entry = &message.entry;
        if let Some(state) = self.lock_for(entry)? {
            self.ack_up_to(state, entry.id, entry.acks.as_ref().map(|acks| (acks, message.index)));
        }
        Ok(())
    }

    fn ack_up_to_id(&self, id: &MessageId) -> Result<(), Error> {
        self.check_cumulative()?;
        let state = self.lock_open()?;
        if let Some(entry) = entry_of(id) {
            let batch = state.acks.find(entry, id).map_err(|error| self.ack_failed(error))?;
            self.ack_up_to(state, entry, batch.as_ref().map(|(acks, index)| (acks, *index)));
        }
        Ok(())
    }

    fn negative_acknowledge(&self, message: &Message) {
        self.nack(message.entry.id, Some(message.entry.reading));
    }

    fn redeliver_unacknowledged(&self) {
        self.redeliver_all(&mut self.state.lock());
    }

    /// Whether anything can be acknowledged.
    fn check_usable(&self) -> Result<(), Error> {
        self.check_open().map_err(|error| self.ack_failed(error))
    }

    fn check_cumulative(&self) -> Result<(), Error> {
        self.check_usable()?;
        if self.config.subscription_type.is_shared() {
            return Err(self.ack_failed(Error::CumulativeAcknowledgementNotAllowed(format!(
                "{:?} subscription {}",
                self.config.subscription_type, self.subscription
            ))));
        }
        Ok(())
    }

    /// The state, unless the consumer is closed: what is noted after that is never sent, so it must not be
    /// accepted.
    fn lock_open(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        if matches!(state.phase, Phase::Closed) { Err(self.ack_failed(already_closed())) } else { Ok(state) }
    }

    /// The same for the acknowledgement of an entry; nothing when it came before a seek, which voids it, or from a cluster
    /// that the client left, which will not learn of it.
    fn lock_for(&self, entry: &Entry) -> Result<Option<MutexGuard<'_, State>>, Error> {
        let state = self.lock_open()?;
        Ok((state.reading == entry.reading).then_some(state))
    }

    /// Acknowledges an entry, or all `chunks` of the message that ends with it.
    fn ack_entry(&self, mut state: MutexGuard<'_, State>, id: EntryId, chunks: Option<Arc<[EntryId]>>) {
        let known = state.chunks.take(id);
        match known.or(chunks) {
            None => state.acks.add_entry(id),
            Some(chunks) => chunks.iter().for_each(|chunk| state.acks.add_entry(*chunk)),
        }
        state.counters.acknowledged += 1;
        state.forget(id);
        self.acks_added(state);
    }

    fn ack_in_batch(&self, entry: &Entry, acks: &Arc<BatchAcks>, index: u32) -> Result<(), Error> {
        let progress = acks.ack(index);
        // Most acknowledgements stop here: the batch is known to be in part acknowledged.
        let is_known = progress == Progress::Partial && !self.config.batch_index_ack && acks.is_noted();
        if progress == Progress::Unchanged || is_known {
            Ok(())
        } else {
            self.note_now(entry, acks, progress)
        }
    }

    /// Apart from the way of most acknowledgements, which stays short.
    #[inline(never)]
    fn note_now(&self, entry: &Entry, acks: &Arc<BatchAcks>, progress: Progress) -> Result<(), Error> {
        if let Some(state) = self.lock_for(entry)? {
            self.note(state, entry.id, acks, progress);
        }
        Ok(())
    }

    /// Under one lock from finding the batch to noting it, so that two ids of a batch that was not delivered
    /// here find the same state.
    fn ack_id(&self, id: &MessageId) -> Result<(), Error> {
        let state = self.lock_open()?;
        let Some(entry) = entry_of(id) else {
            return Ok(());
        };
        match state.acks.find(entry, id).map_err(|error| self.ack_failed(error))? {
            None => {
                // Those between them are known while the consumer has the message, else they expire.
                let first = id.first_chunk.as_deref().and_then(entry_of).filter(|first| *first != entry);
                self.ack_entry(state, entry, first.map(|first| [first, entry].into()));
                Ok(())
            }
            Some((acks, index)) => {
                let progress = acks.ack(index);
                self.note(state, entry, &acks, progress);
                Ok(())
            }
        }
    }

    fn note(&self, mut state: MutexGuard<'_, State>, id: EntryId, acks: &Arc<BatchAcks>, progress: Progress) {
        if progress == Progress::Complete {
            state.counters.acknowledged += u64::from(acks.expected());
            state.forget(id);
        }
        if state.acks.add_batch(id, acks, progress, self.config.batch_index_ack) {
            self.acks_added(state);
        }
    }

    /// The state that all messages of a batch share, which was opened just now. The broker waits for those in
    /// `ack_set`; all, if that is empty.
    pub(super) fn share(
        &self,
        reading: u64,
        id: EntryId,
        fresh: Arc<BatchAcks>,
        ack_set: &[i64],
    ) -> Arc<BatchAcks> {
        // One acknowledgement is all that such a batch gets, whoever has it.
        if fresh.size() == 1 {
            return fresh;
        }
        let mut state = self.state.lock();
        // By now the id stands for another entry, or what was acknowledged of it counts no more.
        if state.reading != reading {
            return fresh;
        }
        let (acks, is_complete) = state.acks.open_batch(id, fresh, ack_set);
        if is_complete {
            state.forget(id);
            self.acks_added(state);
        } else {
            self.skip_in_batch(state, id, &acks);
        }
        acks
    }

    /// What of a batch lies before the place where the consumer begins is not delivered, and counts as acknowledged.
    fn skip_in_batch(&self, mut state: MutexGuard<'_, State>, id: EntryId, acks: &Arc<BatchAcks>) {
        let Some(last) = state.start.skipped_of(id).checked_sub(1) else {
            return;
        };
        let progress = acks.ack_up_to(last);
        if self.config.durable {
            state.start.skip = None;
            self.note(state, id, acks, progress);
        }
    }

    fn ack_up_to(
        &self,
        mut state: MutexGuard<'_, State>,
        id: EntryId,
        batch: Option<(&Arc<BatchAcks>, u32)>,
    ) {
        if let Some((acks, index)) = batch {
            acks.ack_up_to(index);
        }
        let batch = batch.map(|(acks, _)| acks);
        state.counters.cumulative_acks += 1;
        state.acks.add_cumulative(id, batch, self.config.batch_index_ack);
        state.chunks.remove_up_to(id);
        if let Some(unacked) = &mut state.unacked {
            unacked.remove_before(id);
            // The rest of a batch goes on being watched.
            if batch.is_none_or(|acks| acks.left() == 0) {
                unacked.remove(id);
            }
        }
        self.acks_added(state);
    }

    /// Sends what waits when it is enough, or sees to it that the timers do it.
    fn acks_added(&self, mut state: MutexGuard<'_, State>) {
        let enough = self.config.ack_grouping_time.is_zero()
            || state.acks.waiting() >= self.config.ack_grouping_max_size.max(1);
        if enough {
            self.send_acks(&mut state);
        } else if state.acks_due.is_none() {
            state.acks_due = Some(Instant::now() + self.config.ack_grouping_time);
            let wake = state.alarm_is_later(state.acks_due);
            drop(state);
            if wake {
                self.timers.notify_one();
            }
        }
    }

    /// Sends the acknowledgements that wait; without a connection they go on waiting.
    pub(super) fn send_acks(&self, state: &mut State) {
        state.acks_due = None;
        // They would come behind the seek, and mean nothing there; if it fails, they are sent then.
        if state.seeking.as_ref().is_some_and(Seeking::is_asked) {
            return;
        }
        if let Phase::Ready(connection) = &state.phase {
            state.acks.flush(self.id, connection);
        }
    }

    /// `reading` is the one that the message came in, where that is known.
    fn nack(&self, id: EntryId, reading: Option<u64>) {
        let mut state = self.state.lock();
        let is_elsewhere = reading.is_some_and(|reading| reading != state.reading);
        if is_elsewhere || matches!(state.phase, Phase::Closed) {
            return;
        }
        let due = Instant::now() + self.config.negative_ack_delay;
        state.negative_acks.add(id, due);
        state.counters.negative_acks += 1;
        state.forget(id);
        let wake = state.alarm_is_later(Some(due));
        drop(state);
        if wake {
            self.timers.notify_one();
        }
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
        // Entries that are on the way already come again too; without sharing they can be told apart.
        let consumer_epoch = (!self.config.subscription_type.is_shared()).then(|| {
            state.epoch += 1;
            state.epoch
        });
        state.counters.redelivery_requests += 1;
        let dropped = self.inbox.discard();
        state.chunks.clear();
        state.negative_acks.clear();
        if let Some(unacked) = &mut state.unacked {
            unacked.clear();
        }
        // What is acknowledged must not come again.
        state.acks.flush(self.id, connection);
        let command = CommandRedeliverUnacknowledgedMessages {
            consumer_id: self.id,
            message_ids: Vec::new(),
            consumer_epoch,
        };
        connection.send(&command.into());
        self.give_back(connection, dropped);
    }
}

impl State {
    /// The entry needs no redelivery by timeout any more.
    fn forget(&mut self, id: EntryId) {
        if let Some(unacked) = &mut self.unacked {
            unacked.remove(id);
        }
    }

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

    /// Whether the timers would look too late.
    pub(super) fn alarm_is_later(&self, due: Option<Instant>) -> bool {
        due.is_some_and(|due| self.alarm.is_none_or(|alarm| alarm > due))
    }
}
