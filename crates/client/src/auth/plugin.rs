use std::sync::Arc;

use super::{Authentication, BasicAuthentication, TlsAuthentication, TokenAuthentication};
use crate::Error;

/// Longest name that an error shows.
const MAX_SHOWN: usize = 200;

/// Makes an authentication from the name of its method, or of its Java class, and its parameters in one string, as
/// configurations of the established clients have them. Case does not matter in names.
///
/// # Errors
///
/// [`Error::Authentication`] for a name that is not known, plugins in shared libraries among them, and for parameters
/// that are missing or cannot be read. [`Error::NotSupported`] for a method whose Cargo feature was left out.
pub fn authentication_by_name(name: &str, parameters: &str) -> Result<Arc<dyn Authentication>, Error> {
    let lower = name.to_ascii_lowercase();
    let class = lower.strip_prefix("org.apache.pulsar.client.impl.auth.").unwrap_or(&lower);
    let short = class.strip_prefix("oauth2.").unwrap_or(class);
    Ok(match short {
        "token" | "authenticationtoken" => Arc::new(TokenAuthentication::from_parameters(parameters)?),
        "basic" | "authenticationbasic" => Arc::new(BasicAuthentication::from_parameters(parameters)?),
        "tls" | "authenticationtls" => Arc::new(TlsAuthentication::from_parameters(parameters)?),
        "oauth2" | "authenticationoauth2" => oauth2(parameters)?,
        "athenz" | "authenticationathenz" => athenz(parameters)?,
        _ => {
            // With its arguments exchanged, this may be a token.
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
            let shown = name.len() <= MAX_SHOWN && name.bytes().all(is_name) && !name.starts_with("eyJ");
            return Err(Error::Authentication(format!(
                "there is no authentication {:?}: plugins in shared libraries are not loaded",
                if shown { name } else { "of this name" }
            )));
        }
    })
}

#[cfg(feature = "oauth2")]
fn oauth2(parameters: &str) -> Result<Arc<dyn Authentication>, Error> {
    Ok(Arc::new(super::OAuth2Authentication::from_parameters(parameters)?))
}

#[cfg(not(feature = "oauth2"))]
fn oauth2(_: &str) -> Result<Arc<dyn Authentication>, Error> {
    Err(Error::left_out("authentication with OAuth 2.0", "oauth2"))
}

#[cfg(feature = "athenz")]
fn athenz(parameters: &str) -> Result<Arc<dyn Authentication>, Error> {
    Ok(Arc::new(super::AthenzAuthentication::from_parameters(parameters)?))
}

#[cfg(not(feature = "athenz"))]
fn athenz(_: &str) -> Result<Arc<dyn Authentication>, Error> {
    Err(Error::left_out("authentication with Athenz", "athenz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_by_both_names() {
        for (name, parameters, method) in [
            ("token", "token:abc", "token"),
            ("org.apache.pulsar.client.impl.auth.AuthenticationToken", "abc", "token"),
            ("BASIC", "username:a,password:b", "basic"),
            ("org.apache.pulsar.client.impl.auth.AuthenticationBasic", "username:a,password:b", "basic"),
            ("tls", "tlsCertFile:a,tlsKeyFile:b", "tls"),
            ("org.apache.pulsar.client.impl.auth.AuthenticationTls", "tlsCertFile:a,tlsKeyFile:b", "tls"),
        ] {
            assert_eq!(authentication_by_name(name, parameters).unwrap().method(), method, "{name}");
        }
        for name in ["", "/usr/lib/libauth.so", "org.apache.pulsar.client.impl.auth.AuthenticationSasl"] {
            assert!(matches!(authentication_by_name(name, ""), Err(Error::Authentication(_))), "{name}");
        }
    }
}
