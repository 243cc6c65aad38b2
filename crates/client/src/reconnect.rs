//! Getting a producer or consumer back onto a broker after it lost its place there.

use std::fmt;
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::Error;
use crate::backoff::Backoff;
use crate::blocking::OneAtATime;
use crate::connection::{Assigned, ChannelClosed};
use crate::gate::Returning;
use crate::log::Log;

/// Decides for a program how long a producer or consumer waits before each attempt to come back, in place of pauses that
/// double from 100 ms to 60 s.
///
/// The function gets the full name of the topic, of a partition with its number, and the number of the attempt since the
/// place on the broker was lost, from 0. It returns the pause, or nothing to give up: a producer then fails with what is
/// pending, a consumer stays without a connection. It runs on a thread for what blocks, one call at a time. A
/// broker that names another one, and a cluster to fail over to, are tried at once.
#[derive(Clone)]
pub struct ReconnectPolicy {
    pause: Arc<Pause>,
    calls: OneAtATime,
}

type Pause = dyn Fn(&str, u32) -> Option<Duration> + Send + Sync;

impl ReconnectPolicy {
    /// A policy that asks a function.
    pub fn new(pause: impl Fn(&str, u32) -> Option<Duration> + Send + Sync + 'static) -> Self {
        ReconnectPolicy { pause: Arc::new(pause), calls: OneAtATime::default() }
    }

    /// The pause; the usual ones where the function panics.
    async fn pause(&self, topic: &str, attempt: u32, usual: &mut Backoff) -> Option<Duration> {
        let (pause, topic) = (self.pause.clone(), topic.to_owned());
        let asked = self.calls.run("the reconnect policy", move || pause(&topic, attempt)).await;
        asked.unwrap_or_else(|_| Some(usual.next()))
    }
}

impl fmt::Debug for ReconnectPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ReconnectPolicy")
    }
}

/// A producer or consumer, as far as connecting goes.
pub(crate) trait Reconnect: Send + Sync + 'static {
    /// How log lines name it.
    fn describe(&self) -> String;

    fn log(&self) -> &Log;

    /// Tells when the client uses another cluster, from now on.
    fn switches(&self) -> watch::Receiver<()>;

    /// Closed, or refused for good: no further attempt.
    fn is_over(&self) -> bool;

    /// One attempt; `assigned` is the broker that the last one named, `returning` is there if nobody waits for the outcome.
    fn connect(
        self: &Arc<Self>,
        assigned: Option<Assigned>,
        returning: Option<&Returning>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// An attempt failed. May decide that it is over.
    fn failed(&self, error: &Error);

    /// The full name of its topic.
    fn topic(&self) -> &str;

    /// What the program decides itself.
    fn policy(&self) -> Option<&ReconnectPolicy>;

    /// The program wants no further attempt.
    fn give_up(&self, error: &Error);
}

/// Tries, with growing pauses, until an attempt succeeds or it is over. While a server refuses the client, the pauses are
/// those that all have in common.
pub(crate) async fn reconnect<R: Reconnect>(member: Arc<R>, why: ChannelClosed) {
    let assigned = match why {
        ChannelClosed::ByBroker { assigned } => assigned,
        ChannelClosed::Disconnected(error) => {
            member.log().info(format_args!("{} reconnects: {error}", member.describe()));
            None
        }
    };
    come_back(member, assigned, Failures::default()).await;
}

/// Connects for the first time, without a pause before.
pub(crate) async fn connect<R: Reconnect>(member: Arc<R>) {
    if !member.is_over()
        && let Err(error) = member.connect(None, None).await
    {
        let mut failures = Failures::default();
        failures.add(member.as_ref(), error);
        come_back(member, None, failures).await;
    }
}

async fn come_back<R: Reconnect>(member: Arc<R>, mut assigned: Option<Assigned>, mut failures: Failures) {
    let mut backoff = Backoff::default();
    let mut switches = member.switches();
    let returning = Returning::default();
    for attempt in 0u32.. {
        if assigned.is_none() && !returning.take_held_up() {
            if let Some(policy) = member.policy() {
                let Some(pause) = policy.pause(member.topic(), attempt, &mut backoff).await else {
                    member.give_up(&failures.last.unwrap_or_else(|| Error::NotConnected("given up".into())));
                    return;
                };
                let _ = timeout(pause, switches.changed()).await;
            } else {
                backoff.wait(&mut switches).await;
            }
        }
        if member.is_over() {
            return;
        }
        let outcome = tokio::select! {
            outcome = member.connect(assigned.take(), Some(&returning)) => outcome,
            // The attempt may be waiting for a server of the old one.
            Ok(()) = switches.changed() => {
                backoff = Backoff::default();
                continue;
            }
        };
        match outcome {
            Ok(()) => return,
            Err(error) => failures.add(member.as_ref(), error),
        }
    }
}

/// The attempts that failed, one after the other.
#[derive(Default)]
struct Failures {
    last: Option<Error>,
}

impl Failures {
    /// Warns of a failure, once as long as all are the same.
    fn add<R: Reconnect>(&mut self, member: &R, error: Error) {
        let line = format_args!("{} cannot connect: {error}", member.describe());
        if self.last.as_ref().is_some_and(|last| is_the_same(last, &error)) {
            member.log().debug(line);
        } else {
            member.log().warn(line);
        }
        member.failed(&error);
        self.last = Some(error);
    }
}

/// Whether people need not be told again. Of what may pass only the kind counts: the text may name connections.
fn is_the_same(last: &Error, error: &Error) -> bool {
    last == error || (error.is_transient() && discriminant(last) == discriminant(error))
}
