//! What the files of a TLS configuration come to, and the certificate that a function gives in place of them.

#[cfg(fuzzing)]
pub mod fuzzing;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{fmt, fs};

use parking_lot::Mutex;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::sleep;
use zeroize::{Zeroize, Zeroizing};

use super::TlsConfig;
use super::verify::{Demand, Trusted, Verifier};
use crate::Error;
use crate::auth::{CertificatePem, CertificateSupplier};
use crate::blocking::OneAtATime;

/// How long those who replace one file may take for the next.
const RENEWAL: Duration = Duration::from_millis(50);

/// Reads the files each time, and parses them when they changed.
#[derive(Debug)]
pub(super) struct Files {
    config: TlsConfig,
    /// Gives the certificate and its key in place of files.
    supplier: Option<CertificateSupplier>,
    turns: OneAtATime,
    last: Mutex<Option<(Contents, Arc<ClientConfig>)>>,
    /// What the system trusts. It is not expected to change while the program runs.
    system: OnceLock<Arc<Trusted>>,
}

/// The files as they were read, where they are configured, and what was given in place of them.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    trusted: Option<PemFile>,
    certificate: Option<PemFile>,
    key: Option<PemFile>,
}

#[derive(PartialEq, Eq)]
struct PemFile {
    /// What it has, for people.
    what: &'static str,
    source: Source,
    bytes: Zeroizing<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    /// A function of the program gave it.
    Supplier,
}

impl Files {
    pub fn new(config: TlsConfig, supplier: Option<CertificateSupplier>) -> Self {
        let (turns, last, system) = (OneAtATime::default(), Mutex::default(), OnceLock::new());
        Files { config, supplier, turns, last, system }
    }

    /// The configuration for a connection that is made now. The one of the last is used again as long as the files have
    /// the same, and with it the sessions that servers let clients resume. To be called on the client's runtime.
    pub async fn load(self: &Arc<Self>) -> Result<Arc<ClientConfig>, Error> {
        // Once: it is the files that are tried again.
        let supplied = match &self.supplier {
            None => None,
            Some(supplier) => Some(supplier.supply().await?),
        };
        if let Ok(parsed) = self.load_once(supplied.clone()).await {
            return Ok(parsed);
        }
        // Files that are being replaced do not fit together for a moment.
        sleep(RENEWAL).await;
        self.load_once(supplied).await
    }

    async fn load_once(
        self: &Arc<Self>,
        supplied: Option<CertificatePem>,
    ) -> Result<Arc<ClientConfig>, Error> {
        let files = self.clone();
        self.turns.run("what reads the TLS files", move || files.read(supplied)).await?
    }

    fn read(&self, supplied: Option<CertificatePem>) -> Result<Arc<ClientConfig>, Error> {
        let TlsConfig { trust_certs_file, certificate_file, private_key_file, allow_insecure, .. } =
            &self.config;
        // Nobody asks it when anyone is trusted.
        let trusted = PemFile::read("trust", trust_certs_file.as_ref().filter(|_| !allow_insecure))?;
        let (certificate, key) = match supplied {
            Some(CertificatePem { certificate, private_key }) => (
                Some(PemFile::supplied("certificate", certificate)),
                Some(PemFile::supplied("private key", private_key)),
            ),
            None => (
                PemFile::read("certificate", certificate_file.as_ref())?,
                PemFile::read("private key", private_key_file.as_ref())?,
            ),
        };
        let contents = Contents { trusted, certificate, key };
        if let Some((last, parsed)) = self.last.lock().as_ref()
            && *last == contents
        {
            return Ok(parsed.clone());
        }
        let parsed = Arc::new(self.parse(&contents)?);
        *self.last.lock() = Some((contents, parsed.clone()));
        Ok(parsed)
    }

    fn parse(&self, contents: &Contents) -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Connect(format!("TLS cannot be set up: {error}")))?;
        let demand = match (self.config.allow_insecure, self.config.verify_hostname) {
            (true, _) => Demand::Nothing,
            (false, true) => Demand::IssuerAndName(self.trusted(contents)?),
            (false, false) => Demand::Issuer(self.trusted(contents)?),
        };
        let verifier = Verifier::new(demand, provider.clone());
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let (Some(certificate), Some(key)) = (&contents.certificate, &contents.key) else {
            return Ok(builder.with_no_client_auth());
        };
        let certified = certified(certificate, key, &provider)?;
        Ok(builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))))
    }

    fn trusted(&self, contents: &Contents) -> Result<Arc<Trusted>, Error> {
        let Some(file) = &contents.trusted else {
            return Ok(self.system.get_or_init(system_roots).clone());
        };
        let chosen = file.certificates()?;
        let mut authorities = RootCertStore::empty();
        for certificate in &chosen {
            authorities.add(certificate.clone()).map_err(|error| file.broken(&error))?;
        }
        Ok(Arc::new(Trusted { authorities, chosen }))
    }
}

/// The client's certificate with its key.
fn certified(certificate: &PemFile, key: &PemFile, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let chain = certificate.certificates()?;
    let signing = key.private_key(provider)?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(match &certificate.source {
                Source::File(path) => {
                    let path = path.display();
                    key.broken(&format_args!("it is not that of the certificate in {path}"))
                }
                Source::Supplier => key.broken(&"it is not that of the certificate that was given with it"),
            })
        }
        // Some keys do not tell.
        Ok(()) | Err(rustls::Error::InconsistentKeys(_)) => Ok(certified),
        Err(error) => Err(certificate.broken(&error)),
    }
}

/// What the system trusts; where it has nothing, what Mozilla trusts.
fn system_roots() -> Arc<Trusted> {
    let mut authorities = RootCertStore::empty();
    // Single ones that cannot be read are left out, as other programs do.
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if authorities.is_empty() {
        authorities.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Arc::new(Trusted { authorities, chosen: Vec::new() })
}

impl PemFile {
    fn read(what: &'static str, path: Option<&PathBuf>) -> Result<Option<Self>, Error> {
        let Some(path) = path else {
            return Ok(None);
        };
        let mut file = PemFile { what, source: Source::File(path.clone()), bytes: Zeroizing::default() };
        let bytes = fs::read(path).map_err(|error| file.broken(&error))?;
        file.bytes = Zeroizing::new(bytes);
        Ok(Some(file))
    }

    fn supplied(what: &'static str, bytes: Zeroizing<Vec<u8>>) -> Self {
        PemFile { what, source: Source::Supplier, bytes }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let all: Vec<_> = CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<_, _>>()
            .map_err(|_| self.broken(&"it is not PEM"))?;
        if all.is_empty() {
            return Err(self.broken(&"it has no certificate in PEM"));
        }
        Ok(all)
    }

    /// Says nothing of what the file has: it is secret.
    fn private_key(&self, provider: &CryptoProvider) -> Result<Arc<dyn SigningKey>, Error> {
        let mut key = PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| match error {
            pem::Error::NoItemsFound => self.broken(&"it has no private key without a password in PEM"),
            _ => self.broken(&"it is not PEM"),
        })?;
        let signing = provider.key_provider.load_private_key(key.clone_key());
        key.zeroize();
        signing.map_err(|_| self.broken(&"it is not a key of a kind that is supported"))
    }

    fn broken(&self, why: &dyn fmt::Display) -> Error {
        Error::Authentication(format!("TLS {self:?}: {why}"))
    }
}

impl fmt::Debug for PemFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File(path) => write!(out, "{} file {}", self.what, path.display()),
            Source::Supplier => write!(out, "{} from the certificate supplier", self.what),
        }
    }
}
