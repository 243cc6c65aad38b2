//! The C headers of `pulsar_rs`: generated from src/ffi, and checked against the tables of the established
//! C API in `tables/`.

pub mod headers;
pub mod released;
pub mod tables;

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
