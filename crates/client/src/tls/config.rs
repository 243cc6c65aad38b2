use std::path::PathBuf;

use crate::Error;

/// How a client speaks TLS with service URLs that ask for it: `pulsar+ssl://` and `https://`. TLS 1.2 and 1.3 are
/// spoken.
///
/// The files are in PEM. They are read for every new connection, so that renewed ones are used from the next connection
/// on. What is wrong with one, and still is 50 ms later, fails the connection with a text that names it: files that are
/// being replaced may not fit together for a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// Certificates of the authorities that are trusted, and of no others. Absent, the default: those that the system
    /// trusts; where it has none, those that Mozilla trusts. A server that signed its certificate itself is trusted when
    /// that certificate is in the file.
    pub trust_certs_file: Option<PathBuf>,
    /// The client's certificate, with those between it and its authority behind it. It needs
    /// [`TlsConfig::private_key_file`]. Default: none.
    pub certificate_file: Option<PathBuf>,
    /// The key of the client's certificate: PKCS#8, PKCS#1 or SEC1, without a password. Default: none.
    pub private_key_file: Option<PathBuf>,
    /// Takes any certificate of a server: whoever is on the way can read and change everything. Each client with it logs
    /// a warning. Default off.
    pub allow_insecure: bool,
    /// Whether a server's certificate has to be for the host that is connected to. When it has not, any server with a
    /// certificate of a trusted authority passes for any other. Default on; the established C API has it off.
    pub verify_hostname: bool,
}

impl Default for TlsConfig {
    fn default() -> Self {
        TlsConfig {
            trust_certs_file: None,
            certificate_file: None,
            private_key_file: None,
            allow_insecure: false,
            verify_hostname: true,
        }
    }
}

impl TlsConfig {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let (has, lacks) = match (&self.certificate_file, &self.private_key_file) {
            (Some(certificate), None) => (certificate, "no private key file"),
            (None, Some(key)) => (key, "no certificate file"),
            _ => return Ok(()),
        };
        Err(Error::InvalidConfiguration(format!("TLS: {} is set, but {lacks}", has.display())))
    }
}
