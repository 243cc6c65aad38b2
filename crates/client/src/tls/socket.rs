//! The socket under TLS.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::connection::poll_send;

/// Bytes read at once: four records. rustls itself asks for 4 KiB a time, each of which would be a call to the system.
const READ: usize = 64 * 1024;

/// Reads ahead, and writes without raising `SIGPIPE`.
#[derive(Debug)]
pub(crate) struct RecordSocket {
    socket: TcpStream,
    ahead: BytesMut,
}

impl RecordSocket {
    pub fn new(socket: TcpStream) -> Self {
        RecordSocket { socket, ahead: BytesMut::new() }
    }

    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

impl AsyncRead for RecordSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let RecordSocket { socket, ahead } = self.get_mut();
        if ahead.is_empty() {
            // All that was read is gone, so this takes the same memory again.
            ahead.reserve(READ);
            loop {
                ready!(socket.poll_read_ready(context))?;
                match socket.try_read_buf(ahead) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                    Ok(_) => break,
                }
            }
        }
        let count = ahead.len().min(into.remaining());
        into.put_slice(&ahead[..count]);
        ahead.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for RecordSocket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll_send(&self.socket, context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_send(&self.socket, context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The socket is dropped, which ends it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
