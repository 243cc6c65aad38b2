//! What the connection tells the consumer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::MutexGuard;
use pulsar_rs_wire::hot::{self, EntryId};

use super::acks;
use super::arrival::{Arrival, Damage, Decryption, Refusal};
use super::chunks::Chunk;
use super::receipts::Settled;
use super::seek::Seeking;
use super::wake_ups::Pushed;
use super::{ActiveChange, CryptoFailureAction, Phase, Shared, State};
use crate::Error;
use crate::connection::{ChannelClosed, Connection, ConsumerChannel};
use crate::reconnect::{Reconnect, reconnect};

/// How long a consumer goes on when the number of its permits is in doubt.
const DOUBT: Duration = Duration::from_secs(1);

impl ConsumerChannel for Shared {
    fn message(&self, connection: &Arc<Connection>, message: hot::Message, payload: Bytes) -> bool {
        let id = message.entry;
        let decryption = Decryption {
            has_keys: self.keyring.is_some(),
            takes_encrypted: self.config.crypto_failure_action == CryptoFailureAction::Consume,
        };
        let checked = Arrival::check(message, &payload, decryption);
        let mut state = self.state.lock();
        if !state.is_current(connection) {
            return false;
        }
        state.counters.entries += 1;
        match checked {
            Ok(arrival) if self.is_outdated(arrival.epoch(), state.epoch) => {
                drop(state);
                self.give_back(connection, arrival.permits());
                false
            }
            Ok(mut arrival) => {
                arrival.came_in(state.reading);
                self.unlock(connection, state, arrival)
            }
            Err(rejected) => {
                drop(state);
                self.reject(id, &rejected.why);
                match rejected.permits {
                    Some(permits) => self.give_back(connection, permits),
                    None => self.subscribe_again(connection),
                }
                false
            }
        }
    }

    fn tell_receivers(&self) {
        self.tell_of_entries();
    }

    fn ack_answered(&self, connection: &Arc<Connection>, request_id: u64, outcome: Result<(), Error>) {
        let answered = {
            let mut state = self.state.lock();
            // Also while it is being closed. The numbers of another connection's commands mean others here.
            if state.acks_sent_on != connection.id() {
                return;
            }
            state.acks.answered(request_id, &outcome)
        };
        let Some((count, settled)) = answered else {
            return;
        };
        if let Err(error) = &outcome {
            self.acks_failed.fetch_add(count as u64, Ordering::Relaxed);
            let (topic, subscription) = (&self.topic, &self.subscription);
            self.client
                .log()
                .warn(format_args!("{count} acknowledgements of {subscription} on {topic} failed: {error}"));
        }
        settled.tell();
        self.acks_answered.notify_waiters();
    }

    fn reached_end_of_topic(&self) {
        let (topic, subscription) = (&self.topic, &self.subscription);
        self.client.log().info(format_args!("subscription {subscription} reached the end of {topic}"));
    }

    fn active_changed(&self, is_active: bool) {
        let (topic, subscription) = (self.topic.shared(), &self.subscription);
        let what = if is_active { "active" } else { "inactive" };
        self.client.log().info(format_args!("consumer {} of {subscription} on {topic} is {what}", self.id));
        if let Some(listener) = &self.config.event_listener {
            listener.tell(ActiveChange { topic, partition: self.topic.partition(), is_active });
        }
    }

    fn moved(&self, connection: &Arc<Connection>, url: Option<String>) {
        self.moved_to.set(connection.cluster(), url, &self.describe(), self.client.log());
    }

    fn closed(self: Arc<Self>, connection: &Arc<Connection>, why: ChannelClosed) {
        {
            let mut state = self.state.lock();
            if !state.is_current(connection) {
                drop(state);
                self.cut_off.notify_waiters();
                self.acks_answered.notify_waiters();
                return;
            }
            state.phase = Phase::Connecting;
            if state.seeking.as_mut().is_some_and(|seeking| seeking.takes(&why)) {
                return;
            }
        }
        let client = self.client.clone();
        client.spawn(reconnect(self, why));
    }
}

impl Shared {
    /// An entry came, and its key is known if it needs one; true when receivers are to be told.
    pub(super) fn pass_on(
        &self,
        connection: &Arc<Connection>,
        mut state: MutexGuard<'_, State>,
        mut arrival: Arrival,
    ) -> bool {
        if state.start.skip.is_some_and(|skip| arrival.id() <= skip.entry) {
            let Some(rest) = self.skip(connection, &mut state, arrival) else {
                return false;
            };
            arrival = rest;
        }
        if let Some(chunk) = arrival.take_chunk() {
            return self.chunk(connection, state, arrival, &chunk);
        }
        self.deliver(connection, state, arrival)
    }

    /// Tells receivers of what came.
    pub(super) fn tell_of_entries(&self) {
        let news = self.inbox.take_news();
        match (&self.place, self.me.upgrade()) {
            (None, _) => self.inbox.wake_ups().wake(news),
            (Some(place), Some(me)) => place.arrived(me, news.many),
            // Nobody has it any more.
            (Some(_), None) => {}
        }
    }

    /// An entry came that lies before the place where the consumer begins, or in which that place is. Gives it back if
    /// there is something to deliver in it.
    fn skip(&self, connection: &Connection, state: &mut State, arrival: Arrival) -> Option<Arrival> {
        let skipped = state.start.skipped_of(arrival.id());
        // Chunks from before may be of a message that ends behind the place.
        let is_needed = arrival.chunk().is_some_and(|chunk| !chunk.is_last() || state.chunks.gathers(chunk));
        if is_needed || !arrival.is_within(skipped) {
            return Some(arrival);
        }
        if self.config.durable {
            state.acks.add_entry(arrival.id(), None);
            state.start.skip = None;
            self.send_acks(state);
        }
        self.give_back(connection, arrival.permits());
        None
    }

    /// Hands an entry to the receivers; true when they are to be told. A broker that sends far more than it was permitted
    /// would take our memory.
    fn deliver(&self, connection: &Connection, mut state: MutexGuard<'_, State>, arrival: Arrival) -> bool {
        let pushed = self.enqueue(&mut state, arrival);
        drop(state);
        if pushed == Pushed::Refused {
            connection.close("the broker sends more messages than it was permitted to");
        }
        pushed == Pushed::Untold
    }

    /// Tells who waits for receipts, apart from the caller, who may hold locks.
    pub(super) fn tell_later(&self, settled: Settled) {
        if !settled.is_empty() {
            self.client.spawn(async move { settled.tell() });
        }
    }

    /// A chunk of a message came.
    fn chunk(
        &self,
        connection: &Connection,
        mut state: MutexGuard<'_, State>,
        arrival: Arrival,
        chunk: &Chunk,
    ) -> bool {
        let now = Instant::now();
        let added = state.chunks.add(arrival, chunk, now);
        if let Some(unacked) = &mut state.unacked {
            added.again.iter().for_each(|entry| unacked.add(*entry, 0, now));
        }
        let dropped = self.drop_chunks(&mut state, &added.acknowledge);
        let unacked_look = state.unacked.as_ref().and_then(|unacked| unacked.next_look(now));
        let wake_timers =
            state.alarm_is_later(state.chunks.next_expiry()) || state.alarm_is_later(unacked_look);
        let is_untold = match added.complete {
            Some(whole) if whole.is_within(state.start.skipped_of(whole.id())) => {
                if self.config.durable {
                    let entries = state.with_chunks(&[whole.id()]);
                    for entry in &entries {
                        state.acks.add_entry(*entry, None);
                    }
                    state.start.skip = None;
                    self.send_acks(&mut state);
                }
                drop(state);
                self.give_back(connection, 1);
                false
            }
            Some(whole) => self.deliver(connection, state, whole),
            None => {
                drop(state);
                self.give_back(connection, 1);
                false
            }
        };
        if wake_timers {
            self.timers.notify_one();
        }
        self.tell_of_dropped_chunks(dropped);
        is_untold
    }

    /// Acknowledges entries of messages in chunks that will not be delivered; returns how many. What came once more of
    /// a message that is worked on is not acknowledged: the rest of that message would be worth nothing.
    pub(super) fn drop_chunks(&self, state: &mut State, entries: &[EntryId]) -> usize {
        let mut count = 0;
        for entry in entries {
            if !state.chunks.is_of_whole(*entry) {
                state.acks.add_entry(*entry, None);
                state.start.pass(*entry);
                count += 1;
            }
        }
        if count > 0 {
            self.send_acks(state);
        }
        count
    }

    /// For the log; with no lock held.
    pub(super) fn tell_of_dropped_chunks(&self, count: usize) {
        if count > 0 {
            self.client.log().info(format_args!(
                "{count} chunks of {} are acknowledged: sent twice, or the rest of their messages never came",
                self.topic
            ));
        }
    }

    /// Whether the broker sent an entry before it was asked to send everything again.
    fn is_outdated(&self, entry: Option<u64>, current: u64) -> bool {
        !self.config.subscription_type.is_shared() && entry.is_some_and(|epoch| epoch < current)
    }

    /// Whether an entry that is refused for this stays unacknowledged.
    pub(super) fn is_tried_again(&self, why: &Refusal) -> bool {
        match why {
            Refusal::Damaged(..) => false,
            Refusal::LeftOut(_) => true,
            Refusal::Encrypted(_) => self.config.crypto_failure_action != CryptoFailureAction::Discard,
        }
    }

    /// Deals with an entry that cannot be delivered.
    pub(super) fn reject(&self, entry: EntryId, why: &Refusal) {
        {
            let mut state = self.state.lock();
            state.counters.discarded += 1;
            state.start.pass(entry);
        }
        let EntryId { ledger, entry: number } = entry;
        let log = self.client.log();
        match why {
            Refusal::Damaged(damage, error) => {
                log.warn(format_args!("entry {ledger}:{number} of {} is dropped: {error}", self.topic));
                self.discard(entry, *damage);
            }
            Refusal::LeftOut(error) => {
                log.warn(format_args!("entry {ledger}:{number} of {} is not delivered: {error}", self.topic));
                self.try_again(entry);
            }
            Refusal::Encrypted(why) if self.config.crypto_failure_action == CryptoFailureAction::Discard => {
                log.warn(format_args!(
                    "entry {ledger}:{number} of {} is dropped: it is encrypted, and {why}",
                    self.topic
                ));
                self.discard(entry, Damage::Decryption);
            }
            Refusal::Encrypted(why) => {
                let topic = &self.topic;
                log.warn(format_args!(
                    "entry {ledger}:{number} of {topic} is not delivered: it is encrypted, and {why}"
                ));
                self.try_again(entry);
            }
        }
    }

    /// What cannot be decrypted now comes again after the ack timeout, if there is one: perhaps there is a key then.
    fn try_again(&self, entry: EntryId) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let Some(unacked) = &mut state.unacked else {
            return;
        };
        unacked.add(entry, 0, now);
        let look = unacked.next_look(now);
        let wake = state.alarm_is_later(look);
        drop(state);
        if wake {
            self.timers.notify_one();
        }
    }

    /// Acknowledges what nobody gets, and says why.
    fn discard(&self, entry: EntryId, damage: Damage) {
        let mut state = self.state.lock();
        let entries = state.with_chunks(&[entry]);
        if let Phase::Ready(connection) = &state.phase {
            acks::discard(connection, self.id, &entries, damage as i32);
        }
    }

    /// Subscribes anew on the connection, after a while: what comes until then is delivered, and a broker that sends one
    /// unreadable entry after the other makes no more work than that. The broker took permits for the entry, up to all
    /// there are: with too few given back it would send no more some day, with too many more than there is room for. A
    /// new consumer starts with a known number.
    fn subscribe_again(&self, connection: &Arc<Connection>) {
        let mut state = self.state.lock();
        let Some(me) = self.me.upgrade().filter(|_| state.is_current(connection)) else {
            return;
        };
        if std::mem::replace(&mut state.permits_in_doubt, true) {
            return;
        }
        let old = connection.clone();
        self.client.spawn(async move {
            tokio::time::sleep(DOUBT).await;
            {
                let mut state = me.state.lock();
                if !state.is_current(&old) || !state.permits_in_doubt {
                    return;
                }
                // One that succeeds does the same; one that fails leaves it to the next entry that cannot be read.
                if state.seeking.as_ref().is_some_and(Seeking::is_asked) {
                    state.permits_in_doubt = false;
                    return;
                }
                state.phase = Phase::Connecting;
            }
            old.remove_consumer(me.id);
            // An exclusive one is refused as long as the old one is there. Without an answer the broker may
            // have closed it all the same, or the connection is gone: both are left to the attempts.
            let _ = old.request(|request_id| me.close_command(request_id)).await;
            reconnect(me, ChannelClosed::ByBroker { assigned: None }).await;
        });
    }
}
