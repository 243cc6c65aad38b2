//! Connections with and without TLS.
//!
//! TLS is rustls with ring. Its provider is handed to each configuration: nothing is installed for the whole process,
//! which belongs to the program.

mod config;
mod connector;
#[cfg(feature = "tls")]
mod files;
#[cfg(feature = "tls")]
mod handshake;
#[cfg(not(feature = "tls"))]
mod left_out;
mod proxy;
#[cfg(feature = "tls")]
mod reason;
#[cfg(feature = "tls")]
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod verify;

pub use config::TlsConfig;
pub(crate) use connector::Connector;
#[cfg(fuzzing)]
pub use files::fuzzing;
#[cfg(feature = "tls")]
use handshake::{Handshakes, TlsStream, local_addr};
#[cfg(not(feature = "tls"))]
pub(crate) use left_out::refused;
#[cfg(not(feature = "tls"))]
use left_out::{Handshakes, TlsStream, local_addr};
pub use proxy::{ProxyConfig, ProxyProtocol};
#[cfg(feature = "tls")]
pub(crate) use reason::refused;
pub(crate) use stream::Stream;
