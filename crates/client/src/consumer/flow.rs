//! Permits: how many messages the broker may send ahead of the receivers.

use std::sync::atomic::Ordering;

use pulsar_rs_wire::hot;

use super::arrival::Arrival;
use super::inbox::Permits;
use super::quota::Quota;
use super::receive::Taken;
use super::wake_ups::Pushed;
use super::{ConsumerConfig, Phase, Shared, State};
use crate::Error;
use crate::connection::Connection;

/// Entries that may wait beyond twice the queue before the broker is taken for one that does not count.
const SLACK: usize = 1000;

/// Entries that may wait in the inbox. Each takes a permit at least, so that brokers that count stay far below. Without a
/// queue, the receivers that wait are as many as the program likes.
pub(super) fn most_entries(config: &ConsumerConfig) -> usize {
    match config.receiver_queue_size {
        0 => usize::MAX,
        size => size.saturating_mul(2).saturating_add(SLACK),
    }
}

impl Shared {
    /// Hands an entry to the receivers. Under the lock: after a redelivery or a reconnect it must not come behind what
    /// these drop. Refused when the broker sends more than it may.
    pub(super) fn enqueue(&self, state: &mut State, mut arrival: Arrival) -> Pushed {
        state.quota.arrived(arrival.permits());
        if self.config.auto_scaled_queue {
            let memory = &self.client.memory;
            arrival.hold(memory.hold(arrival.bytes()));
            state.quota.shrink_at(memory.times_tight());
            self.threshold.store(state.quota.threshold(), Ordering::Relaxed);
        }
        self.inbox.push(arrival)
    }

    /// Permits the broker to send more, unless the permits belong to a connection that is gone.
    pub(super) fn flow(&self, permits: Permits) {
        let mut state = self.state.lock();
        if state.connection == permits.connection {
            self.permit(&mut state, |quota| quota.returned(permits.count));
        }
    }

    fn permit(&self, state: &mut State, count: impl FnOnce(&mut Quota) -> u32) {
        let State { phase, quota, .. } = state;
        if let Phase::Ready(connection) = phase {
            self.give_back(connection, count(quota));
        }
    }

    pub(super) fn give_back(&self, connection: &Connection, permits: u32) {
        if permits > 0 {
            let flow = hot::Flow { consumer_id: self.id, permits };
            connection.send_encoded(|out| flow.encode_frame(out));
        }
    }

    /// Receivers found nothing: a queue that was filled before may be too small.
    #[cold]
    pub(super) fn emptied(&self) {
        let mut state = self.state.lock();
        let is_tight = self.client.memory.is_tight();
        self.permit(&mut state, |quota| quota.emptied(is_tight));
        self.threshold.store(state.quota.threshold(), Ordering::Relaxed);
    }

    /// For a receiver that is going to wait, if it has to ask.
    pub(super) fn asking(&self) -> Option<Asking<'_>> {
        (self.config.receiver_queue_size == 0).then(|| {
            self.state.lock().quota.change_waiting(1);
            Asking { shared: self, is_counted: true }
        })
    }

    /// Asks for messages for those who wait. False when one may be there already.
    fn ask(&self) -> bool {
        let mut state = self.state.lock();
        // Messages arrive under the lock, and count as soon as they do.
        if self.inbox.may_have_messages() {
            return false;
        }
        self.permit(&mut state, Quota::ask);
        true
    }
}

/// A receiver that waits without a queue: the broker is permitted one message for each.
pub(super) struct Asking<'a> {
    shared: &'a Shared,
    is_counted: bool,
}

impl Asking<'_> {
    /// Like [`Shared::take`]; where that finds nothing, a message was asked for.
    pub fn take(&mut self, max_bytes: usize) -> Result<Taken, Error> {
        let shared = self.shared;
        self.take_with(|| shared.take(max_bytes), Taken::is_empty)
    }

    /// The same for any way to take.
    pub fn take_with<T>(
        &mut self,
        mut take: impl FnMut() -> Result<T, Error>,
        is_empty: impl Fn(&T) -> bool,
    ) -> Result<T, Error> {
        // One after the other: nobody asks for a receiver that just got its message.
        let _turn = self.shared.asking.lock();
        loop {
            let taken = take()?;
            if !is_empty(&taken) {
                self.end();
                return Ok(taken);
            }
            if self.shared.ask() {
                return Ok(taken);
            }
        }
    }

    /// It waits no longer.
    fn end(&mut self) {
        if std::mem::take(&mut self.is_counted) {
            self.shared.state.lock().quota.change_waiting(-1);
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
