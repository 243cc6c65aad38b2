use crate::Error;
use crate::service_url::{Address, Scheme, ServiceUrl, without_user};

/// A proxy between the client and all brokers.
///
/// Over HTTPS lookups go to the service URL directly, and only what follows through the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Where it is: `pulsar+ssl://host:port`.
    pub url: String,
    /// How it is told which broker is meant.
    pub protocol: ProxyProtocol,
}

/// How a proxy is told which broker is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// By the name in the TLS handshake (SNI), as Apache Traffic Server takes it: the proxy sees nothing but that, and
    /// TLS is spoken with the broker. So service URLs have to be with TLS, and their brokers need names.
    #[default]
    Sni,
}

impl ProxyConfig {
    pub(crate) fn address(&self) -> Result<Address, Error> {
        let url = ServiceUrl::parse(&self.url)?;
        match url.addresses() {
            [address] if url.scheme() == Scheme::Binary && url.tls() => Ok(address.clone()),
            _ => Err(Error::InvalidUrl(format!(
                "{:?}: the URL of a proxy is pulsar+ssl://host:port",
                without_user(&self.url)
            ))),
        }
    }
}
