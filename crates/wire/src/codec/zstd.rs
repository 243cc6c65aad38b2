//! Zstandard frames.

use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;
use zstd::zstd_safe::compress_bound;

use super::Encode;
use super::common::{corrupt, failed, read_stream, with_room};
use crate::WireError;

/// The context, used again.
pub(super) struct Zstd(Compressor<'static>);

impl Zstd {
    /// Level 3, as in the C++ client.
    pub fn new() -> Result<Self, WireError> {
        let level = zstd::DEFAULT_COMPRESSION_LEVEL;
        Ok(Zstd(Compressor::new(level).map_err(|error| failed(&error))?))
    }
}

impl Encode for Zstd {
    fn compress(&mut self, body: &[u8], scratch: &mut Vec<u8>) -> Result<Vec<u8>, WireError> {
        let room = with_room(scratch, compress_bound(body.len()));
        let len = self.0.compress_to_buffer(body, room).map_err(|error| failed(&error))?;
        Ok(scratch[..len].to_vec())
    }
}

pub(super) fn decompress(body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
    let decoder = Decoder::with_buffer(body).map_err(|error| corrupt(&error))?;
    read_stream(decoder, declared)
}
