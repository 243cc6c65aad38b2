use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::{Connection, ConnectionConfig};
use crate::Error;
use crate::service_url::Address;

/// A broker, and where to connect to for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Broker {
    /// The broker itself.
    pub logical: Address,
    /// The broker, or the proxy before it.
    pub physical: Address,
}

impl Broker {
    pub fn direct(address: Address) -> Self {
        Broker { logical: address.clone(), physical: address }
    }
}

/// One connection per broker, opened when first asked for and again after it ended.
#[derive(Debug)]
pub(crate) struct ConnectionPool {
    config: ConnectionConfig,
    slots: Arc<Mutex<Slots>>,
}

#[derive(Debug, Default)]
struct Slots {
    by_broker: HashMap<Broker, Arc<Slot>>,
    /// Every connection that may still be open.
    opened: Vec<Weak<Connection>>,
    closed: bool,
}

/// Whoever finds no live connection opens one with the slot locked; the others wait for it.
type Slot = tokio::sync::Mutex<Option<Arc<Connection>>>;

impl ConnectionPool {
    pub fn new(config: ConnectionConfig) -> Self {
        ConnectionPool { config, slots: Arc::default() }
    }

    /// The connection to `broker`.
    pub async fn get(&self, broker: &Broker) -> Result<Arc<Connection>, Error> {
        let slot = {
            let mut slots = self.slots.lock();
            slots.check_open()?;
            slots.by_broker.entry(broker.clone()).or_default().clone()
        };
        let current = slot.lock_owned().await;
        if let Some(connection) = current.as_ref().filter(|connection| connection.is_open()) {
            return Ok(connection.clone());
        }
        let proxy_to = (broker.logical != broker.physical).then(|| broker.logical.to_string());
        let open = open(self.config.clone(), broker.physical.clone(), proxy_to, self.slots.clone(), current);
        self.config.runtime.spawn(open).await.unwrap_or_else(|_| Err(runtime_ended()))
    }

    /// Number of open connections.
    pub fn open_connections(&self) -> usize {
        let opened: Vec<_> = self.slots.lock().opened.iter().filter_map(Weak::upgrade).collect();
        opened.iter().filter(|connection| connection.is_open()).count()
    }

    /// Ends all connections and refuses new ones.
    pub fn close(&self) {
        let opened = {
            let mut slots = self.slots.lock();
            slots.closed = true;
            slots.by_broker.clear();
            std::mem::take(&mut slots.opened)
        };
        for connection in opened.iter().filter_map(Weak::upgrade) {
            connection.shut_down();
        }
    }
}

/// Opens a connection for a slot. It goes on when nobody waits any more: what it opens then serves the next, or is
/// closed with the pool.
async fn open(
    config: ConnectionConfig,
    address: Address,
    proxy_to: Option<String>,
    slots: Arc<Mutex<Slots>>,
    mut slot: OwnedMutexGuard<Option<Arc<Connection>>>,
) -> Result<Arc<Connection>, Error> {
    let connection = Connection::open(config, address, proxy_to).await?;
    if let Err(closed) = slots.lock().add(&connection) {
        connection.shut_down();
        return Err(closed);
    }
    *slot = Some(connection.clone());
    Ok(connection)
}

impl Drop for ConnectionPool {
    /// Whoever needed a connection is gone.
    fn drop(&mut self) {
        self.close();
    }
}

fn runtime_ended() -> Error {
    Error::AlreadyClosed("the client's runtime has ended".into())
}

impl Slots {
    fn check_open(&self) -> Result<(), Error> {
        if self.closed { Err(Error::AlreadyClosed("the client is closed".into())) } else { Ok(()) }
    }

    /// Notes a new connection, unless the client was closed while it was opened.
    fn add(&mut self, connection: &Arc<Connection>) -> Result<(), Error> {
        self.check_open()?;
        self.opened.retain(|old| old.strong_count() > 0);
        self.opened.push(Arc::downgrade(connection));
        Ok(())
    }
}
