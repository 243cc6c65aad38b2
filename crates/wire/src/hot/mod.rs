//! The commands that travel once per batch or per message.
//!
//! Each is a small struct with `decode`, from the body that [`crate::command::split`] found, and
//! `encode_frame` or, where a payload follows, an encoder in [`crate::frame`].

mod ack;
mod flow;
mod message;
mod receipt;
mod send;

pub use ack::{Ack, AckId, AckType, AckedId};
pub use flow::Flow;
pub use message::Message;
pub use receipt::{SendError, SendReceipt};
pub use send::Send;

use crate::WireError;
use crate::field::{FieldWriter, Fields, int_len, uint_len};

/// Where an entry is stored: ledger and entry number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct EntryId {
    /// Number of the ledger.
    pub ledger: u64,
    /// Number of the entry in its ledger.
    pub entry: u64,
}

impl EntryId {
    /// Reads the two fields that every `MessageIdData` must have.
    pub fn decode(message: &[u8]) -> Result<Self, WireError> {
        Ok(Position::decode(message)?.id)
    }
}

/// A `MessageIdData` without the fields that belong to acks and chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    id: EntryId,
    partition: Option<i32>,
    batch_index: Option<i32>,
}

impl Position {
    fn decode(message: &[u8]) -> Result<Self, WireError> {
        let (mut ledger, mut entry, mut partition, mut batch_index) = (None, None, None, None);
        for field in Fields::new(message) {
            match field? {
                (1, value) => ledger = Some(value.varint()?),
                (2, value) => entry = Some(value.varint()?),
                (3, value) => partition = Some(value.int32()?),
                (4, value) => batch_index = Some(value.int32()?),
                _ => {}
            }
        }
        let ledger = ledger.ok_or(WireError::MissingField("MessageIdData.ledgerId"))?;
        let entry = entry.ok_or(WireError::MissingField("MessageIdData.entryId"))?;
        Ok(Position { id: EntryId { ledger, entry }, partition, batch_index })
    }

    fn encoded_len(&self) -> usize {
        entry_len(self.id)
            + self.partition.map_or(0, |value| int_len(3, value.into()))
            + self.batch_index.map_or(0, |value| int_len(4, value.into()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_entry(out, self.id);
        if let Some(partition) = self.partition {
            out.put_int(3, partition.into());
        }
        if let Some(batch_index) = self.batch_index {
            out.put_int(4, batch_index.into());
        }
    }
}

fn entry_len(id: EntryId) -> usize {
    uint_len(1, id.ledger) + uint_len(2, id.entry)
}

fn put_entry(out: &mut Vec<u8>, id: EntryId) {
    out.put_uint(1, id.ledger);
    out.put_uint(2, id.entry);
}

fn optional_uint_len(number: u32, value: Option<u64>) -> usize {
    value.map_or(0, |value| uint_len(number, value))
}

fn put_optional_uint(out: &mut Vec<u8>, number: u32, value: Option<u64>) {
    if let Some(value) = value {
        out.put_uint(number, value);
    }
}

/// Tests that every hot command shares: its bytes are those of the generated `BaseCommand`.
#[cfg(test)]
mod testing {
    use crate::proto::BaseCommand;
    use prost::Message as _;

    /// The encoded `BaseCommand` inside a frame.
    pub fn command_of(frame: &[u8]) -> &[u8] {
        crate::frame::peek(frame, 1 << 24).unwrap().unwrap().command
    }

    /// The body of a `BaseCommand` that prost encoded.
    pub fn body_of(command: &BaseCommand) -> Vec<u8> {
        let bytes = command.encode_to_vec();
        crate::command::split(&bytes).unwrap().1.to_vec()
    }
}
