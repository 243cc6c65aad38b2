use std::fmt;
use std::sync::Arc;

#[cfg(feature = "tls")]
use super::token::blocking;
use crate::Error;
use crate::auth::Secret;
use crate::blocking::OneAtATime;

/// A client's certificate with its key, both in PEM. Their memory is overwritten when they are dropped.
#[derive(Clone, Default)]
pub struct CertificatePem {
    /// The client's certificate, and those between it and its authority behind it.
    pub certificate: Secret,
    /// Its private key: PKCS#8, PKCS#1 or SEC1, without a password.
    pub private_key: Secret,
}

impl fmt::Debug for CertificatePem {
    /// Without what it has.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a certificate and its key")
    }
}

/// Gives certificates, or says why there is none.
type Function = dyn Fn() -> Result<CertificatePem, Error> + Send + Sync;

/// A function that gives the certificate to show in a TLS handshake. Clones stand for the same.
#[derive(Clone)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there are no handshakes"))]
pub struct CertificateSupplier {
    function: Arc<Function>,
    turns: OneAtATime,
}

impl CertificateSupplier {
    /// The function is called for each connection with TLS: on a thread for what blocks, one call at a time.
    pub fn new(function: impl Fn() -> Result<CertificatePem, Error> + Send + Sync + 'static) -> Self {
        CertificateSupplier { function: Arc::new(function), turns: OneAtATime::default() }
    }

    /// Calls the function. To be called on the client's runtime.
    #[cfg(feature = "tls")]
    pub(crate) async fn supply(&self) -> Result<CertificatePem, Error> {
        let function = self.function.clone();
        blocking(&self.turns, move || function()).await
    }
}

impl fmt::Debug for CertificateSupplier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the certificate supplier")
    }
}
