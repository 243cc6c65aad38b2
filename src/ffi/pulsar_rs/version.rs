//! `pulsar_rs/version.h`

use std::ffi::c_char;

/// One part of the version; cargo gives it as text.
const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is no number"),
    }
}

/// The release as in `PULSAR_RS_VERSION`.
const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 1000
    + number(env!("CARGO_PKG_VERSION_PATCH"));

/// Returns the release that the program runs with, as major * 1000000 + minor * 1000 + patch. `PULSAR_RS_VERSION` is the
/// one that it was compiled with: with a shared library the two may differ.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_version() -> u32 {
    VERSION
}

/// Returns the release that the program runs with as text, such as `0.1.0`.
///
/// Ownership: the string belongs to the library and never changes.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_version_str() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
