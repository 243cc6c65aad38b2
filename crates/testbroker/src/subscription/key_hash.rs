//! Hashes of message keys, as `Key_Shared` subscriptions need them.

use crate::topic::Entry;

/// Hash of the entry's key in the range of sticky consumers, 0 to 65,535: Murmur3 (32 bits, seed 0), its
/// sign dropped, modulo 65,536, as a real broker does it.
///
/// The key is the ordering key, or the partition key, or, where the message has none, what identifies it.
pub(super) fn of(entry: &Entry) -> u16 {
    let Some(metadata) = entry.metadata() else { return hash(b"") };
    match (metadata.ordering_key, metadata.partition_key) {
        (None, Some(key)) if metadata.partition_key_b64_encoded => hash(&decode_base64(key)),
        (Some(key), _) | (None, Some(key)) => hash(key),
        (None, None) => {
            let mut key = metadata.producer_name.to_vec();
            key.extend_from_slice(format!("-{}", metadata.sequence_id).as_bytes());
            hash(&key)
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // modulo 65,536; the sign bit that goes first is above it
fn hash(key: &[u8]) -> u16 {
    murmur3(key) as u16
}

/// Murmur3, 32 bits, seed 0 (Austin Appleby's `MurmurHash3_x86_32`, public domain).
pub(super) fn murmur3(key: &[u8]) -> u32 {
    let scramble = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = key.as_chunks::<4>();
    let mut hash = 0u32;
    for block in blocks {
        hash = (hash ^ scramble(u32::from_le_bytes(*block))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let mut last = [0; 4];
        last[..tail.len()].copy_from_slice(tail);
        hash ^= scramble(u32::from_le_bytes(last));
    }
    #[allow(clippy::cast_possible_truncation)] // the algorithm takes the length modulo 2^32
    let mut hash = hash ^ key.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

/// Spreads the bits of a number over all of it (the finaliser of splitmix64, public domain).
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// Decodes base64; what is not base64 ends it.
fn decode_base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for symbol in text {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur3_gives_its_known_values() {
        // Verification values of the reference implementation.
        assert_eq!(murmur3(b""), 0);
        assert_eq!(murmur3(b"test"), 0xba6b_d213);
        assert_eq!(murmur3(b"Hello, world!"), 0xc036_3e43);
        assert_eq!(murmur3(b"The quick brown fox jumps over the lazy dog"), 0x2e4f_f723);
    }

    #[test]
    fn hashes_are_those_of_a_real_broker() {
        // Seen on Pulsar 4.0.7 with sticky ranges 0-30,000 and 30,001-65,535.
        let upper: Vec<u32> =
            (0..20).filter(|number| hash(format!("k{number}").as_bytes()) > 30_000).collect();
        assert_eq!(upper, [2, 3, 5, 7, 9, 14, 17]);
    }

    #[test]
    fn base64_is_decoded() {
        assert_eq!(decode_base64(b"aGVsbG8="), b"hello");
        assert_eq!(decode_base64(b"aGVsbG8h"), b"hello!");
        assert_eq!(decode_base64(b""), b"");
    }
}
