//! Taking messages out: at once, waiting, as a future, many at a time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::arrival::Found;
use super::flow::Asking;
use super::inbox::Taker;
use super::wake_ups::{News, WakeUps};
use super::{Consumer, Message, Parts, Shared};
use crate::Error;

impl Consumer {
    /// The next message, if one is there. Without a receiver queue one is there only if it came with a batch, or after a
    /// receive that it was asked for was given up.
    #[inline]
    pub fn try_receive(&self) -> Result<Option<Message>, Error> {
        self.take(usize::MAX).map(Taken::message)
    }

    /// Waits for the next message.
    pub async fn receive(&self) -> Result<Message, Error> {
        if let Some(message) = self.try_receive()? {
            return Ok(message);
        }
        let mut asking = self.asking();
        let take = || self.take_for(asking.as_mut(), usize::MAX).map(Taken::message);
        self.wake_ups().take_when_arrived(take).await
    }

    /// Blocks the thread until the next message is there; at most `timeout`, then it fails with
    /// [`Error::Timeout`].
    #[inline]
    pub fn receive_blocking(&self, timeout: Option<Duration>) -> Result<Message, Error> {
        // Without a look at the clock when a message is there.
        match self.try_receive()? {
            Some(message) => Ok(message),
            None => self.wait_for_message(timeout),
        }
    }

    #[cold]
    fn wait_for_message(&self, timeout: Option<Duration>) -> Result<Message, Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        match self.take_blocking(usize::MAX, deadline)?.message() {
            Some(message) => Ok(message),
            None => Err(Error::Timeout(format!("no message within {:?}", timeout.unwrap_or_default()))),
        }
    }

    /// Gathers messages as the [batch receive policy](super::BatchReceivePolicy) says. May be empty. What was gathered
    /// when the future is dropped comes again, as if it was negatively acknowledged.
    pub async fn batch_receive(&self) -> Result<Vec<Message>, Error> {
        let mut gathered = Gathered::new(self);
        let gather = async {
            loop {
                let room = gathered.room();
                let taken = match self.take(room)? {
                    Taken::Empty => {
                        let mut asking = self.asking();
                        let take = || {
                            let taken = self.take_for(asking.as_mut(), room)?;
                            Ok(Some(taken).filter(|taken| !taken.is_empty()))
                        };
                        self.wake_ups().take_when_arrived(take).await?
                    }
                    taken => taken,
                };
                if gathered.add(taken) {
                    return Ok(());
                }
            }
        };
        match self.config().batch_receive.timeout {
            None => gather.await?,
            Some(timeout) => {
                if let Ok(done) = tokio::time::timeout(timeout, gather).await {
                    done?;
                }
            }
        }
        Ok(gathered.finish())
    }

    /// Like [`Consumer::batch_receive`], blocking the thread.
    pub fn batch_receive_blocking(&self) -> Result<Vec<Message>, Error> {
        let timeout = self.config().batch_receive.timeout;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut gathered = Gathered::new(self);
        loop {
            let taken = self.take_blocking(gathered.room(), deadline)?;
            if taken.is_empty() || gathered.add(taken) {
                return Ok(gathered.finish());
            }
        }
    }
}

/// One topic or several.
impl Consumer {
    #[inline]
    fn take(&self, max_bytes: usize) -> Result<Taken, Error> {
        match &self.parts {
            Parts::One(shared) => shared.take(max_bytes),
            Parts::Several(group) => group.hub().take(max_bytes),
        }
    }

    /// For a receiver that is going to wait.
    pub(super) fn asking(&self) -> Option<Asking<'_>> {
        match &self.parts {
            Parts::One(shared) => shared.asking(),
            Parts::Several(_) => None,
        }
    }

    fn take_for(&self, asking: Option<&mut Asking<'_>>, max_bytes: usize) -> Result<Taken, Error> {
        asking.map_or_else(|| self.take(max_bytes), |asking| asking.take(max_bytes))
    }

    pub(super) fn wait(&self, deadline: Option<Instant>) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => shared.inbox.wait(deadline),
            Parts::Several(group) => group.hub().wait(deadline),
        }
    }

    pub(super) fn wake_ups(&self) -> &WakeUps {
        match &self.parts {
            Parts::One(shared) => shared.inbox.wake_ups(),
            Parts::Several(group) => group.hub().wake_ups(),
        }
    }

    /// Waits until something is there; [`Taken::Empty`] when the deadline passed.
    fn take_blocking(&self, max_bytes: usize, deadline: Option<Instant>) -> Result<Taken, Error> {
        let mut asking = self.asking();
        loop {
            match self.take_for(asking.as_mut(), max_bytes)? {
                Taken::Empty => {}
                Taken::TooLarge => {
                    // This thread may have been woken for it, which another one has room for.
                    self.wake_ups().wake(News { blocked: true, many: false });
                    return Ok(Taken::TooLarge);
                }
                taken @ Taken::Message(_) => return Ok(taken),
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(Taken::Empty);
            }
            self.wait(deadline)?;
        }
    }
}

/// Messages of a batch receive; without an end, they come again.
struct Gathered<'a> {
    consumer: &'a Consumer,
    messages: Vec<Message>,
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
}

impl<'a> Gathered<'a> {
    fn new(consumer: &'a Consumer) -> Self {
        let policy = &consumer.config().batch_receive;
        Gathered {
            consumer,
            messages: Vec::new(),
            bytes: 0,
            max_messages: policy.max_messages.unwrap_or(usize::MAX),
            max_bytes: policy.max_bytes.unwrap_or(usize::MAX),
        }
    }

    /// Bytes that the next message may have. The first may be larger than the limit, or it would never be
    /// received.
    fn room(&self) -> usize {
        if self.messages.is_empty() { usize::MAX } else { self.max_bytes - self.bytes }
    }

    /// True when the batch is full.
    fn add(&mut self, taken: Taken) -> bool {
        if let Some(message) = taken.message() {
            self.bytes += message.payload().len();
            self.messages.push(message);
            self.messages.len() >= self.max_messages || self.bytes >= self.max_bytes
        } else {
            true
        }
    }

    fn finish(mut self) -> Vec<Message> {
        std::mem::take(&mut self.messages)
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        for message in &self.messages {
            self.consumer.negative_acknowledge(message);
        }
    }
}

/// What a receiver found.
#[derive(Debug)]
pub(super) enum Taken {
    Message(Message),
    /// The next message is larger than asked for.
    TooLarge,
    Empty,
}

impl Taken {
    #[inline]
    fn message(self) -> Option<Message> {
        match self {
            Taken::Message(message) => Some(message),
            Taken::TooLarge | Taken::Empty => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Taken::Empty)
    }
}

/// Takes one message.
struct One {
    max_bytes: usize,
    message: Option<Message>,
}

impl Taker for One {
    #[inline]
    fn room(&self) -> usize {
        self.max_bytes
    }

    #[inline]
    fn take(&mut self, found: Found<'_>) -> bool {
        self.message = Some(Message::new(found));
        false
    }
}

impl Shared {
    pub(super) fn take(&self, max_bytes: usize) -> Result<Taken, Error> {
        loop {
            let mut one = One { max_bytes, message: None };
            let is_too_large = self.take_into(&mut one)?;
            return Ok(match one.message {
                // A dead letter goes elsewhere.
                Some(message) if self.notes_taken && !self.note_taken(&message) => continue,
                Some(message) => Taken::Message(message),
                None if is_too_large => Taken::TooLarge,
                None => {
                    if self.config.auto_scaled_queue {
                        self.emptied();
                    }
                    Taken::Empty
                }
            });
        }
    }

    /// Like [`Shared::take_into`], with a note of each message where one is needed.
    pub(super) fn take_noted(&self, taker: &mut impl Taker) -> Result<bool, Error> {
        if !self.notes_taken && !self.config.auto_scaled_queue {
            return self.take_into(taker);
        }
        loop {
            match self.take(taker.room())? {
                Taken::Message(message) => {
                    if !taker.take(message.found()) {
                        return Ok(false);
                    }
                }
                Taken::TooLarge => return Ok(true),
                Taken::Empty => return Ok(false),
            }
        }
    }

    /// See [`Inbox::take`](super::inbox::Inbox::take).
    fn take_into(&self, taker: &mut impl Taker) -> Result<bool, Error> {
        self.inbox.take(
            taker,
            self.threshold.load(Ordering::Relaxed),
            |reading, entry, fresh, ack_set| self.share(reading, entry, fresh, ack_set),
            |entry, why| self.reject(entry, why),
            |permits| self.flow(permits),
        )
    }
}
