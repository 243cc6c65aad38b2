use std::sync::Arc;
use std::time::Duration;

use super::FailoverConfig;
use crate::auth::Authentication;
use crate::log::{Logger, StderrLogger};
use crate::{ProxyConfig, TlsConfig};

/// How a client behaves. The defaults are those of the established clients.
#[derive(Clone)]
pub struct ClientConfig {
    /// How long an operation (creating, subscribing, closing, a lookup) may take. Default 30 s.
    pub operation_timeout: Duration,
    /// How long a connection may take, handshake included. Default 10 s.
    pub connect_timeout: Duration,
    /// Connections to each broker, 1 to 1000. Producers and consumers are spread over them in turn when they are
    /// created, and keep to theirs; lookups use one. Default 1.
    pub connections_per_broker: usize,
    /// How often an idle broker is asked whether it lives; it is given up after twice this time. Zero: never.
    /// Default 30 s.
    pub keep_alive: Duration,
    /// Which of the brokers' advertised listeners lookups ask for.
    pub listener_name: Option<String>,
    /// Who the client is. Default: it does not say.
    pub authentication: Option<Arc<dyn Authentication>>,
    /// Whether HTTP lookups that are redirected to another origin (scheme, host and port) show who the client is there,
    /// too. Only for clusters that redirect among themselves: whoever is redirected to learns the secret. Default off.
    pub http_redirects_keep_authorization: bool,
    /// How TLS is spoken with service URLs that ask for it.
    pub tls: TlsConfig,
    /// A proxy between the client and all brokers. Default: none.
    pub proxy: Option<ProxyConfig>,
    /// Clusters to use while the one of the service URL is down. Default: none.
    pub failover: Option<FailoverConfig>,
    /// Bytes of messages that all producers together may have under way: payload, keys and properties; and bytes that
    /// wait in the queues of consumers whose [queue is auto-scaled](crate::ConsumerConfig::auto_scaled_queue). At the
    /// limit a producer waits or fails, as for its pending messages; one message may always be under way, so that nobody
    /// waits for what only he himself would receive. 0: no limit. Default 0.
    pub memory_limit: usize,
    /// Lookups at the same time; others wait for their turn. Default 50,000.
    pub concurrent_lookups: usize,
    /// How often producers of partitioned topics look for new partitions; zero: never. Default 60 s.
    pub partitions_update_interval: Duration,
    /// How often a line about each producer and consumer that did something is logged, at level
    /// [`Info`](crate::log::Level::Info): its rates, its latencies, its totals. Absent or zero: never. Default 600 s.
    pub stats_interval: Option<Duration>,
    /// Where log lines go. Default: warnings and errors to standard error.
    pub logger: Arc<dyn Logger>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            operation_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            connections_per_broker: 1,
            keep_alive: Duration::from_secs(30),
            listener_name: None,
            authentication: None,
            http_redirects_keep_authorization: false,
            tls: TlsConfig::default(),
            proxy: None,
            failover: None,
            memory_limit: 0,
            concurrent_lookups: 50_000,
            partitions_update_interval: Duration::from_secs(60),
            stats_interval: Some(Duration::from_secs(600)),
            logger: Arc::new(StderrLogger),
        }
    }
}

impl std::fmt::Debug for ClientConfig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ClientConfig")
            .field("operation_timeout", &self.operation_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("connections_per_broker", &self.connections_per_broker)
            .field("keep_alive", &self.keep_alive)
            .field("listener_name", &self.listener_name)
            .field("authentication", &self.authentication)
            .field("http_redirects_keep_authorization", &self.http_redirects_keep_authorization)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .field("failover", &self.failover)
            .field("memory_limit", &self.memory_limit)
            .field("concurrent_lookups", &self.concurrent_lookups)
            .field("partitions_update_interval", &self.partitions_update_interval)
            .field("stats_interval", &self.stats_interval)
            .finish_non_exhaustive()
    }
}
