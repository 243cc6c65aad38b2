use std::net::{IpAddr, Ipv4Addr};
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::{Authentication, Authorization};

/// How a test broker is set up. [`Options::default`] is a broker on a free port of 127.0.0.1 that behaves
/// like a Pulsar standalone with batch-index acknowledgement switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Address to listen on. Default `127.0.0.1`.
    pub host: IpAddr,
    /// Port to listen on; 0, the default, takes a free one.
    pub port: u16,
    /// Port for lookups over HTTP; 0, the default, takes a free one.
    pub http_port: u16,
    /// Bytes of entries that a topic keeps after every durable subscription has acknowledged them; the
    /// oldest go first. Unacknowledged entries are kept whatever their size. Default 256 MiB a topic.
    pub retention: usize,
    /// Largest message that is accepted, in bytes, told to clients when they connect. Default 5 MiB, as
    /// `maxMessageSize` in broker.conf.
    pub max_message_size: usize,
    /// Partitioned topics to create: name and number of partitions (0: not partitioned).
    pub topics: Vec<(String, u32)>,
    /// Namespaces (`tenant/namespace`) beside `public/default` and `pulsar/system`.
    pub namespaces: Vec<String>,
    /// Drop messages whose sequence id was stored before. Default off, as in broker.conf.
    pub deduplication: bool,
    /// Keep acknowledgements of single messages in a batch. Default on; a real broker has it off unless
    /// `acknowledgmentAtBatchIndexLevelEnabled` is set, and then ignores such acknowledgements.
    pub batch_index_acks: bool,
    /// Note the broker's clock and a message count in front of every entry that is stored from now on, and send both to
    /// clients that understand them. Default off; a real broker does so with `brokerEntryMetadataInterceptors` and
    /// `exposingBrokerEntryMetadataToClientEnabled`.
    pub entry_metadata: bool,
    /// How clients show who they are; default: they need not.
    pub authentication: Option<Authentication>,
    /// What their roles permit; default: everything. It needs authentication.
    pub authorization: Option<Authorization>,
    /// Silence after which a client is pinged, and after twice which it is dropped. Default 30 s.
    pub keep_alive: Duration,
    /// How long an old connection may take to answer a ping when a new one wants its producer name or its
    /// exclusive subscription. Default 5 s, as `connectionLivenessCheckTimeoutMillis`.
    pub liveness_timeout: Duration,
    /// Unacknowledged messages of one Shared or `Key_Shared` consumer at which it gets no more. Default
    /// 50,000, as `maxUnackedMessagesPerConsumer`.
    pub max_unacked_per_consumer: u32,
    /// Ports that speak TLS. Default: none.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsOptions>,
    /// Print every command to stderr. Default off.
    pub verbose: bool,
}

/// How TLS is spoken. The files are in PEM and read for every connection, so that a test can replace them.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// Port for clients with TLS; 0 takes a free one.
    pub port: u16,
    /// Port for lookups over HTTPS; 0 takes a free one.
    pub https_port: u16,
    /// The broker's certificate, with those between it and its authority behind it.
    pub certificate: PathBuf,
    /// The key of the certificate.
    pub private_key: PathBuf,
    /// Certificates of the authorities of clients: with them every client needs a certificate. Absent: none does.
    pub client_ca: Option<PathBuf>,
    /// The only version that is spoken; absent: both are.
    pub version: Option<TlsVersion>,
}

/// A version of TLS.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}

#[cfg(feature = "tls")]
impl TlsOptions {
    /// Free ports, both versions, clients without certificates.
    pub fn new(certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        TlsOptions {
            port: 0,
            https_port: 0,
            certificate: certificate.into(),
            private_key: private_key.into(),
            client_ca: None,
            version: None,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            http_port: 0,
            retention: 256 * 1024 * 1024,
            max_message_size: pulsar_rs_wire::DEFAULT_MAX_MESSAGE_SIZE,
            topics: Vec::new(),
            namespaces: Vec::new(),
            deduplication: false,
            batch_index_acks: true,
            entry_metadata: false,
            authentication: None,
            authorization: None,
            keep_alive: Duration::from_secs(30),
            liveness_timeout: Duration::from_secs(5),
            max_unacked_per_consumer: 50_000,
            #[cfg(feature = "tls")]
            tls: None,
            verbose: false,
        }
    }
}
