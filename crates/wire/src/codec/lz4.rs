//! LZ4 blocks.

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

use super::Encode;
use super::common::{check_ratio, corrupt, failed, with_room};
use crate::WireError;

/// A block grows at most 255-fold (lz4 block format: a length byte stands for up to 255 bytes).
const MAX_RATIO: usize = 255;

/// The hash table, used again.
#[derive(Default)]
pub(super) struct Lz4(CompressTable);

impl Encode for Lz4 {
    fn compress(&mut self, body: &[u8], scratch: &mut Vec<u8>) -> Result<Vec<u8>, WireError> {
        let room = with_room(scratch, get_maximum_output_size(body.len()));
        let len = compress_into_with_table(body, room, &mut self.0).map_err(|error| failed(&error))?;
        Ok(scratch[..len].to_vec())
    }
}

pub(super) fn decompress(body: &[u8], declared: usize) -> Result<Vec<u8>, WireError> {
    check_ratio(body, declared, MAX_RATIO)?;
    lz4_flex::block::decompress(body, declared).map_err(|error| corrupt(&error))
}
