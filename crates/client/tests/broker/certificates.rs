//! Certificates, made for one test and gone with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Who issues certificates.
pub struct Authority {
    folder: Folder,
    issued: AtomicU32,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, in PEM.
    pub trust: PathBuf,
}

/// A certificate with its key, both in PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        Self::with(|_| {}).0
    }

    /// One that is a host itself: the certificate that it signs with is the one that it presents.
    pub fn of_host(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (Self, Issued) {
        Self::with(|params| {
            params.subject_alt_names =
                CertificateParams::new(vec![name.to_owned()]).unwrap().subject_alt_names;
            params.key_usages.push(KeyUsagePurpose::DigitalSignature);
            change(params);
        })
    }

    fn with(change: impl FnOnce(&mut CertificateParams)) -> (Self, Issued) {
        let folder = Folder::new();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // A name of its own.
        params.distinguished_name.push(DnType::CommonName, folder.0.display().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        change(&mut params);
        let trust = folder.write("trust.pem", &params.self_signed(&key).unwrap().pem());
        let own = Issued { certificate: trust.clone(), key: folder.write("key.pem", &key.serialize_pem()) };
        (Authority { folder, issued: AtomicU32::new(0), issuer: Issuer::new(params, key), trust }, own)
    }

    /// A certificate for a host or a client.
    pub fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, |_| {})
    }

    pub fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        Issued {
            certificate: self.folder.write(&format!("{number}.pem"), &certificate.pem()),
            key: self.folder.write(&format!("{number}.key.pem"), &key.serialize_pem()),
        }
    }

    /// A file beside the certificates.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        self.folder.write(name, text)
    }
}

impl Issued {
    /// Has these files from now on have what those of `other` have.
    pub fn replace_by(&self, other: &Issued) {
        replace(&self.certificate, &other.certificate);
        replace(&self.key, &other.key);
    }
}

/// Has a file have what another one has, at once, as those who renew certificates do.
pub fn replace(path: &Path, by: &Path) {
    let next = path.with_extension("next");
    fs::copy(by, &next).unwrap();
    fs::rename(next, path).unwrap();
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pulsar_rs_tls_{}_{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
