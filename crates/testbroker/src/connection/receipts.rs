//! Receipts that tests keep back.

use std::collections::VecDeque;
use std::time::Instant;

/// Answers to `Send` that are not sent yet, in order.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    kept: VecDeque<Kept>,
}

#[derive(Debug)]
struct Kept {
    frame: Vec<u8>,
    /// When it may go; absent: when it is told to.
    due: Option<Instant>,
}

impl Receipts {
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps a frame back.
    pub fn keep(&mut self, frame: Vec<u8>, due: Option<Instant>) {
        self.kept.push_back(Kept { frame, due });
    }

    /// Lets those go that are not due at any time.
    pub fn release_withheld(&mut self, now: Instant) {
        for kept in &mut self.kept {
            kept.due.get_or_insert(now);
        }
    }

    /// Takes out the next frame that is due. One that is not holds up those behind it: order is kept.
    pub fn next_due(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.kept.pop_front_if(|kept| kept.due.is_some_and(|due| due <= now)).map(|kept| kept.frame)
    }

    /// When the first frame is due, if it is ever.
    pub fn due(&self) -> Option<Instant> {
        self.kept.front().and_then(|kept| kept.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn order_is_kept_whatever_is_due() {
        let now = Instant::now();
        let mut receipts = Receipts::default();
        receipts.keep(vec![1], Some(now + Duration::from_secs(1)));
        receipts.keep(vec![2], Some(now));
        receipts.keep(vec![3], None);
        assert_eq!(receipts.next_due(now), None);
        assert_eq!(receipts.due(), Some(now + Duration::from_secs(1)));
        let later = now + Duration::from_secs(1);
        assert_eq!([receipts.next_due(later), receipts.next_due(later)], [Some(vec![1]), Some(vec![2])]);
        assert_eq!((receipts.next_due(later), receipts.due()), (None, None));
        receipts.release_withheld(later);
        assert_eq!(receipts.next_due(later), Some(vec![3]));
    }
}
