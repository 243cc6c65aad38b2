//! Work that blocks, on threads for that, of which a client has few.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use crate::Error;

/// Work of one source, such as a file: one piece at a time, so that a source that hangs holds one thread and no more. Clones
/// stand for the same source.
#[derive(Debug, Clone, Default)]
pub(crate) struct OneAtATime(Arc<Mutex<()>>);

impl OneAtATime {
    /// Runs `work`, called `what` where it panics. It goes on when nobody waits any more, and keeps others of the same
    /// source waiting. To be called on the client's runtime.
    pub async fn run<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.0.clone().lock_owned().await;
        let work = move || {
            let outcome = work();
            drop(turn);
            outcome
        };
        spawn_blocking(work).await.map_err(|error| ended(what, &error))
    }
}

/// The error for a task that ended without an outcome: `what` panicked, or the runtime is gone.
pub(crate) fn ended(what: &str, error: &JoinError) -> Error {
    if error.is_panic() {
        return Error::Unknown(format!("{what} panicked, as the panic's own message tells"));
    }
    Error::AlreadyClosed("the client's runtime has ended".into())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_hangs_keeps_only_its_own_waiting() {
        let (release, hang) = mpsc::channel::<()>();
        let (hanging, other) = (OneAtATime::default(), OneAtATime::default());
        let same = hanging.clone();
        let hung = tokio::spawn(async move { hanging.run("a test", move || hang.recv()).await });
        tokio::task::yield_now().await;
        assert!(timeout(Duration::from_millis(20), same.run("a test", || ())).await.is_err());
        assert_eq!(other.run("a test", || 1).await, Ok(1));
        drop(release);
        assert!(hung.await.unwrap().is_ok());
        assert_eq!(same.run("a test", || 2).await, Ok(2));
    }

    #[tokio::test]
    async fn panics_are_told_as_such_and_hold_nothing_up() {
        let work = OneAtATime::default();
        let told: Result<(), _> = work.run("what a test does", || panic!("a test")).await;
        assert!(matches!(&told, Err(Error::Unknown(text)) if text.contains("what a test does panicked")));
        assert_eq!(work.run("a test", || 1).await, Ok(1));
    }
}
