//! Who the client is: what it shows brokers when it connects, and whenever they ask again.

#[cfg(feature = "athenz")]
mod athenz;
mod basic;
#[cfg(any(feature = "athenz", feature = "oauth2"))]
mod cached;
mod certificate;
#[cfg(any(feature = "athenz", feature = "oauth2"))]
mod document;
#[cfg(fuzzing)]
pub mod fuzzing;
mod identity;
#[cfg_attr(not(any(feature = "athenz", feature = "oauth2")), path = "network_left_out.rs")]
mod network;
#[cfg(feature = "oauth2")]
mod oauth2;
mod parameters;
mod plugin;
mod tls;
mod token;
mod unusable;

#[cfg(feature = "athenz")]
pub use athenz::AthenzAuthentication;
pub use basic::BasicAuthentication;
pub use certificate::{CertificatePem, CertificateSupplier};
pub(crate) use identity::Identity;
pub use network::Network;
#[cfg(feature = "oauth2")]
pub use oauth2::OAuth2Authentication;
pub use plugin::authentication_by_name;
pub use tls::TlsAuthentication;
pub use token::TokenAuthentication;
pub use unusable::UnusableAuthentication;

use std::fmt::Debug;
use std::path::PathBuf;
use std::pin::Pin;

use zeroize::Zeroizing;

use crate::Error;

/// What proves who the client is. Its memory is overwritten when it is dropped.
pub type Secret = Zeroizing<Vec<u8>>;

/// Names and values of HTTP headers. The values are overwritten when they are dropped.
pub type SecretHeaders = Vec<(String, Zeroizing<String>)>;

/// What an [`Authentication`] finds out, perhaps over the network.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Files in PEM that a client shows servers in the TLS handshake. They are read anew for each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The client's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub private_key: PathBuf,
}

/// A way to prove who the client is. One may serve several clients.
///
/// Everything but the files is asked for anew with each connection, so that what was renewed meanwhile is used. `Debug` must not show
/// secrets: configurations are printed. Futures are polled on the client's runtime, and given up when the connection
/// takes too long; what blocks belongs on [`tokio::task::spawn_blocking`].
///
/// Errors should be [`Error::Authentication`], which creating a producer or consumer returns at once. Those that were
/// there before try again, all of one server at the same time, with growing pauses.
pub trait Authentication: Send + Sync + Debug {
    /// Name that brokers know the method by, such as `token`.
    fn method(&self) -> &str;

    /// What the broker is told: with the command `Connect`, where `challenge` is absent, or when it sends a challenge.
    fn answer<'a>(&'a self, challenge: Option<&'a [u8]>, network: &'a Network) -> Answering<'a, Secret>;

    /// What goes with HTTP lookups. Default: nothing.
    fn http_headers<'a>(&'a self, _network: &'a Network) -> Answering<'a, SecretHeaders> {
        Box::pin(async { Ok(SecretHeaders::new()) })
    }

    /// The broker refused what it was told last: what is kept to be told again should be found out anew. Default: nothing.
    fn refused(&self) {}

    /// What is shown in the TLS handshake, in place of what [`TlsConfig`](crate::TlsConfig) names. Asked for once by each
    /// client. Default: nothing.
    fn certificate_files(&self) -> Option<CertificateFiles> {
        None
    }

    /// What gives the certificate that is shown in the TLS handshake, in place of files. Asked for once by each client.
    /// Default: nothing does.
    fn certificate_supplier(&self) -> Option<CertificateSupplier> {
        None
    }
}
