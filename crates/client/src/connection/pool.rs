use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::{Connection, ConnectionConfig};
use crate::Error;
use crate::blocking::ended;
use crate::gate::{Gate, Returning};
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

/// The connections to each broker, opened when first asked for and again after they ended.
#[derive(Debug)]
pub(crate) struct ConnectionPool {
    config: ConnectionConfig,
    /// Connections to one broker at most; one at least.
    per_broker: u64,
    slots: Arc<Mutex<Slots>>,
}

#[derive(Debug, Default)]
struct Slots {
    by_place: HashMap<Place, Arc<Slot>>,
    gates: HashMap<Broker, Arc<Gate>>,
    /// Every connection that may still be open.
    opened: Vec<Weak<Connection>>,
    /// Counts the clusters that were used.
    cluster: u64,
    closed: bool,
}

/// One of the connections to a broker.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Place {
    broker: Broker,
    number: u64,
}

/// Whoever finds no live connection opens one with the slot locked; the others wait for it.
type Slot = tokio::sync::Mutex<Attempts>;

/// What came of opening a connection.
#[derive(Debug, Default)]
struct Attempts {
    connection: Option<Arc<Connection>>,
    /// When and why the last attempt failed.
    failed: Option<(Instant, Error)>,
}

impl Attempts {
    /// The outcome for who waits since `asked`; none when he has to try himself. An attempt that failed meanwhile failed
    /// for all who waited: a broker that refuses one is not asked again for each of them.
    fn outcome(&self, asked: Instant) -> Option<Result<Arc<Connection>, Error>> {
        if let Some(connection) = self.open() {
            return Some(Ok(connection));
        }
        let (_, error) = self.failed.as_ref().filter(|(at, _)| *at >= asked)?;
        Some(Err(error.clone()))
    }

    fn open(&self) -> Option<Arc<Connection>> {
        self.connection.as_ref().filter(|connection| connection.is_open()).cloned()
    }
}

/// Bits of a connection's cluster number that count the clusters used by configuration; those above, the clusters that
/// brokers named.
const NUMBERS: u64 = u32::MAX as u64;

/// The pool for as long as the client keeps to one cluster: what was found out about that one must not lead to
/// connections once another is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster<'a> {
    pool: &'a ConnectionPool,
    number: u64,
    /// Of a cluster that a broker named, as its topics were moved there: its number among these, from 1.
    moved: u32,
    /// Who wants to connect, if nobody waits for him.
    returning: Option<&'a Returning>,
}

impl ConnectionPool {
    pub fn new(config: ConnectionConfig, per_broker: u64) -> Self {
        ConnectionPool { config, per_broker: per_broker.max(1), slots: Arc::default() }
    }

    /// What all its connections have in common.
    pub fn config(&self) -> &ConnectionConfig {
        &self.config
    }

    /// The pool for the cluster that is used now.
    pub fn cluster(&self) -> Cluster<'_> {
        Cluster { pool: self, number: self.slots.lock().cluster, moved: 0, returning: None }
    }

    /// Ends all connections, also those that are being opened: from now on another cluster is used.
    pub fn leave_cluster(&self) {
        let opened = {
            let mut slots = self.slots.lock();
            slots.cluster += 1;
            slots.take()
        };
        shut_down(&opened);
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
            slots.take()
        };
        shut_down(&opened);
    }
}

impl<'a> Cluster<'a> {
    /// The cluster for one who comes back by himself, if it is one.
    pub fn returning(self, returning: Option<&'a Returning>) -> Self {
        Cluster { returning, ..self }
    }

    /// Who wants to connect, if nobody waits for him.
    pub fn who_returns(&self) -> Option<&'a Returning> {
        self.returning
    }

    /// The cluster with this number among those that brokers named.
    pub fn moved(self, number: u32) -> Self {
        Cluster { moved: number, ..self }
    }

    /// Whether a connection with this cluster number was opened while the client used this cluster.
    pub fn is_that_of(&self, connection: u64) -> bool {
        connection & NUMBERS == self.number & NUMBERS
    }

    /// Tells connections to one cluster from those to all others.
    pub fn tag(&self) -> u64 {
        u64::from(self.moved) << NUMBERS.count_ones() | self.number & NUMBERS
    }

    /// The connection to `broker` for a producer or consumer. By their ids they are spread over the connections to the
    /// broker, and each comes back to the same one.
    pub async fn connection_of(&self, broker: &Broker, id: u64) -> Result<Arc<Connection>, Error> {
        self.get(broker, id % self.pool.per_broker).await
    }

    /// The connection to `broker` for lookups.
    pub async fn connection(&self, broker: &Broker) -> Result<Arc<Connection>, Error> {
        self.get(broker, 0).await
    }

    async fn get(&self, broker: &Broker, number: u64) -> Result<Arc<Connection>, Error> {
        let (slot, gate) = {
            let mut slots = self.pool.slots.lock();
            slots.check_open(self.number)?;
            let place = Place { broker: broker.clone(), number };
            if !slots.gates.contains_key(broker) {
                slots.forget_idle();
            }
            let gate = slots.gates.entry(broker.clone()).or_default().clone();
            (slots.by_place.entry(place).or_default().clone(), gate)
        };
        // An open connection shows that its broker takes the client.
        let current = slot.try_lock().ok().and_then(|current| current.open());
        if let Some(connection) = current {
            return Ok(connection);
        }
        let turn = gate.pass(self.returning).await?;
        self.pool.slots.lock().check_open(self.number)?;
        let outcome = self.get_at(slot, gate.clone(), broker).await;
        drop(turn);
        if let (Err(error), Some(returning)) = (&outcome, self.returning) {
            returning.failed(error);
        }
        outcome
    }

    /// What is in a slot, or comes into it.
    async fn get_at(
        &self,
        slot: Arc<Slot>,
        gate: Arc<Gate>,
        broker: &Broker,
    ) -> Result<Arc<Connection>, Error> {
        let ConnectionPool { config, slots, .. } = self.pool;
        let asked = Instant::now();
        let current = slot.lock_owned().await;
        if let Some(outcome) = current.outcome(asked) {
            return outcome;
        }
        let proxy_to = (broker.logical != broker.physical).then(|| broker.logical.to_string());
        let opening = Opening { address: broker.physical.clone(), proxy_to, cluster: self.tag() };
        let open = open(config.clone(), opening, self.number, slots.clone(), current, gate);
        config.runtime.spawn(open).await.unwrap_or_else(|error| Err(ended("what connects", &error)))
    }
}

/// A connection to be.
#[derive(Debug)]
pub(super) struct Opening {
    pub address: Address,
    /// The broker that a proxy shall connect us to.
    pub proxy_to: Option<String>,
    /// Number of the cluster.
    pub cluster: u64,
}

/// Opens a connection for a slot. It goes on when nobody waits any more: what it opens then serves the next, or is
/// closed with the pool.
async fn open(
    config: ConnectionConfig,
    opening: Opening,
    cluster: u64,
    slots: Arc<Mutex<Slots>>,
    mut slot: OwnedMutexGuard<Attempts>,
    gate: Arc<Gate>,
) -> Result<Arc<Connection>, Error> {
    let opened = Connection::open(config, opening).await;
    gate.settle(opened.as_ref().err());
    let connection = match opened {
        Ok(connection) => connection,
        Err(error) => {
            slot.failed = Some((Instant::now(), error.clone()));
            return Err(error);
        }
    };
    if let Err(closed) = slots.lock().add(&connection, cluster) {
        connection.shut_down();
        slot.failed = Some((Instant::now(), closed.clone()));
        return Err(closed);
    }
    slot.connection = Some(connection.clone());
    Ok(connection)
}

impl Drop for ConnectionPool {
    /// Whoever needed a connection is gone.
    fn drop(&mut self) {
        self.close();
    }
}

fn shut_down(opened: &[Weak<Connection>]) {
    for connection in opened.iter().filter_map(Weak::upgrade) {
        connection.shut_down();
    }
}

impl Slots {
    fn check_open(&self, cluster: u64) -> Result<(), Error> {
        if self.closed {
            return Err(Error::AlreadyClosed("the client is closed".into()));
        }
        if self.cluster != cluster {
            return Err(Error::Disconnected("the client uses another cluster now".into()));
        }
        Ok(())
    }

    /// Notes a new connection, unless the client was closed or left the cluster while it was opened.
    fn add(&mut self, connection: &Arc<Connection>, cluster: u64) -> Result<(), Error> {
        self.check_open(cluster)?;
        self.opened.retain(|old| old.strong_count() > 0);
        self.opened.push(Arc::downgrade(connection));
        Ok(())
    }

    /// Forgets brokers that nobody is connected to or waits for: in the long run names of brokers come and go.
    fn forget_idle(&mut self) {
        self.by_place.retain(|_, slot| {
            Arc::strong_count(slot) > 1 || slot.try_lock().map_or(true, |slot| slot.open().is_some())
        });
        let used: HashSet<_> = self.by_place.keys().map(|place| place.broker.clone()).collect();
        self.gates.retain(|broker, gate| {
            used.contains(broker) || Arc::strong_count(gate) > 1 || gate.is_refusing()
        });
    }

    /// Forgets all connections, and returns those that may be open.
    fn take(&mut self) -> Vec<Weak<Connection>> {
        self.by_place.clear();
        self.gates.clear();
        std::mem::take(&mut self.opened)
    }
}
