use std::path::PathBuf;

use super::parameters::Parameters;
use super::token::path_of;
use super::{Answering, Authentication, CertificateFiles, Network, Secret};
use crate::Error;

/// A client certificate, which the TLS handshake shows. Without TLS it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsAuthentication {
    files: CertificateFiles,
}

impl TlsAuthentication {
    /// Files in PEM, read anew for each connection.
    pub fn new(certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        let files = CertificateFiles { certificate: certificate.into(), private_key: private_key.into() };
        TlsAuthentication { files }
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
        Some(self.files.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_parameters_are_understood() {
        let expected = TlsAuthentication::new("/a.pem", "/k.pem");
        for parameters in [
            "tlsCertFile:/a.pem,tlsKeyFile:/k.pem",
            "tlsKeyFile:file:///k.pem,tlsCertFile:/a.pem",
            r#"{"tlsCertFile":"/a.pem","tlsKeyFile":"/k.pem"}"#,
        ] {
            assert_eq!(TlsAuthentication::from_parameters(parameters).unwrap(), expected);
        }
        assert!(TlsAuthentication::from_parameters("tlsCertFile:/a.pem").is_err());
    }
}
