//! The consumer's clock: grouped acknowledgements, redelivery after delays.

use std::sync::Arc;
use std::time::Instant;

use super::{Phase, Shared};
use crate::Error;
use crate::alarm::{self, Alarm};

impl Shared {
    /// Runs until the consumer is closed.
    pub(super) async fn run_timers(self: Arc<Self>) {
        alarm::run(&self.timers, || self.look()).await;
    }

    /// Does what is due and returns when to look again.
    fn look(&self) -> Alarm {
        let now = Instant::now();
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Closed) {
            return Alarm::Over;
        }
        if state.acks_due.is_some_and(|due| due <= now) {
            self.send_acks(&mut state);
        }
        let impatient = state.patience.take_due(now);
        let expired = state.chunks.take_expired(now);
        let dropped = self.drop_chunks(&mut state, &expired);
        let mut due = state.negative_acks.take_due(now);
        let mut overdue = state.unacked.as_mut().map(|unacked| unacked.take_overdue(now)).unwrap_or_default();
        state.counters.ack_timeouts += overdue.len() as u64;
        let mut dead = state.last_chances.take(&mut due, false);
        dead.extend(state.last_chances.take(&mut overdue, true));
        due.extend(overdue);
        self.redeliver(&mut state, &due);
        let unacked_look = state.unacked.as_ref().and_then(|unacked| unacked.next_look(now));
        let alarm = Alarm::at_first([
            state.acks_due,
            state.negative_acks.next_due(),
            unacked_look,
            state.chunks.next_expiry(),
            state.patience.next_due(),
        ]);
        state.alarm = alarm.moment();
        let connection = state.connection;
        drop(state);
        if let Some(letters) = &self.letters {
            self.bury(letters, dead, connection);
        }
        self.tell_of_dropped_chunks(dropped);
        for receipt in impatient {
            receipt.give_up(Error::Timeout(format!(
                "no answer to an acknowledgement within {:?}",
                self.client.operation_timeout()
            )));
        }
        alarm
    }
}
