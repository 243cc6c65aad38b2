//! Acknowledgements on their way to the broker: gathered by time and number.

use std::sync::Arc;

use pulsar_rs_wire::hot::{Ack, AckId, AckType, EntryId};

use super::batch_acks::{BatchAcks, Progress};
use super::batches::Batches;
use crate::connection::Connection;
use crate::{Error, MessageId};

/// Ids in one command, if they are not too many bytes before.
const IDS_PER_COMMAND: usize = 1000;

/// Bytes of an id without its ack set, at most: a size, three numbers, three tags, rounded up.
const ID_BYTES: usize = 48;

/// Bytes of a word of an ack set, at most: its tag, and a number of ten bytes.
const WORD_BYTES: usize = 11;

/// What was acknowledged and not sent, and which batches are acknowledged in part.
///
/// Lists are bounded by what was delivered, a message is noted here once; the table bounds itself.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Entries that are acknowledged whole.
    individual: Vec<EntryId>,
    /// Batches of which more was acknowledged than the broker knows. Kept for [`Acks::flush`].
    indexes: Vec<EntryId>,
    /// Everything up to here.
    cumulative: Option<Cumulative>,
    batches: Batches,
    /// Ids that were sent so far.
    sent: u64,
}

/// Everything before `entry` is acknowledged, and of `entry` itself what `reach` says.
#[derive(Debug)]
struct Cumulative {
    entry: EntryId,
    reach: Reach,
}

#[derive(Debug)]
enum Reach {
    /// Nothing that the broker could be told.
    Before,
    /// What the state of its batch says.
    Within(Arc<BatchAcks>),
    Whole,
}

/// An id with the messages of its batch that stay unacknowledged, and their number in all.
type IndexAck = (EntryId, Vec<i64>, u32);

impl Cumulative {
    /// Whether nothing is left to acknowledge up to `entry`, and in it.
    fn covers(&self, entry: EntryId) -> bool {
        self.entry > entry || (self.entry == entry && matches!(self.reach, Reach::Whole))
    }

    /// The id to send, with what stays unacknowledged in it; of one command no more than `limit` bytes.
    fn to_send(&self, limit: usize) -> (EntryId, Option<IndexAck>) {
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
                self.batches.remove(id);
                self.individual.push(id);
                true
            }
            // The last one was acknowledged meanwhile; who did that was here, or will be.
            Progress::Partial if acks.left() == 0 => false,
            Progress::Partial => {
                self.batches.keep(id, acks);
                if by_index && acks.mark_queued() {
                    self.indexes.push(id);
                }
                by_index
            }
        }
    }

    /// A batch was opened. Returns the state that all its messages share, and whether there is something to
    /// send: others may have acknowledged what was left here.
    pub fn open_batch(
        &mut self,
        id: EntryId,
        fresh: Arc<BatchAcks>,
        ack_set: &[i64],
    ) -> (Arc<BatchAcks>, bool) {
        let (acks, progress) = self.batches.open(id, fresh, ack_set);
        let completed = progress == Progress::Complete;
        if completed {
            self.add_batch(id, &acks, progress, false);
        }
        (acks, completed)
    }

    /// State and place of the message that an id names, see [`Batches::find`].
    pub fn find(&self, entry: EntryId, id: &MessageId) -> Result<Option<(Arc<BatchAcks>, u32)>, Error> {
        self.batches.find(entry, id)
    }

    /// Notes that everything up to an entry is acknowledged, of the entry itself all but what is left in
    /// `batch`. The broker can be told of a part `by_index` only; otherwise just this client knows.
    pub fn add_cumulative(&mut self, entry: EntryId, batch: Option<&Arc<BatchAcks>>, by_index: bool) {
        if self.cumulative.as_ref().is_some_and(|older| older.covers(entry)) {
            return;
        }
        self.batches.remove_before(entry);
        let reach = match batch.filter(|acks| acks.left() > 0) {
            None => {
                self.batches.remove(entry);
                Reach::Whole
            }
            Some(acks) => {
                self.batches.keep(entry, acks);
                if by_index { Reach::Within(acks.clone()) } else { Reach::Before }
            }
        };
        self.cumulative = Some(Cumulative { entry, reach });
    }

    /// The connection is new: what the broker was told of batches on the old one may have been lost.
    pub fn resend_indexes(&mut self) {
        for (id, acks) in self.batches.kept() {
            if acks.mark_queued() {
                self.indexes.push(id);
            }
        }
    }

    /// The consumer reads something else now: nothing of what was acknowledged counts.
    pub fn clear(&mut self) {
        *self = Acks { sent: self.sent, ..Acks::default() };
    }

    /// Ids that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.individual.len() + self.indexes.len() + usize::from(self.cumulative.is_some())
    }

    /// Ids that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends everything that waits.
    pub fn flush(&mut self, consumer_id: u64, connection: &Connection) {
        self.sent += self.waiting() as u64;
        let limit = connection.max_message_size();
        if let Some(cumulative) = self.cumulative.take() {
            let (entry, within) = cumulative.to_send(limit);
            let id = within.as_ref().map_or(whole(entry), in_part);
            send(connection, consumer_id, AckType::Cumulative, &[id], None);
        }
        for entries in self.individual.chunks(IDS_PER_COMMAND) {
            let ids: Vec<AckId<'_>> = entries.iter().map(|entry| whole(*entry)).collect();
            send(connection, consumer_id, AckType::Individual, &ids, None);
        }
        self.individual.clear();
        for acks in commands(&self.take_indexes(limit), limit) {
            let ids: Vec<AckId<'_>> = acks.iter().map(in_part).collect();
            send(connection, consumer_id, AckType::Individual, &ids, None);
        }
    }

    /// Takes out the batches to tell the broker of, without those of which it cannot be told because the
    /// command would have more than `limit` bytes: it would cut the connection, again and again.
    fn take_indexes(&mut self, limit: usize) -> Vec<IndexAck> {
        let batches = &self.batches;
        let taken = self.indexes.drain(..).filter_map(|id| {
            let acks = batches.known(id)?;
            acks.clear_queued();
            Some((id, acks.ack_set(), acks.size()))
        });
        taken.filter(|ack| encoded_len(ack) <= limit).collect()
    }
}

/// Splits acknowledgements into commands of at most `limit` bytes, which each of them fits alone: the broker
/// takes frames up to its largest message and a little more.
fn commands(acks: &[IndexAck], limit: usize) -> impl Iterator<Item = &[IndexAck]> {
    let mut rest = acks;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = rest.iter().take(IDS_PER_COMMAND).take_while(|ack| {
            bytes += encoded_len(ack);
            bytes <= limit
        });
        let (command, behind) = rest.split_at(fit.count());
        rest = behind;
        (!command.is_empty()).then_some(command)
    })
}

/// Bytes of an id in its command, at most.
fn encoded_len((_, ack_set, _): &IndexAck) -> usize {
    ID_BYTES + ack_set.len() * WORD_BYTES
}

/// Acknowledges broken entries, so that the broker does not send them for ever.
pub(super) fn discard(connection: &Connection, consumer_id: u64, entries: &[EntryId], validation_error: i32) {
    let entries: Vec<_> = entries.iter().map(|entry| whole(*entry)).collect();
    for entries in entries.chunks(IDS_PER_COMMAND) {
        send(connection, consumer_id, AckType::Individual, entries, Some(validation_error));
    }
}

fn whole(entry: EntryId) -> AckId<'static> {
    AckId { entry, ack_set: &[], batch_size: None }
}

fn in_part((entry, ack_set, size): &IndexAck) -> AckId<'_> {
    AckId { entry: *entry, ack_set, batch_size: Some(size.cast_signed()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ledger: u64, entry: u64) -> EntryId {
        EntryId { ledger, entry }
    }

    fn batch(size: u32) -> Arc<BatchAcks> {
        Arc::new(BatchAcks::new(size, &[]))
    }

    #[test]
    fn before_the_first_entry_of_a_ledger_is_what_the_other_clients_send() {
        let mut acks = Acks::default();
        acks.add_cumulative(entry(7, 0), Some(&batch(3)), false);
        let sent = acks.cumulative.as_ref().unwrap().to_send(1000);
        assert_eq!(sent, (entry(7, u64::MAX), None));
        // Which is not the end of the ledger: the next entry is not covered by it.
        acks.add_cumulative(entry(7, 1), Some(&batch(3)), false);
        assert_eq!(acks.cumulative.as_ref().unwrap().to_send(1000), (entry(7, 0), None));
        acks.add_cumulative(entry(6, 9), None, false);
        assert_eq!(acks.cumulative.as_ref().unwrap().to_send(1000), (entry(7, 0), None));
        acks.add_cumulative(entry(7, 1), None, false);
        assert_eq!(acks.cumulative.as_ref().unwrap().to_send(1000), (entry(7, 1), None));
    }

    #[test]
    fn a_cumulative_acknowledgement_says_what_is_left_where_that_fits() {
        let (mut acks, within) = (Acks::default(), batch(100));
        within.ack_up_to(63);
        acks.add_cumulative(entry(1, 5), Some(&within), true);
        let cumulative = acks.cumulative.as_ref().unwrap();
        let left = vec![0, (1 << 36) - 1];
        assert_eq!(cumulative.to_send(1000), (entry(1, 5), Some((entry(1, 5), left, 100))));
        assert_eq!(cumulative.to_send(50), (entry(1, 4), None));
        within.ack_up_to(99);
        assert_eq!(cumulative.to_send(50), (entry(1, 5), None));
    }

    #[test]
    fn commands_are_limited_in_ids_and_bytes() {
        let acks: Vec<IndexAck> = (0..2500).map(|number| (entry(1, number), vec![-1; 10], 640)).collect();
        let sizes = |limit| commands(&acks, limit).map(<[IndexAck]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(usize::MAX), [1000, 1000, 500]);
        assert_eq!(sizes(400 * encoded_len(&acks[0])), [400, 400, 400, 400, 400, 400, 100]);
        for command in commands(&acks, 20_000) {
            let ids: Vec<_> = command.iter().map(in_part).collect();
            let ack = Ack {
                consumer_id: u64::MAX,
                ack_type: AckType::Individual,
                ids: &ids,
                validation_error: None,
                request_id: None,
            };
            let mut frame = Vec::new();
            ack.encode_frame(&mut frame);
            assert!(frame.len() < 20_000 + 100, "{} bytes", frame.len());
        }
    }

    #[test]
    fn a_late_part_of_a_finished_batch_leaves_nothing_behind() {
        let (mut acks, one) = (Acks::default(), batch(2));
        let (first, last) = (one.ack(0), one.ack(1));
        assert!(acks.add_batch(entry(1, 1), &one, last, true));
        assert!(!acks.add_batch(entry(1, 1), &one, first, true));
        assert!(acks.batches.known(entry(1, 1)).is_none());
    }
}
