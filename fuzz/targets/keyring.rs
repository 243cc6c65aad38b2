#![no_main]

//! Wrapped data keys, as producers or brokers may write them, and what a consumer with a private key makes of them.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulsar_rs_client::fuzzing::{unwrap_keys, wrap_key};
use pulsar_rs_wire::metadata::{put_encryption_param, put_wrapped_key};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;

/// A private key, short, so that it is fast, and a data key wrapped for it.
static KEY: LazyLock<(String, Vec<u8>)> = LazyLock::new(|| {
    let key = RsaPrivateKey::new(&mut OsRng, 768).unwrap();
    let public = key.to_public_key().to_public_key_pem(LineEnding::LF).unwrap();
    let wrapped = wrap_key(public.as_bytes(), &[7; 32]).unwrap();
    (key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string(), wrapped)
});

/// Bytes that describe a wrapped key.
const KEY_BYTES: usize = 4;

/// Keys of an entry that are looked at, and those of one name among them.
const MAX_KEYS: usize = 256;
const MAX_OF_NAME: usize = 16;

/// Bytes of an error, which may have the name of a key.
const MAX_TEXT: usize = 8192;

// A length, so many bytes for the first entry, and the rest for the second. An entry has the length of its vector, and four
// bytes for each key: its name, how often it comes, and what is wrong with it. From 200 on that length stands for metadata
// as it is.
fuzz_target!(init: { LazyLock::force(&KEY); }, |data: &[u8]| {
    let [length, rest @ ..] = data else {
        return;
    };
    let (first, second) = rest.split_at(usize::from(*length).min(rest.len()));
    let (first, second) = (Entry::new(first), Entry::new(second));
    let (asked, outcome) = unwrap_keys(KEY.0.as_bytes(), &first.metadata, &second.metadata);
    // Whatever else was tried, under whatever name: who has the key opens the entry. Data keys that are known open entries
    // also where they stand under another name.
    assert!(outcome.is_ok() || !second.opens, "{outcome:?}");
    assert!(outcome.is_err() || (second.has && (second.opens || first.opens)));
    if let Err(text) = outcome {
        assert!(text.len() < MAX_TEXT && !text.contains(char::is_control), "{text:?}");
    }
    assert!(asked <= 2 * MAX_KEYS);
});

struct Entry {
    metadata: Vec<u8>,
    /// It has the wrapped data key.
    has: bool,
    /// It has that under its name, where it is tried.
    opens: bool,
}

impl Entry {
    fn new(described: &[u8]) -> Self {
        let mut entry = Entry { metadata: Vec::new(), has: false, opens: false };
        let Some((iv, keys)) = described.split_first() else {
            return entry;
        };
        if *iv >= 200 {
            entry.metadata = keys.to_vec();
            return entry;
        }
        let (mut count, mut of_name) = (0, 0);
        for key in keys.chunks_exact(KEY_BYTES) {
            let [name, times, at, with] = key.try_into().unwrap();
            let mut value = KEY.1.clone();
            let place = usize::from(at) % value.len();
            value[place] ^= with;
            let metadata = if name & 64 == 0 { Vec::new() } else { vec![(b"version".to_vec(), vec![at])] };
            let name: &[u8] = if name & 1 == 0 { b"k" } else { &key[..1] };
            for _ in 0..=times {
                put_wrapped_key(&mut entry.metadata, name, &value, &metadata);
                count += 1;
                of_name += usize::from(name == b"k");
                let is_right = with == 0 && count <= MAX_KEYS;
                entry.has |= is_right;
                entry.opens |= is_right && name == b"k" && of_name <= MAX_OF_NAME;
            }
        }
        let iv = usize::from(*iv) % 20;
        put_encryption_param(&mut entry.metadata, &vec![1; iv]);
        entry.has &= iv == 12;
        entry.opens &= iv == 12;
        entry
    }
}
