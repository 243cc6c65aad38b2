//! Entries whose data keys are not known yet. The program is asked for keys, which may take its time, so that happens on a
//! thread for blocking work. Whatever comes meanwhile waits behind, for the order's sake.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::MutexGuard;

use super::arrival::{Arrival, Rejected};
use super::{Phase, Shared, State, flow};
use crate::Error;
use crate::connection::Connection;
use crate::crypto::{Keyring, OpeningKey};

/// Entries that wait for the keys of the first of them, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Locked {
    entries: VecDeque<Arrival>,
    /// Some thread asks for keys.
    is_asking: bool,
    /// Rises when what waits becomes void.
    generation: u64,
}

impl Locked {
    /// Whether there are any.
    pub fn is_waiting(&self) -> bool {
        !self.entries.is_empty()
    }

    /// What waits comes again; returns the permits that it took.
    pub fn clear(&mut self) -> u32 {
        self.generation += 1;
        self.entries.drain(..).map(|arrival| arrival.permits()).fold(0, u32::saturating_add)
    }
}

impl Shared {
    /// Hands an entry on, or has it wait for its key; true when receivers are to be told.
    pub(super) fn unlock(
        &self,
        connection: &Arc<Connection>,
        mut state: MutexGuard<'_, State>,
        arrival: Arrival,
    ) -> bool {
        let Some(keyring) = &self.keyring else {
            return self.pass_on(connection, state, arrival);
        };
        if state.locked.entries.is_empty() && !arrival.is_locked() {
            return self.pass_on(connection, state, arrival);
        }
        if state.locked.entries.is_empty()
            && let Some(key) = keyring.find(arrival.metadata())
        {
            return self.pass_on_with(connection, state, arrival, key);
        }
        if state.locked.entries.len() >= flow::most_entries(&self.config) {
            drop(state);
            connection.close("the broker sends more messages than it was permitted to");
            return false;
        }
        state.locked.entries.push_back(arrival);
        if !std::mem::replace(&mut state.locked.is_asking, true)
            && let (Some(me), keyring) = (self.me.upgrade(), keyring.clone())
        {
            let source = keyring.source().clone();
            source.spawn(&self.client, move || me.ask_for_keys(&keyring));
        }
        false
    }

    /// Goes on until nothing waits.
    fn ask_for_keys(&self, keyring: &Keyring) {
        loop {
            let (locked, generation) = {
                let mut state = self.state.lock();
                let Some(front) = state.locked.entries.front() else {
                    state.locked.is_asking = false;
                    return;
                };
                (front.is_locked().then(|| front.metadata().clone()), state.locked.generation)
            };
            // With no lock held: this calls the program.
            let key = locked.map(|metadata| keyring.unwrap(&metadata));
            let mut state = self.state.lock();
            if state.locked.generation != generation {
                continue;
            }
            let Phase::Ready(connection) = &state.phase else {
                // What waits comes again with the next connection.
                state.locked.clear();
                continue;
            };
            let connection = connection.clone();
            let Some(arrival) = state.locked.entries.pop_front() else {
                continue;
            };
            let is_untold = match key {
                Some(key) => self.pass_on_with(&connection, state, arrival, key),
                None => self.pass_on(&connection, state, arrival),
            };
            if is_untold {
                self.tell_of_entries();
            }
        }
    }

    fn pass_on_with(
        &self,
        connection: &Arc<Connection>,
        mut state: MutexGuard<'_, State>,
        arrival: Arrival,
        key: Result<OpeningKey, Error>,
    ) -> bool {
        let id = arrival.id();
        let chunk = arrival.chunk().cloned();
        match arrival.unlock(key) {
            Ok(arrival) => self.pass_on(connection, state, arrival),
            Err(Rejected { why, permits }) => {
                if let Some(chunk) = chunk.filter(|_| self.is_tried_again(&why)) {
                    // Alone it stays unacknowledged, which is worth nothing without the others.
                    let now = Instant::now();
                    for entry in state.chunks.refuse(&chunk) {
                        if let Some(unacked) = &mut state.unacked {
                            unacked.add(entry, 0, now);
                        }
                    }
                }
                drop(state);
                self.reject(id, &why);
                self.give_back(connection, permits.unwrap_or_default());
                false
            }
        }
    }
}
