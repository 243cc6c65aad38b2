use std::time::Duration;

use tokio::sync::watch;

/// First wait, as in the C++ and Java clients.
const INITIAL: Duration = Duration::from_millis(100);

/// Longest wait, as in the C++ and Java clients.
const MAX: Duration = Duration::from_mins(1);

/// Waits between attempts to connect: doubling from 100 ms to 60 s, each shortened by up to 20 % at random
/// so that the clients of a restarted broker do not come back all at once.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { next: INITIAL }
    }
}

impl Backoff {
    /// How long to wait before the next attempt.
    pub fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(MAX);
        wait.mul_f64(1.0 - 0.2 * fastrand::f64())
    }

    /// Waits before the next attempt; no longer than until the client uses another cluster, where everything begins
    /// anew.
    pub async fn wait(&mut self, switches: &mut watch::Receiver<()>) {
        let over = tokio::time::timeout(self.next(), switches.changed()).await;
        if let Ok(Ok(())) = over {
            *self = Backoff::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum() {
        let mut backoff = Backoff::default();
        let mut full = INITIAL;
        for _ in 0..20 {
            let wait = backoff.next();
            assert!(wait <= full && wait >= full.mul_f64(0.8), "{wait:?} for {full:?}");
            full = (full * 2).min(MAX);
        }
    }
}
