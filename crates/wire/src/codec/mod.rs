//! The codecs of entries, one file each. Each is a Cargo feature; where one is left out, what needs it fails with
//! [`WireError::CodecLeftOut`].

#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zlib")]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

use crate::WireError;
use crate::compression::Compression;

/// What a codec keeps from one body to the next.
pub(crate) trait Encode: Send {
    /// The body, compressed. `scratch` may hold anything, and grows to what the largest output takes.
    fn compress(&mut self, body: &[u8], scratch: &mut Vec<u8>) -> Result<Vec<u8>, WireError>;
}

/// What compresses with a codec.
pub(crate) fn encoder(compression: Compression) -> Result<Box<dyn Encode>, WireError> {
    match compression {
        #[cfg(feature = "lz4")]
        Compression::Lz4 => Ok(Box::new(lz4::Lz4::default())),
        #[cfg(feature = "zlib")]
        Compression::Zlib => Ok(Box::new(zlib::Zlib::new())),
        #[cfg(feature = "zstd")]
        Compression::Zstd => Ok(Box::new(zstd::Zstd::new()?)),
        #[cfg(feature = "snappy")]
        Compression::Snappy => Ok(Box::new(snappy::Snappy::new())),
        #[cfg(not(all(feature = "lz4", feature = "snappy", feature = "zlib", feature = "zstd")))]
        left_out => Err(WireError::CodecLeftOut(left_out)),
    }
}

/// Restores a body. It may come out longer or shorter than `declared`, by which memory is bounded.
pub(crate) fn decompress(
    compression: Compression,
    body: &[u8],
    declared: usize,
) -> Result<Vec<u8>, WireError> {
    #[cfg(not(any(feature = "lz4", feature = "snappy", feature = "zlib", feature = "zstd")))]
    let _ = (body, declared);
    match compression {
        #[cfg(feature = "lz4")]
        Compression::Lz4 => lz4::decompress(body, declared),
        #[cfg(feature = "zlib")]
        Compression::Zlib => zlib::decompress(body, declared),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::decompress(body, declared),
        #[cfg(feature = "snappy")]
        Compression::Snappy => snappy::decompress(body, declared),
        #[cfg(not(all(feature = "lz4", feature = "snappy", feature = "zlib", feature = "zstd")))]
        left_out => Err(WireError::CodecLeftOut(left_out)),
    }
}

/// What the codecs' files have in common.
#[cfg(any(feature = "lz4", feature = "snappy", feature = "zlib", feature = "zstd"))]
// Each is used by some of them only.
#[cfg_attr(
    not(all(feature = "lz4", feature = "snappy", feature = "zlib", feature = "zstd")),
    allow(dead_code)
)]
mod common {
    use std::io::Read;

    use crate::WireError;

    /// Reserved at once for streams; the rest as it comes.
    const STREAM_RESERVE: usize = 64 * 1024;

    pub fn corrupt(error: &dyn std::error::Error) -> WireError {
        WireError::Decompress(error.to_string())
    }

    pub fn failed(error: &dyn std::error::Error) -> WireError {
        WireError::Compress(error.to_string())
    }

    /// Refuses a declared size that `body` cannot hold, before memory is reserved for it.
    pub fn check_ratio(body: &[u8], declared: usize, ratio: usize) -> Result<(), WireError> {
        if declared > body.len().saturating_mul(ratio) {
            return Err(WireError::Decompress(format!("{} bytes cannot hold {declared}", body.len())));
        }
        Ok(())
    }

    pub fn read_stream(decoder: impl Read, declared: usize) -> Result<Vec<u8>, WireError> {
        let mut restored = Vec::with_capacity(declared.min(STREAM_RESERVE));
        // One byte more than declared shows a stream that is too long.
        let bound = (declared as u64).saturating_add(1);
        decoder.take(bound).read_to_end(&mut restored).map_err(|error| corrupt(&error))?;
        Ok(restored)
    }

    /// The buffer, at least `len` bytes long.
    pub fn with_room(scratch: &mut Vec<u8>, len: usize) -> &mut [u8] {
        if scratch.len() < len {
            scratch.resize(len, 0);
        }
        scratch
    }
}
