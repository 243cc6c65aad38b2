//! Compressing entry bodies, with contexts and buffers that are used again.

use crate::WireError;
use crate::codec::{self, Encode};
use crate::compression::Compression;

/// Compresses one body after the other. What a codec needs for it is made once.
///
/// Levels are the codecs' defaults, as in the C++ client: 6 for ZLIB, 3 for ZSTD.
pub struct Compressor {
    compression: Compression,
    codec: Box<dyn Encode>,
    /// As long as the largest output may be; bodies leave it as copies of their own length.
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Compressor({:?})", self.compression)
    }
}

impl Compressor {
    /// A compressor for this codec. Fails where its Cargo feature was left out.
    pub fn new(compression: Compression) -> Result<Self, WireError> {
        Ok(Compressor { compression, codec: codec::encoder(compression)?, scratch: Vec::new() })
    }

    /// The codec.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The body, compressed. It may be longer than before: codecs mark what they cannot shrink.
    pub fn compress(&mut self, body: &[u8]) -> Result<Vec<u8>, WireError> {
        self.codec.compress(body, &mut self.scratch)
    }
}

#[cfg(all(feature = "lz4", feature = "snappy", feature = "zlib", feature = "zstd"))]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Compression; 4] =
        [Compression::Lz4, Compression::Zlib, Compression::Zstd, Compression::Snappy];

    proptest! {
        #[test]
        fn one_compressor_serves_all_bodies(bodies in proptest::collection::vec(any::<Vec<u8>>(), 1..6), repeat in 1usize..2000) {
            for codec in ALL {
                let mut compressor = Compressor::new(codec).unwrap();
                prop_assert_eq!(compressor.compression(), codec);
                for body in &bodies {
                    let body = body.repeat(repeat);
                    let small = compressor.compress(&body).unwrap();
                    prop_assert_eq!(codec.decompress(&small, body.len()), Ok(body));
                }
            }
        }
    }

    #[test]
    fn what_repeats_shrinks() {
        let body = b"a line of a log, like the one before\n".repeat(4000);
        for codec in ALL {
            let small = Compressor::new(codec).unwrap().compress(&body).unwrap();
            assert!(small.len() * 10 < body.len(), "{codec:?}: {}", small.len());
            assert_eq!(small.capacity(), small.len());
        }
    }
}
