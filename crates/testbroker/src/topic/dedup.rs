//! Deduplication: the newest sequence id that each producer name has stored.

use std::collections::HashMap;

/// Newest sequence ids by producer name.
#[derive(Debug, Default)]
pub(crate) struct Deduplication {
    newest: HashMap<String, u64>,
}

impl Deduplication {
    /// Newest sequence id that this producer name stored.
    pub fn newest(&self, producer: &str) -> Option<u64> {
        self.newest.get(producer).copied()
    }

    /// Whether an entry with this (lowest) sequence id was stored before; if not, notes it. `highest` is
    /// the sequence id of the last message in the entry.
    pub fn is_duplicate(&mut self, producer: &str, sequence_id: u64, highest: u64) -> bool {
        let highest = highest.max(sequence_id);
        match self.newest.get_mut(producer) {
            Some(newest) if sequence_id <= *newest => true,
            Some(newest) => {
                *newest = highest;
                false
            }
            None => {
                self.newest.insert(producer.to_owned(), highest);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_duplicate_when_its_first_message_is() {
        let mut dedup = Deduplication::default();
        assert!(!dedup.is_duplicate("p", 0, 0));
        assert!(dedup.is_duplicate("p", 0, 0));
        assert!(!dedup.is_duplicate("p", 2, 4));
        // Observed on a real broker: a batch that overlaps the end of the one before is dropped whole.
        assert!(dedup.is_duplicate("p", 3, 6));
        assert!(dedup.is_duplicate("p", 4, 7));
        assert!(!dedup.is_duplicate("p", 5, 0));
        assert_eq!(dedup.newest("p"), Some(5));
        assert!(!dedup.is_duplicate("q", 0, 0), "each producer counts alone");
    }
}
