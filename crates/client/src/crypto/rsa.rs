//! Wrapping data keys with RSA-OAEP.
//!
//! The crate `rsa` is pure Rust, so that static builds for musl and builds for other processors need no C compiler more. Its
//! known weakness (RUSTSEC-2023-0071: the time that the private key's operation takes depends on secrets) needs somebody
//! who measures many operations over chosen values. Here the operation is blinded, happens once for each data key, and
//! neither its end nor its outcome is told to who sent the value.

use rsa::pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::KeyInfo;
use crate::Error;

/// Characters of a key's name that an error shows, at most.
const MAX_SHOWN: usize = 100;

/// The data key for the owner of a public key.
pub(super) fn wrap(name: &str, public: &KeyInfo, data_key: &[u8]) -> Result<Vec<u8>, Error> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::Crypto(format!(
            "the public key {name} is no RSA key of at most {} bits in PEM (PUBLIC KEY or RSA PUBLIC KEY): {why}",
            RsaPublicKey::MAX_SIZE
        ))
    };
    let pem = text(public).ok_or_else(|| unusable(&"it is not text"))?;
    let key = if pem.contains("BEGIN RSA PUBLIC KEY") {
        RsaPublicKey::from_pkcs1_pem(pem).map_err(|error| unusable(&error))?
    } else {
        RsaPublicKey::from_public_key_pem(pem).map_err(|error| unusable(&error))?
    };
    key.encrypt(&mut OsRng, Oaep::new::<Sha1>(), data_key)
        .map_err(|error| Error::Crypto(format!("the public key {name} cannot wrap a data key: {error}")))
}

/// The data key in a wrapped one.
pub(super) fn unwrap(name: &str, private: &KeyInfo, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let name = shown(name);
    // Parsers tell where they stopped, not what they read.
    let unusable = |why: &dyn std::fmt::Display| {
        Error::Crypto(format!(
            "the private key {name} is no RSA key in PEM without a passphrase (PRIVATE KEY or RSA PRIVATE KEY): {why}"
        ))
    };
    let pem = text(private).ok_or_else(|| unusable(&"it is not text"))?;
    let key = if pem.contains("BEGIN RSA PRIVATE KEY") {
        RsaPrivateKey::from_pkcs1_pem(pem).map_err(|error| unusable(&error))?
    } else {
        RsaPrivateKey::from_pkcs8_pem(pem).map_err(|error| unusable(&error))?
    };
    let other = || Error::Crypto(format!("the data key was not wrapped for the private key {name}"));
    if wrapped.len() != key.size() {
        return Err(other());
    }
    key.decrypt_blinded(&mut OsRng, Oaep::new::<Sha1>(), wrapped).map(Zeroizing::new).map_err(|_| other())
}

/// A name for people. Messages have it from whoever wrote them: it may be long, and hold anything.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect()
}

/// The PEM from where it begins: some tools write what it is above it.
fn text(key: &KeyInfo) -> Option<&str> {
    let text = std::str::from_utf8(&key.pem).ok()?;
    text.find("-----BEGIN ").map(|begin| text[begin..].trim_end())
}

#[cfg(test)]
mod tests {
    use super::super::tests::key_pair;
    use super::*;
    use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey};
    use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};

    #[test]
    fn keys_are_read_in_both_forms() {
        let private = key_pair(0);
        let public = private.to_public_key();
        let publics = [
            public.to_pkcs1_pem(LineEnding::LF).unwrap(),
            public.to_public_key_pem(LineEnding::CRLF).unwrap(),
            format!("Modulus: ...\n{}\n", public.to_public_key_pem(LineEnding::LF).unwrap()),
        ];
        let privates =
            [private.to_pkcs1_pem(LineEnding::LF).unwrap(), private.to_pkcs8_pem(LineEnding::CRLF).unwrap()];
        for public in &publics {
            let wrapped = wrap("k", &KeyInfo::new(public.as_str()), &[7; 32]).unwrap();
            for private in &privates {
                assert_eq!(*unwrap("k", &KeyInfo::new(private.as_str()), &wrapped).unwrap(), [7; 32]);
            }
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_shown() {
        let private = key_pair(0).to_pkcs8_pem(LineEnding::LF).unwrap();
        let damaged = private.replace("MII", "MIX");
        for pem in
            ["", "secret", "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----", damaged.as_str()]
        {
            let error = unwrap("k", &KeyInfo::new(pem), &[0; 128]).unwrap_err().to_string();
            assert!(
                error.contains("private key k") && !error.contains("secret") && !error.contains("MIX"),
                "{error}"
            );
            let error = wrap("k", &KeyInfo::new(pem), &[7; 32]).unwrap_err().to_string();
            assert!(error.contains("public key k") && !error.contains("secret"), "{error}");
        }
        let wrapped = wrap(
            "k",
            &KeyInfo::new(key_pair(1).to_public_key().to_pkcs1_pem(LineEnding::LF).unwrap()),
            &[7; 32],
        );
        let other = KeyInfo::new(private.as_str());
        let long = unwrap(&"n\n".repeat(1000), &other, &[0; 7]).unwrap_err().to_string();
        assert!(!long.contains('\n') && long.len() < 300, "{long}");
        assert!(unwrap("k", &other, &wrapped.unwrap()).is_err());
        assert!(unwrap("k", &other, &[0; 7]).is_err());
    }
}
