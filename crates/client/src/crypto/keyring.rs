//! The consumer's side: data keys that were unwrapped, remembered for the entries to come.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pulsar_rs_wire::WireError;
#[cfg(fuzzing)]
use pulsar_rs_wire::cipher::KEY_LEN;
use pulsar_rs_wire::cipher::{DataKey, IV_LEN};
use pulsar_rs_wire::metadata::{Encryption, Property, WrappedKey};

use super::sealer::MAX_KEYS;
use super::{KeyInfo, KeySource, rsa};
use crate::Error;

/// How long a data key is remembered after it was last used, as in the Java client.
const EXPIRY: Duration = Duration::from_secs(4 * 60 * 60);

/// Data keys that are remembered, at most, and as many wrapped ones that could not be unwrapped: a producer has one at a time.
const MAX_REMEMBERED: usize = 1000;

/// How long a wrapped key is not tried again after it could not be unwrapped: entries of one producer come in great numbers.
const NEGATIVE: Duration = Duration::from_secs(1);

/// Wrapped keys of one name that are tried for an entry, at most: there is one for each recipient, and the others are what
/// somebody wrote who wants others to be busy.
const MAX_OF_NAME: usize = 16;

/// How long the program is asked for the keys of one entry; readers that fail slowly would be asked 256 times.
const MOST_ASKING: Duration = Duration::from_secs(30);

/// Longest wrapped key that is looked at: that of an RSA key of 8192 bits.
const MAX_WRAPPED: usize = 1024;

/// Longest name, and most metadata of a key, that programs are asked with.
const MAX_NAME: usize = 4096;
const MAX_METADATA: usize = 64;

/// The data keys that a consumer knows.
#[derive(Debug)]
pub(crate) struct Keyring {
    source: KeySource,
    known: Mutex<Known>,
}

/// What is known of wrapped keys.
#[derive(Debug, Default)]
struct Known {
    /// Data keys, by what they are when they are wrapped.
    keys: HashMap<Box<[u8]>, Remembered<Arc<DataKey>>>,
    /// Why wrapped keys could not be unwrapped: by hashes of all that programs are asked with, since under another name the
    /// same one may be right, and nobody shall keep others from theirs by writing it down wrongly; and by hashes of the
    /// wrapped key with the private one, so that under however many names it is tried once.
    failures: HashMap<u64, Remembered<Error>>,
    /// With numbers that nobody else knows, so that nobody finds two keys with the same hash.
    hasher: RandomState,
}

#[derive(Debug)]
struct Remembered<T> {
    what: T,
    used: Instant,
}

/// What opens an entry.
#[derive(Debug, Clone)]
pub(crate) struct OpeningKey {
    key: Arc<DataKey>,
    iv: [u8; IV_LEN],
}

impl OpeningKey {
    /// For entries that were encrypted with 32 bytes of 7.
    #[cfg(fuzzing)]
    pub fn fixed(metadata: &[u8]) -> Result<Self, Error> {
        let (_, iv) = read(metadata)?;
        let key = DataKey::new(&[7; KEY_LEN]).map_err(|error| Error::Crypto(error.to_string()))?;
        Ok(OpeningKey { key: Arc::new(key), iv })
    }

    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, WireError> {
        self.key.open(&self.iv, sealed)
    }
}

impl Keyring {
    pub fn new(source: KeySource) -> Self {
        Keyring { source, known: Mutex::default() }
    }

    /// Who is asked.
    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// The key of an entry with this metadata, if nobody has to be asked for it.
    pub fn find(&self, metadata: &[u8]) -> Option<Result<OpeningKey, Error>> {
        let (encryption, iv) = match read(metadata) {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        let mut known = self.known.lock();
        let now = Instant::now();
        if let Some(key) = wrapped_keys(&encryption).find_map(|wrapped| known.key(wrapped.value, now)) {
            return Some(Ok(OpeningKey { key, iv }));
        }
        let (mut failure, mut is_unknown) = (None, false);
        for wrapped in wrapped_keys(&encryption) {
            match known.failure(known.asked(&wrapped), now) {
                Some(error) => failure = Some(error),
                None => is_unknown = true,
            }
        }
        failure.filter(|_| !is_unknown).map(Err)
    }

    /// The key of an entry with this metadata. Asks the program, and takes its time: not with a lock held, and not on the
    /// connection's task.
    pub fn unwrap(&self, metadata: &[u8]) -> Result<OpeningKey, Error> {
        let (encryption, iv) = read(metadata)?;
        if let Some(found) = self.find(metadata) {
            return found;
        }
        let mut failure = Error::Crypto("it has no wrapped data key that can be read".into());
        let started = Instant::now();
        let mut private_keys = PrivateKeys { source: &self.source, asked: Vec::new() };
        let mut of_name: HashMap<&[u8], usize> = HashMap::new();
        for wrapped in wrapped_keys(&encryption) {
            let count = of_name.entry(wrapped.name).or_default();
            *count += 1;
            if *count > MAX_OF_NAME {
                continue;
            }
            let asked = self.known.lock().asked(&wrapped);
            if let Some(error) = self.failed_just_now(asked) {
                failure = error;
                continue;
            }
            if started.elapsed() >= MOST_ASKING {
                break;
            }
            match self.unwrap_one(&mut private_keys, &wrapped) {
                Ok(key) => return Ok(OpeningKey { key, iv }),
                Err(error) => {
                    self.known.lock().add_failure(asked, error.clone());
                    failure = error;
                }
            }
        }
        Err(failure)
    }

    fn unwrap_one<'a>(
        &self,
        private_keys: &mut PrivateKeys<'a>,
        wrapped: &WrappedKey<'a>,
    ) -> Result<Arc<DataKey>, Error> {
        let (name, private) = private_keys.of(wrapped)?;
        let tried = self.known.lock().tried(wrapped.value, private);
        if let Some(error) = self.failed_just_now(tried) {
            return Err(error);
        }
        let key = rsa::unwrap(name, private, wrapped.value).and_then(|bytes| {
            DataKey::new(&bytes).map(Arc::new).map_err(|error| Error::Crypto(error.to_string()))
        });
        let mut known = self.known.lock();
        match &key {
            Ok(key) => known.add_key(wrapped.value, key.clone()),
            Err(error) => known.add_failure(tried, error.clone()),
        }
        key
    }

    fn failed_just_now(&self, hash: u64) -> Option<Error> {
        self.known.lock().failure(hash, Instant::now())
    }
}

impl Known {
    /// The data key in a wrapped one.
    fn key(&mut self, wrapped: &[u8], now: Instant) -> Option<Arc<DataKey>> {
        let key = self.keys.get_mut(wrapped).filter(|key| !key.is_over(now, EXPIRY))?;
        key.used = now;
        Some(key.what.clone())
    }

    /// Why something failed a moment ago.
    fn failure(&self, hash: u64, now: Instant) -> Option<Error> {
        let failure = self.failures.get(&hash)?;
        (!failure.is_over(now, NEGATIVE)).then(|| failure.what.clone())
    }

    fn add_key(&mut self, wrapped: &[u8], key: Arc<DataKey>) {
        remember(&mut self.keys, wrapped.into(), key, EXPIRY);
    }

    fn add_failure(&mut self, hash: u64, error: Error) {
        remember(&mut self.failures, hash, error, NEGATIVE);
    }

    /// Stands for a wrapped key with what programs are asked with for it.
    fn asked(&self, wrapped: &WrappedKey<'_>) -> u64 {
        let metadata: Vec<_> = wrapped.metadata.iter().take(MAX_METADATA).collect();
        self.hasher.hash_one((wrapped.name, wrapped.value, metadata))
    }

    /// Stands for a wrapped key with a private key.
    fn tried(&self, wrapped: &[u8], private: &KeyInfo) -> u64 {
        self.hasher.hash_one((wrapped, private.pem.as_slice()))
    }
}

/// Makes room, if there is none, where something is over or was not used for longest.
fn remember<K: Hash + Eq + Clone, T>(
    all: &mut HashMap<K, Remembered<T>>,
    key: K,
    what: T,
    longest: Duration,
) {
    let now = Instant::now();
    if all.len() >= MAX_REMEMBERED {
        all.retain(|_, one| !one.is_over(now, longest));
    }
    if all.len() >= MAX_REMEMBERED {
        let oldest = all.iter().min_by_key(|(_, one)| one.used).map(|(key, _)| key.clone());
        oldest.and_then(|oldest| all.remove(&oldest));
    }
    all.insert(key, Remembered { what, used: now });
}

impl<T> Remembered<T> {
    fn is_over(&self, now: Instant, longest: Duration) -> bool {
        now.duration_since(self.used) >= longest
    }
}

/// The private keys for one entry. The program is asked once for each.
struct PrivateKeys<'a> {
    source: &'a KeySource,
    asked: Vec<Asked<'a>>,
}

struct Asked<'a> {
    name: &'a [u8],
    metadata: Vec<Property>,
    answer: Result<KeyInfo, Error>,
}

impl<'a> PrivateKeys<'a> {
    /// The name of a wrapped key, and the private key of that name.
    fn of(&mut self, wrapped: &WrappedKey<'a>) -> Result<(&'a str, &KeyInfo), Error> {
        let not_text = |_| Error::Crypto("the name of its key is not UTF-8".into());
        let name = std::str::from_utf8(wrapped.name).map_err(not_text)?;
        let pairs = wrapped.metadata.iter().take(MAX_METADATA);
        let metadata: Vec<Property> = pairs.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let private = self.ask(name, metadata).as_ref().map_err(Error::clone)?;
        Ok((name, private))
    }

    fn ask(&mut self, name: &'a str, metadata: Vec<Property>) -> &Result<KeyInfo, Error> {
        let known = self.asked.iter().position(|one| one.name == name.as_bytes() && one.metadata == metadata);
        let place = known.unwrap_or_else(|| {
            let answer = self.source.private_key(name, &metadata);
            self.asked.push(Asked { name: name.as_bytes(), metadata, answer });
            self.asked.len() - 1
        });
        &self.asked[place].answer
    }
}

/// What can be opened at all.
fn read(metadata: &[u8]) -> Result<(Encryption<'_>, [u8; IV_LEN]), Error> {
    let encryption = Encryption::decode(metadata)
        .map_err(|error| Error::Crypto(error.to_string()))?
        .ok_or_else(|| Error::Crypto("it has no data key".into()))?;
    let iv = encryption.param.try_into().map_err(|_| {
        Error::Crypto(format!(
            "its initialization vector has {} bytes instead of {IV_LEN}",
            encryption.param.len()
        ))
    })?;
    Ok((encryption, iv))
}

/// The wrapped keys that are tried: whoever writes a message cannot have us try as many as fit into it.
fn wrapped_keys<'a>(encryption: &Encryption<'a>) -> impl Iterator<Item = WrappedKey<'a>> + use<'a> {
    encryption
        .keys()
        .take(MAX_KEYS)
        .filter(|key| !key.value.is_empty() && key.value.len() <= MAX_WRAPPED && key.name.len() <= MAX_NAME)
}
