//! How many permits the broker shall have.

use super::ConsumerConfig;

/// The permits of one consumer, by the kind of its queue.
#[derive(Debug)]
pub(super) enum Quota {
    /// As many as the queue has places.
    Fixed(u32),
    /// One for each receiver that waits.
    OnDemand(OnDemand),
    /// As many as the queue has places now.
    Scaled(Scaled),
}

/// No queue: nothing comes ahead of the receivers.
#[derive(Debug, Default)]
pub(super) struct OnDemand {
    waiting: u32,
    /// What the broker has; below zero after a batch.
    left: i64,
}

/// A queue that grows when it was filled and emptied again, and shrinks when memory becomes tight.
#[derive(Debug)]
pub(super) struct Scaled {
    size: u32,
    most: u32,
    /// What the broker has; below zero after a batch that was larger than that.
    left: i64,
    /// Permits to give back that would not bring it above zero.
    kept: u32,
    /// Permits to keep for good: the queue became smaller.
    surplus: u32,
    /// The broker had none left, since the queue has this size.
    was_full: bool,
    /// How often memory had become tight when the queue was made smaller.
    shrunk_at: u64,
}

impl Quota {
    /// That of a valid configuration, before there is a connection.
    pub fn new(config: &ConsumerConfig) -> Self {
        // It fits: the configuration was checked.
        let size = u32::try_from(config.receiver_queue_size).unwrap_or(u32::MAX);
        match size {
            0 => Quota::OnDemand(OnDemand::default()),
            most if config.auto_scaled_queue => Quota::Scaled(Scaled::new(most)),
            size => Quota::Fixed(size),
        }
    }

    /// A new connection, whose broker starts without permits: how many to give.
    pub fn start(&mut self) -> u32 {
        match self {
            Quota::Fixed(size) => *size,
            Quota::OnDemand(demand) => {
                demand.left = 0;
                demand.ask()
            }
            Quota::Scaled(scaled) => scaled.start(),
        }
    }

    /// Permits of messages that were taken are worth a command from here on.
    pub fn threshold(&self) -> u32 {
        match self {
            Quota::Fixed(size) => (size / 2).max(1),
            Quota::OnDemand(_) => 1,
            Quota::Scaled(scaled) => (scaled.size / 2).max(1),
        }
    }

    /// An entry came that took permits, and waits for receivers.
    #[inline]
    pub fn arrived(&mut self, permits: u32) {
        match self {
            Quota::Fixed(_) => {}
            Quota::OnDemand(demand) => demand.left -= i64::from(permits),
            Quota::Scaled(scaled) => {
                scaled.left -= i64::from(permits);
                scaled.was_full |= scaled.left <= 0;
            }
        }
    }

    /// Messages that came were taken or dropped: how many permits to give for them.
    pub fn returned(&mut self, permits: u32) -> u32 {
        match self {
            Quota::Fixed(_) => permits,
            // Whoever wants a message asks for it.
            Quota::OnDemand(_) => 0,
            Quota::Scaled(scaled) => scaled.returned(permits),
        }
    }

    /// Permits that come to the broker some day.
    pub fn kept(&self) -> u32 {
        match self {
            Quota::Fixed(_) | Quota::OnDemand(_) => 0,
            Quota::Scaled(scaled) => scaled.kept,
        }
    }

    /// More receivers wait, or fewer.
    pub fn change_waiting(&mut self, change: i32) {
        if let Quota::OnDemand(demand) = self {
            demand.waiting = demand.waiting.saturating_add_signed(change);
        }
    }

    /// Receivers wait and nothing is there: how many permits to give.
    pub fn ask(&mut self) -> u32 {
        match self {
            Quota::OnDemand(demand) => demand.ask(),
            Quota::Fixed(_) | Quota::Scaled(_) => 0,
        }
    }

    /// Nothing was there: how many permits to give for a larger queue.
    pub fn emptied(&mut self, is_tight: bool) -> u32 {
        match self {
            Quota::Scaled(scaled) if !is_tight => scaled.grow(),
            _ => 0,
        }
    }

    /// Makes the queue smaller if memory became tight since that was done last; `times`: how often it did.
    pub fn shrink_at(&mut self, times: u64) {
        if let Quota::Scaled(scaled) = self
            && std::mem::replace(&mut scaled.shrunk_at, times) != times
        {
            scaled.shrink();
        }
    }
}

impl OnDemand {
    fn ask(&mut self) -> u32 {
        let missing = (i64::from(self.waiting) - self.left).max(0);
        self.left += missing;
        u32::try_from(missing).unwrap_or(u32::MAX)
    }
}

impl Scaled {
    fn new(most: u32) -> Self {
        Scaled { size: 1, most, left: 0, kept: 0, surplus: 0, was_full: false, shrunk_at: 0 }
    }

    fn start(&mut self) -> u32 {
        self.left = self.size.into();
        (self.kept, self.surplus, self.was_full) = (0, 0, false);
        self.size
    }

    fn returned(&mut self, permits: u32) -> u32 {
        let surplus = self.surplus.min(permits);
        self.surplus -= surplus;
        self.kept = self.kept.saturating_add(permits - surplus);
        if self.left + i64::from(self.kept) <= 0 {
            return 0;
        }
        self.left += i64::from(self.kept);
        std::mem::take(&mut self.kept)
    }

    fn grow(&mut self) -> u32 {
        if !std::mem::take(&mut self.was_full) || self.size == self.most {
            return 0;
        }
        let size = self.size.saturating_mul(2).min(self.most);
        let more = size - self.size;
        self.size = size;
        self.returned(more)
    }

    fn shrink(&mut self) {
        let size = (self.size / 2).max(1);
        self.surplus = self.surplus.saturating_add(self.size - size);
        self.size = size;
        self.was_full = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(most: usize) -> Quota {
        let config = ConsumerConfig {
            receiver_queue_size: most,
            auto_scaled_queue: true,
            ..ConsumerConfig::default()
        };
        Quota::new(&config)
    }

    #[test]
    fn without_a_queue_each_receiver_gets_one() {
        let mut quota = Quota::new(&ConsumerConfig { receiver_queue_size: 0, ..ConsumerConfig::default() });
        assert_eq!(quota.start(), 0);
        quota.change_waiting(1);
        assert_eq!((quota.ask(), quota.ask()), (1, 0));
        quota.change_waiting(1);
        assert_eq!(quota.ask(), 1);
        // One got a batch; what it left is for the other, and the broker has 1 - 10 of the permits for it.
        quota.arrived(10);
        quota.change_waiting(-1);
        assert_eq!(quota.returned(10), 0);
        assert_eq!(quota.ask(), 9);
        quota.arrived(1);
        quota.change_waiting(-1);
        assert_eq!(quota.ask(), 0);
        quota.change_waiting(1);
        assert_eq!(quota.start(), 1);
    }

    #[test]
    fn a_queue_doubles_when_it_was_full_and_is_empty() {
        let mut quota = scaled(5);
        let mut given = vec![quota.start()];
        for _ in 0..4 {
            let size = given.iter().sum::<u32>();
            assert_eq!(quota.emptied(false), 0, "not full since");
            quota.arrived(size);
            assert_eq!(quota.returned(size), size);
            assert_eq!(quota.emptied(true), 0, "memory is tight");
            given.push(quota.emptied(false));
        }
        assert_eq!(given, [1, 1, 2, 1, 0]);
    }

    #[test]
    fn a_smaller_queue_keeps_permits() {
        let mut quota = scaled(4);
        quota.start();
        for size in [1, 2, 4] {
            quota.arrived(size);
            assert_eq!(quota.returned(size), size);
            quota.emptied(false);
        }
        quota.shrink_at(1);
        quota.shrink_at(1);
        assert_eq!(quota.threshold(), 1);
        quota.arrived(4);
        assert_eq!((quota.returned(1), quota.returned(1), quota.returned(2)), (0, 0, 2));
        quota.shrink_at(2);
        quota.shrink_at(3);
        assert_eq!(quota.start(), 1);
    }

    #[test]
    fn permits_that_would_not_help_are_kept() {
        let mut quota = scaled(100);
        quota.start();
        quota.arrived(1000);
        for _ in 0..999 {
            assert_eq!(quota.returned(1), 0);
        }
        assert_eq!((quota.kept(), quota.returned(1), quota.kept()), (999, 1000, 0));
    }
}
