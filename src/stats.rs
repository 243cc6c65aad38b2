//! What stands behind a statistics handle.

use std::ffi::CString;

use pulsar_rs_client::{ClientStats, ConsumerStats, ProducerStats};

use crate::ffi::text::c_string;

/// What a client counted at one moment, with its texts as C reads them.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub connections: u64,
    pub memory_used: u64,
    pub memory_limit: u64,
    pub producers: Vec<ProducerSnapshot>,
    pub consumers: Vec<ConsumerSnapshot>,
}

#[derive(Debug)]
pub(crate) struct ProducerSnapshot {
    pub topic: CString,
    pub name: CString,
    pub stats: ProducerStats,
}

#[derive(Debug)]
pub(crate) struct ConsumerSnapshot {
    pub topic: CString,
    pub subscription: CString,
    pub name: CString,
    pub stats: ConsumerStats,
}

impl From<ClientStats> for Snapshot {
    fn from(stats: ClientStats) -> Self {
        Snapshot {
            connections: stats.connections as u64,
            memory_used: stats.memory_used,
            memory_limit: stats.memory_limit,
            producers: stats.producers.into_iter().map(ProducerSnapshot::from).collect(),
            consumers: stats.consumers.into_iter().map(ConsumerSnapshot::from).collect(),
        }
    }
}

impl From<ProducerStats> for ProducerSnapshot {
    fn from(stats: ProducerStats) -> Self {
        ProducerSnapshot {
            topic: c_string(stats.topic.as_bytes()),
            name: c_string(stats.name.as_bytes()),
            stats,
        }
    }
}

impl From<ConsumerStats> for ConsumerSnapshot {
    fn from(stats: ConsumerStats) -> Self {
        ConsumerSnapshot {
            topic: c_string(stats.topic.as_bytes()),
            subscription: c_string(stats.subscription.as_bytes()),
            name: c_string(stats.name.as_bytes()),
            stats,
        }
    }
}
