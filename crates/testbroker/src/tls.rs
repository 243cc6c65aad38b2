//! TLS, as the broker's side speaks it.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::der::element;
use crate::options::{TlsOptions, TlsVersion};

/// A client with TLS. rustls reads 4 KiB a time where nobody reads ahead for it.
pub(crate) type TlsStream = tokio_rustls::server::TlsStream<BufReader<TcpStream>>;

/// Bytes read ahead.
const AHEAD: usize = 64 * 1024;

/// Takes clients in.
#[derive(Debug)]
pub(crate) struct Acceptor {
    options: TlsOptions,
    verbose: bool,
}

impl Acceptor {
    /// Fails when the files are of no use.
    pub fn new(options: TlsOptions, verbose: bool) -> io::Result<Self> {
        configure(&options)?;
        Ok(Acceptor { options, verbose })
    }

    /// A client that could be agreed with. The files are read anew, and sessions are not kept, so that what a test
    /// changes holds from the next connection on.
    #[allow(clippy::print_stderr)] // this is what --verbose is for
    pub async fn accept(&self, socket: TcpStream) -> Option<TlsStream> {
        let accepted = async {
            let acceptor = TlsAcceptor::from(Arc::new(configure(&self.options)?));
            acceptor.accept(BufReader::with_capacity(AHEAD, socket)).await
        };
        match accepted.await {
            Ok(stream) => Some(stream),
            Err(error) => {
                if self.verbose {
                    eprintln!("tls handshake failed: {error}");
                }
                None
            }
        }
    }
}

fn configure(options: &TlsOptions) -> io::Result<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let versions = match options.version {
        None => vec![&TLS12, &TLS13],
        Some(TlsVersion::V1_2) => vec![&TLS12],
        Some(TlsVersion::V1_3) => vec![&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(io::Error::other)?;
    let builder = match &options.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| broken(path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| broken(path, &error))?)
        }
    };
    let key_path = &options.private_key;
    let key = read(key_path, PrivateKeyDer::from_pem_slice)?;
    let mut config = builder
        .with_single_cert(certificates(&options.certificate)?, key)
        .map_err(|error| broken(key_path, &error))?;
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    read(path, |bytes| CertificateDer::pem_slice_iter(bytes).collect())
}

fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, pem::Error>) -> io::Result<T> {
    let bytes = fs::read(path).map_err(|error| broken(path, &error))?;
    parse(&bytes).map_err(|error| broken(path, &error))
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}

/// Who the client's certificate says that it is: the common name of its subject.
pub(crate) fn role(stream: &TlsStream) -> Option<String> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    common_name(certificate)
}

/// The common name in the subject of an X.509 certificate.
fn common_name(certificate: &[u8]) -> Option<String> {
    const VERSION: u8 = 0xa0;
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    if fields.first() == Some(&VERSION) {
        (_, _, fields) = element(fields)?;
    }
    // Serial number, algorithm, issuer and validity are before it.
    for _ in 0..4 {
        (_, _, fields) = element(fields)?;
    }
    let (_, mut names, _) = element(fields)?;
    while let Some((_, set, rest)) = element(names) {
        let (_, attribute, _) = element(set)?;
        let (_, kind, value) = element(attribute)?;
        if kind == COMMON_NAME {
            let (_, text, _) = element(value)?;
            return String::from_utf8(text.to_vec()).ok();
        }
        names = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn the_common_name_is_found() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["a.host".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        assert_eq!(common_name(params.self_signed(&key).unwrap().der()), None);
        params.distinguished_name.push(DnType::OrganizationName, "an organization");
        params.distinguished_name.push(DnType::CommonName, "admin");
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(common_name(certificate.der()).as_deref(), Some("admin"));
        for len in 0..certificate.der().len() {
            let _ = common_name(&certificate.der()[..len]);
        }
    }
}
