//! What happens at a time: keep-alive, delayed messages and receipts, the end of patience.

use std::time::Instant;

use pulsar_rs_wire::proto::CommandPing;

use super::Broker;
use crate::connection::ConnectionId;
use crate::timers::Event;

impl Broker {
    /// Does everything that is due.
    pub fn fire_timers(&mut self) {
        let now = Instant::now();
        while let Some(event) = self.timers.next_due(now) {
            match event {
                Event::KeepAlive(id) => self.keep_alive(id, now),
                Event::GrantClaims(id) => self.grant_claims(id, now),
                Event::SendReceipts(id) => self.send_receipts(id, now),
                Event::Dispatch(topic, subscription) => {
                    let found = self.topic(topic).and_then(|topic| topic.subscription_mut(subscription));
                    if let Some(found) = found {
                        found.timer_fired();
                    }
                    self.mark_dirty(topic, subscription);
                }
            }
        }
        self.dispatch_dirty();
    }

    /// Pings a client that was silent, and drops one that did not answer. While the broker is frozen nobody
    /// could answer.
    fn keep_alive(&mut self, id: ConnectionId, now: Instant) {
        let interval = self.options.keep_alive;
        let frozen = self.frozen;
        let Some(connection) = self.connections.get_mut(id) else { return };
        let silent = now.duration_since(connection.last_read) >= interval;
        if silent && !frozen {
            if connection.pinged || !connection.connected {
                self.close_connection(id);
                return;
            }
            connection.pinged = true;
            self.send(id, CommandPing {});
        }
        self.timers.add_after(interval, Event::KeepAlive(id));
    }

    /// Ends a connection that did not answer, if there are claims on what it has.
    fn grant_claims(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(id) else { return };
        let silent = now.duration_since(connection.last_read) >= self.options.liveness_timeout;
        if silent && !connection.claims.is_empty() {
            self.close_connection(id);
        }
    }

    /// Sends the receipts of a connection that are due.
    pub fn send_receipts(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        while let Some(frame) = connection.receipts.next_due(now) {
            connection.outbox.push(|out| out.extend_from_slice(&frame));
        }
        connection.wake();
        if let Some(due) = connection.receipts.due() {
            self.timers.add(due, Event::SendReceipts(id));
        }
    }
}
