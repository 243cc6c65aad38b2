use std::sync::Arc;

/// What a consumer did since it was created, and what it is doing.
///
/// Counters only rise, and no reconnect sets them back. They are read one group after the other, not all at the same
/// moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerStats {
    /// The topic's full name; of a partition, with its number.
    pub topic: Arc<str>,
    /// Number of the partition, or -1.
    pub partition: i32,
    /// Name of the subscription.
    pub subscription: Arc<str>,
    /// The consumer's name.
    pub name: Arc<str>,
    /// Whether a broker is connected right now.
    pub is_connected: bool,
    /// Entries that came from the broker; each is a batch, a single message or a chunk of one. Also those that came again.
    pub entries: u64,
    /// Messages that the application took.
    pub messages: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Messages that were acknowledged one by one, once more each time that it is done again. Those of a batch are counted with the last of them; messages of it
    /// that were acknowledged before this consumer got it are not.
    pub acknowledged: u64,
    /// Cumulative acknowledgements, however many messages they were for.
    pub cumulative_acks: u64,
    /// Acknowledgements that were sent to the broker: an entry each, or a part of one. They are gathered; these are
    /// those that left.
    pub acks_sent: u64,
    /// Acknowledgements that failed: of a closed consumer, of an id that cannot be, cumulative where that is not allowed,
    /// refused by the broker, or not confirmed when the consumer was closed without a connection.
    pub acks_failed: u64,
    /// Acknowledgements that were sent and that the broker has not confirmed. They are sent again if the connection is
    /// lost.
    pub acks_unanswered: u64,
    /// Negative acknowledgements.
    pub negative_acks: u64,
    /// Entries that were not acknowledged within the ack timeout.
    pub ack_timeouts: u64,
    /// How often the broker was asked to send something again.
    pub redelivery_requests: u64,
    /// Messages that went to the dead letter topic because they were redelivered too often.
    pub dead_letters: u64,
    /// Entries that could not be delivered: damaged, and so dropped, or in need of what this client cannot do.
    pub discarded: u64,
    /// Messages that wait for the application.
    pub queued_messages: u64,
    /// Bytes of their entries as they came, compressed if they are; without the one that is being taken from.
    pub queued_bytes: u64,
    /// Messages that the application took and for which the broker was not permitted to send others yet: it is when
    /// they are half of the receiver queue.
    pub unreturned_permits: u64,
    /// How often the consumer came onto a broker again after it lost its place there.
    pub reconnects: u64,
}

impl ConsumerStats {
    /// Adds what another one counted.
    pub(crate) fn add(&mut self, other: &ConsumerStats) {
        self.entries += other.entries;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.acknowledged += other.acknowledged;
        self.cumulative_acks += other.cumulative_acks;
        self.acks_sent += other.acks_sent;
        self.acks_failed += other.acks_failed;
        self.negative_acks += other.negative_acks;
        self.ack_timeouts += other.ack_timeouts;
        self.redelivery_requests += other.redelivery_requests;
        self.discarded += other.discarded;
        self.dead_letters += other.dead_letters;
        self.queued_messages += other.queued_messages;
        self.queued_bytes += other.queued_bytes;
        self.unreturned_permits += other.unreturned_permits;
        self.reconnects += other.reconnects;
    }
}
