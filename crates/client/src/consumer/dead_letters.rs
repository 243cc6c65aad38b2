//! Messages on their last delivery: those that are refused then are dead letters.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulsar_rs_wire::hot::EntryId;

use super::ack_calls::AckTarget;
use super::letters::{Letters, not_enabled};
use super::{Consumer, Message, Parts, Shared, State};
use crate::{Error, Property};

/// Shortest time until a letter that could not be sent is sent again.
const PATIENCE: Duration = Duration::from_secs(1);

/// A message that was delivered for the last time.
#[derive(Debug)]
struct LastChance {
    message: Message,
    /// It was negatively acknowledged.
    is_refused: bool,
}

/// Messages that were delivered for the last time and not acknowledged, by their entries. Bounded by what the broker lets
/// a consumer have unacknowledged.
#[derive(Debug, Default)]
pub(super) struct LastChances {
    entries: HashMap<EntryId, Vec<LastChance>>,
}

impl LastChances {
    fn add(&mut self, message: Message, is_refused: bool) {
        let messages = self.entries.entry(message.entry.id).or_default();
        messages.retain(|known| known.message.index != message.index);
        messages.push(LastChance { message, is_refused });
    }

    /// A message of the entry is negatively acknowledged; all, where no place in the batch is given.
    pub fn refuse(&mut self, id: EntryId, index: Option<u32>) {
        for one in self.entries.get_mut(&id).into_iter().flatten() {
            one.is_refused |= index.is_none_or(|index| index == one.message.index);
        }
    }

    /// Whether the entry has messages on their last delivery that are neither acknowledged nor refused.
    pub fn has_unrefused(&self, id: EntryId) -> bool {
        let mut messages = self.entries.get(&id).into_iter().flatten();
        messages.any(|one| !one.is_refused && one.message.is_unacked())
    }

    /// The whole entry is acknowledged.
    pub fn remove(&mut self, id: EntryId) {
        if !self.entries.is_empty() {
            self.entries.remove(&id);
        }
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Takes the entries out of those that are to be redelivered whose messages are dead letters instead, and returns
    /// these; of entries that were not acknowledged in time those that were not refused either, else those that were:
    /// they have a time of their own.
    pub fn take(&mut self, due: &mut Vec<EntryId>, are_overdue: bool) -> Vec<Message> {
        let mut dead = Vec::new();
        if self.entries.is_empty() {
            return dead;
        }
        due.retain(|id| {
            let Some(messages) = self.entries.get_mut(id) else {
                return true;
            };
            messages.retain(|one| one.message.is_unacked());
            let letters = messages.extract_if(.., |one| one.is_refused != are_overdue);
            dead.extend(letters.map(|one| one.message));
            if messages.is_empty() {
                self.entries.remove(id);
            }
            false
        });
        dead
    }
}

impl Message {
    /// Whether it is not acknowledged, as far as its batch knows.
    fn is_unacked(&self) -> bool {
        self.entry.acks.as_ref().is_none_or(|acks| acks.is_unacked(self.index))
    }
}

impl Consumer {
    /// Has the message delivered again after a delay, and acknowledges it: a copy goes to the retry letter topic, which
    /// this consumer reads too. After as many times as the
    /// [policy](super::DeadLetterPolicy::max_redeliveries) says, it goes to the dead letter topic.
    ///
    /// The copy has the properties of the message, `properties` in addition or instead, `RECONSUMETIMES`, counted from 1,
    /// `DELAY_TIME` in milliseconds, and `REAL_TOPIC` and `ORIGIN_MESSAGE_ID` of the first of all copies.
    ///
    /// Fails with [`Error::NotSupported`] without [`retry`](super::ConsumerConfig::retry), or when the subscription is not
    /// shared; with [`Error::Crypto`] when the message is still encrypted, as
    /// [`CryptoFailureAction::Consume`](super::CryptoFailureAction::Consume) delivers it, or the copy cannot be encrypted.
    /// Whenever it fails, the message is not acknowledged.
    pub async fn reconsume_later(
        &self,
        message: &Message,
        delay: Duration,
        properties: &[Property],
    ) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.reconsume_later(message, delay, properties).await,
            Parts::Several(group) => {
                group.member(message.topic())?.reconsume_later(message, delay, properties).await
            }
        }
    }
}

impl Shared {
    async fn reconsume_later(
        &self,
        message: &Message,
        delay: Duration,
        properties: &[Property],
    ) -> Result<(), Error> {
        self.check_open()?;
        let letters = self.letters.as_ref().ok_or_else(not_enabled)?;
        letters.postpone(message, delay, properties).await?;
        self.ack_target(AckTarget::Message(message), None)
    }

    /// Notes a message that was taken, for whom that has to be; false when it is not to be delivered.
    pub(super) fn note_taken(&self, message: &Message) -> bool {
        let letters = self.letters.as_ref().filter(|letters| letters.is_last(message));
        // With nothing but letters, most messages end here.
        if letters.is_none() && self.config.ack_timeout.is_none() {
            return true;
        }
        let mut state = self.state.lock();
        if state.reading != message.entry.reading {
            return true;
        }
        if let Some(letters) = letters {
            if letters.is_past(message) {
                let connection = state.connection;
                drop(state);
                self.bury(letters, vec![message.clone()], connection);
                return false;
            }
            state.last_chances.add(message.clone(), false);
        }
        let Some(unacked) = &mut state.unacked else {
            return true;
        };
        let now = Instant::now();
        unacked.add(message.entry.id, message.entry.redelivery_count, now);
        let look = unacked.next_look(now);
        let wake = state.alarm_is_later(look);
        drop(state);
        if wake {
            self.timers.notify_one();
        }
        true
    }

    /// Sends messages to the dead letter topic, and acknowledges those that are there; the others are sent again later.
    /// `connection` is the number of that on which they came.
    pub(super) fn bury(&self, letters: &Arc<Letters>, messages: Vec<Message>, connection: u64) {
        let Some(me) = self.me.upgrade().filter(|_| !messages.is_empty()) else {
            return;
        };
        let letters = letters.clone();
        self.client.spawn(async move {
            let outcomes = letters.bury(&messages).await;
            let mut failed = Vec::new();
            let mut failure = None;
            for (message, outcome) in messages.into_iter().zip(outcomes) {
                match outcome.and_then(|()| me.ack_target(AckTarget::Message(&message), None)) {
                    Ok(()) => me.state.lock().counters.dead_letters += 1,
                    Err(error) => {
                        failed.push(message);
                        failure = Some(error);
                    }
                }
            }
            if let Some(error) = failure {
                me.bury_later(failed, connection, &error);
            }
        });
    }

    fn bury_later(&self, messages: Vec<Message>, connection: u64, error: &Error) {
        self.client.log().warn(format_args!(
            "{} messages of {} cannot go to the dead letter topic now: {error}",
            messages.len(),
            self.topic
        ));
        let mut state = self.state.lock();
        // With a new connection they come again by themselves, as they do for the next consumer.
        if state.connection != connection || self.check_open().is_err() {
            return;
        }
        let mut wake = false;
        for message in messages {
            let due = Instant::now() + self.nack_delay(message.entry.redelivery_count).max(PATIENCE);
            state.negative_acks.add(message.entry.id, due);
            state.last_chances.add(message, true);
            wake |= state.alarm_is_later(Some(due));
        }
        drop(state);
        if wake {
            self.timers.notify_one();
        }
    }
}

impl State {
    /// The whole entry is acknowledged.
    pub(super) fn forget(&mut self, id: EntryId) {
        self.unwatch(id);
        self.last_chances.remove(id);
    }

    /// The entry needs no redelivery by timeout any more.
    pub(super) fn unwatch(&mut self, id: EntryId) {
        if let Some(unacked) = &mut self.unacked {
            unacked.remove(id);
        }
    }
}
