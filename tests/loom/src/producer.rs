//! A producer's entries between senders, broker, clock, reconnect and close.
//!
//! The queue is the library's own; what is here does with it what the producer does under its one lock: the functions
//! have the names of those in crates/client/src/producer.

use std::collections::VecDeque;
use std::time::Instant;

use loom::model::Builder;
use loom::sync::{Arc, Mutex};
use loom::thread::{self, JoinHandle};

use crate::Error;
use crate::connection::EntryFrame;
use crate::entry::{Content, SealedEntry};
use crate::heading::Heading;
use crate::pending::{Pending, PendingQueue};
use crate::sink::Tokens;

/// An entry with this sequence id is too big once it is encoded.
const TOO_BIG: u64 = 1;

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Connecting,
    Ready,
    Closed,
}

struct State {
    phase: Phase,
    /// Number of the current connection.
    connection: u32,
    pending: PendingQueue<u64>,
    /// Tokens and sequence ids are the same, from 0 on.
    accepted: u64,
    /// What the current connection was given, and the broker did not answer.
    on_the_way: VecDeque<u64>,
    last_sent: Option<u64>,
    /// Outcomes in the order in which they were decided.
    outcomes: Vec<(u64, Result<(), Error>)>,
}

struct Producer {
    state: Mutex<State>,
    has_too_big: bool,
}

impl Producer {
    fn new(has_too_big: bool) -> Arc<Self> {
        let state = State {
            phase: Phase::Ready,
            connection: 1,
            pending: PendingQueue::default(),
            accepted: 0,
            on_the_way: VecDeque::new(),
            last_sent: None,
            outcomes: Vec::new(),
        };
        Arc::new(Producer { state: Mutex::new(state), has_too_big })
    }

    fn send(&self) {
        let mut state = self.state.lock().unwrap();
        if state.phase == Phase::Closed {
            return;
        }
        let id = state.accepted;
        state.accepted += 1;
        state.pending.push(Pending::new(sealed(id), Tokens::One(id), 1, 0, None));
        drop(state);
        self.encode_sealed();
    }

    fn encode_sealed(&self) {
        let mut state = self.state.lock().unwrap();
        while let Some((number, sealed)) = state.pending.claim() {
            drop(state);
            let frame = self.encode(&sealed);
            state = self.state.lock().unwrap();
            let is_refused = frame.is_err();
            state.pending.encoded(number, frame);
            state.pump();
            if is_refused {
                state.complete_refused();
            }
        }
    }

    fn encode(&self, sealed: &SealedEntry) -> Result<EntryFrame, Error> {
        let id = sealed.first_sequence_id;
        if self.has_too_big && id == TOO_BIG {
            return Err(Error::TooBig);
        }
        Ok(EntryFrame { head: id.to_be_bytes().to_vec(), body: Vec::new() })
    }

    /// The broker answers what it has, and the answer takes its time.
    fn answer(&self) {
        let mut state = self.state.lock().unwrap();
        let Some(id) = state.on_the_way.pop_front() else {
            return;
        };
        let connection = state.connection;
        drop(state);
        self.receipt(connection, id);
    }

    fn receipt(&self, connection: u32, id: u64) {
        let mut state = self.state.lock().unwrap();
        if state.phase != Phase::Ready || state.connection != connection {
            return;
        }
        if state.pending.is_late(id) {
            return;
        }
        state.complete_refused();
        let front = state.pending.sent_front().map(|front| front.first_sequence_id);
        assert_eq!(front, Some(id), "the receipt is not for the first entry that waits for one");
        state.complete_front(Ok(()));
        state.complete_refused();
    }

    /// The first message waited too long.
    fn expire(&self) {
        let mut state = self.state.lock().unwrap();
        state.pending.expire_front();
        state.complete_front(Err(Error::Timeout));
        state.complete_refused();
    }

    fn reconnect(&self) {
        let mut state = self.state.lock().unwrap();
        if state.phase == Phase::Closed {
            return;
        }
        state.phase = Phase::Connecting;
        state.pending.unsend_all();
        state.on_the_way.clear();
        state.last_sent = None;
        drop(state);
        let mut state = self.state.lock().unwrap();
        if state.phase == Phase::Connecting {
            state.phase = Phase::Ready;
            state.connection += 1;
            state.pump();
        }
    }

    fn close(&self) {
        let mut state = self.state.lock().unwrap();
        state.phase = Phase::Closed;
        while state.pending.front().is_some() {
            state.complete_front(Err(Error::Closed));
        }
    }

    /// Nothing disturbs the producer any more: every message has to get its outcome, once, in order.
    fn check(&self) {
        while !self.state.lock().unwrap().on_the_way.is_empty() {
            self.answer();
        }
        let state = self.state.lock().unwrap();
        assert!(state.pending.front().is_none(), "an entry is left behind: {:?}", state.pending);
        let tokens: Vec<_> = state.outcomes.iter().map(|(token, _)| *token).collect();
        assert_eq!(tokens, (0..state.accepted).collect::<Vec<_>>());
        for (token, outcome) in &state.outcomes {
            let too_big = self.has_too_big && *token == TOO_BIG;
            assert!(!(too_big && outcome.is_ok()), "stored, though it was never sent");
        }
    }
}

impl State {
    fn pump(&mut self) {
        if self.phase != Phase::Ready {
            return;
        }
        while let Some(frame) = self.pending.next_to_send() {
            let id = u64::from_be_bytes(frame.head.as_slice().try_into().unwrap());
            self.pending.mark_sent();
            assert!(self.last_sent.is_none_or(|last| last < id), "{id} is sent out of order");
            assert!(self.outcomes.iter().all(|(token, _)| *token != id), "{id} has left");
            self.last_sent = Some(id);
            self.on_the_way.push_back(id);
        }
    }

    fn complete_front(&mut self, outcome: Result<(), Error>) {
        if let Some(pending) = self.pending.pop_front() {
            let Tokens::One(token) = pending.tokens;
            self.outcomes.push((token, outcome));
        }
    }

    fn complete_refused(&mut self) {
        while let Some(error) = self.pending.refused_front() {
            self.complete_front(Err(error));
        }
    }
}

fn sealed(id: u64) -> SealedEntry {
    let content = Content::Batch { body: Vec::new(), messages: 1, heading: Heading::default() };
    SealedEntry {
        content,
        first_sequence_id: id,
        highest_sequence_id: id,
        accepted_at: Instant::now(),
        publish_time: 0,
    }
}

/// Tries every order in which these run, each on a thread of its own, the last one on this.
fn in_every_order<const N: usize>(has_too_big: bool, roles: [fn(&Producer); N]) {
    let mut checker = Builder::new();
    // More switches between threads take minutes and find nothing else.
    checker.preemption_bound = Some(3);
    checker.check(move || {
        let producer = Producer::new(has_too_big);
        let threads: Vec<JoinHandle<()>> = roles[1..]
            .iter()
            .map(|role| {
                let (producer, role) = (producer.clone(), *role);
                thread::spawn(move || role(&producer))
            })
            .collect();
        roles[0](&producer);
        for thread in threads {
            thread.join().unwrap();
        }
        producer.check();
    });
}

fn send_two(producer: &Producer) {
    producer.send();
    producer.send();
}

fn answer_two(producer: &Producer) {
    producer.answer();
    producer.answer();
}

fn expire_two(producer: &Producer) {
    producer.expire();
    producer.expire();
}

fn reconnect_and_expire(producer: &Producer) {
    producer.reconnect();
    producer.expire();
}

#[test]
fn receipt_and_timeout() {
    in_every_order(false, [send_two, answer_two, expire_two]);
}

#[test]
fn two_senders_timeout_and_reconnect() {
    in_every_order(false, [Producer::send, Producer::send, Producer::expire, Producer::reconnect]);
}

#[test]
fn receipt_timeout_and_reconnect() {
    in_every_order(false, [send_two, Producer::answer, Producer::expire, reconnect_and_expire]);
}

#[test]
fn receipt_timeout_and_close() {
    in_every_order(false, [send_two, Producer::answer, Producer::expire, Producer::close]);
}

#[test]
fn receipt_reconnect_and_close() {
    in_every_order(false, [send_two, Producer::answer, Producer::reconnect, Producer::close]);
}

#[test]
fn a_refused_entry_waits_for_its_turn() {
    in_every_order(true, [send_two, Producer::send, Producer::expire, Producer::reconnect]);
}
