//! What stands behind a producer configuration handle.

use std::ffi::{CString, c_ulong};
use std::time::Duration;

use pulsar_rs_client::{BatchingConfig, Error, ProducerConfig};

/// Values as the program set them; they are checked when a producer is created.
#[derive(Debug, Clone)]
pub(crate) struct ProducerConfiguration {
    pub producer_name: CString,
    pub send_timeout_ms: i32,
    pub initial_sequence_id: i64,
    pub max_pending_messages: i32,
    pub block_if_queue_full: bool,
    pub batching_enabled: bool,
    pub batching_max_messages: u32,
    pub batching_max_bytes: c_ulong,
    pub batching_max_delay_ms: c_ulong,
    pub properties: Vec<(CString, CString)>,
}

impl Default for ProducerConfiguration {
    fn default() -> Self {
        ProducerConfiguration {
            producer_name: CString::default(),
            send_timeout_ms: 30_000,
            initial_sequence_id: -1,
            max_pending_messages: 1000,
            block_if_queue_full: false,
            batching_enabled: true,
            batching_max_messages: 1000,
            batching_max_bytes: 128 * 1024,
            batching_max_delay_ms: 10,
            properties: Vec::new(),
        }
    }
}

impl ProducerConfiguration {
    pub fn to_core(&self) -> Result<ProducerConfig, Error> {
        let invalid = |why: &str| Error::InvalidConfiguration(why.into());
        let name = self.producer_name.to_str().map_err(|_| invalid("the producer name is not UTF-8"))?;
        let send_timeout = u64::try_from(self.send_timeout_ms)
            .map_err(|_| invalid("the send timeout must not be negative"))?;
        let max_pending_messages = usize::try_from(self.max_pending_messages)
            .map_err(|_| invalid("the number of pending messages must not be negative"))?;
        Ok(ProducerConfig {
            name: (!name.is_empty()).then(|| name.to_owned()),
            send_timeout: (send_timeout > 0).then(|| Duration::from_millis(send_timeout)),
            initial_sequence_id: (self.initial_sequence_id != -1).then_some(self.initial_sequence_id),
            max_pending_messages,
            block_if_queue_full: self.block_if_queue_full,
            batching: self.batching_enabled.then(|| self.batching()),
            properties: text_pairs(&self.properties)?,
        })
    }

    fn batching(&self) -> BatchingConfig {
        BatchingConfig {
            max_messages: usize::try_from(self.batching_max_messages).unwrap_or(usize::MAX),
            max_bytes: usize::try_from(self.batching_max_bytes).unwrap_or(usize::MAX),
            max_delay: Duration::from_millis(self.batching_max_delay_ms),
        }
    }
}

/// Names and values of properties as text.
pub(crate) fn text_pairs(properties: &[(CString, CString)]) -> Result<Vec<(String, String)>, Error> {
    let text = |string: &CString| {
        let text =
            string.to_str().map_err(|_| Error::InvalidConfiguration("a property is not UTF-8".into()))?;
        Ok(text.to_owned())
    };
    properties.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect()
}

/// Sets a property, in place of an older one with the same name.
pub(crate) fn set_property(properties: &mut Vec<(CString, CString)>, name: CString, value: CString) {
    match properties.iter_mut().find(|(found, _)| *found == name) {
        Some((_, old)) => *old = value,
        None => properties.push((name, value)),
    }
}
