//! Going over to another cluster when the one in use is down, and back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::ClientInner;
use super::services::Services;
use crate::Error;
use crate::connection::ConnectionConfig;
use crate::log::Log;

/// Clusters to use while the one of the service URL, the primary, is down.
///
/// Every cluster that is looked at is asked as the client itself would ask: with `pulsar://` it has to take a
/// connection and answer the handshake, with `http://` to answer a request with anything but a server error. A cluster
/// that answers that it does not let this client in is up: its refusal is for the program to see, and most often another
/// cluster has the same for it. One that refuses the client's certificate in the TLS handshake has not answered, and without
/// credentials, because their file or issuer fails, none can be asked. A port that is open alone says nothing: a proxy or
/// load balancer may be all that is left behind it, or a process that hangs.
/// Each look takes the client's `connect_timeout` at most.
///
/// The client then closes all connections to the old cluster. Producers and consumers look their topics up at the new
/// one; what was sent and not confirmed is sent again there. Acknowledgements of messages of the old cluster are
/// dropped, since its ids mean nothing at the new one. Topics, subscriptions and what was stored are the clusters' own
/// matter, such as geo-replication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverConfig {
    /// Service URLs of the other clusters, the preferred one first; one at least.
    pub secondaries: Vec<String>,
    /// How long the cluster in use has to be down before another is used; zero: the first failed look is enough.
    /// Default 30 s.
    pub failover_delay: Duration,
    /// How long the primary has to be up again before it is used again; zero: the first good look is enough. Default
    /// 60 s.
    pub switch_back_delay: Duration,
    /// How often to look; not zero. Looks come earlier where a delay ends earlier. Default 30 s.
    pub check_interval: Duration,
}

impl Default for FailoverConfig {
    /// Without a secondary, which has to be added.
    fn default() -> Self {
        FailoverConfig {
            secondaries: Vec::new(),
            failover_delay: Duration::from_secs(30),
            switch_back_delay: Duration::from_secs(60),
            check_interval: Duration::from_secs(30),
        }
    }
}

impl FailoverConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let invalid = |why: &str| Err(Error::InvalidConfiguration(format!("cluster failover: {why}")));
        if self.secondaries.is_empty() {
            return invalid("there is no secondary service URL");
        }
        if self.check_interval.is_zero() {
            return invalid("the check interval must not be zero");
        }
        Ok(())
    }
}

/// Watches over the clusters of a client until it is aborted or the client is gone.
pub(super) fn start(client: &Arc<ClientInner>, config: FailoverConfig) -> AbortHandle {
    let watcher = Watcher {
        client: Arc::downgrade(client),
        services: client.services.clone(),
        connections: client.pool.config().clone(),
        log: client.log.clone(),
        config,
        seen: Seen::default(),
    };
    client.runtime.spawn(watcher.run()).abort_handle()
}

struct Watcher {
    client: Weak<ClientInner>,
    services: Arc<Services>,
    connections: ConnectionConfig,
    log: Log,
    config: FailoverConfig,
    seen: Seen,
}

/// What the looks at the clusters said.
#[derive(Debug, Default)]
struct Seen {
    /// Since when the cluster in use is down.
    down_since: Option<Instant>,
    /// It was said that all are down.
    told: bool,
    /// Since when the primary is up, while another is used.
    primary_up_since: Option<Instant>,
}

impl Watcher {
    async fn run(mut self) {
        let mut pause = self.config.check_interval;
        loop {
            sleep(pause).await;
            if let Some(next) = self.look().await {
                let Some(client) = self.client.upgrade() else {
                    return;
                };
                client.switch_to(next);
                self.seen = Seen::default();
            }
            pause = self.seen.next_look(&self.config, Instant::now());
        }
    }

    /// Looks once. The number of the cluster to go over to, if it is time.
    async fn look(&mut self) -> Option<usize> {
        let current = self.services.current();
        let is_up = self.is_up(current).await;
        if self.seen.is_down_for_good(is_up, &self.config, Instant::now()) {
            for other in (0..self.services.count()).filter(|other| *other != current) {
                if self.is_up(other).await {
                    let (old, new) = (self.services.url_at(current), self.services.url_at(other));
                    self.log.warn(format_args!("{old} is down: going over to {new}"));
                    return Some(other);
                }
            }
            if !std::mem::replace(&mut self.seen.told, true) {
                let url = self.services.url_at(current);
                self.log.warn(format_args!("{url} is down, and so are all other clusters"));
            }
            return None;
        }
        if current == 0 {
            return None;
        }
        let primary_is_up = self.is_up(0).await;
        self.seen.is_primary_back(primary_is_up, &self.config, Instant::now()).then(|| {
            self.log.info(format_args!("{} is up again: going back to it", self.services.url_at(0)));
            0
        })
    }

    async fn is_up(&self, number: usize) -> bool {
        match self.services.lookup_at(number).probe(self.connections.connect_timeout).await {
            Ok(()) => true,
            Err(error) => {
                self.log.info(format_args!("{} is down: {error}", self.services.url_at(number)));
                false
            }
        }
    }
}

impl Seen {
    /// Whether the cluster in use is down for as long as it takes to leave it.
    fn is_down_for_good(&mut self, is_up: bool, config: &FailoverConfig, now: Instant) -> bool {
        if is_up {
            (self.down_since, self.told) = (None, false);
            return false;
        }
        now - *self.down_since.get_or_insert(now) >= config.failover_delay
    }

    /// Whether the primary is up for as long as it takes to go back.
    fn is_primary_back(&mut self, is_up: bool, config: &FailoverConfig, now: Instant) -> bool {
        if !is_up {
            self.primary_up_since = None;
            return false;
        }
        now - *self.primary_up_since.get_or_insert(now) >= config.switch_back_delay
    }

    /// How long to wait before the next look: until a delay has passed, if that is before the interval has.
    fn next_look(&self, config: &FailoverConfig, now: Instant) -> Duration {
        let failover = self.down_since.map(|since| (since, config.failover_delay));
        let back = self.primary_up_since.map(|since| (since, config.switch_back_delay));
        let delays = [failover, back].into_iter().flatten();
        let left = delays.map(|(since, delay)| delay.saturating_sub(now - since));
        left.filter(|left| !left.is_zero()).fold(config.check_interval, Duration::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> FailoverConfig {
        FailoverConfig {
            failover_delay: Duration::from_secs(25),
            switch_back_delay: Duration::from_secs(5),
            check_interval: Duration::from_secs(10),
            ..FailoverConfig::default()
        }
    }

    #[test]
    fn what_comes_back_in_time_is_not_left() {
        let (config, start, mut seen) = (config(), Instant::now(), Seen::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!seen.is_down_for_good(false, &config, at(0)));
        assert!(!seen.is_down_for_good(false, &config, at(20)));
        assert!(!seen.is_down_for_good(true, &config, at(24)));
        assert!(!seen.is_down_for_good(false, &config, at(30)));
        assert!(!seen.is_down_for_good(false, &config, at(54)));
        assert!(seen.is_down_for_good(false, &config, at(55)));
    }

    #[test]
    fn what_comes_back_for_a_moment_is_not_used_again() {
        let (config, start, mut seen) = (config(), Instant::now(), Seen::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!seen.is_primary_back(true, &config, at(0)));
        assert!(!seen.is_primary_back(false, &config, at(4)));
        assert!(!seen.is_primary_back(true, &config, at(6)));
        assert!(seen.is_primary_back(true, &config, at(11)));
    }

    #[test]
    fn looks_come_when_a_delay_ends() {
        let (config, start, mut seen) = (config(), Instant::now(), Seen::default());
        let wait =
            |seen: &Seen, seconds| seen.next_look(&config, start + Duration::from_secs(seconds)).as_secs();
        assert_eq!(wait(&seen, 0), 10);
        seen.is_down_for_good(false, &config, start);
        assert_eq!([wait(&seen, 0), wait(&seen, 20), wait(&seen, 25), wait(&seen, 40)], [10, 5, 10, 10]);
        seen.is_primary_back(true, &config, start);
        assert_eq!([wait(&seen, 0), wait(&seen, 4)], [5, 1]);
    }

    #[test]
    fn configurations_that_make_no_sense_are_refused() {
        let with_secondary = FailoverConfig { secondaries: vec!["pulsar://b".into()], ..config() };
        assert!(with_secondary.validate().is_ok());
        assert!(config().validate().is_err());
        assert!(FailoverConfig { check_interval: Duration::ZERO, ..with_secondary }.validate().is_err());
    }
}
