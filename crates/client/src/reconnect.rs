//! Getting a producer or consumer back onto a broker after it lost its place there.

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
    let mut assigned = match why {
        ChannelClosed::ByBroker { assigned } => assigned,
        ChannelClosed::Disconnected(error) => {
            member.log().info(format_args!("{} reconnects: {error}", member.describe()));
            None
        }
    };
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
            Err(error) => {
                member.log().warn(format_args!("{} cannot reconnect: {error}", member.describe()));
                member.failed(&error);
            }
        }
    }
}

/// Connects for the first time, without a pause before.
pub(crate) async fn connect<R: Reconnect>(member: Arc<R>) {
    if !member.is_over()
        && let Err(error) = member.connect(None, None).await
    {
        member.failed(&error);
        reconnect(member, ChannelClosed::Disconnected(error)).await;
    }
}
