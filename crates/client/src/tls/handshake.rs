use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::TlsConfig;
use super::files::Files;
use super::reason::explain;
use super::socket::RecordSocket;
use crate::Error;
use crate::auth::CertificateSupplier;
use crate::log::Log;
use crate::service_url::Address;

/// A connection that speaks TLS.
pub(crate) type TlsStream = tokio_rustls::client::TlsStream<RecordSocket>;

/// How a client begins to speak TLS.
#[derive(Debug)]
pub(super) struct Handshakes {
    config: TlsConfig,
    /// Servers that want a certificate of the client are shown one.
    has_certificate: bool,
    files: Arc<Files>,
    log: Log,
    /// It was said that servers are not verified.
    warned: AtomicBool,
}

impl Handshakes {
    pub fn new(config: TlsConfig, supplier: Option<CertificateSupplier>, log: Log) -> Self {
        let has_certificate = config.certificate_file.is_some() || supplier.is_some();
        let files = Arc::new(Files::new(config.clone(), supplier));
        Handshakes { config, has_certificate, files, log, warned: AtomicBool::new(false) }
    }

    /// Whether TLS can be spoken: not where its feature is left out.
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)]
    pub fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Whether servers that want a certificate of the client are shown one.
    pub fn has_certificate(&self) -> bool {
        self.has_certificate
    }

    /// Not bounded in time. To be called on the client's runtime.
    pub async fn shake_hands(&self, socket: TcpStream, address: &Address) -> Result<TlsStream, Error> {
        if self.config.allow_insecure && !self.warned.swap(true, Ordering::Relaxed) {
            self.log.warn(format_args!(
                "TLS IS NOT SECURE: this client takes any certificate, so whoever is on the way can read and change \
                 everything (allow_insecure is set)"
            ));
        }
        let name = ServerName::try_from(address.bare_host().to_owned())
            .map_err(|_| Error::Connect(format!("{address}: no certificate can be for this name")))?;
        tokio_rustls::TlsConnector::from(self.files.load().await?)
            .connect(name, RecordSocket::new(socket))
            .await
            .map_err(|error| explain(&error, address, self.has_certificate()))
    }
}

pub(super) fn local_addr(stream: &TlsStream) -> io::Result<SocketAddr> {
    stream.get_ref().0.socket().local_addr()
}
