//! What stands behind a client configuration handle.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use pulsar_rs_client::{ClientConfig, Error};

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
    /// Makes a logger for one client.
    pub logger: Option<Arc<dyn Fn() -> ForeignLogger + Send + Sync>>,
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
        let mut config = ClientConfig {
            operation_timeout: Duration::from_secs(timeout),
            keep_alive: Duration::from_secs(self.keep_alive_interval_seconds.into()),
            listener_name: (!listener_name.is_empty()).then(|| listener_name.to_owned()),
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
}
