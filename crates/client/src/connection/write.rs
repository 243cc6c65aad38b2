use std::io::{self, IoSlice};
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Connection;
use super::outbound::{EntryFrame, Frame};
use super::socket::Writer;
use crate::Error;

/// Pieces handed to one write call. An entry has two.
const MAX_PIECES: usize = 128;

/// Writes what is queued until the socket fails.
pub(super) async fn write_frames(connection: &Arc<Connection>, mut socket: impl AsyncWrite + Unpin) -> Error {
    let mut frames = Vec::new();
    loop {
        let written = connection.outbound.take(&mut frames).await;
        if let Err(error) = write_all(&mut socket, &frames, written).await {
            return Error::Disconnected(format!("write failed: {error}"));
        }
        for producer in connection.outbound.written(&frames) {
            if let Some(producer) = connection.channels.producer(producer) {
                producer.writable(connection);
            }
        }
        frames.clear();
    }
}

/// How far a sequence of frames is written.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Frames that are written whole.
    pub next: usize,
    /// Bytes of the one behind them.
    pub written: usize,
}

impl Progress {
    fn advance(&mut self, frames: &[Frame], mut bytes: usize) {
        bytes += self.written;
        while self.next < frames.len() && bytes >= frames[self.next].len() {
            bytes -= frames[self.next].len();
            self.next += 1;
        }
        self.written = bytes;
    }
}

/// Writes as much as the socket takes at once. What fails is left for the connection's task, which sees it too.
pub(super) fn try_write(socket: &Writer, frames: &[Frame], progress: &mut Progress) {
    while progress.next < frames.len() {
        let mut pieces = [IoSlice::new(&[]); MAX_PIECES];
        let count = gather(&frames[progress.next..], progress.written, &mut pieces);
        match socket.try_send(&pieces[..count]) {
            Ok(bytes) if bytes > 0 => progress.advance(frames, bytes),
            Ok(_) | Err(_) => return,
        }
    }
}

/// Writes the frames whole, as many pieces a call as the system takes; `written` bytes of the first are.
async fn write_all(
    socket: &mut (impl AsyncWrite + Unpin),
    frames: &[Frame],
    written: usize,
) -> io::Result<()> {
    let mut progress = Progress { next: 0, written };
    while progress.next < frames.len() {
        let mut pieces = [IoSlice::new(&[]); MAX_PIECES];
        let count = gather(&frames[progress.next..], progress.written, &mut pieces);
        let bytes = socket.write_vectored(&pieces[..count]).await?;
        if bytes == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        progress.advance(frames, bytes);
    }
    // TLS keeps what the socket did not take.
    socket.flush().await
}

/// Fills `pieces` from the frames, of whose first `skip` bytes are left out; returns how many it filled.
fn gather<'a>(frames: &'a [Frame], mut skip: usize, pieces: &mut [IoSlice<'a>]) -> usize {
    let mut count = 0;
    for frame in frames {
        for piece in frame.pieces() {
            let rest = &piece[skip.min(piece.len())..];
            skip = skip.saturating_sub(piece.len());
            if rest.is_empty() {
                continue;
            }
            if count == pieces.len() {
                return count;
            }
            pieces[count] = IoSlice::new(rest);
            count += 1;
        }
    }
    count
}

impl Frame {
    fn pieces(&self) -> [&[u8]; 2] {
        match self {
            Frame::Bytes(bytes) => [bytes, &[]],
            Frame::Secret(bytes) => [bytes, &[]],
            Frame::Entry(entry) => {
                let EntryFrame { head, body } = entry.as_ref();
                [head, body]
            }
        }
    }

    fn len(&self) -> usize {
        let [first, second] = self.pieces();
        first.len() + second.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// Takes at most `at_once` bytes a call, across pieces, as a full socket buffer does.
    struct Trickle {
        taken: Vec<u8>,
        at_once: usize,
    }

    impl AsyncWrite for Trickle {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.at_once);
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
            let count = all.len().min(self.at_once);
            self.taken.extend_from_slice(&all[..count]);
            Poll::Ready(Ok(count))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_written_once_in_order(
            parts in proptest::collection::vec((any::<bool>(), any::<Vec<u8>>(), any::<Vec<u8>>()), 0..200),
            at_once in 1usize..300,
            written in 0usize..20,
        ) {
            let mut expected = Vec::new();
            let frames: Vec<Frame> = parts
                .into_iter()
                .filter(|(_, head, _)| !head.is_empty())
                .map(|(entry, head, body)| {
                    expected.extend_from_slice(&head);
                    if entry {
                        expected.extend_from_slice(&body);
                        Frame::Entry(Arc::new(EntryFrame { head, body }))
                    } else {
                        Frame::Bytes(head)
                    }
                })
                .collect();
            let mut socket = Trickle { taken: Vec::new(), at_once };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let written = frames.first().map_or(0, |first| written.min(first.len() - 1));
            runtime.block_on(write_all(&mut socket, &frames, written)).unwrap();
            prop_assert_eq!(&socket.taken[..], &expected[written..]);
        }
    }
}
