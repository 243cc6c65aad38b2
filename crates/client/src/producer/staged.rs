//! Messages that come before the producer was ever on a broker, which only happens to partitions that start lazily:
//! their sequence ids are known when the broker has said what it stored last.

use std::time::Instant;

use crate::{OutgoingMessage, Property};

/// A message that waits for the producer's first connection.
#[derive(Debug)]
pub(super) struct Staged<T> {
    pub token: T,
    /// When it times out.
    pub deadline: Option<Instant>,
    payload: Vec<u8>,
    properties: Vec<Property>,
    partition_key: Option<Vec<u8>>,
    partition_key_is_base64: bool,
    ordering_key: Option<Vec<u8>>,
    event_time: Option<u64>,
    sequence_id: Option<u64>,
    deliver_at: Option<i64>,
    replicate_to: Vec<Vec<u8>>,
    schema_version: Option<Vec<u8>>,
    null_value: bool,
}

impl<T> Staged<T> {
    /// A copy of the message.
    pub fn new(message: &OutgoingMessage<'_>, token: T, deadline: Option<Instant>) -> Self {
        Staged {
            token,
            deadline,
            payload: message.payload.to_vec(),
            properties: message.properties.to_vec(),
            partition_key: message.partition_key.map(Into::into),
            partition_key_is_base64: message.partition_key_is_base64,
            ordering_key: message.ordering_key.map(Into::into),
            event_time: message.event_time,
            sequence_id: message.sequence_id,
            deliver_at: message.deliver_at,
            replicate_to: message.replicate_to.to_vec(),
            schema_version: message.schema_version.map(Into::into),
            null_value: message.null_value,
        }
    }

    pub fn message(&self) -> OutgoingMessage<'_> {
        OutgoingMessage {
            payload: &self.payload,
            properties: &self.properties,
            partition_key: self.partition_key.as_deref(),
            partition_key_is_base64: self.partition_key_is_base64,
            ordering_key: self.ordering_key.as_deref(),
            event_time: self.event_time,
            sequence_id: self.sequence_id,
            deliver_at: self.deliver_at,
            replicate_to: &self.replicate_to,
            schema_version: self.schema_version.as_deref(),
            partition: None,
            null_value: self.null_value,
        }
    }
}
