//! Places in a topic, and where a consumer begins to read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::MessageIdData;

use super::{ConsumerConfig, InitialPosition};
use crate::MessageId;

/// Stands for all messages of an entry.
const ALL: u32 = u32::MAX;

/// Where to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeekTo {
    /// Behind the message with this id, or with [`start_inclusive`](super::ConsumerConfig::start_inclusive) at it.
    /// [`MessageId::EARLIEST`] and [`MessageId::LATEST`] are the ends of the topic.
    Id(MessageId),
    /// At the first message that was published at or after this moment, milliseconds since 1970.
    Time(u64),
}

/// A place between messages: behind the first `taken` messages of an entry, and behind everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub entry: EntryId,
    pub taken: u32,
}

impl Position {
    pub fn behind_entry(entry: EntryId) -> Self {
        Position { entry, taken: ALL }
    }

    /// The place behind a message, or with `inclusive` before it. An id without a place in a batch stands for its whole
    /// entry; a message in chunks begins with its first. Nothing for what stands before all messages.
    pub fn of(id: &MessageId, inclusive: bool) -> Option<Self> {
        let id = id.first_chunk.as_deref().filter(|_| inclusive).unwrap_or(id);
        let ledger = u64::try_from(id.ledger).ok()?;
        // Entry -1 of a ledger is before its first.
        let Ok(entry) = u64::try_from(id.entry) else {
            return Some(Position { entry: EntryId { ledger, entry: 0 }, taken: 0 });
        };
        let taken = match u32::try_from(id.batch_index) {
            Ok(index) => index.saturating_add(u32::from(!inclusive)),
            Err(_) if inclusive => 0,
            Err(_) => ALL,
        };
        Some(Position { entry: EntryId { ledger, entry }, taken })
    }

    /// Whether the message with this id, the last of its entry, is behind this place.
    pub fn is_before(self, last: &MessageId) -> bool {
        let (Ok(ledger), Ok(entry)) = (u64::try_from(last.ledger), u64::try_from(last.entry)) else {
            return false;
        };
        let last_index = u32::try_from(last.batch_index).unwrap_or(0);
        (self.entry, self.taken) < (EntryId { ledger, entry }, last_index.saturating_add(1))
    }

    /// For commands: the entry in which the next messages are. Where all of it is taken, that is the one behind it, which
    /// brokers take for the next that there is.
    fn next_entry(self, batch_size: u32) -> EntryId {
        let is_taken = self.taken > 0 && self.taken >= batch_size;
        EntryId { entry: self.entry.entry.saturating_add(u64::from(is_taken)), ..self.entry }
    }
}

/// Where a consumer, or a seek, begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Where the subscription stands, which its broker knows.
    Subscription,
    Earliest,
    /// Behind the last message that there is when the broker hears of it.
    Latest,
    /// At the first message that is published at or after this moment, milliseconds since 1970.
    Time(u64),
    At(Position),
}

/// Where a consumer of one topic reads from, when it subscribes and when it was moved.
#[derive(Debug)]
pub(super) struct Start {
    origin: Origin,
    /// What lies before is not delivered should the broker send it. Without a durable subscription the broker begins at
    /// whole entries; with one, this is of use once, on the first connection behind a seek.
    pub skip: Option<Position>,
    /// It was moved, and not connected since.
    is_moved: bool,
    /// The entry that it last subscribed with.
    asked_from: Option<EntryId>,
    /// The program wants to begin with the last message that there is, and none was asked for yet.
    pub at_last: bool,
    /// What cannot be delivered reaches up to here.
    passed: Option<Position>,
    /// Its time is a configured one, and no seek's.
    by_rollback: bool,
    durable: bool,
    inclusive: bool,
}

impl Start {
    pub fn new(config: &ConsumerConfig) -> Self {
        let mut start = Start {
            origin: Origin::Subscription,
            skip: None,
            is_moved: false,
            asked_from: None,
            at_last: false,
            passed: None,
            by_rollback: false,
            durable: config.durable,
            inclusive: config.start_inclusive,
        };
        if !config.durable {
            match (&config.start, config.start_rollback) {
                (Some(id), _) => start.begin_at(id),
                (None, Some(rollback)) => {
                    start.origin = Origin::Time(now().saturating_sub(millis(rollback)));
                    start.by_rollback = true;
                }
                (None, None) => {}
            }
        }
        start
    }

    fn begin_at(&mut self, id: &MessageId) {
        self.at_last = false;
        self.origin = match Position::of(id, self.inclusive) {
            None => Origin::Earliest,
            Some(_) if is_latest(id) => {
                self.at_last = self.inclusive;
                Origin::Latest
            }
            Some(place) => Origin::At(place),
        };
        self.skip = self.place();
    }

    /// The consumer was moved.
    pub fn moved(&mut self, to: &SeekTo) {
        (self.passed, self.by_rollback) = (None, false);
        (self.is_moved, self.asked_from) = (true, None);
        match to {
            SeekTo::Id(id) => self.begin_at(id),
            SeekTo::Time(time) => {
                (self.origin, self.skip, self.at_last) = (Origin::Time(*time), None, false);
            }
        }
    }

    /// There is a new connection; `taken` is how far the program came, `found` where the broker begins, if it said so.
    /// Without a durable subscription nobody but this consumer knows.
    pub fn resume(&mut self, taken: Option<Position>, found: Option<Position>) {
        let is_moved = std::mem::take(&mut self.is_moved);
        if self.durable {
            // Others may have moved the subscription since, and what they want is not to be skipped.
            self.skip = self.skip.filter(|_| is_moved);
            return;
        }
        if let Some(place) = taken.or(found) {
            self.origin = Origin::At(place);
        }
        if taken.is_some() {
            self.at_last = false;
        }
        self.skip = self.place();
    }

    /// The client uses another cluster, where the ids of this one mean nothing.
    pub fn start_over(&mut self, config: &ConsumerConfig) {
        *self = Start::new(config);
        if let Origin::At(_) = self.origin {
            (self.origin, self.skip) = (Origin::Earliest, None);
        }
    }

    /// The place it reads from, where that is known.
    pub fn place(&self) -> Option<Position> {
        match self.origin {
            Origin::At(place) => Some(place),
            _ => None,
        }
    }

    /// Where it reads from, given how far the program came.
    pub fn position(&self, taken: Option<Position>) -> Origin {
        match taken.or(self.place()).max(self.passed) {
            Some(place) => Origin::At(place),
            None => self.origin,
        }
    }

    /// Whether only the broker knows the place, and only until it is connected to anew: then messages that come meanwhile
    /// would be missed.
    pub fn has_to_be_found(&self) -> bool {
        !self.durable && matches!(self.origin, Origin::Subscription | Origin::Latest | Origin::Time(_))
    }

    /// Whether a new connection begins where it should without a further seek.
    pub fn is_kept(&self) -> bool {
        self.durable || matches!(self.origin, Origin::Earliest | Origin::At(_))
    }

    /// An entry is not delivered, and will not be.
    pub fn pass(&mut self, entry: EntryId) {
        self.passed = self.passed.max(Some(Position::behind_entry(entry)));
    }

    /// How many messages at the beginning of this entry are not delivered.
    pub fn skipped_of(&self, entry: EntryId) -> u32 {
        match self.skip {
            Some(skip) if skip.entry == entry => skip.taken,
            // A subscription may be moved back by others.
            Some(skip) if skip.entry > entry && !self.durable => ALL,
            _ => 0,
        }
    }

    /// What to subscribe with when the program came as far as `taken`. `oldest_chunk` is of a message in chunks that is not
    /// complete, or ends behind the place.
    pub fn subscribe_from(
        &mut self,
        taken: Option<Position>,
        oldest_chunk: impl FnOnce(EntryId) -> Option<EntryId>,
    ) -> StartToSend {
        if self.durable {
            return StartToSend::default();
        }
        let origin = taken.map_or(self.origin, Origin::At);
        // While nothing was taken since the last connection, what that was to bring may still be on its way: chunks from
        // before the place.
        let again = self.asked_from.take().filter(|_| origin == self.origin);
        let id = |id: MessageId, initial| StartToSend {
            id: Some(id.to_data()),
            initial: Some(initial),
            rollback: None,
        };
        match origin {
            Origin::Subscription => StartToSend::default(),
            Origin::Latest => id(MessageId::LATEST, InitialPosition::Latest),
            Origin::Time(time) if self.by_rollback => {
                let rollback = now().saturating_sub(time).div_ceil(1000).max(1);
                StartToSend { rollback: Some(rollback), ..StartToSend::default() }
            }
            // Behind a seek by time, the broker still has the subscription, and does not look at this.
            Origin::Earliest | Origin::Time(_) => id(MessageId::EARLIEST, InitialPosition::Earliest),
            // It begins with the whole entry.
            Origin::At(place) => {
                let chunks = again.into_iter().chain(oldest_chunk(place.entry));
                let entry = chunks.fold(place.entry, EntryId::min);
                self.asked_from = Some(entry);
                let (ledger, entry) = (entry.ledger.cast_signed(), entry.entry.cast_signed());
                id(MessageId::entry(ledger, entry, -1), InitialPosition::Latest)
            }
        }
    }
}

/// What a subscription that is not durable begins with, as the command has it.
#[derive(Debug, Default)]
pub(super) struct StartToSend {
    pub id: Option<MessageIdData>,
    /// Where to begin if the topic does not reach that far; absent: the configured one.
    pub initial: Option<InitialPosition>,
    /// Seconds back from now.
    pub rollback: Option<u64>,
}

/// What the broker is asked to seek to: the entry that is read next, and what is left of its batch.
pub(super) fn seek_id(id: &MessageId, inclusive: bool) -> MessageIdData {
    let Some(place) = Position::of(id, inclusive).filter(|_| !is_latest(id)) else {
        return MessageId { partition: -1, ..id.clone() }.to_data();
    };
    let batch_size = u32::try_from(id.batch_size).unwrap_or(0);
    // An id without the size of its batch may stand for more messages than the one it names.
    let known_size = if id.batch_index >= 0 && batch_size == 0 { ALL } else { batch_size };
    let next = place.next_entry(known_size);
    let is_within = next == place.entry && place.taken > 0 && batch_size > 0;
    MessageIdData {
        ledger_id: next.ledger,
        entry_id: next.entry,
        ack_set: if is_within { bits_from(place.taken, batch_size) } else { Vec::new() },
        ..MessageIdData::default()
    }
}

fn is_latest(id: &MessageId) -> bool {
    (id.ledger, id.entry) == (i64::MAX, i64::MAX)
}

/// Largest batch that the broker is told of message by message; anybody can write an id with any size.
const MAX_BITS: u32 = 1 << 20;

/// The bits of messages `first..size` of a batch.
fn bits_from(first: u32, size: u32) -> Vec<i64> {
    if size > MAX_BITS {
        return Vec::new();
    }
    let mut words = vec![0u64; size.div_ceil(u64::BITS) as usize];
    for bit in first..size {
        words[(bit / u64::BITS) as usize] |= 1 << (bit % u64::BITS);
    }
    words.into_iter().map(u64::cast_signed).collect()
}

fn now() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(entry: i64, index: i32, size: i32) -> MessageId {
        MessageId { batch_index: index, batch_size: size, ..MessageId::entry(7, entry, 3) }
    }

    fn entry(entry: u64) -> EntryId {
        EntryId { ledger: 7, entry }
    }

    #[test]
    fn places_lie_before_or_behind_messages() {
        let single = MessageId::entry(7, 5, -1);
        assert!(Position::of(&single, true).unwrap().is_before(&single));
        assert!(!Position::of(&single, false).unwrap().is_before(&single));
        assert!(!Position::of(&single, false).unwrap().is_before(&id(5, 9, 10)));
        assert!(Position::of(&id(5, 8, 10), false).unwrap().is_before(&id(5, 9, 10)));
        assert!(!Position::of(&id(5, 9, 10), false).unwrap().is_before(&id(5, 9, 10)));
        assert!(Position::of(&id(5, 9, 10), true).unwrap().is_before(&id(5, 9, 10)));
        assert!(Position::of(&single, false).unwrap().is_before(&MessageId::entry(8, 0, -1)));
        assert!(!Position::of(&single, false).unwrap().is_before(&MessageId::EARLIEST));
        assert_eq!(Position::of(&MessageId::EARLIEST, false), None);
        let before_first = Position::of(&MessageId::entry(7, -1, -1), false).unwrap();
        assert!(before_first.is_before(&MessageId::entry(7, 0, -1)));
        let chunked = MessageId { first_chunk: Some(Box::new(MessageId::entry(7, 2, -1))), ..single };
        assert_eq!(Position::of(&chunked, true).unwrap().entry, entry(2));
        assert_eq!(Position::of(&chunked, false).unwrap(), Position::behind_entry(entry(5)));
    }

    #[test]
    fn the_broker_is_asked_for_what_comes_next() {
        let sent = |id: &MessageId, inclusive| {
            let data = seek_id(id, inclusive);
            (data.entry_id, data.ack_set)
        };
        let single = MessageId::entry(7, 5, 3);
        assert_eq!(sent(&single, false), (6, vec![]));
        assert_eq!(sent(&single, true), (5, vec![]));
        assert_eq!(sent(&id(5, 1, 4), false), (5, vec![0b1100]));
        assert_eq!(sent(&id(5, 1, 4), true), (5, vec![0b1110]));
        assert_eq!(sent(&id(5, 0, 4), true), (5, vec![]));
        assert_eq!(sent(&id(5, 3, 4), false), (6, vec![]));
        assert_eq!(sent(&id(5, 65, 70), true), (5, vec![0, 0b11_1110]));
        // How many are behind it is not known.
        assert_eq!(sent(&id(5, 3, 0), false), (5, vec![]));
        assert_eq!(sent(&id(5, 3, i32::MAX), false), (5, vec![]));
        assert_eq!(seek_id(&MessageId::LATEST, true), MessageId::LATEST.to_data());
        assert_eq!(seek_id(&MessageId::EARLIEST, true), MessageId::EARLIEST.to_data());
    }

    #[test]
    fn only_without_a_durable_subscription_everything_before_is_skipped() {
        for durable in [false, true] {
            let mut start = Start::new(&ConsumerConfig { durable, ..ConsumerConfig::default() });
            start.moved(&SeekTo::Id(id(5, 1, 4)));
            assert_eq!(start.skipped_of(entry(5)), 2);
            assert_eq!(start.skipped_of(entry(4)), if durable { 0 } else { ALL });
            assert_eq!(start.skipped_of(entry(6)), 0);
        }
    }

    #[test]
    fn a_seek_of_a_durable_subscription_ends_with_the_connection_behind_it() {
        let mut start = Start::new(&ConsumerConfig::default());
        start.moved(&SeekTo::Id(id(5, 1, 4)));
        start.resume(None, None);
        assert_eq!(start.skipped_of(entry(5)), 2);
        start.resume(None, None);
        assert_eq!(start.skipped_of(entry(5)), 0);
    }

    #[test]
    fn what_was_asked_for_is_asked_for_until_more_is_taken() {
        let mut start = Start::new(&ConsumerConfig { durable: false, ..ConsumerConfig::default() });
        let sent = |start: &mut Start, taken: Option<u64>, chunk: Option<u64>| {
            let taken = taken.map(|number| Position::behind_entry(entry(number)));
            let sent = start.subscribe_from(taken, |_| chunk.map(entry)).id.unwrap().entry_id;
            start.resume(taken, None);
            sent
        };
        assert_eq!(sent(&mut start, Some(10), Some(8)), 8);
        assert_eq!(sent(&mut start, Some(10), None), 8);
        assert_eq!(sent(&mut start, Some(10), Some(9)), 8);
        assert_eq!(sent(&mut start, Some(11), Some(9)), 9);
        assert_eq!(sent(&mut start, Some(12), None), 12);
        start.moved(&SeekTo::Id(id(20, -1, 0)));
        assert_eq!(sent(&mut start, None, None), 20);
    }

    #[test]
    fn a_new_connection_goes_on_behind_what_was_taken() {
        let config = ConsumerConfig {
            durable: false,
            start: Some(MessageId::LATEST),
            start_inclusive: true,
            ..ConsumerConfig::default()
        };
        let mut start = Start::new(&config);
        assert!(start.has_to_be_found() && start.at_last);
        start.resume(None, Some(Position::behind_entry(entry(3))));
        assert!(!start.has_to_be_found() && start.at_last);
        assert_eq!(start.subscribe_from(None, |_| None).id.unwrap().entry_id, 3);
        start.resume(Some(Position { entry: entry(4), taken: 2 }), None);
        assert!(!start.at_last);
        assert_eq!(start.skipped_of(entry(4)), 2);
        assert_eq!(start.subscribe_from(None, |_| Some(entry(2))).id.unwrap().entry_id, 2);
        start.start_over(&config);
        assert_eq!(start.position(None), Origin::Latest);
    }
}
