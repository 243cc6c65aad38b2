use std::path::PathBuf;

use super::certificate::{CertificatePem, CertificateSupplier};
use super::parameters::Parameters;
use super::token::path_of;
use super::{Answering, Authentication, CertificateFiles, Network, Secret};
use crate::Error;

/// A client certificate, which the TLS handshake shows. Without TLS it says nothing.
#[derive(Debug, Clone)]
pub struct TlsAuthentication {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Files(CertificateFiles),
    Supplier(CertificateSupplier),
}

impl TlsAuthentication {
    /// Files in PEM, read anew for each connection.
    pub fn new(certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        let files = CertificateFiles { certificate: certificate.into(), private_key: private_key.into() };
        TlsAuthentication { source: Source::Files(files) }
    }

    /// A function that gives the certificate with its key, called for each connection with TLS, those of lookups over HTTPS
    /// among them: on a thread for what blocks, one call at a time. Without TLS it is not called. Where it fails, or gives
    /// what cannot be used, the connection fails with [`Error::Authentication`].
    pub fn from_supplier(
        supplier: impl Fn() -> Result<CertificatePem, Error> + Send + Sync + 'static,
    ) -> Self {
        TlsAuthentication { source: Source::Supplier(CertificateSupplier::new(supplier)) }
    }

    /// As the established clients write it: `tlsCertFile:PATH,tlsKeyFile:PATH`, or the same as JSON.
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        let parameters = Parameters::parse(text)?;
        let path = |name| parameters.want(name).map(path_of);
        Ok(TlsAuthentication::new(path("tlsCertFile")?, path("tlsKeyFile")?))
    }
}

impl Authentication for TlsAuthentication {
    fn method(&self) -> &'static str {
        "tls"
    }

    /// Nothing: the handshake has said it.
    fn answer<'a>(&'a self, _: Option<&'a [u8]>, _: &'a Network) -> Answering<'a, Secret> {
        Box::pin(async { Ok(Secret::default()) })
    }

    fn certificate_files(&self) -> Option<CertificateFiles> {
        match &self.source {
            Source::Files(files) => Some(files.clone()),
            Source::Supplier(_) => None,
        }
    }

    fn certificate_supplier(&self) -> Option<CertificateSupplier> {
        match &self.source {
            Source::Files(_) => None,
            Source::Supplier(supplier) => Some(supplier.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_parameters_are_understood() {
        let expected = TlsAuthentication::new("/a.pem", "/k.pem").certificate_files();
        for parameters in [
            "tlsCertFile:/a.pem,tlsKeyFile:/k.pem",
            "tlsKeyFile:file:///k.pem,tlsCertFile:/a.pem",
            r#"{"tlsCertFile":"/a.pem","tlsKeyFile":"/k.pem"}"#,
        ] {
            let made = TlsAuthentication::from_parameters(parameters).unwrap();
            assert_eq!(made.certificate_files(), expected);
        }
        assert!(TlsAuthentication::from_parameters("tlsCertFile:/a.pem").is_err());
    }
}
