use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::socket::Writer;
use super::write::{Progress, try_write};

/// Commands are gathered in buffers of about this size.
const BUFFER: usize = 4096;

/// Bytes of entries that may wait on a connection. What does not fit stays with its producer, where it can still time
/// out: a socket that takes nothing must not collect what was given up long ago.
const WINDOW: usize = 8 * 1024 * 1024;

/// Bytes of commands that may wait. They are many only when the peer does not read.
const MAX_COMMANDS: usize = 16 * 1024 * 1024;

/// What travels to the broker.
#[derive(Debug)]
pub(crate) enum Frame {
    /// One or more encoded commands.
    Bytes(Vec<u8>),
    /// A command that is overwritten when it is written, or dropped.
    Secret(Zeroizing<Vec<u8>>),
    /// A message or batch. The producer keeps it too, until its receipt.
    Entry(Arc<EntryFrame>),
}

/// An encoded `Send` frame in two pieces, so that the body is never copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EntryFrame {
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

impl EntryFrame {
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// Frames that wait to be written, in order. Entries are bounded by [`WINDOW`], commands by [`MAX_COMMANDS`].
///
/// Whoever has the turn writes: the connection's task, or, when nothing waits, a thread that cannot wait for the task
/// to wake up.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: Vec<Frame>,
    /// Of the first frame, what is written already.
    written: usize,
    /// Of entries that wait or are being written.
    entry_bytes: usize,
    /// Of commands that wait.
    command_bytes: usize,
    /// Producers that have more than fitted.
    starved: Vec<u64>,
    turn: Turn,
    /// For those who write on their own thread.
    socket: Option<Writer>,
    closed: bool,
}

/// Who may write.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The connection's task: it is awake, or woken.
    #[default]
    Task,
    /// Some other thread, for one write.
    Caller,
    /// Nobody: the task found nothing to do and sleeps.
    Free,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It is queued, or the connection has ended and will say so.
    Taken,
    /// Too much waits. The producer is told when there is room.
    Full,
}

impl Outbound {
    /// Lets other threads write too.
    pub fn share(&self, socket: Writer) {
        let mut queue = self.queue.lock();
        if !queue.closed {
            queue.socket = Some(socket);
        }
    }

    /// Queues an entry for a producer. Unless it is `urgent` the task is woken; if it is, [`Outbound::write_now`] has
    /// to follow.
    pub fn push_entry(&self, producer: u64, entry: &Arc<EntryFrame>, urgent: bool) -> Room {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Room::Taken;
        }
        if queue.entry_bytes >= WINDOW {
            if !queue.starved.contains(&producer) {
                queue.starved.push(producer);
            }
            return Room::Full;
        }
        queue.entry_bytes += entry.len();
        queue.frames.push(Frame::Entry(entry.clone()));
        let wakes = !urgent && queue.take_turn(Turn::Task);
        drop(queue);
        if wakes {
            self.wake.notify_one();
        }
        Room::Taken
    }

    /// Queues a command, behind others in the last buffer, so that many small ones make one write. False when the peer
    /// lets too many wait.
    pub fn push_bytes(&self, encode: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut queue = self.queue.lock();
        if queue.closed {
            return true;
        }
        let mut new = Vec::new();
        let (buffer, before) = match queue.frames.last_mut() {
            Some(Frame::Bytes(buffer)) if buffer.len() < BUFFER => {
                let before = buffer.len();
                (buffer, before)
            }
            _ => (&mut new, 0),
        };
        encode(buffer);
        let added = buffer.len() - before;
        if before == 0 {
            queue.frames.push(Frame::Bytes(new));
        }
        self.added(queue, added)
    }

    /// Queues a command in a buffer of its own, so that it is nowhere else. False when the peer lets too many wait.
    pub fn push_secret(&self, command: Zeroizing<Vec<u8>>) -> bool {
        let mut queue = self.queue.lock();
        if queue.closed {
            return true;
        }
        let added = command.len();
        queue.frames.push(Frame::Secret(command));
        self.added(queue, added)
    }

    /// Commands were added. False when too many wait.
    fn added(&self, mut queue: MutexGuard<'_, Queue>, bytes: usize) -> bool {
        queue.command_bytes += bytes;
        let fits = queue.command_bytes <= MAX_COMMANDS;
        let wakes = queue.take_turn(Turn::Task);
        drop(queue);
        if wakes {
            self.wake.notify_one();
        }
        fits
    }

    /// Writes what waits on this thread, as far as the socket takes it at once, unless others are about to.
    pub fn write_now(&self) {
        let mut queue = self.queue.lock();
        if queue.frames.is_empty() || queue.socket.is_none() {
            // Gone already, or the task has to be told.
            self.hand_over(queue);
            return;
        }
        if !queue.take_turn(Turn::Caller) {
            return;
        }
        let (mut frames, socket) = (queue.take_frames(), queue.socket.clone());
        drop(queue);
        let mut progress = Progress::default();
        if let Some(socket) = &socket {
            try_write(socket, &frames, &mut progress);
        }
        let done: usize = frames[..progress.next].iter().map(Frame::entry_len).sum();
        frames.drain(..progress.next);
        let mut queue = self.queue.lock();
        queue.entry_bytes = queue.entry_bytes.saturating_sub(done);
        queue.put_back(frames, progress.written);
        queue.turn = Turn::Free;
        self.hand_over(queue);
    }

    /// Wakes the task if something is left to do and nobody does it.
    fn hand_over(&self, mut queue: MutexGuard<'_, Queue>) {
        let work = !queue.frames.is_empty() || queue.can_feed();
        let wakes = work && queue.take_turn(Turn::Task);
        drop(queue);
        if wakes {
            self.wake.notify_one();
        }
    }

    /// For the task: swaps all waiting frames into `frames`, which must be empty; waits until there is one, or room for
    /// a producer that needs it. Says how much of the first is written.
    pub async fn take(&self, frames: &mut Vec<Frame>) -> usize {
        loop {
            {
                let mut queue = self.queue.lock();
                if queue.turn != Turn::Caller {
                    if !queue.frames.is_empty() || queue.can_feed() {
                        queue.turn = Turn::Task;
                        queue.command_bytes = 0;
                        std::mem::swap(&mut queue.frames, frames);
                        return std::mem::take(&mut queue.written);
                    }
                    queue.turn = Turn::Free;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Frames that were taken are written. Says which producers have more and now have room.
    pub fn written(&self, frames: &[Frame]) -> Vec<u64> {
        let done: usize = frames.iter().map(Frame::entry_len).sum();
        let mut queue = self.queue.lock();
        queue.entry_bytes = queue.entry_bytes.saturating_sub(done);
        if queue.can_feed() { std::mem::take(&mut queue.starved) } else { Vec::new() }
    }

    /// Drops what waits and whatever comes.
    pub fn close(&self) {
        let mut queue = self.queue.lock();
        *queue = Queue { closed: true, ..Queue::default() };
    }
}

impl Queue {
    /// Gives the turn away, if nobody has it.
    fn take_turn(&mut self, turn: Turn) -> bool {
        let is_free = self.turn == Turn::Free;
        if is_free {
            self.turn = turn;
        }
        is_free
    }

    /// Producers wait for room, and there is.
    fn can_feed(&self) -> bool {
        !self.starved.is_empty() && self.entry_bytes <= WINDOW / 2
    }

    fn take_frames(&mut self) -> Vec<Frame> {
        self.command_bytes = 0;
        std::mem::take(&mut self.frames)
    }

    /// What could not be written goes before what came since.
    fn put_back(&mut self, mut rest: Vec<Frame>, written: usize) {
        if rest.is_empty() || self.closed {
            return;
        }
        rest.append(&mut self.frames);
        self.frames = rest;
        self.written = written;
    }
}

impl Frame {
    fn entry_len(&self) -> usize {
        match self {
            Frame::Bytes(_) | Frame::Secret(_) => 0,
            Frame::Entry(entry) => entry.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(len: usize) -> Arc<EntryFrame> {
        Arc::new(EntryFrame { head: vec![0; len], body: Vec::new() })
    }

    #[tokio::test]
    async fn frames_leave_in_order_and_commands_share_a_buffer() {
        let outbound = Outbound::default();
        assert!(outbound.push_bytes(|out| out.extend_from_slice(b"a")));
        assert!(outbound.push_bytes(|out| out.extend_from_slice(b"b")));
        assert_eq!(outbound.push_entry(1, &entry(1), false), Room::Taken);
        assert!(outbound.push_secret(Zeroizing::new(b"s".to_vec())));
        assert!(outbound.push_bytes(|out| out.extend_from_slice(b"c")));
        let mut frames = Vec::new();
        assert_eq!(outbound.take(&mut frames).await, 0);
        let names: Vec<_> = frames
            .iter()
            .map(|frame| match frame {
                Frame::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Frame::Secret(_) => "secret".to_owned(),
                Frame::Entry(_) => "entry".to_owned(),
            })
            .collect();
        assert_eq!(names, ["ab", "entry", "secret", "c"]);
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
        outbound.push_entry(1, &entry(1), false);
        assert_eq!(writer.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn nothing_is_kept_after_close() {
        let outbound = Outbound::default();
        outbound.push_entry(1, &entry(1), false);
        outbound.close();
        assert_eq!(outbound.push_entry(1, &entry(WINDOW), false), Room::Taken);
        assert_eq!(outbound.push_entry(1, &entry(1), false), Room::Taken);
        assert!(outbound.queue.lock().frames.is_empty());
    }

    #[tokio::test]
    async fn entries_wait_with_their_producers_when_the_window_is_full() {
        let outbound = Outbound::default();
        assert_eq!(outbound.push_entry(1, &entry(WINDOW), false), Room::Taken);
        for producer in [1, 2, 1] {
            assert_eq!(outbound.push_entry(producer, &entry(1), false), Room::Full);
        }
        let mut frames = Vec::new();
        outbound.take(&mut frames).await;
        assert_eq!(outbound.push_entry(3, &entry(1), false), Room::Full, "it is not written yet");
        assert_eq!(outbound.written(&frames), [1, 2, 3]);
        assert_eq!(outbound.push_entry(3, &entry(1), false), Room::Taken);
    }

    #[test]
    fn commands_that_nobody_reads_are_noticed() {
        let outbound = Outbound::default();
        assert!(outbound.push_bytes(|out| out.resize(MAX_COMMANDS, 0)));
        assert!(!outbound.push_bytes(|out| out.push(0)));
    }
}
