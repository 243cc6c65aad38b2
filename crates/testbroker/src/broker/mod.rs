//! The state of a broker. One thread owns it; everything that happens is a call on [`Broker`].

mod closing;
mod events;
mod moving;
mod stats;
mod unloading;
mod watching;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::CommandPing;

use crate::connection::{Claim, Connection, ConnectionId, Connections, ConsumerState};
use crate::faults::Faults;
use crate::http::Http;
use crate::options::Options;
use crate::subscription::Outlet as _;
use crate::timers::{Event, Timers};
use crate::topic::{Entry, Registry, SubscriptionId, Topic, TopicId};
use crate::topic_name::TopicName;

pub(crate) use unloading::Undeletable;
pub(crate) use watching::Watch;

/// How lookups are answered.
#[derive(Debug, Default)]
pub(crate) struct LookupAnswers {
    /// Send this many lookups to another broker first.
    pub redirects: u32,
    /// URL of that broker.
    pub redirect_url: String,
    /// Clients keep to their service URL. A Pulsar standalone says so.
    pub through_service_url: bool,
}

/// A broker.
#[derive(Debug)]
pub(crate) struct Broker {
    pub options: Options,
    /// What lookups answer.
    pub url: String,
    /// What they answer for clients with TLS.
    pub tls_url: Option<String>,
    pub connections: Connections,
    pub registry: Registry,
    pub faults: Faults,
    pub timers: Timers,
    pub lookups: LookupAnswers,
    pub http: Http,
    pub deduplication: bool,
    /// Nothing is read or written.
    pub frozen: bool,
    /// Subscriptions that may have something to send.
    dirty: Vec<(TopicId, SubscriptionId)>,
    producers_named: u64,
}

impl Broker {
    pub fn new(options: Options, url: String, http_url: String) -> Self {
        Broker {
            url,
            tls_url: None,
            connections: Connections::new(options.verbose),
            registry: Registry::new(&options.namespaces),
            faults: Faults::default(),
            timers: Timers::default(),
            lookups: LookupAnswers { through_service_url: true, ..LookupAnswers::default() },
            http: Http::new(http_url),
            deduplication: options.deduplication,
            frozen: false,
            dirty: Vec::new(),
            producers_named: 0,
            options,
        }
    }

    /// Takes a client in.
    pub fn accept(&mut self, connection: Connection) -> ConnectionId {
        let role = connection.peer_role.clone();
        let id = self.connections.insert(connection);
        if let Some(role) = role {
            self.trace(id, || format!("the client's certificate is that of {role}"));
        }
        self.timers.add_after(self.options.keep_alive, Event::KeepAlive(id));
        id
    }

    /// Sends a command to a client.
    pub fn send(&mut self, id: ConnectionId, command: impl Into<Command>) {
        self.connections.command(id, command.into());
    }

    /// A name for a producer that gave none.
    pub fn name_producer(&mut self) -> String {
        let name = format!("standalone-0-{}", self.producers_named);
        self.producers_named += 1;
        name
    }

    pub fn topic(&mut self, id: TopicId) -> Option<&mut Topic> {
        self.registry.get_mut(id)
    }

    /// The topic with this name, short or full.
    pub fn find_topic(&mut self, name: &str) -> Option<(TopicId, &mut Topic)> {
        let id = self.registry.find(&TopicName::parse(name).ok()?)?;
        Some((id, self.registry.get_mut(id)?))
    }

    /// Notes that a subscription may have something to send.
    pub fn mark_dirty(&mut self, topic: TopicId, subscription: SubscriptionId) {
        let found = self.registry.get_mut(topic).and_then(|topic| topic.subscription_mut(subscription));
        if let Some(found) = found.filter(|found| !found.dirty) {
            found.dirty = true;
            self.dirty.push((topic, subscription));
        }
    }

    /// Notes that every subscription of a topic may have something to send.
    pub fn mark_topic_dirty(&mut self, id: TopicId) {
        let Some(topic) = self.registry.get_mut(id) else { return };
        for (subscription, found) in topic.subscriptions_mut().filter(|(_, found)| !found.dirty) {
            found.dirty = true;
            self.dirty.push((id, subscription));
        }
    }

    /// Sends what can be sent.
    pub fn dispatch_dirty(&mut self) {
        self.tell_watchers();
        while let Some((topic, subscription)) = self.dirty.pop() {
            self.dispatch(topic, subscription);
        }
    }

    /// Sends a connection what its consumers can take.
    pub fn dispatch_to(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else { return };
        let consumers: Vec<ConsumerState> = connection.consumers.values().copied().collect();
        for consumer in consumers {
            if let ConsumerState::Ready { topic, subscription } = consumer {
                self.mark_dirty(topic, subscription);
            }
        }
        self.dispatch_dirty();
    }

    fn dispatch(&mut self, topic_id: TopicId, subscription_id: SubscriptionId) {
        let Some(topic) = self.registry.get_mut(topic_id) else { return };
        let now = milliseconds();
        let (feed, subscriptions) = topic.feed(now, self.options.max_unacked_per_consumer);
        let Some(subscription) = subscriptions.get_mut(&subscription_id) else { return };
        subscription.dirty = false;
        subscription.dispatch(&feed, &mut self.connections);
        if let Some(due) = subscription.next_timer() {
            let delay = Duration::from_millis(due.saturating_sub(now));
            self.timers.add_after(delay, Event::Dispatch(topic_id, subscription_id));
        }
    }

    /// Sends an entry of a topic that stores none to the consumers that can take it.
    pub fn pass_on(&mut self, topic_id: TopicId, entry: &Entry) {
        let Some(topic) = self.registry.get_mut(topic_id) else { return };
        let (feed, subscriptions) = topic.feed(milliseconds(), self.options.max_unacked_per_consumer);
        for subscription in subscriptions.values_mut() {
            subscription.pass_on(entry, &feed, &mut self.connections);
        }
    }

    /// Asks an old connection whether it lives, because `command` of another one wants what it has.
    pub fn claim(&mut self, holder: ConnectionId, claimant: ConnectionId, command: Command) {
        if let Some(connection) = self.connections.get_mut(holder) {
            connection.claims.push(Claim { claimant, command });
            self.send(holder, CommandPing {});
            self.timers.add_after(self.options.liveness_timeout, Event::GrantClaims(holder));
        }
    }

    /// Prints what happens on a connection, where that is wanted.
    pub fn trace(&self, id: ConnectionId, what: impl FnOnce() -> String) {
        self.connections.trace(id, what);
    }
}

/// A URL in the place for those without TLS, or in the one for those with it.
pub(crate) fn by_scheme(url: Option<String>) -> (Option<String>, Option<String>) {
    let is_tls = |url: &String| url.starts_with("pulsar+ssl://") || url.starts_with("https://");
    if url.as_ref().is_some_and(is_tls) { (None, url) } else { (url, None) }
}

/// The clock, milliseconds since 1970.
pub(crate) fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
