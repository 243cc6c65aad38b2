use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use super::TlsConfig;
use super::files::Files;
use super::reason::explain;
use super::socket::RecordSocket;
use super::stream::{Stream, TlsStream};
use crate::Error;
use crate::connection::connect_tcp;
use crate::log::Log;
use crate::service_url::Address;

/// Connects to brokers and web servers, with TLS where the address asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Connector(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: TlsConfig,
    files: Arc<Files>,
    log: Log,
    /// It was said that servers are not verified.
    warned: AtomicBool,
}

impl Connector {
    pub fn new(config: TlsConfig, log: Log) -> Result<Self, Error> {
        config.validate()?;
        let files = Arc::new(Files::new(config.clone()));
        Ok(Connector(Arc::new(Inner { config, files, log, warned: AtomicBool::new(false) })))
    }

    /// Connects. Each of the addresses that the name resolves to may take its share of `patience`; the TLS handshake is
    /// not bounded by it. To be called on the client's runtime.
    pub async fn connect(&self, address: &Address, patience: Duration) -> Result<Stream, Error> {
        let socket = connect_tcp(address, patience).await?;
        if address.tls {
            Ok(Stream::Tls(Box::new(self.shake_hands(socket, address).await?)))
        } else {
            Ok(Stream::Plain(socket))
        }
    }

    async fn shake_hands(&self, socket: TcpStream, address: &Address) -> Result<TlsStream, Error> {
        let Inner { config, files, log, warned } = self.0.as_ref();
        if config.allow_insecure && !warned.swap(true, Ordering::Relaxed) {
            log.warn(format_args!(
                "TLS IS NOT SECURE: this client takes any certificate, so whoever is on the way can read and change \
                 everything (allow_insecure is set)"
            ));
        }
        let name = ServerName::try_from(address.bare_host().to_owned())
            .map_err(|_| Error::Connect(format!("{address}: no certificate can be for this name")))?;
        // Files and their parsing take their time.
        let files = files.clone();
        let config = spawn_blocking(move || files.load())
            .await
            .map_err(|_| Error::AlreadyClosed("the client's runtime has ended".into()))??;
        tokio_rustls::TlsConnector::from(config)
            .connect(name, RecordSocket::new(socket))
            .await
            .map_err(|error| explain(&error, address))
    }
}
