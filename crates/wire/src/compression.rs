//! Compression of entry bodies, byte-compatible with the other clients: LZ4 and Snappy are raw blocks, ZLIB
//! and ZSTD are streams.
//!
//! Restoring is bounded three times: by the size that the metadata declares, by the most that a codec can make
//! of the bytes at hand, so that a hostile frame cannot make us reserve memory it does not fill, and by
//! [`MAX_RESTORED`], so that a small one cannot fill all memory there is.

use crate::{WireError, codec};

/// Codec of an entry's body: `CompressionType` of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// LZ4 block.
    Lz4,
    /// Deflate in a zlib envelope.
    Zlib,
    /// Zstandard frame.
    Zstd,
    /// Snappy block.
    Snappy,
}

/// Largest body that is restored: 256 MiB. Producers compare the compressed size alone with the broker's limit
/// (5 MiB by default), so this leaves room for all that compresses 50-fold. ZSTD makes gigabytes of 100 KB.
pub const MAX_RESTORED: usize = 256 * 1024 * 1024;

impl Compression {
    /// The codec with this number in the protocol; `None` is "not compressed".
    pub fn from_number(number: i32) -> Result<Option<Self>, WireError> {
        match number {
            0 => Ok(None),
            1 => Ok(Some(Compression::Lz4)),
            2 => Ok(Some(Compression::Zlib)),
            3 => Ok(Some(Compression::Zstd)),
            4 => Ok(Some(Compression::Snappy)),
            other => Err(WireError::UnknownCompression(other)),
        }
    }

    /// The codec's number in the protocol.
    pub fn number(self) -> i32 {
        match self {
            Compression::Lz4 => 1,
            Compression::Zlib => 2,
            Compression::Zstd => 3,
            Compression::Snappy => 4,
        }
    }

    /// Whether this build has the codec: its Cargo feature may be left out.
    pub fn is_available(self) -> bool {
        match self {
            Compression::Lz4 => cfg!(feature = "lz4"),
            Compression::Zlib => cfg!(feature = "zlib"),
            Compression::Zstd => cfg!(feature = "zstd"),
            Compression::Snappy => cfg!(feature = "snappy"),
        }
    }

    /// Restores a body of `declared` bytes, at most [`MAX_RESTORED`].
    pub fn decompress(self, body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
        if declared > MAX_RESTORED {
            return Err(WireError::Decompress(format!("{declared} bytes are more than {MAX_RESTORED}")));
        }
        let restored = codec::decompress(self, body, declared)?;
        if restored.len() == declared {
            Ok(restored)
        } else {
            Err(WireError::Decompress(format!("{} bytes where {declared} were declared", restored.len())))
        }
    }
}

#[cfg(all(feature = "lz4", feature = "snappy", feature = "zlib", feature = "zstd"))]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const ALL: [Compression; 4] =
        [Compression::Lz4, Compression::Zlib, Compression::Zstd, Compression::Snappy];

    fn compress(codec: Compression, body: &[u8]) -> Vec<u8> {
        match codec {
            Compression::Lz4 => lz4_flex::block::compress(body),
            Compression::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(body).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => zstd::stream::encode_all(body, 0).unwrap(),
            Compression::Snappy => snap::raw::Encoder::new().compress_vec(body).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn bodies_come_back_as_they_went(body: Vec<u8>, repeat in 1usize..50) {
            let body = body.repeat(repeat);
            for codec in ALL {
                let small = compress(codec, &body);
                prop_assert_eq!(codec.decompress(&small, body.len()), Ok(body.clone()));
                prop_assert!(codec.decompress(&small, body.len() + 1).is_err());
                if !body.is_empty() {
                    prop_assert!(codec.decompress(&small, body.len() - 1).is_err());
                }
            }
        }

        #[test]
        fn decompression_is_total(body: Vec<u8>, declared in 0usize..1 << 20) {
            for codec in ALL {
                let _ = codec.decompress(&body, declared);
            }
        }
    }

    #[test]
    fn a_bomb_is_refused_before_memory_is_reserved() {
        for codec in ALL {
            let small = compress(codec, b"hello");
            assert!(codec.decompress(&small, u32::MAX as usize).is_err(), "{codec:?}");
        }
    }

    #[test]
    fn a_bomb_that_declares_its_size_is_refused() {
        // A frame without a size, in blocks of 128 KiB that repeat one byte; the last one has a bit more set.
        const BLOCK: u32 = 128 * 1024;
        let blocks = u32::try_from(MAX_RESTORED).unwrap() / BLOCK + 1;
        let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
        for block in 1..=blocks {
            let header = BLOCK << 3 | 1 << 1 | u32::from(block == blocks);
            bomb.extend_from_slice(&header.to_le_bytes()[..3]);
            bomb.push(b'x');
        }
        assert!(Compression::Zstd.decompress(&bomb, (blocks * BLOCK) as usize).is_err());
    }

    #[test]
    fn numbers_are_the_protocols() {
        for codec in ALL {
            assert_eq!(Compression::from_number(codec.number()), Ok(Some(codec)));
        }
        assert_eq!(Compression::from_number(0), Ok(None));
        assert_eq!(Compression::from_number(9), Err(WireError::UnknownCompression(9)));
    }
}
