//! What stands behind a reader configuration handle.

use std::ffi::CString;
use std::time::Duration;

use pulsar_rs_client::{Error, KeySource, ReaderConfig, ReconnectPolicy};

use crate::ffi::consumer_configuration::pulsar_consumer_crypto_failure_action;
use crate::ffi::handle::Context;
use crate::ffi::reader_configuration::ListenerFunction;
use crate::producer_configuration::{SchemaInfo, text_pairs};

/// Values as the program set them; they are checked when a reader is created.
#[derive(Debug, Clone)]
pub(crate) struct ReaderConfiguration {
    pub listener: Option<(ListenerFunction, Context)>,
    pub receiver_queue_size: i32,
    pub reader_name: CString,
    pub subscription_role_prefix: CString,
    pub subscription_name: CString,
    pub read_compacted: bool,
    pub start_message_id_inclusive: bool,
    pub key_source: Option<KeySource>,
    pub reconnect_policy: Option<ReconnectPolicy>,
    pub crypto_failure_action: pulsar_consumer_crypto_failure_action,
    pub schema: SchemaInfo,
    pub properties: Vec<(CString, CString)>,
    pub max_pending_chunked_messages: u32,
    pub ack_oldest_chunked_message: bool,
    pub chunk_expiry_ms: u32,
}

impl Default for ReaderConfiguration {
    fn default() -> Self {
        ReaderConfiguration {
            listener: None,
            receiver_queue_size: 1000,
            reader_name: CString::default(),
            subscription_role_prefix: CString::default(),
            subscription_name: CString::default(),
            read_compacted: false,
            start_message_id_inclusive: false,
            key_source: None,
            reconnect_policy: None,
            crypto_failure_action: pulsar_consumer_crypto_failure_action::pulsar_ConsumerFail,
            schema: SchemaInfo::default(),
            properties: Vec::new(),
            max_pending_chunked_messages: 10,
            ack_oldest_chunked_message: false,
            chunk_expiry_ms: 60_000,
        }
    }
}

impl ReaderConfiguration {
    pub fn to_core(&self) -> Result<ReaderConfig, Error> {
        let invalid = |why: &str| Error::InvalidConfiguration(why.into());
        Ok(ReaderConfig {
            name: some_text(&self.reader_name, "the reader name")?,
            subscription: some_text(&self.subscription_name, "the subscription name")?,
            subscription_role_prefix: some_text(
                &self.subscription_role_prefix,
                "the subscription role prefix",
            )?,
            receiver_queue_size: usize::try_from(self.receiver_queue_size)
                .map_err(|_| invalid("the size of a receiver queue must not be negative"))?,
            read_compacted: self.read_compacted,
            start_inclusive: self.start_message_id_inclusive,
            key_source: self.key_source.clone(),
            reconnect_policy: self.reconnect_policy.clone(),
            crypto_failure_action: self.crypto_failure_action.to_core(),
            schema: self.schema.to_core()?,
            properties: text_pairs(&self.properties)?,
            max_pending_chunked_messages: self.max_pending_chunked_messages as usize,
            ack_oldest_chunked_message: self.ack_oldest_chunked_message,
            chunk_expiry: (self.chunk_expiry_ms > 0)
                .then(|| Duration::from_millis(self.chunk_expiry_ms.into())),
            ..ReaderConfig::default()
        })
    }
}

/// A text as the program set it; nothing for an empty one.
pub(crate) fn some_text(value: &CString, what: &str) -> Result<Option<String>, Error> {
    let text = value.to_str().map_err(|_| Error::InvalidConfiguration(format!("{what} is not UTF-8")))?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
