use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::parameters::Parameters;
use super::{Answering, Authentication, Network, Secret, SecretHeaders};
use crate::Error;
use crate::blocking::OneAtATime;

/// Gives a token, or says why there is none.
type Supplier = dyn Fn() -> Result<Zeroizing<String>, Error> + Send + Sync;

/// A token, most often a JSON web token, that the broker checks. White space around it does not count.
pub struct TokenAuthentication {
    source: Source,
}

enum Source {
    Fixed(Zeroizing<String>),
    /// Read for each connection.
    File(PathBuf, OneAtATime),
    /// Name of an environment variable.
    Environment(String),
    /// Called for each connection.
    Supplier(Arc<Supplier>, OneAtATime),
}

impl TokenAuthentication {
    /// The token itself.
    pub fn new(token: &str) -> Self {
        TokenAuthentication { source: Source::Fixed(Zeroizing::new(token.trim().to_owned())) }
    }

    /// A file with the token, read anew for each connection and each time a broker asks again.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        TokenAuthentication { source: Source::File(path.into(), OneAtATime::default()) }
    }

    /// A function that gives the token, called for each connection and each time a broker asks again: on a thread for
    /// what blocks, one call at a time.
    pub fn from_supplier(
        supplier: impl Fn() -> Result<Zeroizing<String>, Error> + Send + Sync + 'static,
    ) -> Self {
        TokenAuthentication { source: Source::Supplier(Arc::new(supplier), OneAtATime::default()) }
    }

    /// As the established clients write it: `token:TOKEN`, `file:PATH`, `file://PATH`, `env:NAME`, the same as JSON
    /// (`{"token":"TOKEN"}`), or the token itself.
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        if text.trim_start().starts_with('{') {
            let parameters = Parameters::parse_json(text)?;
            return match (parameters.get("token"), parameters.get("file"), parameters.get("env")) {
                (Some(token), ..) => Ok(TokenAuthentication::new(token)),
                (_, Some(file), _) => Ok(TokenAuthentication::from_file(path_of(file))),
                (.., Some(name)) => Ok(TokenAuthentication::from_environment(name)),
                (None, None, None) => {
                    Err(Error::Authentication("the parameters name none of token, file, env".into()))
                }
            };
        }
        Ok(if let Some(token) = text.strip_prefix("token:") {
            TokenAuthentication::new(token)
        } else if text.starts_with("file:") {
            TokenAuthentication::from_file(path_of(text))
        } else if let Some(name) = text.strip_prefix("env:") {
            TokenAuthentication::from_environment(name)
        } else {
            TokenAuthentication::new(text)
        })
    }

    fn from_environment(name: &str) -> Self {
        TokenAuthentication { source: Source::Environment(name.to_owned()) }
    }

    async fn token(&self) -> Result<Zeroizing<String>, Error> {
        let token = match &self.source {
            Source::Fixed(token) => token.clone(),
            Source::File(path, turns) => {
                let path = path.clone();
                blocking(turns, move || read(&path)).await?
            }
            Source::Environment(name) => Zeroizing::new(std::env::var(name).map_err(|_| {
                Error::Authentication(format!("the environment variable {name} holds no token"))
            })?),
            Source::Supplier(supplier, turns) => {
                let supplier = supplier.clone();
                blocking(turns, move || supplier()).await?
            }
        };
        let token = Zeroizing::new(token.trim().to_owned());
        if token.is_empty() {
            return Err(Error::Authentication(format!("{self:?} gives an empty token")));
        }
        Ok(token)
    }
}

impl Authentication for TokenAuthentication {
    fn method(&self) -> &'static str {
        "token"
    }

    fn answer<'a>(&'a self, _: Option<&'a [u8]>, _: &'a Network) -> Answering<'a, Secret> {
        Box::pin(async { Ok(Zeroizing::new(self.token().await?.as_bytes().to_vec())) })
    }

    fn http_headers<'a>(&'a self, _: &'a Network) -> Answering<'a, SecretHeaders> {
        Box::pin(async { Ok(bearer(&self.token().await?)) })
    }
}

impl fmt::Debug for TokenAuthentication {
    /// Where the token comes from, without the token.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Fixed(_) => out.write_str("a token"),
            Source::File(path, _) => write!(out, "the token file {}", path.display()),
            Source::Environment(name) => write!(out, "the environment variable {name}"),
            Source::Supplier(..) => out.write_str("the token supplier"),
        }
    }
}

/// The header that carries a token.
pub(super) fn bearer(token: &str) -> SecretHeaders {
    vec![("Authorization".to_owned(), Zeroizing::new(format!("Bearer {token}")))]
}

/// Runs what gives authentication data, and may block. When it panics there are none.
pub(super) async fn blocking<T: Send + 'static>(
    turns: &OneAtATime,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match turns.run("what gives the authentication data", work).await {
        Ok(outcome) => outcome,
        Err(Error::Unknown(text)) => Err(Error::Authentication(text)),
        Err(error) => Err(error),
    }
}

/// The path that a `file:` URL names, or that stands for itself.
pub(super) fn path_of(text: &str) -> PathBuf {
    let path = text.strip_prefix("file:").unwrap_or(text);
    // Behind two slashes a host would stand, which is empty or this one.
    let path = path.strip_prefix("//").filter(|path| path.starts_with(['/', '.'])).unwrap_or(path);
    path.into()
}

fn read(path: &std::path::Path) -> Result<Zeroizing<String>, Error> {
    let read = std::fs::read(path).map(Zeroizing::new);
    let bytes = read.map_err(|error| {
        Error::Authentication(format!("cannot read the token file {}: {error}", path.display()))
    })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Error::Authentication(format!("the token file {} is no text", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::network::tests::network;

    fn described(parameters: &str) -> String {
        format!("{:?}", TokenAuthentication::from_parameters(parameters).unwrap())
    }

    #[tokio::test]
    async fn parameters_name_the_source() {
        for (parameters, source) in [
            ("file:/a/b", "the token file /a/b"),
            ("file:///a/b", "the token file /a/b"),
            ("file:b", "the token file b"),
            ("file://./b", "the token file ./b"),
            (r#"{"file":"/a/b"}"#, "the token file /a/b"),
            ("env:SOME_NAME", "the environment variable SOME_NAME"),
        ] {
            assert_eq!(described(parameters), source, "{parameters}");
        }
        for parameters in ["token:abc", "abc", " abc\n", r#"{"token":"abc"}"#] {
            let authentication = TokenAuthentication::from_parameters(parameters).unwrap();
            assert_eq!(
                authentication.answer(None, &network()).await.unwrap().as_slice(),
                b"abc",
                "{parameters}"
            );
        }
        assert!(TokenAuthentication::from_parameters("{}").is_err());
        assert!(TokenAuthentication::from_parameters("{").is_err());
    }

    #[tokio::test]
    async fn what_gives_no_token_says_so() {
        for parameters in ["file:/does/not/exist", "env:PULSAR_RS_NO_SUCH_VARIABLE", "token: "] {
            let authentication = TokenAuthentication::from_parameters(parameters).unwrap();
            let error = authentication.answer(None, &network()).await.unwrap_err();
            assert!(matches!(error, Error::Authentication(_)), "{parameters}: {error}");
        }
        let panics = TokenAuthentication::from_supplier(|| panic!("a test"));
        assert!(matches!(panics.answer(None, &network()).await, Err(Error::Authentication(_))));
    }
}
