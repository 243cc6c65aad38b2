//! Acknowledging many messages with one call, and with a receipt of the broker.

use std::sync::Arc;
use std::time::Instant;

use pulsar_rs_wire::hot::EntryId;

use super::acknowledge::entry_of;
use super::batch_acks::{BatchAcks, Progress};
use super::bulk::{BulkMessages, Place};
use super::message::Entry;
use super::receipts::Part;
use super::{Consumer, Message, Parts, Shared, State, void};
use crate::{Error, MessageId};

/// What one call acknowledges, each message alone.
#[derive(Debug, Clone, Copy)]
pub enum AckTarget<'a> {
    /// A message.
    Message(&'a Message),
    /// The message with this id; for ids see [`Consumer::acknowledge_id`].
    Id(&'a MessageId),
    /// Messages, in any order.
    Messages(&'a [Message]),
    /// The messages with these ids.
    Ids(&'a [MessageId]),
    /// Messages of a bulk.
    Bulk(BulkMessages<'a>),
}

impl<'a> From<BulkMessages<'a>> for AckTarget<'a> {
    fn from(messages: BulkMessages<'a>) -> Self {
        AckTarget::Bulk(messages)
    }
}

impl<'a> From<&'a Message> for AckTarget<'a> {
    fn from(message: &'a Message) -> Self {
        AckTarget::Message(message)
    }
}

impl<'a> From<&'a MessageId> for AckTarget<'a> {
    fn from(id: &'a MessageId) -> Self {
        AckTarget::Id(id)
    }
}

impl<'a> From<&'a [Message]> for AckTarget<'a> {
    fn from(messages: &'a [Message]) -> Self {
        AckTarget::Messages(messages)
    }
}

impl<'a> From<&'a [MessageId]> for AckTarget<'a> {
    fn from(ids: &'a [MessageId]) -> Self {
        AckTarget::Ids(ids)
    }
}

impl Consumer {
    /// Acknowledges messages, or the messages with these ids, at the cost of one call.
    ///
    /// Ids that cannot be are left out, and the first of them is the error; all others are acknowledged.
    pub fn acknowledge_all<'a>(&self, target: impl Into<AckTarget<'a>>) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.ack_target(target.into(), None),
            Parts::Several(group) => group.ack_target(target.into()),
        }
    }

    /// Acknowledges one message or many. With [`ack_receipts`](super::ConsumerConfig::ack_receipts) `done` is told when
    /// the broker has all of them, or that it refused one; after the operation timeout it is told
    /// [`Error::Timeout`], and the acknowledgements go on being sent. Without, it is told at once that they are
    /// gathered. A message whose batch is not acknowledged as a whole needs no receipt, unless the broker is told of
    /// parts of batches.
    ///
    /// `done` is called on this thread or by the client's runtime, must be short and must not wait.
    pub fn acknowledge_with<'a>(
        &self,
        target: impl Into<AckTarget<'a>>,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        match &self.parts {
            Parts::One(shared) => shared.ack_target_with(target.into(), done),
            Parts::Several(group) => group.ack_target_with(target.into(), done),
        }
    }

    /// Acknowledges the message and all before it; for `done` see [`Consumer::acknowledge_with`].
    pub fn acknowledge_cumulative_with(
        &self,
        message: &Message,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        let member = match &self.parts {
            Parts::One(shared) => Ok(shared.clone()),
            Parts::Several(group) => group.member(message.topic()),
        };
        match member {
            Ok(member) => member.with_receipt(done, |call| member.ack_up_to_message(message, call)),
            Err(error) => done(Err(error)),
        }
    }

    /// Acknowledges the message with this id and all before it; for `done` see [`Consumer::acknowledge_with`].
    pub fn acknowledge_cumulative_id_with(
        &self,
        id: &MessageId,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        let member = match &self.parts {
            Parts::One(shared) => Ok(shared.clone()),
            Parts::Several(group) if entry_of(id).is_none() => return done(group.check_open()),
            Parts::Several(group) => group.member_of(id),
        };
        match member {
            Ok(member) => member.with_receipt(done, |call| member.ack_up_to_id(id, call)),
            Err(error) => done(Err(error)),
        }
    }

    /// Sends the acknowledgements that are gathered: for those who wait for a receipt.
    pub fn flush_acknowledgements(&self) {
        match &self.parts {
            Parts::One(shared) => shared.send_acks(&mut shared.state.lock()),
            Parts::Several(group) => {
                for member in group.members() {
                    member.send_acks(&mut member.state.lock());
                }
            }
        }
    }
}

impl Shared {
    pub(super) fn ack_target_with(
        &self,
        target: AckTarget<'_>,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        self.with_receipt(done, |call| self.ack_target(target, call));
    }

    /// Runs what acknowledges, and has `done` told of the outcome: at once, or when all parts that are made of the call's
    /// have theirs.
    fn with_receipt(
        &self,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
        acknowledge: impl FnOnce(Option<&Part>) -> Result<(), Error>,
    ) {
        if !self.config.ack_receipts {
            return done(acknowledge(None));
        }
        let call = Part::first(done);
        let outcome = acknowledge(Some(&call));
        let until = Instant::now() + self.client.operation_timeout();
        let mut state = self.state.lock();
        state.patience.add(until, call.receipt());
        let wake = state.alarm_is_later(Some(until));
        drop(state);
        if wake {
            self.timers.notify_one();
        }
        call.settle(outcome);
    }

    /// Under one lock, however many there are.
    pub(super) fn ack_target(&self, target: AckTarget<'_>, call: Option<&Part>) -> Result<(), Error> {
        let mut state = self.lock_open()?;
        let mut failure = None;
        let mut is_new = false;
        let mut note = |noted: Result<bool, Error>| match noted {
            Ok(noted) => is_new |= noted,
            Err(error) => _ = failure.get_or_insert(self.ack_failed(error)),
        };
        match target {
            AckTarget::Message(message) => note(self.ack_message_in(&mut state, message, call)),
            AckTarget::Id(id) => note(self.ack_id_in(&mut state, id, call)),
            AckTarget::Messages(messages) => {
                for message in messages {
                    note(self.ack_message_in(&mut state, message, call));
                }
            }
            AckTarget::Bulk(messages) => {
                for (entry, places) in messages.runs() {
                    note(self.ack_run_in(&mut state, entry, places, call));
                }
            }
            AckTarget::Ids(ids) => {
                for run in ids.chunk_by(are_of_one_batch) {
                    match self.ack_ids_in(&mut state, run, call) {
                        Some(noted) => note(Ok(noted)),
                        None => run.iter().for_each(|id| note(self.ack_id_in(&mut state, id, call))),
                    }
                }
            }
        }
        if is_new {
            self.acks_added(state);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Acknowledges a message; true when there is something to send.
    fn ack_message_in(
        &self,
        state: &mut State,
        message: &Message,
        call: Option<&Part>,
    ) -> Result<bool, Error> {
        self.ack_entry_in(state, &message.entry, call, |acks| acks.ack(message.index))
    }

    /// Acknowledges messages of an entry; true when there is something to send.
    fn ack_run_in(
        &self,
        state: &mut State,
        entry: &Entry,
        places: &[Place],
        call: Option<&Part>,
    ) -> Result<bool, Error> {
        let ack = |acks: &BatchAcks| acks.ack_each(places.iter().map(|place| place.index));
        self.ack_entry_in(state, entry, call, ack)
    }

    /// Acknowledges an entry, or, if it is a batch, what `ack` does of it; true when there is something to send.
    fn ack_entry_in(
        &self,
        state: &mut State,
        entry: &Entry,
        call: Option<&Part>,
        ack: impl FnOnce(&BatchAcks) -> Progress,
    ) -> Result<bool, Error> {
        if entry.reading != state.reading {
            // Nobody will learn of it. That is nothing to fail for, unless somebody asks.
            return if call.is_some() { Err(void()) } else { Ok(false) };
        }
        match &entry.acks {
            None => {
                state.ack_entry(entry.id, entry.chunks.clone(), call);
                Ok(true)
            }
            Some(acks) => {
                let progress = ack(acks);
                Ok(self.note_in(state, entry.id, acks, progress, call))
            }
        }
    }

    /// Under one lock from finding the batch to noting it, so that two ids of a batch that was not delivered
    /// here find the same state.
    pub(super) fn ack_id_in(
        &self,
        state: &mut State,
        id: &MessageId,
        call: Option<&Part>,
    ) -> Result<bool, Error> {
        let Some(entry) = entry_of(id) else {
            return Ok(false);
        };
        self.check_topic(id)?;
        match state.acks.find(entry, id)? {
            None => {
                // Those between them are known while the consumer has the message, else they expire.
                let first = id.first_chunk.as_deref().and_then(entry_of).filter(|first| *first != entry);
                state.ack_entry(entry, first.map(|first| [first, entry].into()), call);
                Ok(true)
            }
            Some((acks, index)) => {
                let progress = acks.ack(index);
                Ok(self.note_in(state, entry, &acks, progress, call))
            }
        }
    }

    /// Acknowledges several messages of one batch, which is found once; true when there is something to send. Nothing when
    /// the ids have to be looked at one by one.
    fn ack_ids_in(&self, state: &mut State, ids: &[MessageId], call: Option<&Part>) -> Option<bool> {
        let [first, _, ..] = ids else {
            return None;
        };
        let entry = entry_of(first)?;
        self.check_topic(first).ok()?;
        let (acks, _) = state.acks.find(entry, first).ok()??;
        let indexes = || ids.iter().map(|id| id.batch_index.cast_unsigned());
        if indexes().any(|index| index >= acks.size()) {
            return None;
        }
        let progress = acks.ack_each(indexes());
        Some(self.note_in(state, entry, &acks, progress, call))
    }

    /// Whether an id is of this topic, as far as it tells.
    fn check_topic(&self, id: &MessageId) -> Result<(), Error> {
        match &id.topic {
            Some(topic) if **topic != *self.topic.as_str() => Err(Error::InvalidMessage(format!(
                "the id is of {topic}, and the consumer on {}",
                self.topic
            ))),
            _ => Ok(()),
        }
    }

    /// Notes what an acknowledgement did to its batch; true when there is something to send.
    pub(super) fn note_in(
        &self,
        state: &mut State,
        id: EntryId,
        acks: &Arc<BatchAcks>,
        progress: Progress,
        call: Option<&Part>,
    ) -> bool {
        let by_index = self.config.batch_index_ack;
        if progress == Progress::Complete {
            state.counters.acknowledged += u64::from(acks.expected());
            state.forget(id);
        }
        let is_new = state.acks.add_batch(id, acks, progress, by_index);
        match call {
            None => is_new,
            Some(call) => state.acks.await_batch(id, acks, progress, by_index, call),
        }
    }

    pub(super) fn ack_up_to_message(&self, message: &Message, call: Option<&Part>) -> Result<(), Error> {
        self.check_cumulative()?;
        let entry = &message.entry;
        match self.lock_for(entry)? {
            Some(state) => {
                let batch = entry.acks.as_ref().map(|acks| (acks, message.index));
                self.ack_up_to(state, entry.id, batch, call);
                Ok(())
            }
            None if call.is_some() => Err(self.ack_failed(void())),
            None => Ok(()),
        }
    }

    pub(super) fn ack_up_to_id(&self, id: &MessageId, call: Option<&Part>) -> Result<(), Error> {
        self.check_cumulative()?;
        self.check_topic(id).map_err(|error| self.ack_failed(error))?;
        let state = self.lock_open()?;
        if let Some(entry) = entry_of(id) {
            let batch = state.acks.find(entry, id).map_err(|error| self.ack_failed(error))?;
            self.ack_up_to(state, entry, batch.as_ref().map(|(acks, index)| (acks, *index)), call);
        }
        Ok(())
    }
}

/// Whether two ids name messages of the same batch, as far as they tell.
fn are_of_one_batch(one: &MessageId, next: &MessageId) -> bool {
    let is_same_topic = match (&one.topic, &next.topic) {
        (Some(one), Some(next)) => Arc::ptr_eq(one, next),
        (None, None) => true,
        _ => false,
    };
    is_same_topic
        && one.batch_size > 0
        && (one.ledger, one.entry, one.batch_size) == (next.ledger, next.entry, next.batch_size)
}

impl State {
    /// Acknowledges an entry, or all `chunks` of the message that ends with it.
    pub(super) fn ack_entry(&mut self, id: EntryId, chunks: Option<Arc<[EntryId]>>, call: Option<&Part>) {
        let known = self.chunks.take(id);
        match known.or(chunks) {
            None => self.acks.add_entry(id, call),
            Some(chunks) => chunks.iter().for_each(|chunk| self.acks.add_entry(*chunk, call)),
        }
        self.counters.acknowledged += 1;
        self.forget(id);
    }
}
