//! What those who come back by themselves share while a server refuses the client.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::backoff::Backoff;

/// Who asks a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The program, which waits.
    Program,
    /// The client, by itself.
    Background,
}

/// A producer or consumer that comes back by itself, with nobody who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Returning {
    /// Its last attempt ended with the refusal of a server whose gate holds it up the next time.
    held_up: AtomicBool,
}

impl Returning {
    /// An attempt failed with `error`, which the gate knows as well.
    pub fn failed(&self, error: &Error) {
        self.held_up.store(is_refusal(error), Ordering::Relaxed);
    }

    /// Whether the next attempt waits at a gate, and needs no pause of its own before.
    pub fn take_held_up(&self) -> bool {
        self.held_up.swap(false, Ordering::Relaxed)
    }
}

/// In front of a server. When it refused who the client is, everybody who comes back by himself waits for the end of one
/// pause; then one tries, and what comes of that holds for all who wait. Those who are waited for pass at any time; when
/// the server takes one of them, all come back.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    /// Told whenever the state changes.
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Counts refusals.
    refusals: u64,
    refused: Option<Refused>,
    /// Of the pauses, until the server takes the client again.
    backoff: Backoff,
}

#[derive(Debug)]
struct Refused {
    error: Error,
    /// When to try again.
    pause_ends: Instant,
    /// Somebody does.
    trying: bool,
}

/// Leave to ask the server.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    gate: &'a Gate,
    whose: Whose,
}

#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// Of one who is waited for.
    Anybody,
    /// Of one who came while the server refused nobody.
    Returning,
    /// Of the one who finds out for all.
    First,
}

impl Gate {
    /// Waits for leave to ask the server, if somebody comes back by himself and the server refused the client. Fails
    /// when another one asked meanwhile and was refused again.
    pub async fn pass(&self, returning: Option<&Returning>) -> Result<Turn<'_>, Error> {
        let Some(returning) = returning else {
            return Ok(Turn { gate: self, whose: Whose::Anybody });
        };
        let refusals = self.state.lock().refusals;
        loop {
            let mut news = std::pin::pin!(self.news.notified());
            // Before the look at the state: what changes behind it is not missed.
            news.as_mut().enable();
            let pause_ends = {
                let mut state = self.state.lock();
                let is_new = state.refusals != refusals;
                match &mut state.refused {
                    None => return Ok(Turn { gate: self, whose: Whose::Returning }),
                    Some(refused) if is_new => {
                        returning.failed(&refused.error);
                        return Err(refused.error.clone());
                    }
                    Some(refused) if refused.trying => None,
                    Some(refused) if refused.pause_ends <= Instant::now() => {
                        refused.trying = true;
                        return Ok(Turn { gate: self, whose: Whose::First });
                    }
                    Some(refused) => Some(refused.pause_ends),
                }
            };
            match pause_ends {
                None => news.await,
                Some(end) => tokio::select! { () = news => {}, () = sleep_until(end) => {} },
            }
        }
    }

    /// Whether there is a pause, or somebody finds out.
    pub fn is_refusing(&self) -> bool {
        self.state.lock().refused.is_some()
    }

    /// What came of asking the server.
    pub fn settle(&self, failure: Option<&Error>) {
        let mut state = self.state.lock();
        match failure {
            Some(error) if is_refusal(error) => state.refuse(error),
            _ => {
                if failure.is_none_or(is_answer) {
                    state.backoff = Backoff::default();
                }
                // It may be broken now, but it is not that any more: everybody sees for himself.
                if state.refused.take().is_none() {
                    return;
                }
            }
        }
        drop(state);
        self.news.notify_waiters();
    }
}

impl State {
    fn refuse(&mut self, error: &Error) {
        let now = Instant::now();
        let refused = self.refused.get_or_insert_with(|| Refused {
            error: error.clone(),
            pause_ends: now,
            trying: false,
        });
        refused.error = error.clone();
        // Those who do not wait for its end must neither make it longer, nor tell those who do.
        if refused.pause_ends <= now {
            refused.pause_ends = now + self.backoff.next();
            self.refusals += 1;
        }
    }
}

impl Turn<'_> {
    /// Whether it is still of use: not when the server has refused another one since.
    #[cfg(feature = "http")]
    pub fn is_good(&self) -> bool {
        self.whose != Whose::Returning || self.gate.state.lock().refused.is_none()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.whose != Whose::First {
            return;
        }
        if let Some(refused) = &mut self.gate.state.lock().refused {
            refused.trying = false;
        }
        self.gate.news.notify_waiters();
    }
}

/// Whether a server that fails with it knows the client: it did not only fail to answer.
fn is_answer(error: &Error) -> bool {
    !error.is_transient() && !matches!(error, Error::Connect(_))
}

fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Authentication(_))
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;

    fn refusal() -> Error {
        Error::Authentication("no".into())
    }

    /// Longer than the first pause.
    async fn pause() {
        tokio::time::advance(Duration::from_millis(110)).await;
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn one_asks_for_all_who_wait() {
        let (gate, returning) = (Gate::default(), [Returning::default(), Returning::default()]);
        assert!(gate.pass(Some(&returning[0])).await.unwrap().is_good());
        gate.settle(Some(&refusal()));
        let mut waits = pin!(gate.pass(Some(&returning[0])));
        assert!(poll(waits.as_mut()).is_pending());
        pause().await;
        let first = gate.pass(Some(&returning[1])).await.unwrap();
        assert!(first.is_good() && poll(waits.as_mut()).is_pending(), "one asks at a time");
        gate.settle(Some(&refusal()));
        drop(first);
        assert_eq!(waits.await.unwrap_err(), refusal());
        assert!(returning[0].take_held_up() && !returning[0].take_held_up());
        let mut waits = pin!(gate.pass(Some(&returning[0])));
        pause().await;
        assert!(poll(waits.as_mut()).is_pending(), "the second pause is longer");
        gate.settle(None);
        assert!(waits.await.unwrap().is_good(), "all come back at once");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_waited_for_does_not_wait_and_makes_no_pause_longer() {
        let (gate, returning) = (Gate::default(), Returning::default());
        for _ in 0..20 {
            assert!(gate.pass(None).await.unwrap().is_good());
            gate.settle(Some(&refusal()));
        }
        pause().await;
        assert!(gate.pass(Some(&returning)).await.unwrap().is_good());
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_within_a_pause_send_nobody_off() {
        let (gate, returning) = (Gate::default(), Returning::default());
        gate.settle(Some(&refusal()));
        let mut waits = pin!(gate.pass(Some(&returning)));
        assert!(poll(waits.as_mut()).is_pending());
        gate.settle(Some(&refusal()));
        assert!(poll(waits.as_mut()).is_pending());
        pause().await;
        assert!(waits.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_lets_all_try_but_the_next_pause_is_longer() {
        let (gate, returning) = (Gate::default(), Returning::default());
        for failure in [Error::Disconnected("gone".into()), Error::Timeout("late".into())] {
            gate.settle(Some(&refusal()));
            pause().await;
            gate.settle(Some(&failure));
            assert!(gate.pass(Some(&returning)).await.is_ok());
        }
        gate.settle(Some(&refusal()));
        pause().await;
        assert!(poll(pin!(gate.pass(Some(&returning)))).is_pending(), "the third pause");
        gate.settle(Some(&Error::TopicNotFound("but it is you".into())));
        gate.settle(Some(&refusal()));
        pause().await;
        assert!(gate.pass(Some(&returning)).await.is_ok(), "the first pause again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_given_up_goes_to_the_next() {
        let (gate, returning) = (Gate::default(), Returning::default());
        gate.settle(Some(&refusal()));
        pause().await;
        let first = gate.pass(Some(&returning)).await.unwrap();
        let mut waits = pin!(gate.pass(Some(&returning)));
        assert!(poll(waits.as_mut()).is_pending());
        drop(first);
        assert!(waits.await.unwrap().is_good());
    }

    #[tokio::test]
    async fn what_was_given_before_a_refusal_is_of_no_use_behind_it() {
        let (gate, returning) = (Gate::default(), Returning::default());
        let turn = gate.pass(Some(&returning)).await.unwrap();
        gate.settle(Some(&refusal()));
        assert!(!turn.is_good());
        gate.settle(Some(&Error::Disconnected("another matter".into())));
        assert!(turn.is_good());
    }
}
