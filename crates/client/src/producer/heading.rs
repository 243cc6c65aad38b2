use std::sync::Arc;

use crate::OutgoingMessage;

/// What the metadata of a batch has from its first message.
#[derive(Debug, Default)]
pub(super) struct Heading {
    /// Clusters of its one message, if that names any.
    pub replicate_to: Vec<Vec<u8>>,
    /// Schema version of its one message, if that names one.
    pub schema_version: Option<Arc<[u8]>>,
    /// By these a key-shared subscription chooses the consumer of the whole batch.
    pub partition_key: Option<Box<[u8]>>,
    pub ordering_key: Option<Box<[u8]>>,
}

impl Heading {
    pub fn of(message: &OutgoingMessage<'_>) -> Self {
        Heading {
            replicate_to: message.replicate_to.to_vec(),
            schema_version: message.schema_version.map(Into::into),
            partition_key: message.partition_key.map(Into::into),
            ordering_key: message.ordering_key.map(Into::into),
        }
    }

    /// Whether a message needs the metadata of an entry for itself.
    pub fn is_alone(message: &OutgoingMessage<'_>) -> bool {
        !message.replicate_to.is_empty() || message.schema_version.is_some()
    }
}
