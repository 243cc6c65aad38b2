//! Strings between C and Rust.

use std::ffi::{CString, c_char};

use once_cell::sync::OnceCell;

use super::handle::with_c_str;

/// Why a string cannot be used where text is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextError {
    Null,
    NotUtf8,
}

impl std::fmt::Display for TextError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            TextError::Null => "NULL instead of a string",
            TextError::NotUtf8 => "the string is not UTF-8",
        })
    }
}

/// A string that has to be text: a name, a URL.
pub(crate) fn text(string: *const c_char) -> Result<String, TextError> {
    with_c_str(string, <[u8]>::to_vec)
        .ok_or(TextError::Null)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| TextError::NotUtf8))
}

/// A copy of a C string, if it is one.
pub(crate) fn copied(string: *const c_char) -> Option<CString> {
    with_c_str(string, |bytes| c_string(bytes))
}

/// A string for C. What stands behind a NUL inside is cut off, as C would read it.
pub(crate) fn c_string(bytes: impl Into<Vec<u8>>) -> CString {
    CString::new(bytes).unwrap_or_else(|error| {
        let end = error.nul_position();
        let mut bytes = error.into_vec();
        bytes.truncate(end);
        CString::new(bytes).unwrap_or_default()
    })
}

/// A string that a getter of a handle returns: made when first asked for, and the same pointer ever after.
#[derive(Debug, Default)]
pub(crate) struct LazyText(OnceCell<CString>);

impl LazyText {
    pub fn get(&self, make: impl FnOnce() -> CString) -> *const c_char {
        self.0.get_or_init(make).as_ptr()
    }
}

/// The empty string, for getters that have nothing to return.
pub(crate) fn empty() -> *const c_char {
    c"".as_ptr()
}
