use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use pulsar_rs_wire::hot::{Message, SendReceipt};
use tokio::sync::watch;

use super::Connection;
use crate::Error;

/// Why a producer or consumer no longer exists on the broker.
#[derive(Debug, Clone)]
pub(crate) enum ChannelClosed {
    /// The connection ended.
    Disconnected(Error),
    /// The broker closed it and keeps the connection; it may say where the topic is now.
    ByBroker { assigned: Option<Assigned> },
}

/// The broker that has a topic now, as another one said.
#[derive(Debug, Clone)]
pub(crate) struct Assigned {
    pub url: String,
    /// The cluster of the one that said so.
    pub cluster: u64,
}

/// A producer, as its connection sees it. Called by the connection's task; must not block.
pub(crate) trait ProducerChannel: Send + Sync {
    fn receipt(&self, connection: &Arc<Connection>, receipt: &SendReceipt);
    fn send_error(&self, connection: &Arc<Connection>, sequence_id: u64, error: Error);
    /// The connection has room again for what the producer could not hand it.
    fn writable(&self, connection: &Arc<Connection>);
    /// The topic is in another cluster now, whose service URL this is, if it has one with TLS, or without it, as this
    /// connection. The broker will close the producer.
    fn moved(&self, connection: &Arc<Connection>, url: Option<String>);
    fn closed(self: Arc<Self>, connection: &Arc<Connection>, why: ChannelClosed);
}

/// A consumer, as its connection sees it. Called by the connection's task; must not block.
pub(crate) trait ConsumerChannel: Send + Sync {
    /// One entry; `payload` is its payload section. True when [`ConsumerChannel::tell_receivers`] is to be called behind
    /// it, which may wait until as much came as can be read at once.
    #[must_use]
    fn message(&self, connection: &Arc<Connection>, message: Message, payload: Bytes) -> bool;
    /// Wakes the receivers of what came.
    fn tell_receivers(&self);
    fn reached_end_of_topic(&self);
    /// The broker dealt with an acknowledgement that asked for an answer.
    fn ack_answered(&self, connection: &Arc<Connection>, request_id: u64, outcome: Result<(), Error>);
    /// It became the consumer that the broker serves, or stopped being it.
    fn active_changed(&self, is_active: bool);
    /// The topic is in another cluster now, whose service URL this is, if it has one with TLS, or without it, as this
    /// connection. The broker will close the consumer.
    fn moved(&self, connection: &Arc<Connection>, url: Option<String>);
    fn closed(self: Arc<Self>, connection: &Arc<Connection>, why: ChannelClosed);
}

/// Who is behind which number on a connection.
#[derive(Default)]
pub(super) struct Channels {
    table: Mutex<Table>,
}

/// Everybody who was on a connection.
pub(super) struct Residents {
    pub producers: Vec<Arc<dyn ProducerChannel>>,
    pub consumers: Vec<Arc<dyn ConsumerChannel>>,
}

#[derive(Default)]
struct Table {
    producers: HashMap<u64, Arc<dyn ProducerChannel>>,
    consumers: HashMap<u64, Arc<dyn ConsumerChannel>>,
    /// Each is told that a list of topics changed, and ends with the connection.
    watchers: HashMap<u64, watch::Sender<()>>,
    /// Set once, when the connection ends.
    closed: Option<Error>,
}

impl fmt::Debug for Channels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.lock();
        out.debug_struct("Channels")
            .field("producers", &table.producers.len())
            .field("consumers", &table.consumers.len())
            .field("closed", &table.closed)
            .finish()
    }
}

impl Channels {
    pub fn is_open(&self) -> bool {
        self.table.lock().closed.is_none()
    }

    pub fn add_producer(&self, id: u64, producer: Arc<dyn ProducerChannel>) -> Result<(), Error> {
        let mut table = self.table.lock();
        table.check_open()?;
        table.producers.insert(id, producer);
        Ok(())
    }

    pub fn add_consumer(&self, id: u64, consumer: Arc<dyn ConsumerChannel>) -> Result<(), Error> {
        let mut table = self.table.lock();
        table.check_open()?;
        table.consumers.insert(id, consumer);
        Ok(())
    }

    pub fn remove_producer(&self, id: u64) -> Option<Arc<dyn ProducerChannel>> {
        self.table.lock().producers.remove(&id)
    }

    pub fn remove_consumer(&self, id: u64) -> Option<Arc<dyn ConsumerChannel>> {
        self.table.lock().consumers.remove(&id)
    }

    pub fn producer(&self, id: u64) -> Option<Arc<dyn ProducerChannel>> {
        self.table.lock().producers.get(&id).cloned()
    }

    pub fn consumer(&self, id: u64) -> Option<Arc<dyn ConsumerChannel>> {
        self.table.lock().consumers.get(&id).cloned()
    }

    pub fn has_producer(&self, id: u64) -> bool {
        self.table.lock().producers.contains_key(&id)
    }

    pub fn has_consumer(&self, id: u64) -> bool {
        self.table.lock().consumers.contains_key(&id)
    }

    /// Whoever has the answer is told of changes under this number.
    pub fn add_watcher(&self, number: u64) -> Result<watch::Receiver<()>, Error> {
        let mut table = self.table.lock();
        table.check_open()?;
        let (sender, receiver) = watch::channel(());
        table.watchers.insert(number, sender);
        Ok(receiver)
    }

    pub fn remove_watcher(&self, number: u64) {
        self.table.lock().watchers.remove(&number);
    }

    /// A list of topics changed.
    pub fn tell_watcher(&self, number: u64) {
        if let Some(watcher) = self.table.lock().watchers.get(&number) {
            watcher.send_replace(());
        }
    }

    /// Empties the table for good and returns who was in it.
    pub fn close(&self, why: &Error) -> Residents {
        let mut table = self.table.lock();
        table.closed.get_or_insert_with(|| why.clone());
        table.watchers.clear();
        Residents {
            producers: std::mem::take(&mut table.producers).into_values().collect(),
            consumers: std::mem::take(&mut table.consumers).into_values().collect(),
        }
    }
}

impl Table {
    fn check_open(&self) -> Result<(), Error> {
        match &self.closed {
            None => Ok(()),
            Some(why) => Err(why.clone()),
        }
    }
}
