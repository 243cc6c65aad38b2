//! Public keys as `SubjectPublicKeyInfo`, in PEM or DER, as far as tokens are signed with them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::der;

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1, and its parameter for P-256, 1.2.840.10045.3.1.7
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const BITS: u8 = 0x03;

/// A key in the form that `ring` takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// `RSAPublicKey`.
    Rsa(Vec<u8>),
    /// The point, not compressed.
    P256(Vec<u8>),
}

impl PublicKey {
    pub fn parse(key: &[u8]) -> Result<Self, String> {
        let der = match std::str::from_utf8(key).ok().and_then(pem) {
            Some(der) => der?,
            None => key.to_vec(),
        };
        Self::from_info(&der).ok_or_else(|| "the public key is neither RSA nor P-256".into())
    }

    fn from_info(der: &[u8]) -> Option<Self> {
        let (info, _) = element(der, SEQUENCE)?;
        let (algorithm, rest) = element(info, SEQUENCE)?;
        let (bits, _) = element(rest, BITS)?;
        // Keys are whole bytes: none of the bits of the last is unused.
        let key = bits.strip_prefix(&[0])?.to_vec();
        let (name, parameters) = element(algorithm, OBJECT)?;
        match name {
            RSA => Some(PublicKey::Rsa(key)),
            EC => (element(parameters, OBJECT)?.0 == P256).then_some(PublicKey::P256(key)),
            _ => None,
        }
    }
}

/// What a PEM file holds; nothing when it is none.
fn pem(text: &str) -> Option<Result<Vec<u8>, String>> {
    let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
    let body = rest.split_once("-----END PUBLIC KEY-----").map_or(rest, |(body, _)| body);
    let body: String = body.split_ascii_whitespace().collect();
    Some(STANDARD.decode(body).map_err(|_| "the public key is not PEM".into()))
}

/// The content of the DER element at the beginning, which must have this tag, and what stands behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = der::element(der)?;
    (found == tag).then_some((content, rest))
}

/// The DER of a P-256 key.
#[cfg(test)]
pub(super) fn p256_info(point: &[u8]) -> Vec<u8> {
    let wrap = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let algorithm = [wrap(OBJECT, EC), wrap(OBJECT, P256)].concat();
    let bits = [&[0], point].concat();
    wrap(SEQUENCE, &[wrap(SEQUENCE, &algorithm), wrap(BITS, &bits)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_and_der_give_the_same_key() {
        let der = p256_info(&[4; 65]);
        let expected = PublicKey::P256(vec![4; 65]);
        assert_eq!(PublicKey::parse(&der).unwrap(), expected);
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
        assert_eq!(PublicKey::parse(pem.as_bytes()).unwrap(), expected);
        for cut in 0..der.len() {
            assert!(PublicKey::parse(&der[..cut]).is_err());
        }
        assert!(PublicKey::parse(b"-----BEGIN PUBLIC KEY-----\n?").is_err());
        assert!(element(&[SEQUENCE, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1], SEQUENCE).is_none());
    }
}
