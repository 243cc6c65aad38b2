//! Which messages of a batch are not acknowledged yet: the long array of a Java `BitSet`, bit set = not
//! acknowledged, zero words at the end left out.

/// Unacknowledged messages of one batch, a bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AckSet {
    words: Vec<u64>,
}

impl AckSet {
    /// Reads the words of a command. Bits beyond the batch, of `messages`, mean nothing and are dropped.
    #[allow(clippy::cast_sign_loss)] // the protocol carries bits in signed numbers
    pub fn from_protocol(words: &[i64], messages: u32) -> Self {
        let mut left = messages as usize;
        let mut kept = Vec::with_capacity(words.len().min(left.div_ceil(64)));
        for word in words {
            let mask = match left {
                0 => break,
                1..64 => (1u64 << left) - 1,
                _ => u64::MAX,
            };
            kept.push(*word as u64 & mask);
            left = left.saturating_sub(64);
        }
        let mut set = AckSet { words: kept };
        set.drop_zeros();
        set
    }

    /// The words as a command carries them.
    #[allow(clippy::cast_possible_wrap)] // the protocol carries bits in signed numbers
    pub fn to_protocol(&self) -> Vec<i64> {
        self.words.iter().map(|word| *word as i64).collect()
    }

    /// Keeps only what `other` leaves unacknowledged too.
    pub fn intersect(&mut self, other: &AckSet) {
        self.words.truncate(other.words.len());
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
        self.drop_zeros();
    }

    /// Messages that are not acknowledged.
    pub fn unacked(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    fn drop_zeros(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The indices that a set leaves unacknowledged, computed bit by bit.
    fn naive(words: &[i64], messages: u32) -> BTreeSet<u32> {
        (0..messages)
            .filter(|index| words.get(*index as usize / 64).is_some_and(|word| word >> (index % 64) & 1 == 1))
            .collect()
    }

    proptest! {
        #[test]
        fn sets_agree_with_a_naive_model(
            (a, b) in (vec(any::<i64>(), 0..4), vec(any::<i64>(), 0..4)), messages in 0u32..200,
        ) {
            let mut set = AckSet::from_protocol(&a, messages);
            prop_assert_eq!(naive(&set.to_protocol(), messages), naive(&a, messages));
            set.intersect(&AckSet::from_protocol(&b, messages));
            let both: BTreeSet<u32> =
                naive(&a, messages).intersection(&naive(&b, messages)).copied().collect();
            prop_assert_eq!(set.unacked() as usize, both.len());
            let words = set.to_protocol();
            prop_assert_ne!(words.last(), Some(&0));
            prop_assert_eq!(naive(&words, messages), both);
        }
    }

    #[test]
    fn a_hostile_batch_size_costs_no_memory() {
        assert_eq!(AckSet::from_protocol(&[-1], u32::MAX).unacked(), 64);
    }
}
