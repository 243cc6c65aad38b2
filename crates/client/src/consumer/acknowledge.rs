//! Acknowledging messages.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::MutexGuard;
use pulsar_rs_wire::hot::EntryId;

use super::batch_acks::{BatchAcks, Progress};
use super::message::Entry;
use super::receipts::Part;
use super::seek::Seeking;
use super::{Consumer, Message, Parts, Phase, Shared, State, already_closed};
use crate::{Error, MessageId};

impl Consumer {
    /// Acknowledges one message. It is sent with others, see
    /// [`ack_grouping_time`](super::ConsumerConfig::ack_grouping_time); acknowledging twice does no harm.
    #[inline]
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
        self.acknowledge_all(id)
    }

    /// Acknowledges the message and all before it. Not for shared subscriptions.
    pub fn acknowledge_cumulative(&self, message: &Message) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.ack_up_to_message(message, None),
            Parts::Several(group) => group.member(message.topic())?.ack_up_to_message(message, None),
        }
    }

    /// Acknowledges the message with this id and all before it. Not for shared subscriptions. For ids see
    /// [`Consumer::acknowledge_id`].
    pub fn acknowledge_cumulative_id(&self, id: &MessageId) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.ack_up_to_id(id, None),
            Parts::Several(group) if entry_of(id).is_none() => group.check_open(),
            Parts::Several(group) => group.member_of(id)?.ack_up_to_id(id, None),
        }
    }
}

/// The entry that an id names; nothing for the ids that stand for the ends of a topic.
pub(super) fn entry_of(id: &MessageId) -> Option<EntryId> {
    (id.ledger >= 0 && id.entry >= 0)
        .then(|| EntryId { ledger: id.ledger.cast_unsigned(), entry: id.entry.cast_unsigned() })
}

impl Shared {
    fn acknowledge(&self, message: &Message) -> Result<(), Error> {
        self.check_usable()?;
        let entry = &message.entry;
        match &entry.acks {
            None => {
                if let Some(mut state) = self.lock_for(entry)? {
                    state.ack_entry(entry.id, entry.chunks.clone(), None);
                    self.acks_added(state);
                }
                Ok(())
            }
            Some(acks) => self.ack_in_batch(entry, acks, message.index),
        }
    }

    /// Whether anything can be acknowledged.
    fn check_usable(&self) -> Result<(), Error> {
        self.check_open().map_err(|error| self.ack_failed(error))
    }

    pub(super) fn check_cumulative(&self) -> Result<(), Error> {
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
    pub(super) fn lock_open(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        if matches!(state.phase, Phase::Closed) { Err(self.ack_failed(already_closed())) } else { Ok(state) }
    }

    /// The same for the acknowledgement of an entry; nothing when it came before a seek, which voids it, or from a cluster
    /// that the client left, which will not learn of it.
    pub(super) fn lock_for(&self, entry: &Entry) -> Result<Option<MutexGuard<'_, State>>, Error> {
        let state = self.lock_open()?;
        Ok((state.reading == entry.reading).then_some(state))
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

    fn note(&self, mut state: MutexGuard<'_, State>, id: EntryId, acks: &Arc<BatchAcks>, progress: Progress) {
        if self.note_in(&mut state, id, acks, progress, None) {
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

    pub(super) fn ack_up_to(
        &self,
        mut state: MutexGuard<'_, State>,
        id: EntryId,
        batch: Option<(&Arc<BatchAcks>, u32)>,
        call: Option<&Part>,
    ) {
        if let Some((acks, index)) = batch {
            acks.ack_up_to(index);
        }
        let batch = batch.map(|(acks, _)| acks);
        state.counters.cumulative_acks += 1;
        // Brokers go on behind what is acknowledged when a reader comes back while they still put away what it left. So
        // the first chunk of a message that is not read stays, also where it stands before this entry.
        let held = state.chunks.oldest_behind(id).filter(|first| !self.config.durable && *first < id);
        match held {
            Some(first) => state.acks.add_before(first),
            None => state.acks.add_cumulative(id, batch, self.config.batch_index_ack),
        }
        if let Some(call) = call {
            state.acks.await_cumulative(id, call);
        }
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
    pub(super) fn acks_added(&self, mut state: MutexGuard<'_, State>) {
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
            let settled = state.acks.flush(self.id, connection);
            self.tell_later(settled);
        }
    }
}

impl State {
    /// Whether the timers would look too late.
    pub(super) fn alarm_is_later(&self, due: Option<Instant>) -> bool {
        due.is_some_and(|due| self.alarm.is_none_or(|alarm| alarm > due))
    }
}
