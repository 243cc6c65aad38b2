//! Who is served of the consumers of a failover subscription, for programs that want to know.

use std::fmt;
use std::sync::Arc;

/// A consumer became the one that its broker serves, or stopped being it.
#[derive(Debug, Clone)]
pub struct ActiveChange {
    /// The topic's full name; of a partition, with its number.
    pub topic: Arc<str>,
    /// Number of the partition, or -1.
    pub partition: i32,
    /// Whether messages come to this consumer now.
    pub is_active: bool,
}

/// Hears of every [`ActiveChange`] of a consumer, or of each of its partitions and topics, in the order in which the
/// broker tells them. The broker tells them of failover subscriptions: after subscribing, and whenever another consumer
/// takes over. What it tells may be what was so before.
///
/// It is called by the client's runtime, with no lock held, and must not block. The first call may come before the
/// consumer is there.
#[derive(Clone)]
pub struct EventListener(Arc<dyn Fn(ActiveChange) + Send + Sync>);

impl EventListener {
    /// A listener that calls a function.
    pub fn new(listener: impl Fn(ActiveChange) + Send + Sync + 'static) -> Self {
        EventListener(Arc::new(listener))
    }

    pub(super) fn tell(&self, change: ActiveChange) {
        (self.0)(change);
    }
}

impl fmt::Debug for EventListener {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("EventListener")
    }
}
