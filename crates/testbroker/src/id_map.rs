//! Maps by numbers that this program or a well-meaning client gives out.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by a number. The standard hasher, which guards against chosen keys, costs as much for each frame as
/// decoding it; here a client with chosen keys would only slow itself down.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Spreads a number by one multiplication.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

/// 2^64 divided by the golden ratio, an odd number whose bits look like noise (Knuth, "Fibonacci hashing").
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        let spread = (self.0 ^ number).wrapping_mul(GOLDEN);
        // The map takes its slot from the low bits and a tag from the high ones.
        self.0 = spread ^ spread >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart() {
        let map: IdMap<u64, u64> = (0..1000).map(|number| (number << 20, number)).collect();
        assert!((0..1000).all(|number| map.get(&(number << 20)) == Some(&number)));
        assert_eq!(map.get(&1), None);
    }
}
