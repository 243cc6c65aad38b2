//! JSON web tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use serde_json::{Value, json};

use super::public_key::PublicKey;
use super::{Principal, TokenKey};

/// Makes a token that ends after a while, or, without that, never.
pub(crate) fn issue(secret: &[u8], role: &str, lifetime: Option<Duration>) -> String {
    let mut claims = json!({ "sub": role });
    if let Some(lifetime) = lifetime {
        let end = SystemTime::now().checked_add(lifetime).and_then(|end| end.duration_since(UNIX_EPOCH).ok());
        claims["exp"] = end.unwrap_or_default().as_secs().into();
    }
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(json!({ "alg": "HS256" })), encoded(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
}

/// Who a token is for, if it was signed with the key and has not ended.
pub(super) fn verify(key: &TokenKey, token: &[u8], now: SystemTime) -> Result<Principal, String> {
    let token = std::str::from_utf8(token).map_err(|_| "the token is no text")?;
    let (signed, signature) = token.rsplit_once('.').ok_or("the token has no signature")?;
    let (header, claims) = signed.split_once('.').ok_or("the token has no claims")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is not base64")?;
    let header = decode(header)?;
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    check_signature(key, algorithm, signed.as_bytes(), &signature)?;
    let claims = decode(claims)?;
    let role = claims.get("sub").and_then(Value::as_str).ok_or("the token names no subject")?;
    let expires = match claims.get("exp") {
        None => None,
        Some(end) => {
            let seconds = end.as_u64().ok_or("the end of the token is no time")?;
            UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
        }
    };
    if expires.is_some_and(|end| end <= now) {
        return Err(format!("the token of {role:?} has ended"));
    }
    Ok(Principal { role: role.to_owned(), expires })
}

fn check_signature(key: &TokenKey, algorithm: &str, signed: &[u8], signature: &[u8]) -> Result<(), String> {
    let wrong = |_| format!("the signature of the token, {algorithm}, is wrong");
    match (key, algorithm) {
        (TokenKey::Secret(secret), "HS256") => {
            hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed, signature).map_err(wrong)
        }
        (TokenKey::Public(key), "RS256" | "ES256") => {
            let verify = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
                signature::UnparsedPublicKey::new(algorithm, key).verify(signed, signature).map_err(wrong)
            };
            match (PublicKey::parse(key)?, algorithm) {
                (PublicKey::Rsa(key), "RS256") => verify(&signature::RSA_PKCS1_2048_8192_SHA256, &key),
                (PublicKey::P256(key), "ES256") => verify(&signature::ECDSA_P256_SHA256_FIXED, &key),
                _ => Err(format!("the broker's key is not for {algorithm:?}")),
            }
        }
        _ => Err(format!("the broker's key is not for {algorithm:?}")),
    }
}

fn decode(part: &str) -> Result<Value, String> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part of the token is not base64")?;
    serde_json::from_slice(&json).map_err(|_| "a part of the token is not JSON".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use rsa::RsaPrivateKey;
    use rsa::pkcs1::EncodeRsaPrivateKey;
    use rsa::pkcs8::{EncodePublicKey, LineEnding};
    use rsa::rand_core::OsRng;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn tokens_are_good_until_their_end_and_with_their_secret() {
        let key = TokenKey::Secret(b"a secret of the test".to_vec());
        let token = issue(b"a secret of the test", "ann", Some(HOUR));
        let now = SystemTime::now();
        let principal = verify(&key, token.as_bytes(), now).unwrap();
        assert_eq!(principal.role, "ann");
        assert!(principal.expires.unwrap() > now);
        assert!(verify(&key, token.as_bytes(), now + HOUR).unwrap_err().contains("ended"));
        let other = TokenKey::Secret(b"another".to_vec());
        assert!(verify(&other, token.as_bytes(), now).unwrap_err().contains("signature"));
        let endless = issue(b"a secret of the test", "ann", None);
        assert_eq!(verify(&key, endless.as_bytes(), now + 1000 * HOUR).unwrap().expires, None);
    }

    #[test]
    fn what_is_no_token_or_not_signed_is_refused() {
        let key = TokenKey::Secret(b"x".to_vec());
        let unsigned = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            URL_SAFE_NO_PAD.encode(r#"{"sub":"ann"}"#)
        );
        let tampered = {
            let good = issue(b"x", "ann", None);
            let (_, signature) = good.rsplit_once('.').unwrap();
            let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"root"}"#);
            format!("{}.{claims}.{signature}", good.split('.').next().unwrap())
        };
        for token in ["", ".", "..", "a.b.c", unsigned.as_str(), tampered.as_str(), "\u{fc}.\u{fc}.\u{fc}"] {
            assert!(verify(&key, token.as_bytes(), SystemTime::now()).is_err(), "{token}");
        }
    }

    #[test]
    fn rsa_keys_verify_too() {
        let made = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
        let private = made.to_pkcs1_der().unwrap();
        let public = made.to_public_key();
        let forms = [
            public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes(),
            public.to_public_key_der().unwrap().into_vec(),
        ];
        let pair = signature::RsaKeyPair::from_der(private.as_bytes()).unwrap();
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encoded(r#"{"alg":"RS256"}"#), encoded(r#"{"sub":"ann"}"#));
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .unwrap();
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        for form in forms {
            let key = TokenKey::Public(form);
            assert_eq!(verify(&key, token.as_bytes(), SystemTime::now()).unwrap().role, "ann");
            let other = token.replace('A', "B");
            assert!(other != token && verify(&key, other.as_bytes(), SystemTime::now()).is_err());
        }
    }

    #[test]
    fn public_keys_verify_what_their_private_keys_signed() {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encoded(r#"{"alg":"ES256"}"#), encoded(r#"{"sub":"ann"}"#));
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let key = super::super::public_key::p256_info(pair.public_key().as_ref());
        let role = |key: Vec<u8>| verify(&TokenKey::Public(key), token.as_bytes(), SystemTime::now());
        assert_eq!(role(key.clone()).unwrap().role, "ann");
        let mut other = key;
        *other.last_mut().unwrap() ^= 1;
        assert!(role(other).is_err());
        // The public key is no secret: who knows it must not be able to sign with it.
        let secret = TokenKey::Public(b"known to all".to_vec());
        assert!(verify(&secret, issue(b"known to all", "ann", None).as_bytes(), SystemTime::now()).is_err());
    }
}
