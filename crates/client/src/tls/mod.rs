//! Connections with and without TLS.
//!
//! TLS is rustls with ring. Its provider is handed to each configuration: nothing is installed for the whole process,
//! which belongs to the program.

mod config;
mod connector;
mod files;
mod proxy;
mod reason;
mod socket;
mod stream;
mod verify;

pub use config::TlsConfig;
pub(crate) use connector::Connector;
#[cfg(fuzzing)]
pub use files::fuzzing;
pub use proxy::{ProxyConfig, ProxyProtocol};
pub(crate) use reason::refused;
pub(crate) use stream::Stream;
