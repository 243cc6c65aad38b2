//! In place of TLS, where its feature is left out: what would speak it fails.

// The signatures are those of what they stand for.
#![allow(clippy::unused_async, clippy::unused_self)]

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::TlsConfig;
use crate::Error;
use crate::auth::CertificateSupplier;
use crate::log::Log;
use crate::service_url::Address;

/// There is none.
#[derive(Debug)]
pub(crate) enum TlsStream {}

/// None succeeds.
#[derive(Debug)]
pub(super) struct Handshakes;

impl Handshakes {
    pub fn new(_: TlsConfig, _: Option<CertificateSupplier>, _: Log) -> Self {
        Handshakes
    }

    pub fn check(&self) -> Result<(), Error> {
        Err(left_out())
    }

    #[allow(clippy::unused_self)]
    pub fn has_certificate(&self) -> bool {
        false
    }

    pub async fn shake_hands(&self, _: TcpStream, _: &Address) -> Result<TlsStream, Error> {
        Err(left_out())
    }
}

fn left_out() -> Error {
    Error::left_out("TLS", "tls")
}

/// Nothing fails for TLS.
pub(crate) fn refused(_: &io::Error, _: bool) -> Option<String> {
    None
}

pub(super) fn local_addr(stream: &TlsStream) -> io::Result<SocketAddr> {
    match *stream {}
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}
