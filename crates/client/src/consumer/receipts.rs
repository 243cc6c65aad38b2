//! Acknowledgements on their way back: what the broker has not answered yet, and who waits for that.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use pulsar_rs_wire::hot::EntryId;

use super::cumulative::Cumulative;
use crate::Error;

/// Ids that may stand unanswered: 16 MB. A broker that answers nothing must not take our memory.
const MAX_UNANSWERED: usize = 1_000_000;

/// Vectors that are kept for the next commands.
const MAX_SPARE: usize = 4;

type Done = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// Somebody who waits for what becomes of acknowledgements, and is told once.
pub(super) struct Receipt {
    state: Mutex<State>,
}

struct State {
    done: Option<Done>,
    /// Parts that are not settled.
    parts: usize,
    error: Option<Error>,
}

/// One of the ids that a receipt waits for, or the call that gathers them.
///
/// Dropped without an outcome it fails: nobody will send the acknowledgement any more.
#[derive(Debug)]
pub(super) struct Part(Option<Arc<Receipt>>);

impl std::fmt::Debug for Receipt {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Receipt")
    }
}

impl Receipt {
    fn settle(&self, outcome: Result<(), Error>) {
        let mut state = self.state.lock();
        state.parts -= 1;
        if let Err(error) = outcome {
            state.error.get_or_insert(error);
        }
        let done = if state.parts == 0 { state.done.take() } else { None };
        let outcome = state.error.clone().map_or(Ok(()), Err);
        drop(state);
        if let Some(done) = done {
            done(outcome);
        }
    }

    /// Whoever waits has waited long enough; what comes later is not told.
    pub fn give_up(&self, why: Error) {
        let done = self.state.lock().done.take();
        if let Some(done) = done {
            done(Err(why));
        }
    }
}

impl Part {
    /// The part of the call that asks for a receipt. It is settled when all ids have theirs.
    pub fn first(done: impl FnOnce(Result<(), Error>) + Send + 'static) -> Self {
        let state = State { done: Some(Box::new(done)), parts: 1, error: None };
        Part(Some(Arc::new(Receipt { state: Mutex::new(state) })))
    }

    /// A part for one more id.
    pub fn another(&self) -> Self {
        self.0.as_ref().inspect(|receipt| receipt.state.lock().parts += 1);
        Part(self.0.clone())
    }

    /// The receipt, for those who end the waiting.
    pub fn receipt(&self) -> Weak<Receipt> {
        self.0.as_ref().map(Arc::downgrade).unwrap_or_default()
    }

    /// The outcome of this part; with the last one, whoever waits is told: call it with no lock held.
    pub fn settle(mut self, outcome: Result<(), Error>) {
        if let Some(receipt) = self.0.take() {
            receipt.settle(outcome);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(receipt) = self.0.take() {
            receipt.settle(Err(Error::AlreadyClosed("the acknowledgement was given up".into())));
        }
    }
}

/// Parts with the entries that they are for. Empty, without memory of its own, unless somebody waits.
pub(super) type Parts = Vec<(EntryId, Part)>;

/// Takes out the parts for these entries; all, if they are the last ones that there are.
pub(super) fn take_parts(parts: &mut Parts, entries: &[EntryId], are_last: bool) -> Parts {
    if are_last || parts.is_empty() {
        return std::mem::take(parts);
    }
    let entries: HashSet<_> = entries.iter().collect();
    parts.extract_if(.., |(entry, _)| entries.contains(entry)).collect()
}

/// Outcomes to tell when no lock is held any more.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Settled {
    parts: Vec<(Part, Result<(), Error>)>,
}

impl Settled {
    pub fn add(&mut self, parts: Parts, outcome: &Result<(), Error>) {
        self.parts.extend(parts.into_iter().map(|(_, part)| (part, outcome.clone())));
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Tells them, with no lock held.
    pub fn tell(self) {
        for (part, outcome) in self.parts {
            part.settle(outcome);
        }
    }
}

/// What one command acknowledged.
#[derive(Debug)]
pub(super) enum Sent {
    Entries(Vec<EntryId>),
    /// Parts of batches.
    Indexes(Vec<EntryId>),
    Cumulative(Cumulative),
}

impl Sent {
    pub fn len(&self) -> usize {
        match self {
            Sent::Entries(entries) | Sent::Indexes(entries) => entries.len(),
            Sent::Cumulative(_) => 1,
        }
    }
}

/// A command that the broker has not answered.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub request_id: u64,
    pub sent: Sent,
    pub parts: Parts,
}

/// The commands that the broker has not answered, in the order they were sent. Bounded by what is under way for one
/// round trip, and by [`MAX_UNANSWERED`] where answers do not come.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    commands: VecDeque<Unanswered>,
    ids: usize,
    spare: Vec<Vec<EntryId>>,
}

impl InFlight {
    /// Adds a command. Those that stand unanswered too long go for it: they are not sent again.
    pub fn add(&mut self, command: Unanswered, settled: &mut Settled) {
        self.ids += command.sent.len();
        self.commands.push_back(command);
        while self.ids > MAX_UNANSWERED && self.commands.len() > 1 {
            if let Some(oldest) = self.commands.pop_front() {
                self.ids -= oldest.sent.len();
                let error = Error::Timeout("the broker does not answer acknowledgements".into());
                settled.add(oldest.parts, &Err(error));
            }
        }
    }

    /// Takes out the command with this number. Answers come in the order of the commands, nearly always.
    pub fn take(&mut self, request_id: u64) -> Option<Unanswered> {
        let place = self.commands.iter().position(|command| command.request_id == request_id)?;
        let command = self.commands.remove(place)?;
        self.ids -= command.sent.len();
        Some(command)
    }

    pub fn take_all(&mut self) -> VecDeque<Unanswered> {
        self.ids = 0;
        std::mem::take(&mut self.commands)
    }

    /// Ids that the broker has not answered.
    pub fn ids(&self) -> usize {
        self.ids
    }

    /// Whether anybody waits for an answer.
    pub fn is_awaited(&self) -> bool {
        self.commands.iter().any(|command| !command.parts.is_empty())
    }

    /// An empty vector for entries.
    pub fn spare(&mut self) -> Vec<EntryId> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a vector back for the next command.
    pub fn recycle(&mut self, sent: Sent) {
        if let Sent::Entries(mut entries) = sent
            && self.spare.len() < MAX_SPARE
        {
            entries.clear();
            self.spare.push(entries);
        }
    }
}

/// When those who wait for receipts stop waiting. Bounded by their number.
#[derive(Debug, Default)]
pub(super) struct Patience {
    waiting: VecDeque<(Instant, Weak<Receipt>)>,
}

impl Patience {
    /// All wait equally long, so they stop in the order they come.
    pub fn add(&mut self, until: Instant, receipt: Weak<Receipt>) {
        let _ = self.next_due();
        self.waiting.push_back((until, receipt));
    }

    /// When the first one stops waiting.
    pub fn next_due(&mut self) -> Option<Instant> {
        while self.waiting.front().is_some_and(|(_, receipt)| receipt.strong_count() == 0) {
            self.waiting.pop_front();
        }
        self.waiting.front().map(|(until, _)| *until)
    }

    /// Takes out those that waited long enough.
    pub fn take_due(&mut self, now: Instant) -> Vec<Arc<Receipt>> {
        let count = self.waiting.partition_point(|(until, _)| *until <= now);
        self.waiting.drain(..count).filter_map(|(_, receipt)| receipt.upgrade()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(entry: u64) -> EntryId {
        EntryId { ledger: 1, entry }
    }

    type Told = Arc<Mutex<Vec<Result<(), Error>>>>;

    /// A call, and what it is told.
    fn call() -> (Part, Told) {
        let told = Told::default();
        let outcomes = told.clone();
        (Part::first(move |outcome| outcomes.lock().push(outcome)), told)
    }

    fn refused() -> Error {
        Error::Unknown("refused".into())
    }

    #[test]
    fn who_waits_is_told_once_with_the_first_error() {
        let (first, told) = call();
        let (second, third) = (first.another(), first.another());
        first.settle(Ok(()));
        second.settle(Err(refused()));
        assert!(told.lock().is_empty());
        // Forgotten parts fail too.
        drop(third);
        assert_eq!(*told.lock(), [Err(refused())]);
        let (first, told) = call();
        drop(first);
        assert!(matches!(told.lock()[..], [Err(Error::AlreadyClosed(_))]));
    }

    #[test]
    fn who_gave_up_is_not_told_later() {
        let (first, told) = call();
        let mut patience = Patience::default();
        let now = Instant::now();
        patience.add(now, first.receipt());
        assert_eq!(patience.next_due(), Some(now));
        for receipt in patience.take_due(now) {
            receipt.give_up(refused());
        }
        first.settle(Ok(()));
        assert_eq!(*told.lock(), [Err(refused())]);
        // Those that are told need no patience any more.
        let (second, _) = call();
        patience.add(now, second.receipt());
        second.settle(Ok(()));
        assert_eq!(patience.next_due(), None);
    }

    #[test]
    fn what_is_unanswered_is_bounded_and_the_oldest_goes() {
        let (mut in_flight, mut settled) = (InFlight::default(), Settled::default());
        let (first, told) = call();
        let mut parts = vec![(entry(0), first)];
        for request_id in 0..2001 {
            let sent = Sent::Entries(vec![entry(0); 1000]);
            let parts = std::mem::take(&mut parts);
            in_flight.add(Unanswered { request_id, sent, parts }, &mut settled);
            assert!(in_flight.ids() <= MAX_UNANSWERED);
        }
        assert!(in_flight.take(0).is_none());
        assert_eq!(in_flight.take(2000).map(|command| command.sent.len()), Some(1000));
        assert_eq!(in_flight.ids(), MAX_UNANSWERED - 1000);
        settled.tell();
        assert!(matches!(told.lock()[..], [Err(Error::Timeout(_))]));
    }

    #[test]
    fn parts_are_found_by_their_entries() {
        let (first, _) = call();
        let mut parts: Parts = (0..4).map(|number| (entry(number), first.another())).collect();
        let taken = take_parts(&mut parts, &[entry(1), entry(3), entry(9)], false);
        assert_eq!(taken.iter().map(|(id, _)| id.entry).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(take_parts(&mut parts, &[], true).len(), 2);
        assert!(parts.is_empty());
    }
}
