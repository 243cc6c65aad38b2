//! Keys for encryption, from files or from functions of the program.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pulsar_rs_client::{Error, FileKeyReader, KeyInfo, KeyReader, KeySource, Property};

use crate::ffi::handle::{Context, Lent, enum_number};
use crate::ffi::pulsar_rs::crypto::{KeyFunction, pulsar_rs_crypto_key_t};
use crate::ffi::result::pulsar_result;
use crate::ffi::string_map::pulsar_string_map_t;
use crate::ffi::text::{c_string, copied};

const OK: c_int = pulsar_result::pulsar_result_Ok as c_int;

/// Frees the program's context.
pub(crate) type FreeFunction = extern "C" fn(ctx: *mut c_void);

/// The key reader that the established API knows: two files. Without a path that key cannot be read.
pub(crate) fn files(public_key_path: *const c_char, private_key_path: *const c_char) -> KeySource {
    let path = |text| {
        let text: CString = copied(text).unwrap_or_default();
        PathBuf::from(OsStr::from_bytes(text.as_bytes()))
    };
    let (public_key_file, private_key_file) = (path(public_key_path), path(private_key_path));
    KeySource::new(FileKeyReader { public_key_file, private_key_file })
}

/// Functions of the program.
#[derive(Debug)]
pub(crate) struct ForeignKeys {
    pub public: Option<KeyFunction>,
    pub private: Option<KeyFunction>,
    pub context: Context,
    pub free: Option<FreeFunction>,
}

impl Drop for ForeignKeys {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            free(self.context.ptr());
        }
    }
}

impl ForeignKeys {
    fn ask(
        &self,
        function: Option<KeyFunction>,
        name: &str,
        metadata: &[Property],
    ) -> Result<KeyInfo, Error> {
        let failed =
            |why: &dyn std::fmt::Display| Error::Crypto(format!("the key {name} cannot be had: {why}"));
        let function = function.ok_or_else(|| failed(&"the key reader has no function for it"))?;
        let text = c_string(name);
        let pairs =
            metadata.iter().map(|(name, value)| (c_string(name.as_slice()), c_string(value.as_slice())));
        let metadata = Lent::<pulsar_string_map_t>::new(pairs.collect());
        let key = Lent::<pulsar_rs_crypto_key_t>::new(KeyInfo::new(Vec::new()));
        let result = function(text.as_ptr(), metadata.as_ptr(), key.as_ptr(), self.context.ptr());
        match enum_number(result) {
            OK => key.take().ok_or_else(|| failed(&"its handle was freed")),
            other => Err(failed(&format_args!("the key reader's function returned {other}"))),
        }
    }
}

impl KeyReader for ForeignKeys {
    fn public_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        self.ask(self.public, name, metadata)
    }

    fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        self.ask(self.private, name, metadata)
    }
}

/// Names of keys as the program set them.
pub(crate) fn key_names(names: &[CString]) -> Result<Vec<String>, Error> {
    let text = |name: &CString| {
        let name: &CStr = name;
        let not_text = |_| Error::InvalidConfiguration("the name of an encryption key is not UTF-8".into());
        name.to_str().map(str::to_owned).map_err(not_text)
    };
    names.iter().map(text).collect()
}
