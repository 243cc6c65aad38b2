//! The producer's clock: batches that waited long enough, messages that timed out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::sink::SendSink;
use super::state::{Phase, State};
use crate::Error;
use crate::alarm::{self, Alarm};

/// When to look next, and why.
#[derive(Debug, Default)]
struct Clock {
    /// For the open batch, or for the one that is likely to come.
    batch: Option<Instant>,
    /// The last look sealed a batch. More traffic is then likely, and one more look is cheaper than being
    /// woken by the sender.
    linger: bool,
}

impl<S: SendSink> Shared<S> {
    /// Runs until the producer is over.
    pub(super) async fn run_timers(self: Arc<Self>) {
        let mut clock = Clock::default();
        alarm::run(&self.timers, || Self::look(&self, &mut clock)).await;
    }

    /// Does what is due and returns when to look again.
    fn look(self: &Arc<Self>, clock: &mut Clock) -> Alarm {
        let now = Instant::now();
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Closed | Phase::Failed(_)) {
            return Alarm::Over;
        }
        self.expire(&mut state, now);
        let sealed = self.look_at_batch(&mut state, clock, now);
        let open = state.open.deadline(&self.config);
        let alarm = Alarm::at_first([clock.batch, state.first_deadline(), open]);
        state.alarm = alarm.moment();
        if alarm == Alarm::WhenWoken {
            state.release_buffers();
        }
        drop(state);
        if sealed {
            self.encode_in_background();
        }
        alarm
    }

    /// Seals the open batch when its time has come. A batch that is half-way there is sent too: the next
    /// look would come too late for it, and half the delay is within "at most the delay".
    fn look_at_batch(&self, state: &mut State<S::Token>, clock: &mut Clock, now: Instant) -> bool {
        let Some(batching) = &self.config.batching else {
            return false;
        };
        match state.open.opened_at() {
            Some(opened_at) if (now - opened_at).saturating_mul(2) >= batching.max_delay => {
                state.seal_open(&self.config);
                clock.linger = true;
                clock.batch = now.checked_add(batching.max_delay);
                true
            }
            Some(opened_at) => {
                clock.batch = opened_at.checked_add(batching.max_delay);
                false
            }
            None => {
                clock.batch = now.checked_add(batching.max_delay).filter(|_| clock.linger);
                clock.linger = false;
                false
            }
        }
    }

    /// Fails what waited longer than the send timeout, whatever the connection does.
    fn expire(&self, state: &mut State<S::Token>, now: Instant) {
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let timeout = self.config.send_timeout.unwrap_or(Duration::MAX);
        if is_due(state.open.deadline(&self.config)) {
            state.seal_open(&self.config);
        }
        let before = state.messages;
        while state.pending.front().is_some_and(|front| is_due(front.deadline)) {
            state.pending.expire_front();
            let error = Error::Timeout(format!("no receipt from {} within {timeout:?}", self.topic));
            self.complete_front(state, &Err(error));
        }
        while state.staged.front().is_some_and(|staged| is_due(staged.deadline)) {
            let error = Error::Timeout(format!("not connected to {} within {timeout:?}", self.topic));
            self.complete_staged(state, &error);
        }
        self.complete_refused(state);
        if state.messages < before && state.blocked > 0 {
            self.room.notify_all();
        }
    }
}
