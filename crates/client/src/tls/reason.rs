//! Why TLS failed, for people.

use std::fmt::Display;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::Error;

/// The error for a handshake with `peer` that failed. What the peer or we refuse is refused the next time as well;
/// connections that break may be better then. `has_certificate` says whether the peer was shown one.
pub(super) fn explain(error: &io::Error, peer: &dyn Display, has_certificate: bool) -> Error {
    match refused(error, has_certificate) {
        Some(why) => Error::Connect(format!("TLS with {peer}: {why}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Disconnected(format!("TLS with {peer}: it ended the connection; does it speak TLS?"))
        }
        None => Error::Disconnected(format!("TLS with {peer}: {error}")),
    }
}

/// What TLS has against the other side, or the other side against us; nothing if the connection broke.
pub(crate) fn refused(error: &io::Error, has_certificate: bool) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<TlsError>()?;
    Some(match error {
        TlsError::InvalidCertificate(why) => certificate(why),
        TlsError::AlertReceived(alert) => alerted(*alert, has_certificate),
        TlsError::InvalidMessage(_) => format!("it does not answer in TLS ({error})"),
        TlsError::PeerIncompatible(why) => format!("it has no version or cipher in common with us ({why:?})"),
        _ => error.to_string(),
    })
}

fn certificate(why: &CertificateError) -> String {
    use CertificateError as E;
    match why {
        E::Expired | E::ExpiredContext { .. } => "its certificate has expired".into(),
        E::NotValidYet | E::NotValidYetContext { .. } => "its certificate is not valid yet".into(),
        E::BadSignature => "its certificate is not of the trusted issuer whose name it has".into(),
        E::UnknownIssuer => {
            "its certificate is of an unknown issuer: none of the trusted certificates is".into()
        }
        E::Revoked => "its certificate was revoked".into(),
        E::NotValidForNameContext { expected, presented } => format!(
            "its certificate is not for the name {}, but for {}",
            expected.to_str(),
            if presented.is_empty() { "none".to_owned() } else { presented.join(", ") }
        ),
        E::NotValidForName => "its certificate is not for this name".into(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers".into()
        }
        E::Other(why) => match why.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                "its certificate is one of an authority, which is accepted only if the trust file has it"
                    .into()
            }
            Some(webpki::Error::UnsupportedCertVersion) => {
                "its certificate is of X.509 version 1 or 2, of which names and uses cannot be told".into()
            }
            _ => format!("its certificate is not accepted: {why}"),
        },
        other => format!("its certificate is not accepted: {other}"),
    }
}

fn alerted(alert: AlertDescription, has_certificate: bool) -> String {
    use AlertDescription as A;
    match alert {
        A::CertificateRequired | A::NoCertificate if has_certificate => {
            "it wants a certificate of ours, and none is configured that it accepts".into()
        }
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::DecryptError
        | A::AccessDenied
            if has_certificate =>
        {
            format!("it refused our certificate ({alert:?})")
        }
        // What some say of a certificate, others say of none.
        A::CertificateRequired
        | A::NoCertificate
        | A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateUnknown
        | A::UnknownCA => {
            format!("it wants a certificate of ours, and none is configured ({alert:?})")
        }
        A::ProtocolVersion => "it speaks neither TLS 1.2 nor TLS 1.3".into(),
        other => format!("it refused the connection ({other:?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_shown_was_not_refused() {
        use AlertDescription as A;
        for (alert, shown, none) in [
            (A::BadCertificate, "refused our certificate", "wants a certificate of ours"),
            (A::CertificateRequired, "wants a certificate of ours", "wants a certificate of ours"),
            (A::DecryptError, "refused our certificate", "refused the connection"),
            (A::HandshakeFailure, "refused the connection", "refused the connection"),
        ] {
            let error = io::Error::other(TlsError::AlertReceived(alert));
            for (has_certificate, text) in [(true, shown), (false, none)] {
                let told = refused(&error, has_certificate).unwrap();
                assert!(
                    told.contains(text) && told.contains("certificate of ours") == text.contains("ours"),
                    "{told}"
                );
            }
        }
    }
}
