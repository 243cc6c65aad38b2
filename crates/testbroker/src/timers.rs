//! What is to happen later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::connection::ConnectionId;
use crate::topic::{SubscriptionId, TopicId};

/// What happens at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// Look whether the client is still there.
    KeepAlive(ConnectionId),
    /// Look whether who the client said it is has ended.
    RefreshAuthentication(ConnectionId),
    /// Grant what others claim of a connection that did not answer its ping.
    GrantClaims(ConnectionId),
    /// Send receipts that were kept back.
    SendReceipts(ConnectionId),
    /// Deliver delayed messages.
    Dispatch(TopicId, SubscriptionId),
}

/// Events in the order of their times.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Event)>>,
    /// Tells the task that waits for the first event that there is an earlier one.
    pub earlier: Arc<Notify>,
}

impl Timers {
    /// Plans an event.
    pub fn add(&mut self, at: Instant, event: Event) {
        if self.next().is_none_or(|next| at < next) {
            self.earlier.notify_one();
        }
        self.heap.push(Reverse((at, event)));
    }

    /// Plans an event for later; one that is further away than the clock counts never happens.
    pub fn add_after(&mut self, delay: Duration, event: Event) {
        if let Some(at) = Instant::now().checked_add(delay) {
            self.add(at, event);
        }
    }

    /// When the next event is due.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the next event that is due.
    pub fn next_due(&mut self, now: Instant) -> Option<Event> {
        let due = self.next().is_some_and(|at| at <= now);
        if due { self.heap.pop().map(|Reverse((_, event))| event) } else { None }
    }
}
