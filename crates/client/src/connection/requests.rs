use std::collections::HashMap;

use parking_lot::Mutex;
use pulsar_rs_wire::Command;
use tokio::sync::oneshot;

use crate::Error;

type Answer = Result<Command, Error>;

/// Requests that wait for their answers. Their number is that of the callers that wait.
#[derive(Debug, Default)]
pub(super) struct Requests {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u64,
    waiting: HashMap<u64, Waiting>,
    closed: Option<Error>,
}

#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Answer>,
    /// The broker has the request, and says that its answer may take any time.
    queued: bool,
}

/// A request that was registered and not answered yet. Dropping it gives the answer up.
pub(super) struct Pending<'a> {
    requests: &'a Requests,
    id: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Requests {
    pub fn register(&self) -> Result<Pending<'_>, Error> {
        let (sender, answer) = oneshot::channel();
        let mut table = self.table.lock();
        if let Some(why) = &table.closed {
            return Err(why.clone());
        }
        table.last_id += 1;
        let id = table.last_id;
        table.waiting.insert(id, Waiting { answer: sender, queued: false });
        Ok(Pending { requests: self, id, answer })
    }

    /// Number for a request whose answer nobody waits for.
    pub fn next_id(&self) -> u64 {
        let mut table = self.table.lock();
        table.last_id += 1;
        table.last_id
    }

    /// Hands an answer to whoever waits; false when nobody does.
    pub fn answer(&self, id: u64, answer: Answer) -> bool {
        let waiting = self.table.lock().waiting.remove(&id);
        waiting.is_some_and(|waiting| waiting.answer.send(answer).is_ok())
    }

    /// The broker put a request aside: its answer comes when it comes.
    pub fn queue(&self, id: u64) {
        if let Some(waiting) = self.table.lock().waiting.get_mut(&id) {
            waiting.queued = true;
        }
    }

    /// Fails all that wait and all that come.
    pub fn close(&self, why: &Error) {
        let waiting = {
            let mut table = self.table.lock();
            table.closed.get_or_insert_with(|| why.clone());
            std::mem::take(&mut table.waiting)
        };
        for one in waiting.into_values() {
            let _ = one.answer.send(Err(why.clone()));
        }
    }
}

impl Pending<'_> {
    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn is_queued(&self) -> bool {
        self.requests.table.lock().waiting.get(&self.id).is_some_and(|waiting| waiting.queued)
    }

    pub async fn wait(&mut self) -> Answer {
        let answer = (&mut self.answer).await;
        answer.unwrap_or_else(|_| Err(Error::Disconnected("the connection is gone".into())))
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.requests.table.lock().waiting.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsar_rs_wire::proto::CommandPong;

    #[tokio::test]
    async fn answers_find_their_requests() {
        let requests = Requests::default();
        let mut first = requests.register().unwrap();
        let mut second = requests.register().unwrap();
        requests.queue(second.id());
        assert!(second.is_queued() && !first.is_queued());
        assert!(requests.answer(second.id(), Ok(CommandPong {}.into())));
        assert!(requests.answer(first.id(), Err(Error::Unknown("x".into()))));
        assert_eq!(second.wait().await, Ok(CommandPong {}.into()));
        assert_eq!(first.wait().await, Err(Error::Unknown("x".into())));
    }

    #[tokio::test]
    async fn a_request_given_up_leaves_nothing_behind() {
        let requests = Requests::default();
        let id = requests.register().unwrap().id();
        assert!(!requests.answer(id, Ok(CommandPong {}.into())));
    }

    #[tokio::test]
    async fn closing_fails_all() {
        let requests = Requests::default();
        let mut pending = requests.register().unwrap();
        let why = Error::Disconnected("bye".into());
        requests.close(&why);
        assert_eq!(pending.wait().await, Err(why.clone()));
        assert_eq!(requests.register().err(), Some(why));
    }
}
