//! What tests ask the broker to do wrong, and what it counts for them.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use pulsar_rs_wire::Kind;

use crate::refusal::Refusal;

/// The next commands of a kind that are answered with an error.
#[derive(Debug)]
struct Failing {
    refusal: Refusal,
    times: u32,
}

/// When a receipt may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiptDue {
    AtOnce,
    At(Instant),
    WhenTold,
}

/// Faults in force, and commands received.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    failing: HashMap<Kind, VecDeque<Failing>>,
    received: HashMap<Kind, u64>,
    /// `Send` commands received; apart from the others because it is counted so often.
    sends: u64,
    pub receipt_delay: Duration,
    pub withhold_receipts: bool,
}

impl Faults {
    /// Counts a command.
    pub fn count(&mut self, kind: Kind) {
        if kind == Kind::Send {
            self.sends += 1;
        } else {
            *self.received.entry(kind).or_default() += 1;
        }
    }

    /// Commands of this kind received so far.
    pub fn received(&self, kind: Kind) -> u64 {
        if kind == Kind::Send { self.sends } else { self.received.get(&kind).copied().unwrap_or_default() }
    }

    /// Answers the next `times` commands of this kind with an error, after those that fail already.
    pub fn fail_next(&mut self, kind: Kind, refusal: Refusal, times: u32) {
        if times > 0 {
            self.failing.entry(kind).or_default().push_back(Failing { refusal, times });
        }
    }

    /// Ends all failing.
    pub fn clear_failing(&mut self) {
        self.failing.clear();
    }

    /// The error for the next command of this kind, if it is to fail.
    pub fn take(&mut self, kind: Kind) -> Option<Refusal> {
        // Nothing fails in most runs, and this is asked for every command.
        if self.failing.is_empty() {
            return None;
        }
        let queue = self.failing.get_mut(&kind)?;
        let first = queue.front_mut()?;
        first.times -= 1;
        let refusal = first.refusal.clone();
        if first.times == 0 {
            queue.pop_front();
            if queue.is_empty() {
                self.failing.remove(&kind);
            }
        }
        Some(refusal)
    }

    /// When a receipt may go.
    pub fn receipt_due(&self) -> ReceiptDue {
        if self.withhold_receipts {
            ReceiptDue::WhenTold
        } else if self.receipt_delay.is_zero() {
            ReceiptDue::AtOnce
        } else {
            Instant::now().checked_add(self.receipt_delay).map_or(ReceiptDue::WhenTold, ReceiptDue::At)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsar_rs_wire::proto::ServerError;

    #[test]
    fn each_kind_fails_as_often_as_asked() {
        let mut faults = Faults::default();
        let refusal = |text: &str| Refusal::new(ServerError::UnknownError, text);
        faults.fail_next(Kind::Lookup, refusal("first"), 2);
        faults.fail_next(Kind::Lookup, refusal("second"), 1);
        faults.fail_next(Kind::Send, refusal("never"), 0);
        assert_eq!(faults.take(Kind::Send), None);
        let taken: Vec<_> =
            (0..4).map(|_| faults.take(Kind::Lookup).map(|refusal| refusal.message)).collect();
        assert_eq!(taken, [Some("first".into()), Some("first".into()), Some("second".into()), None]);
        assert!(faults.failing.is_empty());
    }
}
