//! Compressing entry bodies, with contexts and buffers that are used again.

use flate2::{Compress, FlushCompress, Status};
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

use crate::WireError;
use crate::compression::Compression;

/// Smallest step by which the buffer of a stream grows.
const STREAM_STEP: usize = 4096;

/// Compresses one body after the other. What a codec needs for it is made once.
///
/// Levels are the codecs' defaults, as in the C++ client: 6 for ZLIB, 3 for ZSTD.
pub struct Compressor {
    codec: Codec,
    /// As long as the largest output may be; bodies leave it as copies of their own length.
    scratch: Vec<u8>,
}

enum Codec {
    Lz4(CompressTable),
    Zlib(Compress),
    Zstd(zstd::bulk::Compressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Compressor({:?})", self.compression())
    }
}

impl Compressor {
    /// A compressor for this codec.
    pub fn new(compression: Compression) -> Result<Self, WireError> {
        let codec = match compression {
            Compression::Lz4 => Codec::Lz4(CompressTable::default()),
            Compression::Zlib => Codec::Zlib(Compress::new(flate2::Compression::default(), true)),
            Compression::Zstd => {
                let level = zstd::DEFAULT_COMPRESSION_LEVEL;
                Codec::Zstd(zstd::bulk::Compressor::new(level).map_err(|error| failed(&error))?)
            }
            Compression::Snappy => Codec::Snappy(Box::new(snap::raw::Encoder::new())),
        };
        Ok(Compressor { codec, scratch: Vec::new() })
    }

    /// The codec.
    pub fn compression(&self) -> Compression {
        match self.codec {
            Codec::Lz4(_) => Compression::Lz4,
            Codec::Zlib(_) => Compression::Zlib,
            Codec::Zstd(_) => Compression::Zstd,
            Codec::Snappy(_) => Compression::Snappy,
        }
    }

    /// The body, compressed. It may be longer than before: codecs mark what they cannot shrink.
    pub fn compress(&mut self, body: &[u8]) -> Result<Vec<u8>, WireError> {
        let scratch = &mut self.scratch;
        let len = match &mut self.codec {
            Codec::Lz4(table) => {
                let room = with_room(scratch, get_maximum_output_size(body.len()));
                compress_into_with_table(body, room, table).map_err(|error| failed(&error))?
            }
            Codec::Zlib(stream) => return compress_stream(stream, body, scratch),
            Codec::Zstd(context) => {
                let room = with_room(scratch, zstd::zstd_safe::compress_bound(body.len()));
                context.compress_to_buffer(body, room).map_err(|error| failed(&error))?
            }
            Codec::Snappy(encoder) => {
                let room = with_room(scratch, snap::raw::max_compress_len(body.len()));
                encoder.compress(body, room).map_err(|error| failed(&error))?
            }
        };
        Ok(scratch[..len].to_vec())
    }
}

fn failed(error: &dyn std::error::Error) -> WireError {
    WireError::Compress(error.to_string())
}

/// The buffer, at least `len` bytes long.
fn with_room(scratch: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    scratch
}

/// Deflate tells no bound before, so the buffer grows until all is in it.
fn compress_stream(stream: &mut Compress, body: &[u8], scratch: &mut Vec<u8>) -> Result<Vec<u8>, WireError> {
    stream.reset();
    loop {
        let (taken, made) = (position(stream.total_in()), position(stream.total_out()));
        let room = with_room(scratch, made + STREAM_STEP);
        let status = stream.compress(&body[taken..], &mut room[made..], FlushCompress::Finish);
        if status.map_err(|error| failed(&error))? == Status::StreamEnd {
            return Ok(scratch[..position(stream.total_out())].to_vec());
        }
    }
}

/// A place in a buffer in memory, which a `usize` can count.
fn position(total: u64) -> usize {
    usize::try_from(total).unwrap_or(usize::MAX)
}

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
