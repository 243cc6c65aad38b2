//! Acknowledgements on their way to the broker: gathered by time and number.

use std::sync::Arc;

use pulsar_rs_wire::hot::{Ack, AckId, AckType, EntryId};

use super::batch_acks::{BatchAcks, Progress};
use super::batches::Batches;
use super::cumulative::{Cumulative, Reach};
use super::receipts::{InFlight, Part, Parts, Sent, Settled, Unanswered, take_parts};
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
    /// What was sent and not answered: it is sent again on the next connection.
    in_flight: InFlight,
    /// Who waits for what: for entries and parts of batches, and for the cumulative one.
    parts: Parts,
    index_parts: Parts,
    cumulative_parts: Parts,
}

/// An id with the messages of its batch that stay unacknowledged, and their number in all.
pub(super) type IndexAck = (EntryId, Vec<i64>, u32);

impl Acks {
    /// Notes that a whole entry is acknowledged; a call may wait for that.
    pub fn add_entry(&mut self, id: EntryId, call: Option<&Part>) {
        self.individual.push(id);
        if let Some(call) = call {
            self.parts.push((id, call.another()));
        }
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

    /// Notes that everything before an entry is acknowledged.
    pub fn add_before(&mut self, entry: EntryId) {
        if self.cumulative.as_ref().is_none_or(|older| older.entry < entry) {
            self.batches.remove_before(entry);
            self.cumulative = Some(Cumulative { entry, reach: Reach::Before });
        }
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
    /// Returns whom to tell that.
    pub fn clear(&mut self, why: &Error) -> Settled {
        let (_, settled) = self.give_up(why);
        *self = Acks { sent: self.sent, ..Acks::default() };
        settled
    }

    /// Ids that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.individual.len() + self.indexes.len() + usize::from(self.cumulative.is_some())
    }

    /// Ids that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Ids that were sent, and of which the broker has not said that it has them.
    pub fn unanswered(&self) -> usize {
        self.in_flight.ids()
    }

    /// Whether anybody waits for an answer of the broker.
    pub fn is_awaited(&self) -> bool {
        self.in_flight.is_awaited()
    }

    /// A call waits for what it did to a batch, which was noted. True when there is something to send: what was
    /// acknowledged before is sent once more, because the outcome of the first time is not known here.
    pub fn await_batch(
        &mut self,
        id: EntryId,
        acks: &Arc<BatchAcks>,
        progress: Progress,
        by_index: bool,
        call: &Part,
    ) -> bool {
        if acks.left() == 0 {
            if progress == Progress::Complete {
                self.parts.push((id, call.another()));
            } else {
                self.add_entry(id, Some(call));
            }
            return true;
        }
        if by_index {
            if acks.mark_queued() {
                self.indexes.push(id);
            }
            self.index_parts.push((id, call.another()));
        }
        by_index
    }

    /// A call waits for the cumulative acknowledgement that was added just now, or for the one that covers it.
    pub fn await_cumulative(&mut self, id: EntryId, call: &Part) {
        self.cumulative_parts.push((id, call.another()));
    }

    /// Sends everything that waits, and keeps it until the broker answers, if it does.
    pub fn flush(&mut self, consumer_id: u64, connection: &Connection) -> Settled {
        self.sent += self.waiting() as u64;
        let limit = connection.max_message_size();
        let mut settled = Settled::default();
        let indexes = self.take_indexes(limit);
        self.place_index_parts(&indexes, &mut settled);
        let mut out =
            Sender { consumer_id, connection, in_flight: &mut self.in_flight, settled: &mut settled };
        if let Some(cumulative) = self.cumulative.take() {
            let (entry, within) = cumulative.to_send(limit);
            let id = within.as_ref().map_or(whole(entry), in_part);
            let parts = std::mem::take(&mut self.cumulative_parts);
            out.send(AckType::Cumulative, &[id], Sent::Cumulative(cumulative), parts);
        }
        while !self.individual.is_empty() {
            let mut entries = out.in_flight.spare();
            if self.individual.len() <= IDS_PER_COMMAND {
                std::mem::swap(&mut entries, &mut self.individual);
            } else {
                let rest = self.individual.len() - IDS_PER_COMMAND;
                entries.extend(self.individual.drain(rest..));
            }
            let ids: Vec<AckId<'_>> = entries.iter().map(|entry| whole(*entry)).collect();
            let parts = take_parts(&mut self.parts, &entries, self.individual.is_empty());
            out.send(AckType::Individual, &ids, Sent::Entries(entries), parts);
        }
        for acks in commands(&indexes, limit) {
            let ids: Vec<AckId<'_>> = acks.iter().map(in_part).collect();
            let entries: Vec<EntryId> = acks.iter().map(|ack| ack.0).collect();
            let parts = take_parts(&mut self.index_parts, &entries, false);
            out.send(AckType::Individual, &ids, Sent::Indexes(entries), parts);
        }
        settled
    }

    /// Finds a place for those who wait for a part of a batch that is not sent: because the batch was finished, or
    /// because the command would be too large.
    fn place_index_parts(&mut self, indexes: &[IndexAck], settled: &mut Settled) {
        if self.index_parts.is_empty() {
            return;
        }
        let entries: Vec<EntryId> = indexes.iter().map(|ack| ack.0).collect();
        let sent = take_parts(&mut self.index_parts, &entries, false);
        for (id, part) in std::mem::replace(&mut self.index_parts, sent) {
            if self.batches.known(id).is_some() {
                let error =
                    Error::MessageTooBig("the broker cannot be told which messages of the batch".into());
                settled.add(vec![(id, part)], &Err(error));
            } else if self.cumulative.is_some() {
                self.cumulative_parts.push((id, part));
            } else if self.individual.is_empty() {
                settled.add(vec![(id, part)], &Ok(()));
            } else {
                self.parts.push((id, part));
            }
        }
    }

    /// The broker answered a command. Returns how many ids it was for, with those to tell; nothing for a command that
    /// is not waited for.
    pub fn answered(&mut self, request_id: u64, outcome: &Result<(), Error>) -> Option<(usize, Settled)> {
        let Unanswered { sent, parts, .. } = self.in_flight.take(request_id)?;
        let count = sent.len();
        self.in_flight.recycle(sent);
        let mut settled = Settled::default();
        settled.add(parts, outcome);
        Some((count, settled))
    }

    /// The connection is new: what the broker did not answer on the old one may have been lost, so it waits again.
    pub fn put_back(&mut self) {
        for Unanswered { sent, mut parts, .. } in self.in_flight.take_all() {
            match sent {
                Sent::Entries(entries) => {
                    self.individual.extend_from_slice(&entries);
                    self.parts.append(&mut parts);
                    self.in_flight.recycle(Sent::Entries(entries));
                }
                Sent::Indexes(entries) => {
                    for id in entries {
                        if self.batches.known(id).is_some_and(|acks| acks.mark_queued()) {
                            self.indexes.push(id);
                        }
                    }
                    self.index_parts.append(&mut parts);
                }
                Sent::Cumulative(cumulative) => {
                    if self.cumulative.as_ref().is_none_or(|newer| !newer.covers(cumulative.entry)) {
                        self.cumulative = Some(cumulative);
                    }
                    self.cumulative_parts.append(&mut parts);
                }
            }
        }
    }

    /// Nothing of it will be sent, or answered, any more. Returns how many ids that are, with those to tell.
    pub fn give_up(&mut self, why: &Error) -> (usize, Settled) {
        let count = self.waiting() + self.unanswered();
        let mut settled = Settled::default();
        let outcome = Err(why.clone());
        for parts in [&mut self.parts, &mut self.index_parts, &mut self.cumulative_parts] {
            settled.add(std::mem::take(parts), &outcome);
        }
        for unanswered in self.in_flight.take_all() {
            settled.add(unanswered.parts, &outcome);
        }
        self.individual.clear();
        self.indexes.clear();
        self.cumulative = None;
        (count, settled)
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

/// Sends commands, with a number where the broker answers them.
struct Sender<'a> {
    consumer_id: u64,
    connection: &'a Connection,
    in_flight: &'a mut InFlight,
    settled: &'a mut Settled,
}

impl Sender<'_> {
    fn send(&mut self, ack_type: AckType, ids: &[AckId<'_>], sent: Sent, parts: Parts) {
        let answers = self.connection.answers_acks();
        let request_id = answers.then(|| self.connection.next_request_id());
        let ack = Ack { consumer_id: self.consumer_id, ack_type, ids, validation_error: None, request_id };
        self.connection.send_encoded(|out| ack.encode_frame(out));
        match request_id {
            Some(request_id) => self.in_flight.add(Unanswered { request_id, sent, parts }, self.settled),
            None => {
                self.in_flight.recycle(sent);
                self.settled.add(parts, &Ok(()));
            }
        }
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
pub(super) fn encoded_len((_, ack_set, _): &IndexAck) -> usize {
    ID_BYTES + ack_set.len() * WORD_BYTES
}

/// Acknowledges broken entries, so that the broker does not send them for ever.
pub(super) fn discard(connection: &Connection, consumer_id: u64, entries: &[EntryId], validation_error: i32) {
    let entries: Vec<_> = entries.iter().map(|entry| whole(*entry)).collect();
    for entries in entries.chunks(IDS_PER_COMMAND) {
        let ack = Ack {
            consumer_id,
            ack_type: AckType::Individual,
            ids: entries,
            validation_error: Some(validation_error),
            request_id: None,
        };
        connection.send_encoded(|out| ack.encode_frame(out));
    }
}

fn whole(entry: EntryId) -> AckId<'static> {
    AckId { entry, ack_set: &[], batch_size: None }
}

fn in_part((entry, ack_set, size): &IndexAck) -> AckId<'_> {
    AckId { entry: *entry, ack_set, batch_size: Some(size.cast_signed()) }
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

    #[test]
    fn what_was_not_answered_waits_again_behind_nothing_that_covers_it() {
        let sent = |request_id, sent| Unanswered { request_id, sent, parts: Parts::new() };
        let whole = |id| Cumulative { entry: id, reach: Reach::Whole };
        let (mut acks, mut settled) = (Acks::default(), Settled::default());
        acks.in_flight.add(sent(1, Sent::Entries(vec![entry(1, 1), entry(1, 2)])), &mut settled);
        acks.in_flight.add(sent(2, Sent::Cumulative(whole(entry(1, 7)))), &mut settled);
        acks.in_flight.add(sent(3, Sent::Cumulative(whole(entry(1, 9)))), &mut settled);
        acks.in_flight.add(sent(4, Sent::Entries(vec![entry(1, 3)])), &mut settled);
        assert_eq!(acks.answered(4, &Ok(())).map(|(count, _)| count), Some(1));
        assert!(acks.answered(4, &Ok(())).is_none());
        acks.add_cumulative(entry(1, 8), None, false);
        acks.put_back();
        assert_eq!((acks.waiting(), acks.unanswered()), (3, 0));
        assert_eq!(acks.cumulative.as_ref().map(|cumulative| cumulative.entry), Some(entry(1, 9)));
        assert_eq!(acks.individual, [entry(1, 1), entry(1, 2)]);
        assert_eq!(acks.give_up(&Error::Unknown(String::new())).0, 3);
        assert_eq!(acks.waiting(), 0);
    }
}
