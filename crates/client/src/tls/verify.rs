//! How a server's certificate is verified.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// What a server's certificate has to be.
#[derive(Debug)]
pub(super) enum Demand {
    /// Nothing, not even one that can be read.
    Nothing,
    /// Valid now and of an authority that is trusted.
    Issuer(Arc<Trusted>),
    /// That, and for the name that is connected to.
    IssuerAndName(Arc<Trusted>),
}

/// Who is trusted.
#[derive(Debug)]
pub(super) struct Trusted {
    pub authorities: RootCertStore,
    /// Certificates that somebody chose to trust by themselves, which makes servers that present them trusted too.
    pub chosen: Vec<CertificateDer<'static>>,
}

/// Verifies servers.
#[derive(Debug)]
pub(super) struct Verifier {
    demand: Demand,
    provider: Arc<CryptoProvider>,
}

impl Trusted {
    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        provider: &CryptoProvider,
    ) -> Result<(), Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(certificate)?,
            &self.authorities,
            intermediates,
            now,
            provider.signature_verification_algorithms.all,
        )
        .or_else(|why| {
            // Many a server has just one certificate, that it signed itself and that may sign others. What is said
            // against it is said behind the look at its dates.
            let may_pass = is_of_an_authority(&why) && self.chosen.contains(certificate);
            if may_pass { Ok(()) } else { Err(why) }
        })
    }
}

/// It is not accepted because it may sign others.
fn is_of_an_authority(why: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(why)) = why else {
        return false;
    };
    matches!(why.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

impl Verifier {
    pub fn new(demand: Demand, provider: Arc<CryptoProvider>) -> Self {
        Verifier { demand, provider }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.demand {
            Demand::Nothing => {}
            Demand::Issuer(trusted) => trusted.verify(certificate, intermediates, now, &self.provider)?,
            Demand::IssuerAndName(trusted) => {
                trusted.verify(certificate, intermediates, now, &self.provider)?;
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.demand {
            Demand::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Demand::Issuer(_) | Demand::IssuerAndName(_) => {
                let algorithms = &self.provider.signature_verification_algorithms;
                verify_tls12_signature(message, certificate, signed, algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.demand {
            Demand::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Demand::Issuer(_) | Demand::IssuerAndName(_) => {
                let algorithms = &self.provider.signature_verification_algorithms;
                verify_tls13_signature(message, certificate, signed, algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
