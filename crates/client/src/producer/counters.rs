//! What a producer counts, under the lock that it holds at these moments anyway: once for an entry.

use super::pending::Pending;
use super::shared::Shared;
use super::sink::SendSink;
use super::state::{Phase, State};
use crate::stats::{LatencyHistogram, MemberStats, ProducerStats};
use crate::{Error, OutgoingMessage};

/// Counts since the producer was created; for their meaning see [`ProducerStats`]. What is in the open batch is not
/// in them yet.
#[derive(Debug, Default)]
pub(super) struct Counters {
    messages: u64,
    bytes: u64,
    entries: u64,
    uncompressed_bytes: u64,
    compressed_bytes: u64,
    acknowledged: u64,
    failed: u64,
    timed_out: u64,
    refused: u64,
    /// Memory of the pending entries, in bytes.
    pending_bytes: u64,
    connections: u64,
    latency: LatencyHistogram,
}

impl Counters {
    /// An entry is complete; `payload` are the bytes of its messages, `body` those before compression.
    pub fn sealed<T>(&mut self, pending: &Pending<T>, payload: usize, body: usize) {
        self.entries += 1;
        self.messages += pending.messages() as u64;
        self.bytes += payload as u64;
        self.uncompressed_bytes += body as u64;
        self.pending_bytes += pending.memory as u64;
    }

    /// An entry has the body that is sent.
    pub fn encoded(&mut self, body: usize) {
        self.compressed_bytes += body as u64;
    }

    /// An entry has left, and with it its messages their outcome; a chunk only if it is the last.
    pub fn completed<T, O>(&mut self, pending: &Pending<T>, outcome: Option<&Result<O, Error>>) {
        self.pending_bytes -= pending.memory as u64;
        let messages = pending.messages() as u64;
        match outcome {
            None => {}
            Some(Ok(_)) => {
                self.acknowledged += messages;
                self.latency.record(pending.accepted_at.elapsed(), messages);
            }
            Some(Err(error)) => self.failed(messages, error),
        }
    }

    /// A message was accepted, and failed before it was in an entry.
    pub fn lost(&mut self, message: &OutgoingMessage<'_>, error: &Error) {
        self.messages += 1;
        self.bytes += message.payload.len() as u64;
        self.failed(1, error);
    }

    /// A message was not accepted for want of room.
    pub fn refused(&mut self) {
        self.refused += 1;
    }

    /// A broker has the producer, for the first time or again.
    pub fn connected(&mut self) {
        self.connections += 1;
    }

    fn failed(&mut self, messages: u64, error: &Error) {
        self.failed += messages;
        if matches!(error, Error::Timeout(_)) {
            self.timed_out += messages;
        }
    }
}

impl<T> State<T> {
    /// What is accepted and in no entry yet: messages, bytes of payload, bytes of memory.
    fn gathered(&self) -> (u64, u64, u64) {
        let open = self.open.iter().map(|open| (open.messages, open.payload, open.memory));
        let staged = self.staged.iter().map(|staged| {
            let message = staged.message();
            (1, message.payload.len(), message.memory())
        });
        open.chain(staged).fold((0, 0, 0), |(messages, payload, memory), more| {
            (messages + more.0 as u64, payload + more.1 as u64, memory + more.2 as u64)
        })
    }
}

impl<S: SendSink> Shared<S> {
    /// What it counted, and its state right now.
    pub fn stats(&self) -> ProducerStats {
        let state = self.state.lock();
        let counters = &state.counters;
        let (messages, payload, memory) = state.gathered();
        ProducerStats {
            topic: self.topic.shared(),
            partition: self.topic.partition(),
            name: state.sender.producer_name.clone(),
            is_connected: matches!(&state.phase, Phase::Ready(connection) if connection.is_open()),
            messages: counters.messages + messages,
            bytes: counters.bytes + payload,
            entries: counters.entries,
            uncompressed_bytes: counters.uncompressed_bytes,
            compressed_bytes: counters.compressed_bytes,
            acknowledged: counters.acknowledged,
            failed: counters.failed,
            timed_out: counters.timed_out,
            refused: counters.refused,
            pending_messages: state.messages as u64,
            pending_bytes: counters.pending_bytes + memory,
            reconnects: counters.connections.saturating_sub(1),
            latency: counters.latency.clone(),
            partitions: Vec::new(),
        }
    }

    pub(super) fn member_stats(&self) -> MemberStats {
        MemberStats::Producer(Box::new(self.stats()))
    }
}
