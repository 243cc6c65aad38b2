//! Outcomes: receipts, refusals, and everything else that ends a pending entry.

use std::sync::Arc;

use pulsar_rs_wire::hot::SendReceipt;

use super::pending::Pending;
use super::shared::Shared;
use super::sink::{SendSink, SentEntry, Token, Tokens};
use super::state::{Phase, State};
use crate::Error;
use crate::connection::{ChannelClosed, Connection, ProducerChannel};
use crate::reconnect::{Reconnect, reconnect};

impl<S: SendSink> ProducerChannel for Shared<S> {
    fn receipt(&self, connection: &Arc<Connection>, receipt: &SendReceipt) {
        let mut state = self.state.lock();
        if !state.is_current(connection) {
            return;
        }
        if state.pending.is_late(receipt.sequence_id) {
            return;
        }
        self.complete_refused(&mut state);
        let Some(front) = state.pending.sent_front() else {
            return;
        };
        if receipt.sequence_id == front.first_sequence_id {
            let outcome = Ok(SentEntry {
                entry: receipt.entry,
                partition: self.topic.partition(),
                batch_size: front.batch_size,
                first_chunk: None,
            });
            self.complete_front(&mut state, &outcome);
            self.complete_refused(&mut state);
        } else if receipt.sequence_id > front.first_sequence_id {
            // The broker lost an entry on the way. Sending all again from there puts it right.
            let expected = front.first_sequence_id;
            drop(state);
            connection.close(&format!(
                "receipt for sequence id {} where {expected} was expected",
                receipt.sequence_id
            ));
        }
    }

    fn send_error(&self, connection: &Arc<Connection>, sequence_id: u64, error: Error) {
        let mut state = self.state.lock();
        if !state.is_current(connection) {
            return;
        }
        if state.pending.is_late(sequence_id) {
            return;
        }
        let entry_is_at_fault = match &error {
            Error::NotAllowed(_) | Error::MessageTooBig(_) => true,
            // The first time, the way there is to blame.
            Error::Checksum(_) => state.is_damaged_again(sequence_id),
            _ => false,
        };
        if entry_is_at_fault {
            // An error may overtake the receipts of the entries before it, so it waits for its turn.
            if let Some(pending) = state.pending.sent_entry(sequence_id) {
                pending.refused = Some(error);
                self.complete_refused(&mut state);
            }
            return;
        }
        drop(state);
        if matches!(error, Error::TopicTerminated(_) | Error::ProducerFenced(_)) {
            self.fail(&error);
        } else {
            // It may pass: everything is sent again, on a new connection.
            connection.close(&format!("producer {} on {}: {error}", self.id, self.topic));
        }
    }

    fn writable(&self, connection: &Arc<Connection>) {
        let mut state = self.state.lock();
        if state.is_current(connection) {
            state.pump(false);
        }
    }

    fn moved(&self, connection: &Arc<Connection>, url: Option<String>) {
        self.moved_to.set(connection.cluster(), url, &self.describe(), self.client.log());
    }

    fn closed(self: Arc<Self>, connection: &Arc<Connection>, why: ChannelClosed) {
        let mut state = self.state.lock();
        if !state.is_current(connection) {
            drop(state);
            self.cut_off.notify_waiters();
            return;
        }
        state.phase = Phase::Connecting;
        state.pending.unsend_all();
        drop(state);
        let client = self.client.clone();
        client.spawn(reconnect(self, why));
    }
}

impl<T: Token> State<T> {
    fn is_current(&self, connection: &Connection) -> bool {
        matches!(&self.phase, Phase::Ready(current) if current.id() == connection.id())
    }

    /// Tells those who waited for the entries that have left.
    pub(super) fn complete_flushes(&mut self, failure: Option<&Error>) {
        if self.flushes.is_empty() {
            return;
        }
        if let Some(error) = failure {
            for flush in &mut self.flushes {
                flush.result = Err(error.clone());
            }
        }
        let pending = &self.pending;
        for flush in self.flushes.extract_if(.., |flush| pending.is_past(flush.until)) {
            (flush.done)(flush.result);
        }
    }

    /// Whether the entry arrived damaged before.
    fn is_damaged_again(&mut self, sequence_id: u64) -> bool {
        let damaged = self.pending.sent_entry(sequence_id);
        damaged.is_some_and(|pending| std::mem::replace(&mut pending.was_damaged, true))
    }
}

impl<S: SendSink> Shared<S> {
    /// Ends the first pending entry.
    pub(super) fn complete_front(&self, state: &mut State<S::Token>, outcome: &Result<SentEntry, Error>) {
        let Some(mut pending) = state.pending.pop_front() else {
            return;
        };
        state.messages -= pending.messages();
        self.client.memory.give_back(pending.memory);
        let outcome = match pending.chunk {
            None => Some(outcome.clone()),
            Some(chunk) => state.chunks.gather(chunk, outcome),
        };
        state.counters.completed(&pending, outcome.as_ref());
        if let Some(Ok(_)) = outcome {
            state.last_published = pending.highest_sequence_id.cast_signed();
        }
        // Compressed bodies are in buffers of their own length, too small for others. Batches that were encrypted go out in
        // the buffer that they were gathered in.
        if !self.compressors.is_some() {
            state.recycle(&mut pending);
        }
        let Pending { tokens, .. } = pending;
        let failure = outcome.as_ref().and_then(|outcome| outcome.as_ref().err().cloned());
        if let Some(outcome) = outcome {
            self.sink.complete(tokens, outcome);
        }
        state.complete_flushes(failure.as_ref());
    }

    /// Ends the first message that was never given to a broker.
    pub(super) fn complete_staged(&self, state: &mut State<S::Token>, error: &Error) {
        if let Some(staged) = state.staged.pop_front() {
            state.messages -= 1;
            state.counters.lost(&staged.message(), error);
            self.client.memory.give_back(staged.message().memory());
            self.sink.complete(Tokens::One(staged.token), Err(error.clone()));
            state.settle_flushes();
            state.complete_flushes(Some(error));
        }
    }

    /// Ends the entries at the front that cannot be sent or that the broker does not take, and lets blocked senders go on.
    pub(super) fn complete_refused(&self, state: &mut State<S::Token>) {
        while let Some(error) = state.pending.refused_front() {
            self.complete_front(state, &Err(error));
        }
        if state.blocked > 0 {
            self.room.notify_all();
        }
    }

    /// Ends everything: each accepted message fails with `error`, and so does whoever waits.
    pub(super) fn complete_all(&self, state: &mut State<S::Token>, error: &Error) {
        state.seal_open(&self.config);
        while !state.staged.is_empty() {
            self.complete_staged(state, error);
        }
        while state.pending.front().is_some() {
            self.complete_front(state, &Err(error.clone()));
        }
        state.release_buffers();
        self.room.notify_all();
        self.client.memory.wake();
    }

    /// Fails what waits for a broker, while the attempts to get to one go on: by the topic's policy for backlogs,
    /// senders shall know at once that nothing is taken.
    pub(super) fn fail_pending(&self, error: &Error) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Connecting) && state.was_connected {
            self.complete_all(&mut state, error);
        }
    }

    /// The broker does not want the producer any more.
    pub(super) fn fail(&self, error: &Error) {
        self.client.log().warn(format_args!("producer {} on {}: {error}", self.id, self.topic));
        let mut state = self.state.lock();
        if state.check_usable().is_ok() {
            let old = std::mem::replace(&mut state.phase, Phase::Failed(error.clone()));
            self.complete_all(&mut state, error);
            drop(state);
            self.timers.notify_one();
            if let Phase::Ready(connection) = old {
                connection.remove_producer(self.id);
                connection.post(|request_id| self.close_command(request_id));
            }
        }
    }
}
