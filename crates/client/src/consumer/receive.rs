//! Taking messages out: at once, waiting, as a future, many at a time.

use std::time::{Duration, Instant};

use super::inbox::Taken;
use super::{Consumer, Message, Shared};
use crate::Error;

impl Consumer {
    /// The next message, if one is there.
    pub fn try_receive(&self) -> Result<Option<Message>, Error> {
        self.shared.take(usize::MAX).map(Taken::message)
    }

    /// Waits for the next message.
    pub async fn receive(&self) -> Result<Message, Error> {
        if let Some(message) = self.try_receive()? {
            return Ok(message);
        }
        self.shared.inbox.take_when_arrived(|| self.try_receive()).await
    }

    /// Blocks the thread until the next message is there; at most `timeout`, then it fails with
    /// [`Error::Timeout`].
    pub fn receive_blocking(&self, timeout: Option<Duration>) -> Result<Message, Error> {
        // Without a look at the clock when a message is there.
        if let Some(message) = self.try_receive()? {
            return Ok(message);
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        match self.shared.take_blocking(usize::MAX, deadline)?.message() {
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
                let taken = match self.shared.take(room)? {
                    Taken::Empty => {
                        let take = || Ok(Some(self.shared.take(room)?).filter(|taken| !taken.is_empty()));
                        self.shared.inbox.take_when_arrived(take).await?
                    }
                    taken => taken,
                };
                if gathered.add(taken) {
                    return Ok(());
                }
            }
        };
        match self.shared.config.batch_receive.timeout {
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
        let timeout = self.shared.config.batch_receive.timeout;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut gathered = Gathered::new(self);
        loop {
            let taken = self.shared.take_blocking(gathered.room(), deadline)?;
            if taken.is_empty() || gathered.add(taken) {
                return Ok(gathered.finish());
            }
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
        let policy = &consumer.shared.config.batch_receive;
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

impl Taken {
    fn message(self) -> Option<Message> {
        match self {
            Taken::Message(message) => Some(message),
            Taken::TooLarge | Taken::Empty => None,
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Taken::Empty)
    }
}

impl Shared {
    fn take(&self, max_bytes: usize) -> Result<Taken, Error> {
        let threshold = u32::try_from(self.config.receiver_queue_size / 2).unwrap_or(u32::MAX).max(1);
        let taken = self.inbox.take(
            max_bytes,
            threshold,
            |reading, entry, fresh, ack_set| self.share(reading, entry, fresh, ack_set),
            |entry, why| self.reject(entry, why),
            |permits| self.flow(permits),
        )?;
        if let Taken::Message(message) = &taken
            && self.config.ack_timeout.is_some()
        {
            self.watch(message);
        }
        Ok(taken)
    }

    /// Waits until something is there; [`Taken::Empty`] when the deadline passed.
    fn take_blocking(&self, max_bytes: usize, deadline: Option<Instant>) -> Result<Taken, Error> {
        loop {
            match self.take(max_bytes)? {
                Taken::Empty => {}
                taken => return Ok(taken),
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(Taken::Empty);
            }
            self.inbox.wait(deadline)?;
        }
    }

    /// From now on the message has to be acknowledged within the ack timeout.
    fn watch(&self, message: &Message) {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.reading != message.entry.reading {
            return;
        }
        let Some(unacked) = &mut state.unacked else {
            return;
        };
        unacked.add(message.entry.id, now);
        let look = unacked.next_look(now);
        let wake = state.alarm_is_later(look);
        drop(state);
        if wake {
            self.timers.notify_one();
        }
    }
}
