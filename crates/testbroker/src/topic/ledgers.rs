//! The ledgers that the entries of a topic lie in.

use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::MessageIdData;

/// A place in a topic as a client gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before all entries.
    Earliest,
    /// Behind all entries.
    Latest,
    /// The entry with this number, which may be gone or not there yet.
    Entry(u64),
}

/// Ledgers, oldest first; the last is the one that is written to. Entries are numbered through all of them.
#[derive(Debug)]
pub(crate) struct Ledgers {
    closed: Vec<Ledger>,
    open: Ledger,
}

#[derive(Debug, Clone, Copy)]
struct Ledger {
    id: u64,
    /// Number of its first entry.
    first: u64,
}

impl Ledgers {
    /// One ledger.
    pub fn new(id: u64) -> Self {
        Ledgers { closed: Vec::new(), open: Ledger { id, first: 0 } }
    }

    /// Closes the ledger that is written to, whose entries end before the number `end`, and opens another one. One
    /// without entries is forgotten.
    pub fn roll(&mut self, end: u64, id: u64) {
        let before = std::mem::replace(&mut self.open, Ledger { id, first: end });
        if before.first < end {
            self.closed.push(before);
        }
    }

    /// Number of the first entry in the ledger that is written to.
    pub fn open_from(&self) -> u64 {
        self.open.first
    }

    /// Forgets the ledgers whose entries all lie before the number `first`.
    pub fn trim(&mut self, first: u64) {
        let gone = self.all().skip(1).take_while(|next| next.first <= first).count();
        self.closed.drain(..gone);
    }

    /// Where the entry with this number is, or will be.
    pub fn position(&self, number: u64) -> EntryId {
        let after = self.closed.partition_point(|ledger| ledger.first <= number);
        let ledger = match after.checked_sub(1) {
            Some(index) if number < self.open.first => self.closed[index],
            _ => self.open,
        };
        EntryId { ledger: ledger.id, entry: number.wrapping_sub(ledger.first) }
    }

    /// Number of an entry that a client names, if its ledger is there and has it or may get it.
    pub fn number_of(&self, id: EntryId) -> Option<u64> {
        let mut ledgers = self.all().skip_while(|ledger| ledger.id != id.ledger);
        let number = ledgers.next()?.first.checked_add(id.entry)?;
        ledgers.next().is_none_or(|next| number < next.first).then_some(number)
    }

    /// Reads a message id. Like a broker's, its parts are signed: -1 is the earliest. What lies behind the end of a
    /// ledger, or in one that is gone, is the start of the next.
    #[allow(clippy::cast_possible_wrap)] // the protocol carries signed numbers as unsigned ones
    pub fn place_of(&self, id: &MessageIdData) -> Place {
        let (ledger, entry) = (id.ledger_id as i64, id.entry_id as i64);
        let mut ledgers = self.all().skip_while(|known| (known.id as i64) < ledger);
        let Some(found) = ledgers.next() else { return Place::Latest };
        let oldest = self.all().next().is_some_and(|oldest| oldest.id == found.id);
        let inside = found.id as i64 == ledger && entry >= 0;
        if !inside {
            return if oldest { Place::Earliest } else { Place::Entry(found.first) };
        }
        let number = found.first.saturating_add(id.entry_id);
        Place::Entry(ledgers.next().map_or(number, |next| number.min(next.first)))
    }

    fn all(&self) -> impl Iterator<Item = Ledger> {
        self.closed.iter().copied().chain([self.open])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ledger 5 with entries 0 to 2, ledger 8 with entries 3 and 4, ledger 9 with those from 5 on.
    fn three() -> Ledgers {
        let mut ledgers = Ledgers::new(5);
        ledgers.roll(3, 7);
        ledgers.roll(3, 8);
        ledgers.roll(5, 9);
        ledgers
    }

    fn id(ledger: i64, entry: i64) -> MessageIdData {
        MessageIdData {
            ledger_id: ledger.cast_unsigned(),
            entry_id: entry.cast_unsigned(),
            ..MessageIdData::default()
        }
    }

    #[test]
    fn numbers_and_places_agree() {
        let mut ledgers = three();
        let places = [(5, 0), (5, 1), (5, 2), (8, 0), (8, 1), (9, 0), (9, 1)];
        for (number, (ledger, entry)) in (0..).zip(places) {
            let position = EntryId { ledger, entry };
            assert_eq!(ledgers.position(number), position);
            assert_eq!(ledgers.number_of(position), Some(number));
        }
        assert_eq!(ledgers.number_of(EntryId { ledger: 5, entry: 3 }), None);
        assert_eq!(ledgers.number_of(EntryId { ledger: 7, entry: 0 }), None);
        ledgers.trim(4);
        assert_eq!(ledgers.number_of(EntryId { ledger: 5, entry: 2 }), None);
        assert_eq!(ledgers.number_of(EntryId { ledger: 8, entry: 0 }), Some(3));
        ledgers.trim(5);
        assert_eq!(ledgers.position(5), EntryId { ledger: 9, entry: 0 });
        assert_eq!(ledgers.number_of(EntryId { ledger: 8, entry: 0 }), None);
    }

    #[test]
    fn what_is_between_ledgers_is_the_start_of_the_next() {
        let ledgers = three();
        let found = |ledger, entry| ledgers.place_of(&id(ledger, entry));
        assert_eq!([found(-1, -1), found(5, -1), found(0, 7)], [Place::Earliest; 3]);
        assert_eq!([found(5, 3), found(5, i64::MAX), found(6, 9), found(8, -1)], [Place::Entry(3); 4]);
        assert_eq!([found(8, 1), found(9, 7)], [Place::Entry(4), Place::Entry(12)]);
        assert_eq!(found(i64::MAX, i64::MAX), Place::Latest);
    }
}
