use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::files::Files;
use super::reason::explain;
use super::socket::RecordSocket;
use super::stream::{Stream, TlsStream};
use super::{ProxyConfig, TlsConfig};
use crate::Error;
use crate::connection::connect_tcp;
use crate::log::Log;
use crate::service_url::{Address, ServiceUrl};

/// Connects to brokers and web servers, with TLS where the address asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Connector(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: TlsConfig,
    files: Arc<Files>,
    /// What is between the client and brokers.
    proxy: Option<Address>,
    log: Log,
    /// It was said that servers are not verified.
    warned: AtomicBool,
}

impl Connector {
    pub fn new(config: TlsConfig, proxy: Option<&ProxyConfig>, log: Log) -> Result<Self, Error> {
        config.validate()?;
        let proxy = proxy.map(ProxyConfig::address).transpose()?;
        let files = Arc::new(Files::new(config.clone()));
        Ok(Connector(Arc::new(Inner { config, files, proxy, log, warned: AtomicBool::new(false) })))
    }

    /// Whether a service with this URL can be used.
    pub fn check(&self, service: &ServiceUrl) -> Result<(), Error> {
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
        self.0.config.certificate_file.is_some()
    }

    /// Connects to a broker, through the proxy if there is one. Otherwise as [`Connector::connect`].
    pub async fn connect_to_broker(&self, address: &Address, patience: Duration) -> Result<Stream, Error> {
        let via = self.0.proxy.as_ref().unwrap_or(address);
        self.connect_via(via, address, patience).await
    }

    /// Connects. Each of the addresses that the name resolves to may take its share of `patience`; the TLS handshake is
    /// not bounded by it. To be called on the client's runtime.
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
            Ok(Stream::Tls(Box::new(self.shake_hands(socket, address).await?)))
        } else {
            Ok(Stream::Plain(socket))
        }
    }

    async fn shake_hands(&self, socket: TcpStream, address: &Address) -> Result<TlsStream, Error> {
        let Inner { config, files, log, warned, .. } = self.0.as_ref();
        if config.allow_insecure && !warned.swap(true, Ordering::Relaxed) {
            log.warn(format_args!(
                "TLS IS NOT SECURE: this client takes any certificate, so whoever is on the way can read and change \
                 everything (allow_insecure is set)"
            ));
        }
        let name = ServerName::try_from(address.bare_host().to_owned())
            .map_err(|_| Error::Connect(format!("{address}: no certificate can be for this name")))?;
        tokio_rustls::TlsConnector::from(files.load().await?)
            .connect(name, RecordSocket::new(socket))
            .await
            .map_err(|error| explain(&error, address, self.has_certificate()))
    }
}
