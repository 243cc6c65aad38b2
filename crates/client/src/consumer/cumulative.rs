//! Acknowledgements of everything up to an entry.

use std::sync::Arc;

use pulsar_rs_wire::hot::EntryId;

use super::acks::{IndexAck, encoded_len};
use super::batch_acks::BatchAcks;

/// Everything before `entry` is acknowledged, and of `entry` itself what `reach` says.
#[derive(Debug)]
pub(super) struct Cumulative {
    pub entry: EntryId,
    pub reach: Reach,
}

#[derive(Debug)]
pub(super) enum Reach {
    /// Nothing that the broker could be told.
    Before,
    /// What the state of its batch says.
    Within(Arc<BatchAcks>),
    Whole,
}

impl Cumulative {
    /// Whether nothing is left to acknowledge up to `entry`, and in it.
    pub fn covers(&self, entry: EntryId) -> bool {
        self.entry > entry || (self.entry == entry && matches!(self.reach, Reach::Whole))
    }

    /// The id to send, with what stays unacknowledged in it; of one command no more than `limit` bytes.
    pub fn to_send(&self, limit: usize) -> (EntryId, Option<IndexAck>) {
        let before = before(self.entry);
        match &self.reach {
            Reach::Whole => (self.entry, None),
            Reach::Within(acks) if acks.left() == 0 => (self.entry, None),
            Reach::Within(acks) => {
                let ack = (self.entry, acks.ack_set(), acks.size());
                if encoded_len(&ack) <= limit { (self.entry, Some(ack)) } else { (before, None) }
            }
            Reach::Before => (before, None),
        }
    }
}

/// The place before an entry. Before the first of a ledger it is entry -1 there, as in the other clients: it
/// stands for everything in the ledgers before.
fn before(id: EntryId) -> EntryId {
    EntryId { entry: id.entry.wrapping_sub(1), ..id }
}
