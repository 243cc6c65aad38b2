//! From messages to the frame of an entry.

use std::sync::Arc;
use std::time::Instant;

use pulsar_rs_wire::frame::{OpenChecksum, begin_send, encode_send, encode_send_of};
use pulsar_rs_wire::hot::Send;
use pulsar_rs_wire::metadata::{Metadata, Properties};

use super::compressors::{Body, Compressors};
use super::heading::Heading;
use crate::connection::EntryFrame;
use crate::crypto::{Sealed, Sealer};
use crate::log::Log;
use crate::{Error, OutgoingMessage};

/// A batch, or a message outside a batch, that waits to be encoded.
#[derive(Debug)]
pub(super) struct SealedEntry {
    pub content: Content,
    pub first_sequence_id: u64,
    pub highest_sequence_id: u64,
    /// When its first message came.
    pub accepted_at: Instant,
    pub publish_time: u64,
}

#[derive(Debug)]
pub(super) enum Content {
    Batch {
        body: Vec<u8>,
        messages: i32,
        heading: Heading,
    },
    /// The head is encoded when the message is accepted, but for its checksum.
    Single(EntryFrame, OpenChecksum),
    /// One that is to be encrypted, with its encoded metadata.
    ToSeal(Send, Vec<u8>, Vec<u8>),
}

/// What is done to bodies.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub compressors: &'a Compressors,
    pub sealer: Option<&'a Sealer>,
    pub log: &'a Log,
}

impl Work<'_> {
    /// Encrypts a body, and encodes the entry. What it needs for that goes to the end of the metadata.
    fn seal(
        &self,
        send: &Send,
        metadata: &[u8],
        mut body: Vec<u8>,
        max_message_size: usize,
    ) -> Result<EntryFrame, Error> {
        let sealed = self.sealer.map_or(Ok(Sealed::Plain), |sealer| sealer.seal(&mut body, self.log))?;
        let keys = match &sealed {
            Sealed::Encrypted(keys) => keys.as_slice(),
            Sealed::Plain => &[],
        };
        if metadata.len() + keys.len() + body.len() > max_message_size {
            return Err(too_big(body.len(), max_message_size));
        }
        let mut head = Vec::new();
        encode_send_of(&mut head, send, &[metadata, keys], &body);
        Ok(EntryFrame { head, body })
    }
}

/// What the frames of a producer have in common.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub producer_id: u64,
    pub producer_name: Arc<str>,
    /// Version of the producer's schema, as the broker numbers it.
    pub schema_version: Option<Arc<[u8]>>,
}

impl Sender {
    /// Encodes an entry: checksum over all of it, head in a buffer of its own, body as it is, compressed or encrypted.
    /// `spare` gets the buffer of a body that was compressed.
    pub fn encode(
        &self,
        sealed: SealedEntry,
        work: &Work<'_>,
        max_message_size: usize,
        spare: &mut Vec<u8>,
    ) -> Result<EntryFrame, Error> {
        let (mut plain, messages, heading) = match sealed.content {
            Content::Single(mut frame, checksum) => {
                checksum.finish(&mut frame.head, &frame.body);
                return Ok(frame);
            }
            Content::ToSeal(send, metadata, body) => {
                return work.seal(&send, &metadata, body, max_message_size);
            }
            Content::Batch { body, messages, heading } => (body, messages, heading),
        };
        let body = work.compressors.compress(&mut plain)?;
        *spare = plain;
        let metadata = Metadata {
            producer_name: self.producer_name.as_bytes(),
            sequence_id: sealed.first_sequence_id,
            publish_time: sealed.publish_time,
            partition_key: heading.partition_key.as_deref(),
            replicate_to: &heading.replicate_to,
            schema_version: heading.schema_version.as_deref().or(self.schema_version.as_deref()),
            ordering_key: heading.ordering_key.as_deref(),
            compression: body.compression(),
            uncompressed_size: Some(body.uncompressed_size),
            num_messages_in_batch: Some(messages),
            highest_sequence_id: Some(sealed.highest_sequence_id),
            ..Metadata::default()
        };
        let send = Send {
            producer_id: self.producer_id,
            sequence_id: sealed.first_sequence_id,
            num_messages: Some(messages),
            highest_sequence_id: Some(sealed.highest_sequence_id),
            ..Send::default()
        };
        if work.sealer.is_some() {
            let mut encoded = Vec::new();
            metadata.encode(&mut encoded);
            return work.seal(&send, &encoded, body.bytes, max_message_size);
        }
        if metadata.encoded_len() + body.bytes.len() > max_message_size {
            return Err(too_big(body.bytes.len(), max_message_size));
        }
        let mut head = Vec::new();
        encode_send(&mut head, &send, &metadata, &body.bytes);
        Ok(EntryFrame { head, body: body.bytes })
    }

    /// Metadata of a message outside a batch.
    pub fn single_metadata<'a>(
        &'a self,
        message: &OutgoingMessage<'a>,
        sequence_id: u64,
        publish_time: u64,
        body: &Body,
    ) -> Metadata<'a> {
        Metadata {
            producer_name: self.producer_name.as_bytes(),
            sequence_id,
            publish_time,
            properties: Properties::List(message.properties),
            partition_key: message.partition_key,
            partition_key_b64_encoded: message.partition_key_is_base64,
            replicate_to: message.replicate_to,
            compression: body.compression(),
            uncompressed_size: body.compression().map(|_| body.uncompressed_size),
            event_time: message.event_time,
            ordering_key: message.ordering_key,
            schema_version: message.schema_version.or(self.schema_version.as_deref()),
            deliver_at_time: message.deliver_at,
            null_value: message.null_value,
            ..Metadata::default()
        }
    }

    /// A message outside a batch, encoded but for its checksum.
    pub fn begin_single(&self, metadata: &Metadata<'_>, payload: Vec<u8>) -> Content {
        let mut head = Vec::new();
        let checksum = begin_send(&mut head, &self.single_command(metadata), metadata, payload.len());
        Content::Single(EntryFrame { head, body: payload }, checksum)
    }

    /// A message outside a batch that is to be encrypted.
    pub fn begin_sealed(&self, metadata: &Metadata<'_>, payload: Vec<u8>) -> Content {
        let mut encoded = Vec::new();
        metadata.encode(&mut encoded);
        Content::ToSeal(self.single_command(metadata), encoded, payload)
    }

    fn single_command(&self, metadata: &Metadata<'_>) -> Send {
        Send {
            producer_id: self.producer_id,
            sequence_id: metadata.sequence_id,
            is_chunk: metadata.chunk_id.is_some(),
            ..Send::default()
        }
    }
}

/// The broker would refuse these bytes.
pub(super) fn too_big(size: usize, max_message_size: usize) -> Error {
    Error::MessageTooBig(format!("{size} bytes, and the broker takes {max_message_size} with metadata"))
}
