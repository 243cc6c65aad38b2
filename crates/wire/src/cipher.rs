//! Encryption of entry bodies, as the other clients do it: AES-256 in Galois/counter mode, with the tag behind the body.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::WireError;

/// Bytes of a data key.
pub const KEY_LEN: usize = 32;

/// Bytes of an initialization vector.
pub const IV_LEN: usize = 12;

/// Bytes of the tag, by which an encrypted body is longer.
pub const TAG_LEN: usize = 16;

/// The key of entry bodies. The bytes that it is made of are the caller's to wipe.
pub struct DataKey(LessSafeKey);

impl fmt::Debug for DataKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DataKey")
    }
}

impl DataKey {
    /// A key of [`KEY_LEN`] bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, WireError> {
        let key =
            UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| WireError::Cipher("a data key has 32 bytes"))?;
        Ok(DataKey(LessSafeKey::new(key)))
    }

    /// Encrypts the body in its place, and puts the tag behind it. An `iv` must never be used twice with one key.
    pub fn seal(&self, iv: [u8; IV_LEN], body: &mut Vec<u8>) -> Result<(), WireError> {
        let nonce = Nonce::assume_unique_for_key(iv);
        let sealed = self.0.seal_in_place_append_tag(nonce, Aad::empty(), body);
        sealed.map_err(|_| WireError::Cipher("the body is too long to be encrypted"))
    }

    /// The body as it was before [`DataKey::seal`]; `param` is the initialization vector as metadata has it.
    pub fn open(&self, param: &[u8], sealed: &[u8]) -> Result<Vec<u8>, WireError> {
        let nonce = Nonce::try_assume_unique_for_key(param)
            .map_err(|_| WireError::Cipher("its initialization vector does not have 12 bytes"))?;
        let mut body = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::empty(), &mut body);
        let len =
            opened.map_err(|_| WireError::Cipher("it was altered, or encrypted with another key"))?.len();
        body.truncate(len);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bodies_come_back_as_they_went(key: [u8; KEY_LEN], iv: [u8; IV_LEN], body: Vec<u8>, at: prop::sample::Index) {
            let key = DataKey::new(&key).unwrap();
            let mut sealed = body.clone();
            key.seal(iv, &mut sealed).unwrap();
            prop_assert_eq!(sealed.len(), body.len() + TAG_LEN);
            prop_assert_eq!(key.open(&iv, &sealed), Ok(body));
            let mut other_iv = iv;
            other_iv[at.index(IV_LEN)] ^= 1;
            prop_assert!(key.open(&other_iv, &sealed).is_err());
            let place = at.index(sealed.len());
            sealed[place] ^= 1;
            prop_assert!(key.open(&iv, &sealed).is_err());
        }

        #[test]
        fn opening_is_total(param: Vec<u8>, sealed: Vec<u8>) {
            let key = DataKey::new(&[7; KEY_LEN]).unwrap();
            prop_assert!(key.open(&param, &sealed).is_err());
        }
    }

    /// Test case 14 of the specification of GCM: a key, a vector and a block of zeros.
    #[test]
    fn it_is_the_standard_cipher() {
        let key = DataKey::new(&[0; KEY_LEN]).unwrap();
        let mut body = vec![0; 16];
        key.seal([0; IV_LEN], &mut body).unwrap();
        let hex = body.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    }

    #[test]
    fn other_keys_are_refused_and_none_is_shown() {
        assert!(DataKey::new(&[1; 16]).is_err());
        assert_eq!(format!("{:?}", DataKey::new(&[0x5a; KEY_LEN]).unwrap()), "DataKey");
    }
}
