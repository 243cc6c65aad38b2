use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::parameters::Parameters;
use super::{Answering, Authentication, Network, Secret, SecretHeaders};
use crate::Error;

/// User and password, which travel as they are: to be used with TLS.
pub struct BasicAuthentication {
    method: String,
    user: String,
    /// `user:password`.
    credentials: Zeroizing<String>,
}

impl BasicAuthentication {
    /// Under the method name `basic`.
    pub fn new(user: &str, password: &str) -> Self {
        let credentials = Zeroizing::new(format!("{user}:{password}"));
        BasicAuthentication { method: "basic".into(), user: user.into(), credentials }
    }

    /// Under another method name, for brokers that have one of their own.
    #[must_use]
    pub fn with_method(self, method: &str) -> Self {
        BasicAuthentication { method: method.into(), ..self }
    }

    /// As the established clients write it: `{"username":"USER","password":"PASSWORD"}` or
    /// `username:USER,password:PASSWORD`, with `method` where it is not `basic`.
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        let parameters = Parameters::parse(text)?;
        let new = BasicAuthentication::new(parameters.want("username")?, parameters.want("password")?);
        Ok(match parameters.get("method") {
            Some(method) => new.with_method(method),
            None => new,
        })
    }
}

impl Authentication for BasicAuthentication {
    fn method(&self) -> &str {
        &self.method
    }

    fn answer<'a>(&'a self, _: Option<&'a [u8]>, _: &'a Network) -> Answering<'a, Secret> {
        Box::pin(async { Ok(Zeroizing::new(self.credentials.as_bytes().to_vec())) })
    }

    fn http_headers<'a>(&'a self, _: &'a Network) -> Answering<'a, SecretHeaders> {
        let encoded = Zeroizing::new(STANDARD.encode(self.credentials.as_bytes()));
        let value = Zeroizing::new(format!("Basic {}", *encoded));
        Box::pin(async { Ok(vec![("Authorization".to_owned(), value)]) })
    }
}

impl fmt::Debug for BasicAuthentication {
    /// The user, without the password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "user {:?} with a password", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::network::tests::network;

    #[tokio::test]
    async fn both_forms_of_parameters_are_understood() {
        for (parameters, method) in [
            (r#"{"username":"ann","password":"a:b, c"}"#, "basic"),
            (r#"{"username":"ann","password":"a:b, c","method":"ours"}"#, "ours"),
        ] {
            let basic = BasicAuthentication::from_parameters(parameters).unwrap();
            assert_eq!(basic.method(), method);
            assert_eq!(basic.answer(None, &network()).await.unwrap().as_slice(), b"ann:a:b, c");
        }
        let basic = BasicAuthentication::from_parameters("username:ann,password:a:b").unwrap();
        let headers = basic.http_headers(&network()).await.unwrap();
        assert_eq!(headers[0].1.as_str(), "Basic YW5uOmE6Yg==");
        for wrong in ["", "username:ann", "password:x", "{}"] {
            assert!(BasicAuthentication::from_parameters(wrong).is_err(), "{wrong}");
        }
    }
}
