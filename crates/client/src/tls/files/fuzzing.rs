//! What fuzz targets call of TLS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::{Contents, Files, PemFile, Source};
use crate::{Error, TlsConfig};

/// The files of a TLS configuration: trusted certificates, a client's certificate, and its key. What the error says, if they
/// cannot be used.
///
/// # Panics
///
/// When certificates that are accepted are not the same where they are written down.
pub fn tls_files(trusted: &[u8], certificate: &[u8], key: &[u8]) -> Result<(), String> {
    let file = |what, name: &str, bytes: &[u8]| PemFile {
        what,
        source: Source::File(name.into()),
        bytes: Zeroizing::new(bytes.to_vec()),
    };
    let trusted = file("trust", "ca.pem", trusted);
    let certificate = file("certificate", "cert.pem", certificate);
    for file in [&trusted, &certificate] {
        if let Ok(all) = file.certificates() {
            assert!(!all.is_empty());
            let written: String = all.iter().map(pem).collect();
            let again =
                PemFile { what: "", source: Source::Supplier, bytes: Zeroizing::new(written.into_bytes()) };
            assert_eq!(again.certificates(), Ok(all));
        }
    }
    let contents = Contents {
        trusted: Some(trusted),
        certificate: Some(certificate),
        key: Some(file("private key", "key.pem", key)),
    };
    assert_eq!(
        format!("{contents:?}"),
        "Contents { trusted: Some(trust file ca.pem), certificate: Some(certificate file cert.pem), \
         key: Some(private key file key.pem) }"
    );
    let verifies = [true, false].map(|verify_hostname| {
        let files = Files::new(TlsConfig { verify_hostname, ..TlsConfig::default() }, None);
        files.parse(&contents).map(drop).map_err(|error| {
            assert!(matches!(error, Error::Authentication(_)), "{error}");
            error.to_string()
        })
    });
    assert_eq!(verifies[0], verifies[1]);
    let [outcome, _] = verifies;
    outcome
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
}
