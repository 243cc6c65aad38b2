//! Which of several topics have messages for the receivers of one consumer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::super::Shared;
use super::super::receive::Taken;
use super::super::wake_ups::{News, WakeUps};
use crate::Error;

/// Messages stay in the inboxes of their topics; here is the order in which these are asked. They take turns, a message
/// each, so that no topic waits for the backlog of another.
#[derive(Debug, Default)]
pub(in super::super) struct Hub {
    waiting: Mutex<Waiting>,
    wake_ups: WakeUps,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Topics that may have messages, each once.
    ready: VecDeque<Arc<Shared>>,
    /// Threads that wait.
    blocked: usize,
    closed: Option<Error>,
}

/// A topic's place in a hub.
#[derive(Debug)]
pub(in super::super) struct Place {
    hub: Arc<Hub>,
    /// It stands among those that are ready. Changed under the hub's lock only.
    is_ready: AtomicBool,
}

impl Place {
    pub fn new(hub: Arc<Hub>) -> Self {
        Place { hub, is_ready: AtomicBool::new(false) }
    }

    /// Something came for the topic `shared`, whose place this is.
    pub fn arrived(&self, shared: Arc<Shared>, many: bool) {
        let news = {
            let mut waiting = self.hub.waiting.lock();
            if waiting.closed.is_some() {
                return;
            }
            if !self.is_ready.swap(true, Ordering::Relaxed) {
                waiting.ready.push_back(shared);
            }
            // Also for a topic that is ready already: whoever was woken for it may take one message only.
            News { blocked: waiting.blocked > 0, many }
        };
        self.hub.wake_ups.wake(news);
    }
}

impl Hub {
    /// The next message of any topic, if its payload has at most `max_bytes`.
    pub fn take(&self, max_bytes: usize) -> Result<Taken, Error> {
        self.take_with(|shared| shared.take(max_bytes).map(|taken| (!taken.is_empty()).then_some(taken)))
            .map(|taken| taken.unwrap_or(Taken::Empty))
    }

    /// Tries the topics that are ready, one after the other, until `take` finds something in one.
    pub fn take_with<T>(
        &self,
        mut take: impl FnMut(&Shared) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        while let Some(shared) = self.next()? {
            match take(&shared) {
                Ok(Some(taken)) => return Ok(Some(taken)),
                // One that was closed has nothing any more; the others go on.
                Ok(None) | Err(_) => self.retire(&shared),
            }
        }
        Ok(None)
    }

    /// The topic whose turn it is.
    fn next(&self) -> Result<Option<Arc<Shared>>, Error> {
        let mut waiting = self.waiting.lock();
        if let Some(error) = &waiting.closed {
            return Err(error.clone());
        }
        let next = waiting.ready.front().cloned();
        if next.is_some() {
            waiting.ready.rotate_left(1);
        }
        Ok(next)
    }

    /// Nothing was found in a topic: it is not ready any more, unless something came meanwhile.
    fn retire(&self, shared: &Arc<Shared>) {
        let mut waiting = self.waiting.lock();
        // Whoever brings something looks for the topic here behind it, under the lock that is held now.
        if shared.inbox.may_have_messages() {
            return;
        }
        // Its turn was just now, so it is the last, if no other receiver came in between.
        if let Some(at) = waiting.ready.iter().rposition(|ready| Arc::ptr_eq(ready, shared)) {
            waiting.ready.remove(at);
            shared.place.iter().for_each(|place| place.is_ready.store(false, Ordering::Relaxed));
        }
    }

    /// Waits until [`Hub::take`] may find something, or the deadline has passed.
    pub fn wait(&self, deadline: Option<Instant>) -> Result<(), Error> {
        let mut waiting = self.waiting.lock();
        if waiting.ready.is_empty() && waiting.closed.is_none() {
            waiting.blocked += 1;
            self.wake_ups.block(&mut waiting, deadline);
            waiting.blocked -= 1;
        }
        waiting.closed.as_ref().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Where receivers wait.
    pub fn wake_ups(&self) -> &WakeUps {
        &self.wake_ups
    }

    /// Fails whoever receives, now and later.
    pub fn close(&self, why: Error) {
        let ready = {
            let mut waiting = self.waiting.lock();
            waiting.closed.get_or_insert(why);
            std::mem::take(&mut waiting.ready)
        };
        drop(ready);
        self.wake_ups.wake_all();
    }
}
