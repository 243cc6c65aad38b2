//! Snappy blocks.

use super::Encode;
use super::common::{check_ratio, corrupt, failed, with_room};
use crate::WireError;

/// A block grows at most this much: a copy element of three bytes stands for 64.
const MAX_RATIO: usize = 64;

/// The hash table, used again.
pub(super) struct Snappy(snap::raw::Encoder);

impl Snappy {
    pub fn new() -> Self {
        Snappy(snap::raw::Encoder::new())
    }
}

impl Encode for Snappy {
    fn compress(&mut self, body: &[u8], scratch: &mut Vec<u8>) -> Result<Vec<u8>, WireError> {
        let room = with_room(scratch, snap::raw::max_compress_len(body.len()));
        let len = self.0.compress(body, room).map_err(|error| failed(&error))?;
        Ok(scratch[..len].to_vec())
    }
}

pub(super) fn decompress(body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
    check_ratio(body, declared, MAX_RATIO)?;
    let stored = snap::raw::decompress_len(body).map_err(|error| corrupt(&error))?;
    if stored != declared {
        return Err(WireError::Decompress(format!(
            "the block holds {stored} bytes, {declared} were declared"
        )));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(|error| corrupt(&error))
}
