use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Commands are gathered in buffers of about this size.
const BUFFER: usize = 4096;

/// What travels to the broker.
#[derive(Debug)]
pub(crate) enum Frame {
    /// One or more encoded commands.
    Bytes(Vec<u8>),
    /// A message or batch. The producer keeps it too, until its receipt.
    Entry(Arc<EntryFrame>),
}

/// An encoded `Send` frame in two pieces, so that the body is never copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EntryFrame {
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

/// Frames that wait to be written, in order.
///
/// The queue has no limit of its own because all that fills it is limited before: entries by the producers'
/// pending limits (they are held until their receipts anyway), requests by their callers, acknowledgements
/// and permits by their grouping.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: Vec<Frame>,
    /// The writer found nothing and waits; only then it must be woken.
    writer_waits: bool,
    closed: bool,
}

impl Outbound {
    pub fn push(&self, frame: Frame) {
        self.push_with(|frames| frames.push(frame));
    }

    /// Appends to the last buffer of commands, so that many small commands make one write.
    pub fn push_bytes(&self, encode: impl FnOnce(&mut Vec<u8>)) {
        self.push_with(|frames| match frames.last_mut() {
            Some(Frame::Bytes(buffer)) if buffer.len() < BUFFER => encode(buffer),
            _ => {
                let mut buffer = Vec::new();
                encode(&mut buffer);
                frames.push(Frame::Bytes(buffer));
            }
        });
    }

    fn push_with(&self, add: impl FnOnce(&mut Vec<Frame>)) {
        let mut queue = self.queue.lock();
        if queue.closed {
            return;
        }
        add(&mut queue.frames);
        if std::mem::take(&mut queue.writer_waits) {
            drop(queue);
            self.wake.notify_one();
        }
    }

    /// Swaps all waiting frames into `frames`, which must be empty; waits until there is one.
    pub async fn take(&self, frames: &mut Vec<Frame>) {
        loop {
            {
                let mut queue = self.queue.lock();
                if !queue.frames.is_empty() {
                    std::mem::swap(&mut queue.frames, frames);
                    return;
                }
                queue.writer_waits = true;
            }
            self.wake.notified().await;
        }
    }

    /// Drops what waits and whatever comes.
    pub fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.frames = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_leave_in_order_and_commands_share_a_buffer() {
        let outbound = Outbound::default();
        outbound.push_bytes(|out| out.extend_from_slice(b"a"));
        outbound.push_bytes(|out| out.extend_from_slice(b"b"));
        outbound.push(Frame::Entry(Arc::default()));
        outbound.push_bytes(|out| out.extend_from_slice(b"c"));
        let mut frames = Vec::new();
        outbound.take(&mut frames).await;
        let names: Vec<_> = frames
            .iter()
            .map(|frame| match frame {
                Frame::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Frame::Entry(_) => "entry".to_owned(),
            })
            .collect();
        assert_eq!(names, ["ab", "entry", "c"]);
    }

    #[tokio::test]
    async fn a_waiting_writer_is_woken() {
        let outbound = Arc::new(Outbound::default());
        let writer = tokio::spawn({
            let outbound = outbound.clone();
            async move {
                let mut frames = Vec::new();
                outbound.take(&mut frames).await;
                frames.len()
            }
        });
        tokio::task::yield_now().await;
        outbound.push(Frame::Entry(Arc::default()));
        assert_eq!(writer.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn nothing_is_kept_after_close() {
        let outbound = Outbound::default();
        outbound.push(Frame::Entry(Arc::default()));
        outbound.close();
        outbound.push(Frame::Entry(Arc::default()));
        assert!(outbound.queue.lock().frames.is_empty());
    }
}
