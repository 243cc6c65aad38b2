use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::{Zeroize, Zeroizing};

use crate::Error;
use crate::auth::document::Document;
use crate::auth::token::blocking;
use crate::blocking::OneAtATime;

/// How long ZTS may take a principal token, in seconds.
const LIFETIME: u64 = 3600;

/// Where Linux says what this machine is called.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The service of a tenant that asks for tokens.
pub(super) struct Principal {
    pub domain: String,
    pub service: String,
    /// Which of the service's public keys fits `key`.
    pub key_id: String,
    pub key: Document,
}

impl Principal {
    /// A token in which the service says who it is, signed with its key.
    pub async fn token(&self, now: SystemTime) -> Result<Zeroizing<String>, Error> {
        let pem = self.key.read().await?;
        let wrong = format!("Athenz: {:?} is no RSA private key in PEM, without a password", self.key);
        let random = SystemRandom::new();
        let mut salt = [0; 8];
        random.fill(&mut salt).map_err(|_| Error::Authentication("Athenz: no random numbers".into()))?;
        let unsigned = self.unsigned(now, u64::from_ne_bytes(salt));
        // Signing takes milliseconds.
        blocking(&OneAtATime::default(), move || {
            let key = key_pair(&pem).ok_or_else(|| Error::Authentication(wrong.clone()))?;
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &random, unsigned.as_bytes(), &mut signature)
                .map_err(|_| Error::Authentication(wrong))?;
            Ok(Zeroizing::new(format!("{unsigned};s={}", y64(&signature))))
        })
        .await
    }

    fn unsigned(&self, now: SystemTime, salt: u64) -> String {
        let Principal { domain, service, key_id, .. } = self;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut token = format!("v=S1;d={domain};n={service}");
        // It is told for the logs of ZTS, and may be left out.
        if let Ok(host) = std::fs::read_to_string(HOST_NAME) {
            let _ = write!(token, ";h={}", host.trim());
        }
        let _ = write!(token, ";a={salt:x};t={now};e={};k={key_id}", now + LIFETIME);
        token
    }
}

fn key_pair(pem: &[u8]) -> Option<RsaKeyPair> {
    let mut der = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let pair = match &der {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok(),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok(),
        _ => None,
    };
    der.zeroize();
    pair
}

/// Base64 as Athenz writes it.
fn y64(bytes: &[u8]) -> String {
    let standard = STANDARD.encode(bytes);
    standard.replace('+', ".").replace('/', "_").replace('=', "-")
}
