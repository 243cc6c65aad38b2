//! The writing side of a socket.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// Writes without raising `SIGPIPE`, which ends a program that is not written in Rust: `writev`, with which the
/// standard library writes several pieces, cannot leave it out.
///
/// Several may hold it; one writes at a time.
#[derive(Debug, Clone)]
pub(super) struct Writer(Arc<OwnedWriteHalf>);

impl Writer {
    pub fn new(socket: OwnedWriteHalf) -> Self {
        Writer(Arc::new(socket))
    }

    /// Writes as much as the socket takes at once.
    pub fn try_send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        send(self.0.as_ref().as_ref(), pieces)
    }
}

fn send(socket: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let at_once = || SockRef::from(socket).send_vectored_with_flags(pieces, libc::MSG_NOSIGNAL);
    socket.try_io(Interest::WRITABLE, at_once)
}

/// Writes as much as the socket takes, once it takes something; `SIGPIPE` is not raised.
pub(crate) fn poll_send(
    socket: &TcpStream,
    context: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(context))?;
        match send(socket, pieces) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_send(self.0.as_ref().as_ref(), context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The halves of the socket are dropped, which ends it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
