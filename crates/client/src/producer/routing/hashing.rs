//! Hashes that choose the partition for a key, the same ones as in the established clients: a key must land
//! on the same partition whoever sends it.

/// How a key becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashingScheme {
    /// Murmur3, 32 bits, seed 0. The Java and Go clients use it by this name too.
    Murmur3,
    /// `boost::hash` of a string, as the official binaries of the C++ client 4.x have it: that of Boost 1.81 and later.
    /// The C++ client's default.
    #[default]
    Boost,
    /// `boost::hash` of a string before Boost 1.81, as in C++ clients that were built with an older one.
    OldBoost,
    /// `String.hashCode` of Java, over bytes. The Java client's default.
    JavaString,
}

impl HashingScheme {
    /// The number for a key; never negative when it is taken as a signed one.
    pub(super) fn hash(self, key: &[u8]) -> u32 {
        let hash = match self {
            HashingScheme::Murmur3 => murmur3(key),
            HashingScheme::Boost => boost(key),
            HashingScheme::OldBoost => old_boost(key),
            HashingScheme::JavaString => java_string(key),
        };
        hash & i32::MAX.cast_unsigned()
    }
}

fn murmur3(key: &[u8]) -> u32 {
    let mix = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = key.as_chunks::<4>();
    let mut hash = 0u32;
    for block in blocks {
        hash ^= mix(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let mut last = [0; 4];
        last[..tail.len()].copy_from_slice(tail);
        hash ^= mix(u32::from_le_bytes(last));
    }
    // The algorithm counts in 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    let len = key.len() as u32;
    hash ^= len;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

fn java_string(key: &[u8]) -> u32 {
    key.iter().fold(0, |hash: u32, byte| {
        let byte = i32::from(byte.cast_signed()).cast_unsigned();
        hash.wrapping_mul(31).wrapping_add(byte)
    })
}

/// Both halves of the 128-bit product, put together.
fn multiply_and_fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    // Taking the low half is the point.
    #[allow(clippy::cast_possible_truncation)]
    let low = product as u64;
    low ^ u64::try_from(product >> 64).unwrap_or_default()
}

/// Each byte, as a signed one, is mixed into 64 bits.
fn old_boost(key: &[u8]) -> u32 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    let hash = key.iter().fold(0u64, |hash, byte| {
        let byte = i64::from(byte.cast_signed()).cast_unsigned().wrapping_mul(FACTOR);
        let byte = (byte ^ byte >> 47).wrapping_mul(FACTOR);
        (hash ^ byte).wrapping_mul(FACTOR).wrapping_add(0xe654_6b64)
    });
    // As the C++ client does, which keeps the low 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    let low = hash as u32;
    low
}

fn boost(key: &[u8]) -> u32 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    const FACTOR: u64 = 0xdf44_2d22_ce48_59b9;
    let mut weight = multiply_and_fold(STEP, FACTOR);
    let (blocks, tail) = key.as_chunks::<8>();
    let last = tail_number(tail);
    let mut hash = weight ^ key.len() as u64;
    for number in blocks.iter().map(|block| u64::from_le_bytes(*block)).chain([last]) {
        weight = weight.wrapping_add(STEP);
        hash ^= multiply_and_fold(number.wrapping_add(weight), FACTOR);
    }
    let hash = multiply_and_fold(hash.wrapping_add(weight), FACTOR);
    // As the C++ client does, which keeps the low 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    let low = hash as u32;
    low
}

/// The up to seven bytes behind the last whole block, as one number. Some of them count twice.
fn tail_number(tail: &[u8]) -> u64 {
    let len = tail.len();
    if let (Some(first), Some(last)) = (tail.first_chunk::<4>(), tail.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << ((len - 4) * 8);
        return last | u64::from(u32::from_le_bytes(*first));
    }
    if len == 0 {
        return 0;
    }
    let (one, other) = ((len - 1) & 2, len >> 1);
    let at = |index: usize| u64::from(tail[index]) << (index * 8);
    at(one) | at(other) | at(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the partitions of 101 and of 997 to which the C++ client 4.2 sends them, for each scheme.
    const KEYS: [(&[u8], [[u32; 2]; 3]); 19] = [
        // (key, [Murmur3, Boost, JavaString])
        (b"a", [[11, 213], [13, 639], [97, 97]]),
        (b"ab", [[65, 217], [17, 591], [75, 114]]),
        (b"abc", [[15, 685], [91, 599], [0, 642]]),
        (b"abcd", [[94, 161], [50, 925], [100, 62]]),
        (b"abcde", [[98, 141], [49, 147], [70, 29]]),
        (b"abcdef", [[17, 826], [51, 950], [16, 518]]),
        (b"abcdefg", [[61, 389], [67, 858], [57, 364]]),
        (b"abcdefgh", [[18, 647], [19, 932], [15, 124]]),
        (b"abcdefghi", [[28, 584], [51, 603], [59, 240]]),
        (b"key-1", [[22, 107], [84, 719], [23, 113]]),
        (b"key-2", [[34, 67], [66, 709], [24, 114]]),
        (b"order/4711", [[44, 35], [29, 928], [5, 816]]),
        (b"a key of more than sixteen bytes", [[36, 36], [95, 206], [64, 276]]),
        (b"a key of more than sixteen bytes!", [[2, 296], [39, 421], [59, 861]]),
        (b"\xc3\xa4\xc3\xb6\xc3\xbc", [[99, 799], [0, 971], [84, 769]]),
        (b"\xff\x80\x7f", [[75, 131], [89, 122], [80, 666]]),
        (b"0123456789012345", [[84, 357], [54, 338], [36, 944]]),
        (b"012345678901234", [[94, 15], [47, 708], [69, 477]]),
        (b"01234567890123456789012", [[28, 127], [90, 288], [52, 773]]),
    ];

    #[test]
    fn keys_land_where_a_client_with_an_older_boost_sends_them() {
        let keys: [&[u8]; 8] = [b"a", b"b", b"c", b"d", b"e", b"f", b"key-1", b"key-2"];
        let partitions = keys.map(|key| HashingScheme::OldBoost.hash(key) % 3);
        assert_eq!(partitions, [0, 2, 2, 2, 2, 1, 0, 0]);
    }

    #[test]
    fn keys_land_where_the_established_client_sends_them() {
        for (key, expected) in KEYS {
            let schemes = [HashingScheme::Murmur3, HashingScheme::Boost, HashingScheme::JavaString];
            for (scheme, expected) in schemes.into_iter().zip(expected) {
                let hash = scheme.hash(key);
                assert_eq!([hash % 101, hash % 997], expected, "{scheme:?} of {}", key.escape_ascii());
            }
        }
    }
}
