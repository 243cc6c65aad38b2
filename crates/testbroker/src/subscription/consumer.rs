//! One consumer of a subscription, as its broker sees it.

use std::collections::BTreeMap;

use crate::connection::ConnectionId;

/// A consumer's connection and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConsumerKey {
    pub connection: ConnectionId,
    pub consumer_id: u64,
}

/// How a `Key_Shared` consumer wants keys to be spread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct KeyPolicy {
    /// Hash ranges (both ends included) that the consumer takes; absent: the broker splits.
    pub sticky: Option<Vec<(i32, i32)>>,
    /// Keys may change their consumer while messages are unacknowledged.
    pub out_of_order: bool,
}

/// An entry that a consumer has and did not acknowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Messages of the entry that count as unacknowledged.
    pub messages: u32,
    /// Hash of the entry's key, in a `Key_Shared` subscription.
    pub hash: u16,
}

/// One consumer.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    pub key: ConsumerKey,
    pub name: String,
    /// Metadata that it gave.
    pub metadata: Vec<(String, String)>,
    /// Smaller is served first.
    pub priority: i32,
    /// Messages that may be sent; below zero when the last batch was larger than what was left.
    pub permits: i64,
    /// Newest epoch of the consumer's redelivery requests, once it gave any.
    pub epoch: Option<u64>,
    pub keys: KeyPolicy,
    /// It wants what compaction left, where that was done.
    pub read_compacted: bool,
    /// Entries sent and not acknowledged, where acknowledgements are individual.
    pub pending: BTreeMap<u64, Pending>,
    /// Messages in `pending`.
    pub unacked: u64,
    /// It knows that the topic ended.
    pub told_end: bool,
    /// Spreads the keys of a `Key_Shared` subscription; the same name gets the same keys again.
    pub seed: u64,
}

impl Consumer {
    /// A consumer that has no permits yet.
    pub fn new(key: ConsumerKey, name: String, priority: i32) -> Self {
        Consumer {
            key,
            name,
            metadata: Vec::new(),
            priority,
            permits: 0,
            epoch: None,
            keys: KeyPolicy::default(),
            read_compacted: false,
            pending: BTreeMap::new(),
            unacked: 0,
            told_end: false,
            seed: 0,
        }
    }

    /// Notes an entry as sent.
    pub fn hold(&mut self, entry: u64, pending: Pending) {
        self.unacked += u64::from(pending.messages);
        if let Some(before) = self.pending.insert(entry, pending) {
            self.unacked -= u64::from(before.messages);
        }
    }

    /// Forgets an entry.
    pub fn release(&mut self, entry: u64) -> Option<Pending> {
        let pending = self.pending.remove(&entry)?;
        self.unacked -= u64::from(pending.messages);
        Some(pending)
    }

    /// Notes that some messages of an entry were acknowledged.
    pub fn acked_partly(&mut self, entry: u64, messages: u32) {
        if let Some(pending) = self.pending.get_mut(&entry) {
            let messages = messages.min(pending.messages);
            pending.messages -= messages;
            self.unacked -= u64::from(messages);
        }
    }
}
