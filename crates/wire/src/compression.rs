//! Compression of entry bodies, byte-compatible with the other clients: LZ4 and Snappy are raw blocks, ZLIB
//! and ZSTD are streams.
//!
//! Restoring is bounded three times: by the size that the metadata declares, by the most that a codec can make
//! of the bytes at hand, so that a hostile frame cannot make us reserve memory it does not fill, and by
//! [`MAX_RESTORED`], so that a small one cannot fill all memory there is.

use std::io::Read;

use crate::WireError;

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

/// An LZ4 block grows at most 255-fold (lz4 block format: a length byte stands for up to 255 bytes).
const LZ4_MAX_RATIO: usize = 255;

/// A Snappy block grows at most this much: a copy element of three bytes stands for 64.
const SNAPPY_MAX_RATIO: usize = 64;

/// Reserved at once for streams; the rest as it comes.
const STREAM_RESERVE: usize = 64 * 1024;

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

    /// Restores a body of `declared` bytes, at most [`MAX_RESTORED`].
    pub fn decompress(self, body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
        if declared > MAX_RESTORED {
            return Err(WireError::Decompress(format!("{declared} bytes are more than {MAX_RESTORED}")));
        }
        let restored = match self {
            Compression::Lz4 => decompress_lz4(body, declared),
            Compression::Zlib => read_stream(flate2::read::ZlibDecoder::new(body), declared),
            Compression::Zstd => match zstd::stream::read::Decoder::with_buffer(body) {
                Ok(decoder) => read_stream(decoder, declared),
                Err(error) => Err(corrupt(&error)),
            },
            Compression::Snappy => decompress_snappy(body, declared),
        }?;
        if restored.len() == declared {
            Ok(restored)
        } else {
            Err(WireError::Decompress(format!("{} bytes where {declared} were declared", restored.len())))
        }
    }
}

fn corrupt(error: &dyn std::error::Error) -> WireError {
    WireError::Decompress(error.to_string())
}

/// Refuses a declared size that `body` cannot hold, before memory is reserved for it.
fn check_ratio(body: &[u8], declared: usize, ratio: usize) -> Result<(), WireError> {
    if declared > body.len().saturating_mul(ratio) {
        return Err(WireError::Decompress(format!("{} bytes cannot hold {declared}", body.len())));
    }
    Ok(())
}

fn decompress_lz4(body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
    check_ratio(body, declared, LZ4_MAX_RATIO)?;
    lz4_flex::block::decompress(body, declared).map_err(|error| corrupt(&error))
}

fn decompress_snappy(body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
    check_ratio(body, declared, SNAPPY_MAX_RATIO)?;
    let stored = snap::raw::decompress_len(body).map_err(|error| corrupt(&error))?;
    if stored != declared {
        return Err(WireError::Decompress(format!(
            "the block holds {stored} bytes, {declared} were declared"
        )));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(|error| corrupt(&error))
}

fn read_stream(decoder: impl Read, declared: usize) -> Result<Vec<u8>, WireError> {
    let mut restored = Vec::with_capacity(declared.min(STREAM_RESERVE));
    // One byte more than declared shows a stream that is too long.
    let bound = (declared as u64).saturating_add(1);
    decoder.take(bound).read_to_end(&mut restored).map_err(|error| corrupt(&error))?;
    Ok(restored)
}

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
