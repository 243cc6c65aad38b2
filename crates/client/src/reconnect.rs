//! Getting a producer or consumer back onto a broker after it lost its place there.

use std::mem::discriminant;
use std::sync::Arc;

use tokio::sync::watch;

use crate::Error;
use crate::backoff::Backoff;
use crate::connection::{Assigned, ChannelClosed};
use crate::gate::Returning;
use crate::log::Log;

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
    loop {
        if assigned.is_none() && !returning.take_held_up() {
            backoff.wait(&mut switches).await;
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
