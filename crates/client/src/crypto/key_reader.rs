//! Where keys come from.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::rsa::shown;
use crate::client::ClientInner;
use crate::{Error, Property};

/// Largest key file that is read, in bytes; the PEM of the largest RSA key that is taken has less than 4 KiB.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Threads of a client on which one reader is asked for keys, at most: there are few for all that blocks, and a reader that
/// hangs must not keep a client from looking up names.
const MOST_ASKING: usize = 2;

/// Gives keys by their names.
///
/// It is called with no lock held, and may block, for seconds at most: on the thread that sends, or on one of the client's
/// few threads for blocking work. Two of these at most wait for one reader, so one that hangs holds up whatever else needs
/// it. It must not send with the producer, or wait for messages of the consumer, that it is called for. Several
/// threads may call it at the same time. What it panics with is taken for an error.
pub trait KeyReader: Send + Sync {
    /// The public key of a recipient: a producer asks for it with its first message, and whenever it
    /// makes a new data key. `metadata` is empty.
    fn public_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error>;

    /// The private key that opens what was encrypted for `name`: a consumer asks for it for each data key that it does not
    /// know. `metadata` is what the producer's reader gave with the public key. Of several recipients it is asked for one
    /// after the other: an error means that this consumer is not that one.
    fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error>;
}

/// A key, and what is told about it.
#[derive(Clone)]
pub struct KeyInfo {
    /// An RSA key of at most 4096 bits in PEM: a public one as `PUBLIC KEY` or `RSA PUBLIC KEY`, a private one as
    /// `PRIVATE KEY` or `RSA PRIVATE KEY`, without a passphrase. It is wiped when it is dropped.
    pub pem: Zeroizing<Vec<u8>>,
    /// Of a public key: names and values that travel with messages to the readers of private keys, in the clear. A version,
    /// say.
    pub metadata: Vec<Property>,
}

impl KeyInfo {
    /// A key without metadata.
    pub fn new(pem: impl Into<Vec<u8>>) -> Self {
        KeyInfo { pem: Zeroizing::new(pem.into()), metadata: Vec::new() }
    }
}

impl fmt::Debug for KeyInfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeyInfo").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// A [`KeyReader`] in a configuration.
#[derive(Clone)]
pub struct KeySource {
    reader: Arc<dyn KeyReader>,
    /// For work on the client's threads.
    turns: Arc<Semaphore>,
}

impl KeySource {
    /// Has the reader asked for keys.
    pub fn new(reader: impl KeyReader + 'static) -> Self {
        KeySource { reader: Arc::new(reader), turns: Arc::new(Semaphore::new(MOST_ASKING)) }
    }

    /// Runs what asks for keys on a thread for blocking work, when not too much of that is under way.
    pub(crate) fn spawn(&self, client: &ClientInner, work: impl FnOnce() + Send + 'static) {
        let turns = self.turns.clone();
        client.spawn(async move {
            // It is never closed.
            let turn = turns.acquire_owned().await;
            tokio::task::spawn_blocking(move || {
                work();
                drop(turn);
            });
        });
    }

    /// Asks for a public key.
    pub(super) fn public_key(&self, name: &str) -> Result<KeyInfo, Error> {
        ask(name, || self.reader.public_key(name, &[]))
    }

    /// Asks for a private key.
    pub(super) fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        ask(name, || self.reader.private_key(name, metadata))
    }
}

/// Whatever a reader fails with, to who sends or receives it is [`Error::Crypto`]. A reader that panics has no key, either:
/// on the thread that asks, others would wait for it for ever.
fn ask(name: &str, reader: impl FnOnce() -> Result<KeyInfo, Error>) -> Result<KeyInfo, Error> {
    match catch_unwind(AssertUnwindSafe(reader)) {
        Ok(Err(error @ Error::Crypto(_))) => Err(error),
        Ok(answer) => answer.map_err(|error| Error::Crypto(error.to_string())),
        Err(_) => {
            let name = shown(name);
            Err(Error::Crypto(format!("the key reader panicked when it was asked for the key {name}")))
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("KeySource")
    }
}

/// One pair of keys in two files, for every name. A file is read whenever its key is asked for, so it may be replaced. A
/// program that only sends, or only receives, needs only one of them.
#[derive(Debug, Clone)]
pub struct FileKeyReader {
    /// The public key.
    pub public_key_file: PathBuf,
    /// The private key.
    pub private_key_file: PathBuf,
}

impl KeyReader for FileKeyReader {
    fn public_key(&self, _name: &str, _metadata: &[Property]) -> Result<KeyInfo, Error> {
        read(&self.public_key_file)
    }

    fn private_key(&self, _name: &str, _metadata: &[Property]) -> Result<KeyInfo, Error> {
        read(&self.private_key_file)
    }
}

fn read(file: &Path) -> Result<KeyInfo, Error> {
    let failed =
        |why: &dyn fmt::Display| Error::Crypto(format!("cannot read the key file {}: {why}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > MAX_KEY_FILE {
        return Err(failed(&format_args!("it has {size} bytes, which no RSA key in PEM has")));
    }
    std::fs::read(file).map(KeyInfo::new).map_err(|error| failed(&error))
}
