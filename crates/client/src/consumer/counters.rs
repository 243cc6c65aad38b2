//! What a consumer counts, under locks that it holds at these moments anyway.

use std::sync::atomic::Ordering;

use super::{Phase, Shared};
use crate::Error;
use crate::stats::{ConsumerStats, MemberStats};

/// Counts under the consumer's lock, since it was created; for their meaning see [`ConsumerStats`]. What is sent is
/// counted by [`Acks`](super::acks::Acks), what is taken by [`Inbox`](super::inbox::Inbox).
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub entries: u64,
    pub acknowledged: u64,
    pub cumulative_acks: u64,
    pub negative_acks: u64,
    pub ack_timeouts: u64,
    pub redelivery_requests: u64,
    pub dead_letters: u64,
    pub discarded: u64,
    pub connections: u64,
}

impl Shared {
    /// What it counted, and its state right now.
    pub(super) fn snapshot(&self) -> ConsumerStats {
        let queued = self.inbox.stats();
        let state = self.state.lock();
        let counters = &state.counters;
        ConsumerStats {
            topic: self.topic.shared(),
            partition: self.topic.partition(),
            subscription: self.subscription.as_str().into(),
            name: self.name.as_str().into(),
            is_connected: matches!(&state.phase, Phase::Ready(connection) if connection.is_open()),
            entries: counters.entries,
            messages: queued.taken_messages,
            bytes: queued.taken_bytes,
            acknowledged: counters.acknowledged,
            cumulative_acks: counters.cumulative_acks,
            acks_sent: state.acks.sent(),
            acks_failed: self.acks_failed.load(Ordering::Relaxed),
            acks_unanswered: state.acks.unanswered() as u64,
            negative_acks: counters.negative_acks,
            ack_timeouts: counters.ack_timeouts,
            redelivery_requests: counters.redelivery_requests,
            dead_letters: counters.dead_letters,
            discarded: counters.discarded,
            queued_messages: queued.messages,
            queued_bytes: queued.bytes,
            unreturned_permits: queued.unreturned_permits + u64::from(state.quota.kept()),
            reconnects: counters.connections.saturating_sub(1),
        }
    }

    pub(super) fn member_stats(&self) -> MemberStats {
        MemberStats::Consumer(self.snapshot())
    }

    /// Counts an acknowledgement that fails with this error.
    #[cold]
    pub(super) fn ack_failed(&self, error: Error) -> Error {
        self.acks_failed.fetch_add(1, Ordering::Relaxed);
        error
    }
}
