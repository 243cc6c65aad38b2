//! Deflate in zlib envelopes.

use flate2::{Compress, FlushCompress, Status};

use super::Encode;
use super::common::{failed, read_stream, with_room};
use crate::WireError;

/// Smallest step by which the buffer grows.
const STEP: usize = 4096;

/// The state of the stream, used again.
pub(super) struct Zlib(Compress);

impl Zlib {
    /// Level 6, as in the C++ client.
    pub fn new() -> Self {
        Zlib(Compress::new(flate2::Compression::default(), true))
    }
}

impl Encode for Zlib {
    /// Deflate tells no bound before, so the buffer grows until all is in it.
    fn compress(&mut self, body: &[u8], scratch: &mut Vec<u8>) -> Result<Vec<u8>, WireError> {
        let stream = &mut self.0;
        stream.reset();
        loop {
            let (taken, made) = (position(stream.total_in()), position(stream.total_out()));
            let room = with_room(scratch, made + STEP);
            let status = stream.compress(&body[taken..], &mut room[made..], FlushCompress::Finish);
            if status.map_err(|error| failed(&error))? == Status::StreamEnd {
                return Ok(scratch[..position(stream.total_out())].to_vec());
            }
        }
    }
}

pub(super) fn decompress(body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
    read_stream(flate2::read::ZlibDecoder::new(body), declared)
}

/// A place in a buffer in memory, which a `usize` can count.
fn position(total: u64) -> usize {
    usize::try_from(total).unwrap_or(usize::MAX)
}
