//! Completion queues: outcomes that a program fetches when it likes, instead of being called back.
//!
//! Each operation takes its place when it is submitted and gives it back when its outcome is fetched, so a queue is
//! bounded, nothing is dropped, and no I/O thread ever waits for it.

mod arming;
mod event_fd;
mod slot;

use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::{Condvar, Mutex};
use pulsar_rs_client::Error;
use tokio::sync::Notify;

use crate::ffi::pulsar_rs::completion::pulsar_rs_completion_t;
use arming::Arming;
use event_fd::EventFd;

pub(crate) use slot::{Accepted, Made, Object, Slot, give};

/// Outcomes of operations, of any number of clients.
#[derive(Debug)]
pub(crate) struct CompletionQueue {
    capacity: usize,
    /// Never more entries than places are taken.
    sender: Sender<Entry>,
    receiver: Mutex<Receiver<Entry>>,
    places: Mutex<Places>,
    given_back: Condvar,
    /// Wakes operations that wait for something to happen, when nobody will fetch their outcome.
    freed: Notify,
    arming: Arming,
    bell: EventFd,
}

/// An outcome that was not fetched.
#[derive(Debug)]
struct Entry {
    completion: pulsar_rs_completion_t,
    /// Becomes the completion's object when it is fetched.
    object: Option<Box<dyn Object>>,
}

#[derive(Debug, Default)]
struct Places {
    taken: usize,
    /// Threads that wait for one.
    waiting: usize,
    closed: bool,
}

impl CompletionQueue {
    /// A queue for as many operations as `capacity` says; a message counts as one.
    pub fn new(capacity: usize) -> io::Result<Self> {
        let (sender, receiver) = unbounded();
        Ok(CompletionQueue {
            capacity,
            sender,
            receiver: Mutex::new(receiver),
            places: Mutex::default(),
            given_back: Condvar::new(),
            freed: Notify::new(),
            arming: Arming::new(),
            bell: EventFd::new()?,
        })
    }

    /// Readable while something waits to be fetched.
    pub fn fd(&self) -> RawFd {
        self.bell.as_raw()
    }

    /// Takes up to `wanted` places, at least one: returns how many. When none is free it waits or fails, as `block`
    /// says.
    pub fn take_places(&self, wanted: usize, block: bool) -> Result<usize, Error> {
        let mut places = self.places.lock();
        loop {
            if places.closed {
                return Err(Error::AlreadyClosed("the completion queue is freed".into()));
            }
            let free = self.capacity - places.taken.min(self.capacity);
            if free > 0 {
                let taken = free.min(wanted);
                places.taken += taken;
                return Ok(taken);
            }
            if !block {
                let text = format!("the completion queue holds {} outcomes", self.capacity);
                return Err(Error::ProducerQueueIsFull(text));
            }
            places.waiting += 1;
            self.given_back.wait(&mut places);
            places.waiting -= 1;
        }
    }

    /// Gives back places whose operations were not accepted, or whose outcomes were fetched.
    pub fn give_back(&self, count: usize) {
        if count == 0 {
            return;
        }
        let mut places = self.places.lock();
        places.taken = places.taken.saturating_sub(count);
        if places.waiting > 0 {
            drop(places);
            self.given_back.notify_all();
        }
    }

    /// Adds an outcome, whose places were taken before.
    pub fn push(&self, completion: pulsar_rs_completion_t) {
        self.add(Entry { completion, object: None });
    }

    /// The same with what the operation made, which is taken back when the queue was freed.
    pub fn push_object(&self, completion: pulsar_rs_completion_t, object: Box<dyn Object>) {
        // Added under the lock, so that freeing the queue finds it.
        let places = self.places.lock();
        if places.closed {
            drop(places);
            object.take_back();
        } else {
            self.add(Entry { completion, object: Some(object) });
        }
    }

    fn add(&self, entry: Entry) {
        // The receiver lives as long as the queue.
        let _ = self.sender.send(entry);
        if self.arming.must_ring() {
            self.bell.ring();
        }
    }

    /// Fetches up to `max` outcomes without waiting; `take` gets each.
    pub fn poll(&self, max: usize, mut take: impl FnMut(usize, pulsar_rs_completion_t)) -> usize {
        let receiver = self.receiver.lock();
        let (mut fetched, mut places) = (0, 0);
        while fetched < max {
            if let Ok(Entry { mut completion, object }) = receiver.try_recv() {
                places += completion.count as usize;
                if let Some(object) = object {
                    completion.object = object.hand_over();
                }
                take(fetched, completion);
                fetched += 1;
            } else {
                self.bell.silence();
                if self.arming.may_sleep(|| receiver.is_empty()) {
                    break;
                }
                // It is still to be seen that more is there, should this call not get to it.
                self.bell.ring();
            }
        }
        drop(receiver);
        self.give_back(places);
        fetched
    }

    /// The same, and waits for the first, at most `timeout`; for ever without one.
    pub fn wait(
        &self,
        max: usize,
        timeout: Option<Duration>,
        mut take: impl FnMut(usize, pulsar_rs_completion_t),
    ) -> usize {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let fetched = self.poll(max, &mut take);
            let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
            if fetched > 0 || max == 0 || rest == Some(Duration::ZERO) {
                return fetched;
            }
            // Rounded up, so that it does not wake just before the end, again and again.
            self.bell.wait(rest.map(|rest| rest + Duration::from_millis(1)));
        }
    }

    /// The program gives the queue up: whoever waits for a place fails, and what operations made is taken back.
    pub fn close(&self) {
        self.places.lock().closed = true;
        self.given_back.notify_all();
        self.freed.notify_waiters();
        let unfetched: Vec<_> = self.receiver.lock().try_iter().collect();
        for object in unfetched.into_iter().filter_map(|entry| entry.object) {
            object.take_back();
        }
    }

    /// Waits until the program gives the queue up.
    pub async fn freed(&self) {
        let mut freed = std::pin::pin!(self.freed.notified());
        // From here on it is not missed.
        freed.as_mut().enable();
        if !self.places.lock().closed {
            freed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn completion(token: u64, count: u32) -> pulsar_rs_completion_t {
        pulsar_rs_completion_t { token, count, ..pulsar_rs_completion_t::default() }
    }

    fn is_readable(queue: &CompletionQueue) -> bool {
        let mut watched = libc::pollfd { fd: queue.fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one struct is read and written.
        unsafe { libc::poll(&raw mut watched, 1, 0) == 1 }
    }

    #[test]
    fn the_descriptor_is_readable_while_something_waits() {
        let queue = CompletionQueue::new(10).unwrap();
        assert!(!is_readable(&queue));
        for token in 0..3 {
            queue.take_places(1, false).unwrap();
            queue.push(completion(token, 1));
            assert!(is_readable(&queue));
        }
        let mut tokens = Vec::new();
        assert_eq!(queue.poll(2, |_, completion| tokens.push(completion.token)), 2);
        assert!(is_readable(&queue));
        assert_eq!(queue.poll(2, |_, completion| tokens.push(completion.token)), 1);
        assert!(!is_readable(&queue));
        assert_eq!(tokens, [0, 1, 2]);
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let queue = Arc::new(CompletionQueue::new(10).unwrap());
        assert_eq!(queue.take_places(7, false), Ok(7));
        assert_eq!(queue.take_places(7, false), Ok(3));
        assert!(matches!(queue.take_places(1, false), Err(Error::ProducerQueueIsFull(_))));
        queue.push(completion(0, 4));
        let blocked = std::thread::spawn({
            let queue = queue.clone();
            move || queue.take_places(5, true)
        });
        while queue.places.lock().waiting == 0 {
            std::thread::yield_now();
        }
        assert_eq!(queue.poll(10, |_, _| ()), 1);
        assert_eq!(blocked.join().unwrap(), Ok(4));
        let blocked = std::thread::spawn({
            let queue = queue.clone();
            move || queue.take_places(1, true)
        });
        while queue.places.lock().waiting == 0 {
            std::thread::yield_now();
        }
        queue.close();
        assert!(matches!(blocked.join().unwrap(), Err(Error::AlreadyClosed(_))));
    }

    #[test]
    fn a_waiting_reader_is_woken_for_every_entry() {
        let queue = Arc::new(CompletionQueue::new(100_000).unwrap());
        let writer = std::thread::spawn({
            let queue = queue.clone();
            move || (0..20_000).for_each(|token| queue.push(completion(token, 1)))
        });
        let mut next = 0;
        while next < 20_000 {
            let fetched = queue.wait(7, Some(Duration::from_secs(10)), |_, completion| {
                assert_eq!(completion.token, next);
                next += 1;
            });
            assert!(fetched > 0, "nothing came behind {next}");
        }
        writer.join().unwrap();
        assert_eq!(queue.wait(7, Some(Duration::from_millis(20)), |_, _| ()), 0);
    }
}
