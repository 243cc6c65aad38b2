//! Acknowledgements on their way to the broker: gathered by time and number.

use std::collections::HashMap;
use std::sync::Arc;

use pulsar_rs_wire::hot::{Ack, AckId, AckType, EntryId};

use super::batch_acks::{BatchAcks, Progress};
use crate::MessageId;
use crate::connection::Connection;

/// Ids in one command; the broker reads commands up to a few megabytes.
const IDS_PER_COMMAND: usize = 1000;

/// What was acknowledged and not sent, and which batches are acknowledged in part.
///
/// Bounded by what was delivered: a message is noted here once.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Entries that are acknowledged whole.
    individual: Vec<EntryId>,
    /// Batches of which more was acknowledged than the broker knows. Kept for [`Acks::flush`].
    indexes: Vec<EntryId>,
    /// Everything up to here.
    cumulative: Option<Cumulative>,
    /// Batches that are acknowledged in part, with the state that their messages share.
    partial: HashMap<EntryId, Arc<BatchAcks>>,
}

#[derive(Debug)]
struct Cumulative {
    entry: EntryId,
    /// Messages of the entry that stay unacknowledged; empty: none.
    ack_set: Vec<i64>,
    batch_size: Option<i32>,
}

impl Cumulative {
    /// Whether nothing is left to acknowledge up to and including `entry`.
    fn covers(&self, entry: EntryId) -> bool {
        self.entry > entry || (self.entry == entry && self.ack_set.is_empty())
    }
}

impl Acks {
    /// Notes that a whole entry is acknowledged.
    pub fn add_entry(&mut self, id: EntryId) {
        self.individual.push(id);
    }

    /// Notes what an acknowledgement did to a batch. True when there is something to send.
    pub fn add_batch(
        &mut self,
        id: EntryId,
        acks: &Arc<BatchAcks>,
        progress: Progress,
        by_index: bool,
    ) -> bool {
        match progress {
            Progress::Unchanged => false,
            Progress::Complete => {
                self.partial.remove(&id);
                self.individual.push(id);
                true
            }
            Progress::Partial => {
                self.partial.entry(id).or_insert_with(|| acks.clone());
                acks.mark_noted();
                if by_index && acks.mark_queued() {
                    self.indexes.push(id);
                }
                by_index
            }
        }
    }

    /// The state of a batch that was delivered before.
    pub fn known(&self, id: EntryId) -> Option<Arc<BatchAcks>> {
        self.partial.get(&id).cloned()
    }

    /// The state of a batch that only its id is known of.
    pub fn known_or_new(&mut self, id: &MessageId) -> Option<Arc<BatchAcks>> {
        let size = u32::try_from(id.batch_size).ok().filter(|size| *size > 0)?;
        let entry = EntryId { ledger: id.ledger.cast_unsigned(), entry: id.entry.cast_unsigned() };
        Some(self.partial.entry(entry).or_insert_with(|| Arc::new(BatchAcks::new(size, &[]))).clone())
    }

    /// Notes that everything up to an entry is acknowledged, of the entry itself all but `left`.
    pub fn add_cumulative(&mut self, entry: EntryId, left: Option<&BatchAcks>) {
        if self.cumulative.as_ref().is_some_and(|older| older.covers(entry)) {
            return;
        }
        self.partial.retain(|id, _| *id > entry || (left.is_some() && *id == entry));
        self.cumulative = Some(Cumulative {
            entry,
            ack_set: left.map(BatchAcks::ack_set).unwrap_or_default(),
            batch_size: left.map(|acks| acks.size().cast_signed()),
        });
    }

    /// The connection is new: what the broker was told of batches on the old one may have been lost.
    pub fn resend_indexes(&mut self) {
        for (id, acks) in &self.partial {
            if acks.mark_queued() {
                self.indexes.push(*id);
            }
        }
    }

    /// Ids that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.individual.len() + self.indexes.len() + usize::from(self.cumulative.is_some())
    }

    /// Sends everything that waits.
    pub fn flush(&mut self, consumer_id: u64, connection: &Connection) {
        if let Some(cumulative) = self.cumulative.take() {
            let id = AckId {
                entry: cumulative.entry,
                ack_set: &cumulative.ack_set,
                batch_size: cumulative.batch_size,
            };
            send(connection, consumer_id, AckType::Cumulative, &[id], None);
        }
        for entries in self.individual.chunks(IDS_PER_COMMAND) {
            let ids: Vec<AckId<'_>> = entries.iter().map(|entry| whole(*entry)).collect();
            send(connection, consumer_id, AckType::Individual, &ids, None);
        }
        self.individual.clear();
        self.flush_indexes(consumer_id, connection);
    }

    fn flush_indexes(&mut self, consumer_id: u64, connection: &Connection) {
        let partial = &self.partial;
        let sets: Vec<(EntryId, Vec<i64>, u32)> = self
            .indexes
            .drain(..)
            .filter_map(|id| {
                let acks = partial.get(&id)?;
                acks.clear_queued();
                Some((id, acks.ack_set(), acks.size()))
            })
            .collect();
        for sets in sets.chunks(IDS_PER_COMMAND) {
            let ids: Vec<AckId<'_>> = sets
                .iter()
                .map(|(entry, ack_set, size)| AckId {
                    entry: *entry,
                    ack_set,
                    batch_size: Some(size.cast_signed()),
                })
                .collect();
            send(connection, consumer_id, AckType::Individual, &ids, None);
        }
    }
}

/// Acknowledges a broken entry, so that the broker does not send it for ever.
pub(super) fn discard(connection: &Connection, consumer_id: u64, entry: EntryId, validation_error: i32) {
    send(connection, consumer_id, AckType::Individual, &[whole(entry)], Some(validation_error));
}

fn whole(entry: EntryId) -> AckId<'static> {
    AckId { entry, ack_set: &[], batch_size: None }
}

fn send(
    connection: &Connection,
    consumer_id: u64,
    ack_type: AckType,
    ids: &[AckId<'_>],
    validation_error: Option<i32>,
) {
    let ack = Ack { consumer_id, ack_type, ids, validation_error, request_id: None };
    connection.send_encoded(|out| ack.encode_frame(out));
}
