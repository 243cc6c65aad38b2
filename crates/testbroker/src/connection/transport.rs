use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
#[cfg(feature = "tls")]
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use libc::MSG_NOSIGNAL;
use socket2::SockRef;
#[cfg(feature = "tls")]
use tokio::io::AsyncReadExt as _;
use tokio::io::{AsyncWrite as _, Interest};
use tokio::net::TcpStream;

#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// How a client is connected.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Transport {
    /// Reads what is there; 0 bytes at the end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(socket) => loop {
                ready!(socket.poll_read_ready(cx))?;
                match socket.try_read_buf(into) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    done => return Poll::Ready(done),
                }
            },
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => pin!(stream.read_buf(into)).poll(cx),
        }
    }

    /// Writes what the client takes now.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Transport::Plain(socket) => loop {
                ready!(socket.poll_write_ready(cx))?;
                // `writev` would raise SIGPIPE once the client is gone, which ends a program that is not written in Rust.
                let send = || SockRef::from(&*socket).send_vectored_with_flags(pieces, MSG_NOSIGNAL);
                match socket.try_io(Interest::WRITABLE, send) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    done => return Poll::Ready(done),
                }
            },
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    /// Writes what was taken and not written yet.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Transport::Plain(socket) => Pin::new(socket).poll_flush(cx),
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    pub fn socket(&self) -> &TcpStream {
        match self {
            Transport::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => stream.get_ref().0.get_ref(),
        }
    }

    /// Who the client's certificate says that it is.
    pub fn role(&self) -> Option<String> {
        match self {
            Transport::Plain(_) => None,
            #[cfg(feature = "tls")]
            Transport::Tls(stream) => crate::tls::role(stream),
        }
    }
}
