//! The producer's side: data keys, and entries encrypted with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pulsar_rs_wire::cipher::{DataKey, IV_LEN, KEY_LEN, TAG_LEN};
use pulsar_rs_wire::metadata::{put_encryption_param, put_wrapped_key};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{KeySource, rsa};
use crate::Error;
use crate::log::Log;

/// Recipients of a producer, at most: each has a wrapped key in every entry, and what is far beyond this fits no entry.
pub(super) const MAX_KEYS: usize = 256;

/// How long a data key is used, as in the other clients.
const LIFETIME: Duration = Duration::from_secs(4 * 60 * 60);

/// Entries that are encrypted with one data key at most. Initialization vectors are random, and may be as many as 2^32 for
/// one key (NIST SP 800-38D, 8.3).
const MAX_ENTRIES: u32 = 1 << 31;

/// How long after a new data key could not be made it is tried again, while there is an old one.
const RETRY: Duration = Duration::from_secs(60);

/// The same without an old one: a key reader may take its time to fail, which not each message can wait for.
const NEGATIVE: Duration = Duration::from_secs(1);

/// What a wrapped key is taken to add to metadata before it is known: the value for an RSA key of 4096 bits, and as much for
/// its metadata.
const ASSUMED_KEY: usize = 1024;

/// The initialization vector in metadata, and the tag.
const IV_AND_TAG: usize = IV_LEN + 2 + TAG_LEN;

/// How a producer encrypts.
#[derive(Debug, Clone)]
pub struct EncryptionConfig {
    /// Where public keys come from.
    pub key_source: KeySource,
    /// Names of the keys of all recipients, 1 to 256. Each of their private keys opens each message.
    pub keys: Vec<String>,
    /// What becomes of messages that cannot be encrypted. Default: they are not sent.
    pub failure_action: ProducerCryptoFailureAction,
    /// How long a data key is used; then the next is made, and public keys are asked for again. Default 4 hours. While the
    /// next cannot be made, which is tried every minute, the old one is used on, and that is logged.
    pub data_key_lifetime: Duration,
}

/// What becomes of messages that cannot be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProducerCryptoFailureAction {
    /// They are not sent: sending fails with [`Error::Crypto`].
    #[default]
    Fail,
    /// They are sent as they are, for everybody to read.
    Send,
}

impl EncryptionConfig {
    /// For recipients with these keys.
    pub fn new(key_source: KeySource, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        EncryptionConfig {
            key_source,
            keys: keys.into_iter().map(Into::into).collect(),
            failure_action: ProducerCryptoFailureAction::default(),
            data_key_lifetime: LIFETIME,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.keys.is_empty() || self.keys.len() > MAX_KEYS {
            return Err(Error::InvalidConfiguration("encryption needs the names of 1 to 256 keys".into()));
        }
        Ok(())
    }
}

/// Encrypts the entries of one producer.
#[derive(Debug)]
pub(crate) struct Sealer {
    config: EncryptionConfig,
    random: SystemRandom,
    current: Mutex<Current>,
    /// Bytes by which an entry grows.
    overhead: AtomicUsize,
    /// It was said that messages go out in the clear.
    told: AtomicBool,
}

#[derive(Debug, Default)]
struct Current {
    key: Option<Arc<SealingKey>>,
    /// When the key has to be replaced; never, if that is later than clocks go.
    renew_at: Option<Instant>,
    /// Some thread makes the next key.
    is_renewing: bool,
    /// Why there is no key that can be used, and until when that holds.
    failure: Option<(Error, Instant)>,
}

/// A data key, and how it stands in metadata.
#[derive(Debug)]
struct SealingKey {
    key: DataKey,
    /// The key wrapped for each recipient, as metadata has it.
    wrapped: Vec<u8>,
    entries: AtomicU32,
}

/// What became of an entry's body.
#[derive(Debug)]
pub(crate) enum Sealed {
    /// It is encrypted; this goes to the end of its metadata.
    Encrypted(Vec<u8>),
    /// It is as it was: it could not be encrypted, and the program wants it sent all the same.
    Plain,
}

impl Sealer {
    pub fn new(config: EncryptionConfig) -> Self {
        let names: usize = config.keys.iter().map(String::len).sum();
        Sealer {
            overhead: AtomicUsize::new(IV_AND_TAG + names + config.keys.len() * ASSUMED_KEY),
            config,
            random: SystemRandom::new(),
            current: Mutex::default(),
            told: AtomicBool::new(false),
        }
    }

    /// Bytes by which an entry grows: a guess, until keys were asked for.
    pub fn overhead(&self) -> usize {
        self.overhead.load(Ordering::Relaxed)
    }

    /// Who has to be asked before the next entry can be encrypted, if it is known.
    pub fn has_to_ask(&self) -> Option<&KeySource> {
        let current = self.current.lock();
        let is_over = current.renew_at.is_some_and(|at| at <= Instant::now());
        (current.key.is_none() || is_over).then_some(&self.config.key_source)
    }

    /// Asks for keys, if that has to be done. An error comes again with [`Sealer::seal`].
    pub fn prepare(&self, log: &Log) {
        if self.current.lock().key.is_none() {
            let _ = self.key(log);
        }
    }

    /// Encrypts a body in its place. May ask for keys, so it must not be called with a lock held.
    pub fn seal(&self, body: &mut Vec<u8>, log: &Log) -> Result<Sealed, Error> {
        let sealed = self.key(log).and_then(|key| self.seal_with(&key, body));
        match (sealed, self.config.failure_action) {
            (Ok(header), _) => Ok(Sealed::Encrypted(header)),
            (Err(error), ProducerCryptoFailureAction::Fail) => Err(error),
            (Err(error), ProducerCryptoFailureAction::Send) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    log.error(format_args!(
                        "messages are sent UNENCRYPTED, as the crypto failure action of the producer says: {error}"
                    ));
                }
                Ok(Sealed::Plain)
            }
        }
    }

    fn seal_with(&self, key: &SealingKey, body: &mut Vec<u8>) -> Result<Vec<u8>, Error> {
        let mut iv = [0; IV_LEN];
        self.random.fill(&mut iv).map_err(|_| no_random())?;
        key.key.seal(iv, body).map_err(|error| Error::Crypto(error.to_string()))?;
        let mut header = Vec::with_capacity(key.wrapped.len() + IV_LEN + 2);
        header.extend_from_slice(&key.wrapped);
        put_encryption_param(&mut header, &iv);
        Ok(header)
    }

    /// The key for the next entry.
    fn key(&self, log: &Log) -> Result<Arc<SealingKey>, Error> {
        {
            let mut current = self.current.lock();
            let now = Instant::now();
            // While one thread asks for the next, the others go on.
            let is_over = !current.is_renewing && current.renew_at.is_some_and(|at| at <= now);
            if let Some(key) = current.key.as_ref().filter(|key| !is_over && key.take_entry()) {
                return Ok(key.clone());
            }
            if let Some((error, _)) = current.failure.as_ref().filter(|(_, until)| now < *until) {
                return Err(error.clone());
            }
            current.is_renewing = true;
        }
        // Without the lock: this calls the program.
        let made = self.make_key();
        let mut current = self.current.lock();
        current.is_renewing = false;
        let now = Instant::now();
        let error = match made {
            Ok(key) => {
                let key = Arc::new(key);
                key.take_entry();
                *current = Current {
                    key: Some(key.clone()),
                    renew_at: now.checked_add(self.config.data_key_lifetime),
                    ..Current::default()
                };
                self.overhead.store(key.wrapped.len() + IV_AND_TAG, Ordering::Relaxed);
                return Ok(key);
            }
            Err(error) => error,
        };
        let Some(old) = current.key.clone().filter(|key| key.take_entry()) else {
            current.failure = now.checked_add(NEGATIVE).map(|until| (error.clone(), until));
            return Err(error);
        };
        current.renew_at = now.checked_add(RETRY);
        drop(current);
        log.warn(format_args!("the data key could not be renewed, the old one is used on: {error}"));
        Ok(old)
    }

    fn make_key(&self) -> Result<SealingKey, Error> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        self.random.fill(bytes.as_mut()).map_err(|_| no_random())?;
        let mut wrapped = Vec::new();
        for name in &self.config.keys {
            if name.is_empty() {
                return Err(Error::Crypto("the name of an encryption key is empty".into()));
            }
            let public = self.config.key_source.public_key(name)?;
            let value = rsa::wrap(name, &public, bytes.as_ref())?;
            put_wrapped_key(&mut wrapped, name.as_bytes(), &value, &public.metadata);
        }
        let key = DataKey::new(bytes.as_ref()).map_err(|error| Error::Crypto(error.to_string()))?;
        Ok(SealingKey { key, wrapped, entries: AtomicU32::new(0) })
    }
}

impl SealingKey {
    /// Counts an entry; false when there were too many.
    fn take_entry(&self) -> bool {
        // Far more threads than there can be would have to count at once for it to begin anew.
        let before = self.entries.fetch_add(1, Ordering::Relaxed);
        if before >= MAX_ENTRIES {
            self.entries.fetch_sub(1, Ordering::Relaxed);
        }
        before < MAX_ENTRIES
    }
}

fn no_random() -> Error {
    Error::Crypto("the operating system gives no random numbers".into())
}
