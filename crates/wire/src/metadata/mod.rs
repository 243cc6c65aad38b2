//! Metadata of entries and of single messages in a batch, borrowed from the bytes they stand in.

mod encryption;
mod entry;
mod properties;
mod single;

pub use encryption::{Encryption, WrappedKey, put_encryption_param, put_wrapped_key};
pub use entry::Metadata;
pub use properties::{Properties, Property};
pub use single::SingleMetadata;

use crate::field::{FieldWriter, delimited_len, uint_len};

/// Length of a `bool` field that is written only when true.
fn flag_len(number: u32, flag: bool) -> usize {
    if flag { uint_len(number, 1) } else { 0 }
}

/// Writes a `bool` field only when true.
fn put_flag(out: &mut Vec<u8>, number: u32, flag: bool) {
    if flag {
        out.put_uint(number, 1);
    }
}

fn optional_bytes_len(number: u32, value: Option<&[u8]>) -> usize {
    value.map_or(0, |value| delimited_len(number, value.len()))
}

fn put_optional_bytes(out: &mut Vec<u8>, number: u32, value: Option<&[u8]>) {
    if let Some(value) = value {
        out.put_bytes(number, value);
    }
}
