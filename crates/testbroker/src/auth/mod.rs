//! Who clients are, and what they may do: as a real broker decides it, with roles instead of policies.

mod authorization;
mod control;
mod jwt;
mod public_key;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};

pub use authorization::Authorization;
pub(crate) use authorization::Operation;

/// What clients have to show, see [`Options::authentication`](crate::Options::authentication).
#[derive(Clone, PartialEq, Eq)]
pub struct Authentication {
    /// Method `token`: JSON web tokens, whose `sub` is the role, and which end with their `exp`.
    pub token: Option<TokenKey>,
    /// Method `basic`: passwords by user, who is the role.
    pub users: BTreeMap<String, String>,
    /// Method `tls`: the role is the common name of the client's certificate.
    pub tls: bool,
    /// Role of clients whose method is not accepted here. Default: they are refused.
    pub anonymous_role: Option<String>,
    /// How often it is looked whether a client's token has ended: it is asked for a new one then, and dropped at the next
    /// look when it gave none. Default 60 s, as `authenticationRefreshCheckSeconds`.
    pub refresh_check: Duration,
}

/// What tokens are checked with.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenKey {
    /// Bytes that who issues tokens has too: HS256.
    Secret(Vec<u8>),
    /// An RSA (RS256) or P-256 (ES256) public key, in PEM or DER (`SubjectPublicKeyInfo`).
    Public(Vec<u8>),
}

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub role: String,
    /// When that ends.
    pub expires: Option<SystemTime>,
}

impl Default for Authentication {
    fn default() -> Self {
        Authentication {
            token: None,
            users: BTreeMap::new(),
            tls: false,
            anonymous_role: None,
            refresh_check: Duration::from_secs(60),
        }
    }
}

impl Authentication {
    /// Who shows `data` under a method's name; `peer` is the common name of its certificate. An error says why it is
    /// refused, which is nothing for the client.
    pub(crate) fn principal(
        &self,
        method: &str,
        data: &[u8],
        peer: Option<&str>,
    ) -> Result<Principal, String> {
        let forever = |role: &str| Principal { role: role.to_owned(), expires: None };
        match (method, &self.token) {
            ("token", Some(key)) => jwt::verify(key, data, SystemTime::now()),
            ("basic", _) if !self.users.is_empty() => self.user(data).map(forever),
            ("tls", _) if self.tls => Ok(forever(peer.ok_or("the client showed no certificate")?)),
            _ => match &self.anonymous_role {
                Some(role) => Ok(forever(role)),
                None => Err(format!("no anonymous role, and no provider for {method:?}")),
            },
        }
    }

    fn user<'a>(&self, credentials: &'a [u8]) -> Result<&'a str, String> {
        let text = std::str::from_utf8(credentials).map_err(|_| "the credentials are no text")?;
        let (user, password) = text.split_once(':').ok_or("no password is given")?;
        match self.users.get(user) {
            Some(expected) if expected == password => Ok(user),
            _ => Err(format!("unknown user or wrong password of {user:?}")),
        }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Authentication")
            .field("token", &self.token)
            .field("users", &self.users.keys())
            .field("tls", &self.tls)
            .field("anonymous_role", &self.anonymous_role)
            .field("refresh_check", &self.refresh_check)
            .finish()
    }
}

impl TokenKey {
    /// A secret that nobody else has; none where there are no random numbers.
    pub fn random() -> Option<Self> {
        let mut secret = vec![0; 32];
        SystemRandom::new().fill(&mut secret).ok()?;
        Some(TokenKey::Secret(secret))
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            TokenKey::Secret(_) => "Secret(..)",
            TokenKey::Public(_) => "Public(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_has_its_own_proof() {
        let users = BTreeMap::from([("ann".to_owned(), "a:b".to_owned())]);
        let mut authentication = Authentication { users, tls: true, ..Authentication::default() };
        let role = |authentication: &Authentication, method: &str, data: &str, peer: Option<&str>| {
            authentication.principal(method, data.as_bytes(), peer).map(|principal| principal.role)
        };
        assert_eq!(role(&authentication, "basic", "ann:a:b", None).unwrap(), "ann");
        assert_eq!(role(&authentication, "tls", "", Some("bob")).unwrap(), "bob");
        for (method, data) in
            [("basic", "ann:x"), ("basic", "ann"), ("basic", ""), ("tls", ""), ("token", "x")]
        {
            assert!(role(&authentication, method, data, None).is_err(), "{method} {data}");
        }
        assert!(role(&authentication, "none", "", None).is_err());
        authentication.anonymous_role = Some("nobody".into());
        assert_eq!(role(&authentication, "none", "", None).unwrap(), "nobody");
        assert!(role(&authentication, "basic", "ann:x", None).is_err(), "a wrong proof is worse than none");
        assert!(!format!("{authentication:?}").contains("a:b"));
    }
}
