//! Keys for tests, made when they are needed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use pulsar_rs_client::{Error, KeyInfo, KeyReader, KeySource, Property};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;

/// Short ones are quickly made.
static PAIRS: LazyLock<[RsaPrivateKey; 3]> =
    LazyLock::new(|| [(); 3].map(|()| RsaPrivateKey::new(&mut OsRng, 1024).unwrap()));

pub fn public_pem(pair: usize) -> String {
    PAIRS[pair].to_public_key().to_public_key_pem(LineEnding::LF).unwrap()
}

pub fn private_pem(pair: usize) -> String {
    PAIRS[pair].to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

/// Somebody's keys: the pairs that the names `a`, `b` and `c` stand for.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    pairs: [Option<usize>; 3],
    is_locked: AtomicBool,
    panics: AtomicBool,
    public: AtomicU32,
    private: AtomicU32,
}

impl Keys {
    pub fn new(pairs: [Option<usize>; 3]) -> Self {
        Keys(Arc::new(Inner {
            pairs,
            is_locked: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            public: AtomicU32::new(0),
            private: AtomicU32::new(0),
        }))
    }

    /// Everybody's.
    pub fn all() -> Self {
        Keys::new([Some(0), Some(1), Some(2)])
    }

    pub fn source(&self) -> KeySource {
        KeySource::new(self.clone())
    }

    /// From now on it gives none, or again all.
    pub fn lock(&self, is_locked: bool) {
        self.0.is_locked.store(is_locked, Ordering::SeqCst);
    }

    /// From now on it panics, or not any more.
    pub fn panic(&self, panics: bool) {
        self.0.panics.store(panics, Ordering::SeqCst);
    }

    /// How often it was asked for public keys, and for private ones.
    pub fn asked(&self) -> (u32, u32) {
        (self.0.public.load(Ordering::SeqCst), self.0.private.load(Ordering::SeqCst))
    }

    fn pair(&self, name: &str) -> Result<usize, Error> {
        assert!(!self.0.panics.load(Ordering::SeqCst), "a key reader with a defect");
        let found = ["a", "b", "c"].iter().position(|known| *known == name);
        let found =
            found.and_then(|index| self.0.pairs[index]).filter(|_| !self.0.is_locked.load(Ordering::SeqCst));
        found.ok_or_else(|| Error::Unknown(format!("no key {name} here")))
    }
}

impl KeyReader for Keys {
    fn public_key(&self, name: &str, _: &[Property]) -> Result<KeyInfo, Error> {
        self.0.public.fetch_add(1, Ordering::SeqCst);
        let metadata = vec![(b"owner".to_vec(), name.into())];
        Ok(KeyInfo { metadata, ..KeyInfo::new(public_pem(self.pair(name)?)) })
    }

    fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        self.0.private.fetch_add(1, Ordering::SeqCst);
        assert_eq!(metadata, [(b"owner".to_vec(), name.into())]);
        Ok(KeyInfo::new(private_pem(self.pair(name)?)))
    }
}
