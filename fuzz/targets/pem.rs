#![no_main]

//! Files in PEM, damaged: nothing of a private key gets into an error, and a damaged key opens nothing that it should not.
//!
//! Keys are made when the target starts, so none is in the corpus: an input says which file is damaged, and how.

use std::collections::HashSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulsar_rs_client::fuzzing::{tls_files, unwrap_key, wrap_key};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;

/// What is wrapped.
const DATA_KEY: [u8; 32] = [7; 32];

/// Characters of a private key that no error may have.
const WINDOW: usize = 12;

/// A client's certificate with its key.
struct Identity {
    certificate: String,
    key: String,
}

/// A pair for end-to-end encryption, short, so that it is fast.
struct Pair {
    public: [String; 2],
    private: [String; 2],
    wrapped: Vec<u8>,
}

static IDENTITIES: LazyLock<Vec<Identity>> = LazyLock::new(|| {
    let made = [&PKCS_ED25519, &PKCS_ECDSA_P256_SHA256].map(|kind| KeyPair::generate_for(kind).unwrap());
    let rsa = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    let pkcs8 = rsa.to_pkcs8_pem(LineEnding::LF).unwrap();
    let keys = made.into_iter().chain([KeyPair::from_pem(&pkcs8).unwrap()]);
    let mut all: Vec<_> = keys
        .map(|key| {
            let certificate =
                CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
            Identity { certificate: certificate.pem(), key: key.serialize_pem() }
        })
        .collect();
    let sec1 = pem("EC PRIVATE KEY", inside(&der(&all[1].key)));
    let pkcs1 = rsa.to_pkcs1_pem(LineEnding::CRLF).unwrap().to_string();
    for (like, key) in [(1, sec1), (2, pkcs1)] {
        all.push(Identity { certificate: all[like].certificate.clone(), key });
    }
    all
});

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let key = RsaPrivateKey::new(&mut OsRng, 768).unwrap();
    let public = key.to_public_key();
    let public =
        [public.to_public_key_pem(LineEnding::LF).unwrap(), public.to_pkcs1_pem(LineEnding::LF).unwrap()];
    let private = [
        key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string(),
        key.to_pkcs1_pem(LineEnding::LF).unwrap().to_string(),
    ];
    let wrapped = wrap_key(public[0].as_bytes(), &DATA_KEY).unwrap();
    Pair { public, private, wrapped }
});

/// All parts of private keys.
static PARTS: LazyLock<HashSet<Vec<u8>>> = LazyLock::new(|| {
    let keys = IDENTITIES.iter().map(|identity| &identity.key).chain(&PAIR.private);
    let lines = keys.flat_map(|key| key.lines().filter(|line| !line.starts_with("-----")));
    lines.flat_map(|line| line.as_bytes().windows(WINDOW).map(<[u8]>::to_vec)).collect()
});

// No input is to be blamed for the time that making keys takes.
fuzz_target!(init: { LazyLock::force(&PARTS); }, |data: &[u8]| {
    let [which, how, edits @ ..] = data else {
        return;
    };
    let is_whole = *how == 0 || edits.is_empty();
    let number = usize::from(which / 8);
    let identity = &IDENTITIES[number % IDENTITIES.len()];
    let (certificate, key) = (identity.certificate.as_bytes(), identity.key.as_bytes());
    let checked = |outcome: Result<(), String>| match outcome {
        Ok(()) => {}
        Err(text) => {
            assert!(!is_whole, "{text}");
            check(&text);
        }
    };
    match which % 8 {
        0 => checked(tls_files(&damaged(certificate, *how, edits), certificate, key)),
        1 => checked(tls_files(certificate, &damaged(certificate, *how, edits), key)),
        2 | 3 => checked(tls_files(certificate, certificate, &damaged(key, *how, edits))),
        4 => {
            let public = damaged(PAIR.public[number % 2].as_bytes(), *how, edits);
            checked(wrap_key(&public, &DATA_KEY).map(|wrapped| {
                if is_whole {
                    let opened = unwrap_key(PAIR.private[0].as_bytes(), &wrapped).unwrap();
                    assert_eq!(*opened, DATA_KEY);
                }
            }));
        }
        5 | 6 => {
            let private = damaged(PAIR.private[number % 2].as_bytes(), *how, edits);
            // Whatever was damaged: it opens what it is for, or nothing.
            checked(unwrap_key(&private, &PAIR.wrapped).map(|opened| assert_eq!(*opened, DATA_KEY)));
        }
        _ => {
            let wrapped = if *how == 255 { edits.to_vec() } else { edited(&PAIR.wrapped, edits) };
            let opened = unwrap_key(PAIR.private[number % 2].as_bytes(), &wrapped);
            assert_eq!(opened.is_ok(), wrapped == PAIR.wrapped);
            opened.map_or_else(|text| check(&text), drop);
        }
    }
});

fn check(text: &str) {
    assert!(text.len() < 500 && !text.contains(char::is_control), "{text:?}");
    assert!(!text.as_bytes().windows(WINDOW).any(|part| PARTS.contains(part)), "{text:?}");
}

/// A file in PEM after edits: 0, as it is; 1, of its text; 2, of what is in it; 3, of that under another label; 4, with other
/// ends of lines, and something above it; 5, it is of nothing but the edits.
fn damaged(file: &[u8], how: u8, edits: &[u8]) -> Vec<u8> {
    const LABELS: [&str; 6] =
        ["CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY"];
    if edits.is_empty() {
        return file.to_vec();
    }
    let text = std::str::from_utf8(file).unwrap();
    let label = text.lines().next().unwrap().trim_matches('-').trim_start_matches("BEGIN ");
    match how % 6 {
        0 if how == 0 => file.to_vec(),
        2 => pem(label, &edited(&der(text), edits)).into_bytes(),
        3 => pem(LABELS[usize::from(edits[0]) % LABELS.len()], &edited(&der(text), &edits[1..])).into_bytes(),
        4 => [edits, b"\r\n", text.replace('\n', "\r\n").as_bytes()].concat(),
        5 => edits.to_vec(),
        _ => edited(file, edits),
    }
}

/// Four bytes for each edit: what, where (two), with which.
fn edited(original: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([edit[1], edit[2]])) % (bytes.len() + 1);
        let (count, with) = (usize::from(edit[3]), edit[3]);
        match edit[0] % 6 {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = with),
            1 => bytes.insert(at, with),
            2 => drop(bytes.drain(at..(at + count).min(bytes.len()))),
            3 => bytes.truncate(at),
            4 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= with),
            _ => {
                let again = bytes[at..(at + count).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = rsa::pkcs8::der::pem::encode_string(label, LineEnding::LF, der);
    text.unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    let text = pem.replace("\r\n", "\n");
    rsa::pkcs8::der::pem::decode_vec(text.as_bytes()).unwrap().1
}

/// What a key in PKCS#8 wraps: version, algorithm, and this.
fn inside(pkcs8: &[u8]) -> &[u8] {
    let info = rsa::pkcs8::PrivateKeyInfo::try_from(pkcs8).unwrap();
    info.private_key
}
