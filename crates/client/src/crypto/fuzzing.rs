//! What fuzz targets call of end-to-end encryption.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use super::sealer::MAX_KEYS;
use super::{KeyInfo, KeyReader, KeySource, Keyring, rsa};
use crate::{Error, Property};

/// A data key for the owner of a public key in PEM, or what the error says.
pub fn wrap_key(public: &[u8], data_key: &[u8]) -> Result<Vec<u8>, String> {
    rsa::wrap("k", &KeyInfo::new(public), data_key).map_err(text)
}

/// The data key in a wrapped one, or what the error says.
pub fn unwrap_key(private: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
    rsa::unwrap("k", &KeyInfo::new(private), wrapped).map_err(text)
}

fn text(error: Error) -> String {
    assert!(matches!(error, Error::Crypto(_)), "{error}");
    error.to_string()
}

/// Gives one key to whoever knows how its name begins.
struct One {
    private: Zeroizing<Vec<u8>>,
    asked: Arc<AtomicUsize>,
}

impl KeyReader for One {
    fn public_key(&self, name: &str, _: &[Property]) -> Result<KeyInfo, Error> {
        Err(Error::Crypto(format!("no {name}")))
    }

    fn private_key(&self, name: &str, _: &[Property]) -> Result<KeyInfo, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if name.starts_with('k') {
            Ok(KeyInfo::new(&**self.private))
        } else {
            Err(Error::Crypto("not this one".into()))
        }
    }
}

/// Metadata of two entries, one after the other, to a consumer with one private key, for names that begin with `k`: how often that was asked
/// for, and whether the second could be opened, or what the error says.
///
/// # Panics
///
/// When the program is asked for more keys than an entry may have, or asked again for what is known.
pub fn unwrap_keys(private: &[u8], first: &[u8], second: &[u8]) -> (usize, Result<(), String>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let one = One { private: Zeroizing::new(private.to_vec()), asked: asked.clone() };
    let keyring = Keyring::new(KeySource::new(one));
    let mut outcome = Ok(());
    for metadata in [first, second] {
        let before = asked.load(Ordering::Relaxed);
        outcome = keyring.unwrap(metadata).map(drop).map_err(text);
        let after = asked.load(Ordering::Relaxed);
        assert!(after - before <= MAX_KEYS, "{before} {after}");
        if outcome.is_ok() {
            // The next entry of the same producer costs nobody anything.
            assert!(keyring.find(metadata).is_some_and(|found| found.is_ok()));
            assert!(keyring.unwrap(metadata).is_ok());
            assert_eq!(asked.load(Ordering::Relaxed), after);
        }
    }
    (asked.load(Ordering::Relaxed), outcome)
}
