//! Reading from and writing to clients. All of it happens in [`Broker::poll_connection`], which handles what
//! came and sends the answers in one go.

use std::io::IoSlice;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use pulsar_rs_wire::{FRAME_OVERHEAD, frame};

use super::outbox::PIECES;
use super::{ConnectionId, DISPATCH_STOP, READ_STOP};
use crate::broker::Broker;
use crate::commands;

/// Reads of one connection before the others get their turn: fewer bytes than a consumer takes at a time, or
/// a publisher in a hurry would leave the consumers behind for good.
const ROUNDS: usize = 2;

/// What one step of a connection came to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Something moved; there may be more.
    Moved,
    /// Nothing can be done now; the connection's task is woken when it can.
    Idle,
    /// The connection is over.
    Ended,
}

impl Broker {
    /// Serves one connection as far as it goes. Ready when the connection is over.
    pub fn poll_connection(&mut self, id: ConnectionId, cx: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = self.connections.get_mut(id) else { return Poll::Ready(()) };
        connection.waker = Some(cx.waker().clone());
        if self.frozen {
            return Poll::Pending;
        }
        for _ in 0..ROUNDS {
            let read = self.read_some(id, cx);
            self.dispatch_dirty();
            let wrote = if read == Step::Ended { Step::Ended } else { self.write_some(id, cx) };
            match (read, wrote) {
                (Step::Ended, _) | (_, Step::Ended) => {
                    self.close_connection(id);
                    return Poll::Ready(());
                }
                (Step::Idle, Step::Idle) => return Poll::Pending,
                _ => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn read_some(&mut self, id: ConnectionId, cx: &mut Context<'_>) -> Step {
        let limit = self.options.max_message_size + FRAME_OVERHEAD;
        let Some(connection) = self.connections.get_mut(id) else { return Step::Ended };
        if connection.closing || connection.outbox.len() >= READ_STOP {
            return Step::Idle;
        }
        match connection.transport.poll_read(cx, connection.inbox.buffer(limit)) {
            Poll::Pending => return Step::Idle,
            Poll::Ready(Ok(0) | Err(_)) => return Step::Ended,
            Poll::Ready(Ok(_)) => {}
        }
        connection.last_read = Instant::now();
        connection.pinged = false;
        let frames = connection.inbox.take_frames(limit);
        self.refuse_claims(id);
        match frames {
            Ok(frames) => self.handle_frames(id, &frames),
            Err(error) => {
                self.trace(id, || format!("closed: {error}"));
                Step::Ended
            }
        }
    }

    fn handle_frames(&mut self, id: ConnectionId, frames: &Bytes) -> Step {
        let mut rest = frames.as_ref();
        while !rest.is_empty() {
            let handled = match frame::peek(rest, rest.len()) {
                Ok(Some(frame)) => {
                    rest = &rest[frame.len..];
                    commands::handle(self, id, &frame, frames)
                }
                Ok(None) => Err("frame is cut off".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = handled {
                self.trace(id, || format!("closed: {why}"));
                return Step::Ended;
            }
        }
        Step::Moved
    }

    fn write_some(&mut self, id: ConnectionId, cx: &mut Context<'_>) -> Step {
        let Some(connection) = self.connections.get_mut(id) else { return Step::Ended };
        if connection.outbox.is_empty() {
            match connection.transport.poll_flush(cx) {
                Poll::Pending => return Step::Idle,
                Poll::Ready(Err(_)) => return Step::Ended,
                Poll::Ready(Ok(())) => {}
            }
            return if connection.closing { Step::Ended } else { Step::Idle };
        }
        let mut slices = [IoSlice::new(&[]); PIECES];
        let filled = connection.outbox.fill(&mut slices);
        match connection.transport.poll_write(cx, &slices[..filled]) {
            Poll::Pending => return Step::Idle,
            Poll::Ready(Err(_)) => return Step::Ended,
            Poll::Ready(Ok(sent)) => connection.outbox.consume(sent),
        }
        if connection.stalled && connection.outbox.len() < DISPATCH_STOP / 2 {
            connection.stalled = false;
            self.dispatch_to(id);
        }
        Step::Moved
    }
}
