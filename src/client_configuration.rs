//! What stands behind a client configuration handle.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pulsar_rs_client::{ClientConfig, Error, FailoverConfig, ProxyConfig, ProxyProtocol, TlsConfig};

use crate::authentication::Authentication;
use crate::logger::ForeignLogger;

/// Values as the program set them; they are checked when a client is created.
#[derive(Clone)]
pub(crate) struct ClientConfiguration {
    pub operation_timeout_seconds: i32,
    pub io_threads: i32,
    pub message_listener_threads: i32,
    pub keep_alive_interval_seconds: u32,
    pub memory_limit_bytes: u64,
    pub concurrent_lookup_requests: i32,
    pub partitions_update_interval_seconds: u32,
    pub stats_interval_seconds: u32,
    pub listener_name: CString,
    pub connections_per_broker: i32,
    pub failover: Option<ClusterFailover>,
    pub authentication: Option<Authentication>,
    pub http_lookup_auth_allow_redirect: bool,
    pub tls: TlsConfiguration,
    pub proxy_url: CString,
    /// Makes a logger for one client.
    pub logger: Option<Arc<dyn Fn() -> ForeignLogger + Send + Sync>>,
}

/// How TLS is spoken, as the program set it. Empty paths name no file.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsConfiguration {
    /// Kept for programs that ask for it: the service URL decides.
    pub use_tls: bool,
    pub trust_certs_file: CString,
    pub certificate_file: CString,
    pub private_key_file: CString,
    pub allow_insecure: bool,
    pub validate_hostname: bool,
}

/// Clusters to use while the primary is down, as the program set them.
#[derive(Debug, Clone)]
pub(crate) struct ClusterFailover {
    pub secondaries: Vec<Vec<u8>>,
    pub failover_delay_ms: u32,
    pub switch_back_delay_ms: u32,
    pub check_interval_ms: u32,
}

impl Default for ClientConfiguration {
    fn default() -> Self {
        ClientConfiguration {
            operation_timeout_seconds: 30,
            io_threads: 1,
            message_listener_threads: 1,
            keep_alive_interval_seconds: 30,
            memory_limit_bytes: 0,
            concurrent_lookup_requests: 50_000,
            partitions_update_interval_seconds: 60,
            stats_interval_seconds: 600,
            listener_name: CString::default(),
            connections_per_broker: 1,
            failover: None,
            authentication: None,
            http_lookup_auth_allow_redirect: false,
            tls: TlsConfiguration::default(),
            proxy_url: CString::default(),
            logger: None,
        }
    }
}

impl ClientConfiguration {
    /// I/O threads to start; as in the established library, none means one.
    pub fn io_threads(&self) -> usize {
        usize::try_from(self.io_threads).unwrap_or(1).max(1)
    }

    /// Listener threads to start at most; none means one.
    pub fn listener_threads(&self) -> usize {
        usize::try_from(self.message_listener_threads).unwrap_or(1).max(1)
    }

    pub fn to_core(&self, logger: Option<Arc<ForeignLogger>>) -> Result<ClientConfig, Error> {
        let invalid = |why: &str| Error::InvalidConfiguration(why.into());
        let timeout = u64::try_from(self.operation_timeout_seconds)
            .map_err(|_| invalid("the operation timeout must not be negative"))?;
        let listener_name =
            self.listener_name.to_str().map_err(|_| invalid("the listener name is not UTF-8"))?;
        let failover = self.failover.as_ref().map(ClusterFailover::to_core).transpose()?;
        let mut config = ClientConfig {
            operation_timeout: Duration::from_secs(timeout),
            keep_alive: Duration::from_secs(self.keep_alive_interval_seconds.into()),
            listener_name: (!listener_name.is_empty()).then(|| listener_name.to_owned()),
            // What is no number of connections is refused by the core.
            connections_per_broker: usize::try_from(self.connections_per_broker).unwrap_or(0),
            failover,
            authentication: self.authentication.clone(),
            http_redirects_keep_authorization: self.http_lookup_auth_allow_redirect,
            tls: self.tls.to_core(),
            proxy: (!self.proxy_url.is_empty()).then(|| self.proxy()).transpose()?,
            memory_limit: usize::try_from(self.memory_limit_bytes).unwrap_or(usize::MAX),
            concurrent_lookups: usize::try_from(self.concurrent_lookup_requests).unwrap_or(1).max(1),
            partitions_update_interval: Duration::from_secs(self.partitions_update_interval_seconds.into()),
            stats_interval: Some(Duration::from_secs(self.stats_interval_seconds.into())),
            ..ClientConfig::default()
        };
        if let Some(logger) = logger {
            config.logger = logger;
        }
        Ok(config)
    }

    fn proxy(&self) -> Result<ProxyConfig, Error> {
        let url = self.proxy_url.to_str();
        let url = url.map_err(|_| Error::InvalidUrl(format!("{:?} is not UTF-8", self.proxy_url)))?;
        Ok(ProxyConfig { url: url.to_owned(), protocol: ProxyProtocol::Sni })
    }
}

impl TlsConfiguration {
    fn to_core(&self) -> TlsConfig {
        let path = |text: &CString| {
            let bytes = text.to_bytes();
            (!bytes.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(bytes)))
        };
        TlsConfig {
            trust_certs_file: path(&self.trust_certs_file),
            certificate_file: path(&self.certificate_file),
            private_key_file: path(&self.private_key_file),
            allow_insecure: self.allow_insecure,
            verify_hostname: self.validate_hostname,
        }
    }
}

impl ClusterFailover {
    fn to_core(&self) -> Result<FailoverConfig, Error> {
        let text = |url: &Vec<u8>| {
            let lossy = || Error::InvalidUrl(format!("{:?} is not UTF-8", String::from_utf8_lossy(url)));
            String::from_utf8(url.clone()).map_err(|_| lossy())
        };
        Ok(FailoverConfig {
            secondaries: self.secondaries.iter().map(text).collect::<Result<_, _>>()?,
            failover_delay: Duration::from_millis(self.failover_delay_ms.into()),
            switch_back_delay: Duration::from_millis(self.switch_back_delay_ms.into()),
            check_interval: Duration::from_millis(self.check_interval_ms.into()),
        })
    }
}
