//! What tests can see of a topic.

/// A topic as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TopicStats {
    /// Entries that are there: what was stored and is not dropped yet.
    pub entries: u64,
    /// Entries stored since the topic began.
    pub entries_stored: u64,
    /// Messages in the entries that are there.
    pub messages: u64,
    /// Bytes of the entries that are there, metadata included.
    pub bytes: u64,
    /// Producers that may publish; those that wait for exclusive access do not count.
    pub producers: u32,
    /// No entries are taken any more.
    pub terminated: bool,
    /// Subscriptions in the order they were created.
    pub subscriptions: Vec<SubscriptionStats>,
}

impl TopicStats {
    /// The subscription with this name.
    pub fn subscription(&self, name: &str) -> Option<&SubscriptionStats> {
        self.subscriptions.iter().find(|subscription| subscription.name == name)
    }
}

/// A subscription as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Name of the subscription.
    pub name: String,
    /// It outlives its consumers.
    pub durable: bool,
    /// `Exclusive`, `Shared`, `Failover` or `Key_Shared`: the type of its last consumers.
    pub kind: String,
    /// Messages that are not acknowledged, delivered or not.
    pub backlog: u64,
    /// Entries that are not acknowledged, or not whole, delivered or not: what a real broker calls the backlog.
    pub backlog_entries: u64,
    /// Messages that were delivered to a consumer that is still there, and not acknowledged.
    pub unacked: u64,
    /// Permits of all consumers; below zero after a batch larger than what was left.
    pub permits: i64,
    /// Properties that its first consumer gave it.
    pub properties: Vec<(String, String)>,
    /// Its first consumer asked that its state be replicated to other clusters, of which there are none.
    pub replicated: bool,
    /// Consumers in the order they came.
    pub consumers: Vec<ConsumerStats>,
}

/// A consumer as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerStats {
    /// Name that the consumer gave; may be empty.
    pub name: String,
    /// Metadata that the consumer gave.
    pub metadata: Vec<(String, String)>,
    /// Messages that may be sent to it.
    pub permits: i64,
    /// Messages that it did not acknowledge, in Shared and `Key_Shared` subscriptions; otherwise 0.
    pub unacked: u64,
}
