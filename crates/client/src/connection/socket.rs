//! The writing side of a socket.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// Writes without raising `SIGPIPE`, which ends a program that is not written in Rust: `writev`, with which the
/// standard library writes several pieces, cannot leave it out.
#[derive(Debug)]
pub(super) struct Writer(OwnedWriteHalf);

impl Writer {
    pub fn new(socket: OwnedWriteHalf) -> Self {
        Writer(socket)
    }
}

fn send(socket: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let at_once = || SockRef::from(socket).send_vectored_with_flags(pieces, libc::MSG_NOSIGNAL);
    socket.try_io(Interest::WRITABLE, at_once)
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
        let socket: &TcpStream = self.0.as_ref();
        loop {
            ready!(socket.poll_write_ready(context))?;
            match send(socket, pieces) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
