//! Entries from the connection to the receivers.
//!
//! Two locks, so that the connection's task never waits for a receiver: entries arrive under one, and are
//! opened, decompressed and emptied under the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};
use pulsar_rs_wire::hot::EntryId;

use super::arrival::{Arrival, Cursor, Damage, Found, Next, Refusal};
use super::batch_acks::BatchAcks;
use super::position::Position;
use super::wake_ups::{News, Pushed, WakeUps};
use crate::Error;

/// Entries on their way to the receivers. Bounded by the permits that the broker was given, or if it does not keep to
/// them by `most`.
#[derive(Debug)]
pub(super) struct Inbox {
    most: usize,
    topic: Arc<str>,
    is_of_several: bool,
    arriving: CachePadded<Mutex<Arriving>>,
    taking: CachePadded<Mutex<Taking>>,
    /// Rises when what is being taken from became void.
    generation: AtomicU64,
    wake_ups: WakeUps,
}

#[derive(Debug, Default)]
struct Arriving {
    entries: VecDeque<Arrival>,
    /// An entry was opened and may hold more messages.
    is_being_taken: bool,
    /// Threads that wait.
    blocked: usize,
    untold: Untold,
    /// Rises with every connection: permits of an earlier one mean nothing.
    connection: u64,
    closed: Option<Error>,
}

/// Messages that came since receivers were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Untold {
    #[default]
    Nothing,
    One,
    Many,
}

#[derive(Debug, Default)]
struct Taking {
    cursor: Option<Cursor>,
    /// Behind the entries that were taken from before.
    place: Option<Position>,
    generation: u64,
    connection: u64,
    /// Permits of messages that were taken, not given back to the broker yet.
    consumed: u32,
    /// Messages that were taken, and bytes of their payloads.
    messages: u64,
    bytes: u64,
}

/// What went through an inbox, and what is in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct InboxStats {
    pub taken_messages: u64,
    pub taken_bytes: u64,
    pub messages: u64,
    /// Bodies of entries that were not opened.
    pub bytes: u64,
    pub unreturned_permits: u64,
}

/// Who takes messages out.
pub(super) trait Taker {
    /// Bytes that the payload of the next message may have.
    fn room(&self) -> usize;

    /// Takes a message; true if it wants another one.
    fn take(&mut self, found: Found<'_>) -> bool;
}

/// Permits to give back to the broker, for the connection that they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permits {
    pub count: u32,
    /// Counts the connections, from 1.
    pub connection: u64,
}

/// Where [`Inbox::take`] came to with one look.
enum Step {
    /// The taker has enough, or nothing is left.
    Done,
    /// The next message is larger than the taker has room for.
    TooLarge,
    /// An entry that cannot be delivered.
    Refused(EntryId, Refusal),
}

impl Untold {
    fn and_one(self) -> Self {
        match self {
            Untold::Nothing => Untold::One,
            Untold::One | Untold::Many => Untold::Many,
        }
    }
}

impl Arriving {
    fn may_have_messages(&self) -> bool {
        self.closed.is_none() && (self.is_being_taken || !self.entries.is_empty())
    }
}

impl Taking {
    /// Numbers are the broker's, and what it says of batches need not be true.
    fn consume(&mut self, permits: u32) {
        self.consumed = self.consumed.saturating_add(permits);
    }

    /// The cursor goes, and what is left of its entry. Returns its permits.
    fn leave(&mut self) -> u32 {
        let Some(cursor) = self.cursor.take() else {
            return 0;
        };
        self.place = cursor.place().or(self.place);
        cursor.permits_left()
    }

    /// The place behind the last message that was taken.
    fn place(&self) -> Option<Position> {
        self.cursor.as_ref().and_then(Cursor::place).or(self.place)
    }

    /// The entry that was taken from is done with. Messages that compaction removed, or that were acknowledged, took
    /// permits as well: `rest` of them.
    fn finish(&mut self, rest: u32) {
        self.leave();
        self.consume(rest);
    }

    /// Permits to give back, when they are enough for a command.
    fn take_permits(&mut self, threshold: u32) -> Option<Permits> {
        (self.consumed >= threshold)
            .then(|| Permits { count: std::mem::take(&mut self.consumed), connection: self.connection })
    }
}

impl Inbox {
    /// `is_of_several`: ids of messages name their topic. `most`: entries that may wait.
    pub fn new(topic: Arc<str>, is_of_several: bool, most: usize) -> Self {
        Inbox {
            most,
            topic,
            is_of_several,
            arriving: CachePadded::default(),
            taking: CachePadded::default(),
            generation: AtomicU64::new(0),
            wake_ups: WakeUps::default(),
        }
    }

    /// Adds an entry.
    pub fn push(&self, arrival: Arrival) -> Pushed {
        let is_batch = arrival.is_batch();
        let mut arriving = self.arriving.lock();
        if arriving.closed.is_some() {
            return Pushed::Covered;
        }
        if arriving.entries.len() >= self.most {
            return Pushed::Refused;
        }
        arriving.entries.push_back(arrival);
        let before = arriving.untold;
        arriving.untold = if is_batch { Untold::Many } else { before.and_one() };
        if before == Untold::Nothing { Pushed::Untold } else { Pushed::Covered }
    }

    /// What receivers were not told of; they have to be, with no lock held that they take.
    pub fn take_news(&self) -> News {
        let mut arriving = self.arriving.lock();
        let untold = std::mem::take(&mut arriving.untold);
        News { blocked: arriving.blocked > 0, many: untold == Untold::Many }
    }

    /// Where receivers of this topic alone wait.
    pub fn wake_ups(&self) -> &WakeUps {
        &self.wake_ups
    }

    /// Whether [`Inbox::take`] may find something.
    pub fn may_have_messages(&self) -> bool {
        self.arriving.lock().may_have_messages()
    }

    /// Takes messages, as many as `taker` has room for; true when there is one that it has no room for. The others are
    /// for what happens on the way, see [`Arrival::open`] for `share`; permits that are due are handed to `flow`,
    /// entries that cannot be delivered to `reject`.
    pub fn take(
        &self,
        taker: &mut impl Taker,
        threshold: u32,
        share: impl Fn(u64, EntryId, Arc<BatchAcks>, &[i64]) -> Arc<BatchAcks>,
        reject: impl Fn(EntryId, &Refusal),
        flow: impl Fn(Permits),
    ) -> Result<bool, Error> {
        loop {
            let mut taking = self.taking.lock();
            let step = self.step(&mut taking, taker, &share)?;
            let due = taking.take_permits(threshold);
            drop(taking);
            if let Some(permits) = due {
                flow(permits);
            }
            match step {
                Step::Done => return Ok(false),
                Step::TooLarge => return Ok(true),
                Step::Refused(id, why) => reject(id, &why),
            }
        }
    }

    /// Goes on until the taker has what it wants, nothing is left, or an entry cannot be delivered.
    fn step(
        &self,
        taking: &mut Taking,
        taker: &mut impl Taker,
        share: impl Fn(u64, EntryId, Arc<BatchAcks>, &[i64]) -> Arc<BatchAcks>,
    ) -> Result<Step, Error> {
        loop {
            if taking.generation != self.generation.load(Ordering::Acquire) {
                self.follow(taking, &self.arriving.lock());
            }
            while let Some(cursor) = &mut taking.cursor {
                let before = cursor.permits_left();
                match cursor.next(taker.room()) {
                    Next::Message(found) => {
                        let bytes = found.payload.end - found.payload.start;
                        let wants_more = taker.take(found);
                        let taken = before - cursor.permits_left();
                        taking.consume(taken);
                        taking.messages += 1;
                        taking.bytes += u64::from(bytes);
                        if !wants_more {
                            return Ok(Step::Done);
                        }
                    }
                    Next::TooLarge => return Ok(Step::TooLarge),
                    Next::End => taking.finish(before),
                    Next::Damaged(error) => {
                        let id = cursor.entry.id;
                        taking.finish(before);
                        return Ok(Step::Refused(id, Refusal::Damaged(Damage::Batch, error)));
                    }
                }
            }
            let Some(arrival) = self.pop(taking)? else {
                return Ok(Step::Done);
            };
            let (id, permits) = (arrival.id(), arrival.permits());
            match arrival.open(self.topic.clone(), self.is_of_several, &share) {
                Ok(cursor) => taking.cursor = Some(cursor),
                Err(why) => {
                    taking.consume(permits);
                    return Ok(Step::Refused(id, why));
                }
            }
        }
    }

    /// Takes the next entry out, with the generation that it belongs to: one that came behind a reconnect or
    /// redelivery must not be dropped as if it had come before.
    fn pop(&self, taking: &mut Taking) -> Result<Option<Arrival>, Error> {
        let mut arriving = self.arriving.lock();
        if let Some(error) = &arriving.closed {
            return Err(error.clone());
        }
        self.follow(taking, &arriving);
        let arrival = arriving.entries.pop_front();
        arriving.is_being_taken = arrival.is_some();
        Ok(arrival)
    }

    /// Drops what was taken from before a reconnect or redelivery, if there was one.
    fn follow(&self, taking: &mut Taking, arriving: &Arriving) {
        // It changes under the lock that the caller holds.
        let generation = self.generation.load(Ordering::Acquire);
        if taking.generation == generation {
            return;
        }
        taking.generation = generation;
        let rest = taking.leave();
        if taking.connection == arriving.connection {
            taking.consume(rest);
        } else {
            taking.connection = arriving.connection;
            taking.consumed = 0;
        }
    }

    /// Waits until [`Inbox::take`] may find something, or the deadline has passed.
    pub fn wait(&self, deadline: Option<Instant>) -> Result<(), Error> {
        let mut arriving = self.arriving.lock();
        if !arriving.may_have_messages() && arriving.closed.is_none() {
            arriving.blocked += 1;
            self.wake_ups.block(&mut arriving, deadline);
            arriving.blocked -= 1;
        }
        arriving.closed.as_ref().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// A new connection: nothing of the old one counts, neither entries nor permits. Returns its number.
    pub fn start_over(&self) -> u64 {
        let mut arriving = self.arriving.lock();
        arriving.entries.clear();
        arriving.connection += 1;
        self.generation.fetch_add(1, Ordering::AcqRel);
        arriving.connection
    }

    /// The place behind the last message that was taken, since the consumer was last moved.
    pub fn position(&self) -> Option<Position> {
        self.taking.lock().place()
    }

    /// Whether there is a message to take; entries that were not opened have some.
    pub fn has_message(&self) -> bool {
        let taking = self.taking.lock();
        let arriving = self.arriving.lock();
        let is_current = taking.generation == self.generation.load(Ordering::Acquire);
        let cursor = taking.cursor.as_ref().filter(|_| is_current);
        !arriving.entries.is_empty() || cursor.is_some_and(Cursor::has_next)
    }

    /// Keeps receivers from taking anything meanwhile. Before the consumer's lock is taken, not with it held.
    pub fn hold(&self) -> Held<'_> {
        Held { inbox: self, taking: self.taking.lock() }
    }

    /// Drops what waits, because the broker sends it again; returns the permits it took.
    pub fn discard(&self) -> u32 {
        let mut arriving = self.arriving.lock();
        self.generation.fetch_add(1, Ordering::AcqRel);
        arriving.entries.drain(..).map(|arrival| arrival.permits()).fold(0, u32::saturating_add)
    }

    /// Goes through all that waits, which is as much as there are permits.
    pub fn stats(&self) -> InboxStats {
        let taking = self.taking.lock();
        let arriving = self.arriving.lock();
        let mut stats = InboxStats {
            taken_messages: taking.messages,
            taken_bytes: taking.bytes,
            ..InboxStats::default()
        };
        // Both are void after a reconnect, and the cursor after a redelivery.
        if taking.connection == arriving.connection {
            stats.unreturned_permits = taking.consumed.into();
        }
        if taking.generation == self.generation.load(Ordering::Acquire) {
            stats.messages = taking.cursor.as_ref().map_or(0, |cursor| cursor.permits_left().into());
        }
        for arrival in &arriving.entries {
            stats.messages += u64::from(arrival.permits());
            stats.bytes += arrival.body_len() as u64;
        }
        stats
    }

    /// Fails whoever receives, now and later.
    pub fn close(&self, why: Error) {
        let mut arriving = self.arriving.lock();
        arriving.entries.clear();
        arriving.closed.get_or_insert(why);
        self.generation.fetch_add(1, Ordering::AcqRel);
        drop(arriving);
        self.wake_ups.wake_all();
    }
}

/// An inbox from which nobody takes anything.
pub(super) struct Held<'a> {
    inbox: &'a Inbox,
    taking: MutexGuard<'a, Taking>,
}

impl Held<'_> {
    /// Drops what waits, which comes again. Returns the place behind the last message that was taken.
    pub fn empty(mut self) -> Option<Position> {
        self.drop_all();
        self.taking.place
    }

    /// Drops what waits: the consumer is elsewhere now, and nothing was taken there.
    pub fn forget(mut self) {
        self.drop_all();
        self.taking.place = None;
    }

    fn drop_all(&mut self) {
        let mut arriving = self.inbox.arriving.lock();
        arriving.entries.clear();
        self.inbox.generation.fetch_add(1, Ordering::AcqRel);
        drop(arriving);
        self.taking.leave();
    }
}
