//! The loop of a task that acts at certain moments and sleeps in between.

use std::time::Instant;

use tokio::sync::Notify;

/// When to look next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// At this moment, or when woken.
    At(Instant),
    /// When woken.
    WhenWoken,
    /// Never again.
    Over,
}

impl Alarm {
    /// At the first of these moments; when woken, if there is none.
    pub fn at_first<const N: usize>(moments: [Option<Instant>; N]) -> Self {
        moments.into_iter().flatten().min().map_or(Alarm::WhenWoken, Alarm::At)
    }

    /// The moment, for those who have to decide whether it is too late for them.
    pub fn moment(self) -> Option<Instant> {
        match self {
            Alarm::At(moment) => Some(moment),
            Alarm::WhenWoken | Alarm::Over => None,
        }
    }
}

/// Calls `look` at each alarm and whenever `wake` is notified, until it is over.
pub(crate) async fn run(wake: &Notify, mut look: impl FnMut() -> Alarm) {
    loop {
        match look() {
            Alarm::At(moment) => {
                tokio::select! {
                    () = tokio::time::sleep_until(moment.into()) => {}
                    () = wake.notified() => {}
                }
            }
            Alarm::WhenWoken => wake.notified().await,
            Alarm::Over => return,
        }
    }
}
