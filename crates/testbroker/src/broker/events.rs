//! What happens at a time: keep-alive, delayed messages and receipts, the end of patience.

use std::time::{Instant, SystemTime};

use pulsar_rs_wire::PROTOCOL_VERSION;
use pulsar_rs_wire::proto::{AuthData, CommandAuthChallenge, CommandPing};

use super::Broker;
use crate::commands::SERVER_VERSION;
use crate::connection::ConnectionId;
use crate::timers::Event;

/// What a real broker asks with for a new token.
const REFRESH: &[u8] = b"PulsarAuthRefresh";

impl Broker {
    /// Does everything that is due.
    pub fn fire_timers(&mut self) {
        let now = Instant::now();
        while let Some(event) = self.timers.next_due(now) {
            match event {
                Event::KeepAlive(id) => self.keep_alive(id, now),
                Event::RefreshAuthentication(id) => self.refresh_authentication(id),
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

    /// Asks a client whose token has ended for a new one, and drops it when it was asked before.
    fn refresh_authentication(&mut self, id: ConnectionId) {
        let Some(interval) = self.options.authentication.as_ref().map(|options| options.refresh_check) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(id) else { return };
        let expires = connection.principal.as_ref().and_then(|principal| principal.expires);
        if expires.is_some_and(|end| end <= SystemTime::now()) {
            if connection.challenged || !connection.features.supports_auth_refresh.unwrap_or_default() {
                self.trace(id, || "closed: the client does not show again who it is".to_owned());
                self.close_connection(id);
                return;
            }
            connection.challenged = true;
            let challenge = AuthData {
                auth_method_name: Some(connection.auth_method.clone()),
                auth_data: Some(REFRESH.to_vec()),
            };
            let command = CommandAuthChallenge {
                server_version: Some(SERVER_VERSION.to_owned()),
                challenge: Some(challenge),
                protocol_version: Some(PROTOCOL_VERSION),
            };
            self.send(id, command);
        }
        self.timers.add_after(interval, Event::RefreshAuthentication(id));
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
