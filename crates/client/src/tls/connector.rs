use std::sync::Arc;
use std::time::Duration;

use super::{Handshakes, ProxyConfig, Stream, TlsConfig};
use crate::Error;
use crate::auth::CertificateSupplier;
use crate::connection::connect_tcp;
use crate::log::Log;
use crate::service_url::{Address, ServiceUrl};

/// Connects to brokers and web servers, with TLS where the address asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Connector(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handshakes: Handshakes,
    /// What is between the client and brokers.
    proxy: Option<Address>,
}

impl Connector {
    /// `supplier` gives the client's certificate in place of files.
    pub fn new(
        config: TlsConfig,
        supplier: Option<CertificateSupplier>,
        proxy: Option<&ProxyConfig>,
        log: Log,
    ) -> Result<Self, Error> {
        config.validate()?;
        let proxy = proxy.map(ProxyConfig::address).transpose()?;
        Ok(Connector(Arc::new(Inner { handshakes: Handshakes::new(config, supplier, log), proxy })))
    }

    /// Whether a service with this URL can be used.
    pub fn check(&self, service: &ServiceUrl) -> Result<(), Error> {
        #[cfg(not(feature = "http"))]
        if service.scheme() == crate::service_url::Scheme::Http {
            return Err(Error::left_out("lookups over http:// and https://", "http"));
        }
        if service.tls() {
            self.0.handshakes.check()?;
        }
        if self.0.proxy.is_some() && !service.tls() {
            return Err(Error::InvalidConfiguration(
                "behind a proxy that goes by the name in TLS, service URLs are pulsar+ssl:// or https://"
                    .into(),
            ));
        }
        Ok(())
    }

    /// Whether servers that want a certificate of the client are shown one.
    pub fn has_certificate(&self) -> bool {
        self.0.handshakes.has_certificate()
    }

    /// Connects to a broker, through the proxy if there is one. Otherwise as [`Connector::connect`].
    pub async fn connect_to_broker(&self, address: &Address, patience: Duration) -> Result<Stream, Error> {
        let via = self.0.proxy.as_ref().unwrap_or(address);
        self.connect_via(via, address, patience).await
    }

    /// Connects. Each of the addresses that the name resolves to may take its share of `patience`; the TLS handshake is
    /// not bounded by it. To be called on the client's runtime.
    #[cfg(feature = "http")]
    pub async fn connect(&self, address: &Address, patience: Duration) -> Result<Stream, Error> {
        self.connect_via(address, address, patience).await
    }

    async fn connect_via(
        &self,
        via: &Address,
        address: &Address,
        patience: Duration,
    ) -> Result<Stream, Error> {
        let socket = connect_tcp(via, patience).await?;
        if address.tls {
            Ok(Stream::Tls(Box::new(self.0.handshakes.shake_hands(socket, address).await?)))
        } else {
            Ok(Stream::Plain(socket))
        }
    }
}
