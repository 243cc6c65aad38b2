//! Which consumer of a key-shared subscription gets which keys.

use std::ops::RangeInclusive;

use pulsar_rs_wire::proto::{IntRange, KeySharedMeta, KeySharedMode};

use crate::Error;

/// Which consumer of a key-shared subscription gets which keys. All consumers of a subscription need the same kind of
/// division, and the same idea of order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySharedPolicy {
    /// How keys are divided among the consumers. Default: by the broker.
    pub hashes: KeyHashes,
    /// Deliver messages of a key also while earlier ones of it are unacknowledged at the consumer that had the key before:
    /// when consumers come and go nobody waits, and for a while a key may be at two consumers. Default false.
    pub allow_out_of_order: bool,
}

/// The hashes of keys that a consumer gets. Brokers hash a key with Murmur3, to 0..=65535.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyHashes {
    /// The broker divides them among the consumers that there are.
    #[default]
    AutoSplit,
    /// These, whichever other consumers there are; the broker refuses them while another one has any of them. Messages
    /// whose hash nobody has stay undelivered. At least one range; none overlaps another.
    Sticky(Vec<RangeInclusive<u16>>),
}

impl KeySharedPolicy {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let KeyHashes::Sticky(ranges) = &self.hashes else {
            return Ok(());
        };
        let invalid = |why: String| Err(Error::InvalidConfiguration(why));
        if ranges.is_empty() {
            return invalid("a sticky key-shared policy needs a range of hashes".into());
        }
        if let Some(range) = ranges.iter().find(|range| range.is_empty()) {
            return invalid(format!("the range of hashes {range:?} is empty"));
        }
        let mut ranges = ranges.clone();
        ranges.sort_unstable_by_key(|range| *range.start());
        match ranges.array_windows().find(|[low, high]| high.start() <= low.end()) {
            Some([low, high]) => invalid(format!("the ranges of hashes {low:?} and {high:?} overlap")),
            None => Ok(()),
        }
    }

    pub(super) fn to_wire(&self) -> KeySharedMeta {
        let (mode, hash_ranges) = match &self.hashes {
            KeyHashes::AutoSplit => (KeySharedMode::AutoSplit, Vec::new()),
            KeyHashes::Sticky(ranges) => {
                let range = |range: &RangeInclusive<u16>| IntRange {
                    start: (*range.start()).into(),
                    end: (*range.end()).into(),
                };
                (KeySharedMode::Sticky, ranges.iter().map(range).collect())
            }
        };
        KeySharedMeta {
            key_shared_mode: mode.into(),
            hash_ranges,
            allow_out_of_order_delivery: Some(self.allow_out_of_order),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sticky(ranges: &[RangeInclusive<u16>]) -> Result<(), Error> {
        let hashes = KeyHashes::Sticky(ranges.to_vec());
        KeySharedPolicy { hashes, ..KeySharedPolicy::default() }.validate()
    }

    #[test]
    fn ranges_are_checked() {
        assert!(KeySharedPolicy::default().validate().is_ok());
        assert!(sticky(&[0..=65535]).is_ok());
        assert!(sticky(&[100..=200, 0..=99, 201..=201]).is_ok());
        #[allow(clippy::reversed_empty_ranges)]
        let wrong: [&[_]; 5] = [&[], &[2..=1], &[0..=10, 10..=20], &[30..=40, 0..=50], &[5..=5, 5..=5]];
        for ranges in wrong {
            assert!(matches!(sticky(ranges), Err(Error::InvalidConfiguration(_))), "{ranges:?}");
        }
    }
}
