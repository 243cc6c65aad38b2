use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::ClientConfig;
use super::closings::Closings;
use super::failover;
use super::memory::MemoryLimit;
use super::moved::MovedTo;
use super::services::Services;
use crate::auth::{Authentication, CertificateFiles, CertificateSupplier, Identity, Network};
use crate::backoff::Backoff;
use crate::connection::{Assigned, Cluster, Connection, ConnectionConfig, ConnectionPool, TopicWatch};
use crate::gate::{Asker, Returning};
use crate::log::Log;
use crate::lookup::{Lookup, LookupConfig, TopicQuery};
use crate::stats::{ClientStats, MemberStats, run_reports};
use crate::tls::Connector;
use crate::{Error, TlsConfig, TopicName};

/// A close under way.
pub(crate) type Closing = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Stands for times that no clock reaches: a century.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// More than any broker wants of one client.
const MAX_CONNECTIONS_PER_BROKER: usize = 1000;

/// When an operation has to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    timeout: Duration,
}

/// A producer or consumer, as its client sees it.
pub(crate) trait Member: Send + Sync {
    /// Closes it; nothing to do when it is closed already. What fails on our side fails before this returns.
    fn close(self: Arc<Self>) -> Closing;

    /// What it did and is doing; nothing of one whose parts tell that.
    fn stats(&self) -> Option<MemberStats>;
}

#[derive(Debug)]
pub(crate) struct ClientInner {
    pub(super) runtime: Handle,
    operation_timeout: Duration,
    partitions_update_interval: Duration,
    pub memory: Arc<MemoryLimit>,
    pub(super) log: Log,
    pub(super) pool: ConnectionPool,
    pub(super) services: Arc<Services>,
    /// Watches over the clusters, where there are several.
    watcher: OnceLock<AbortHandle>,
    /// Producers and consumers share one sequence of numbers, which makes logs easier to read.
    last_id: AtomicU64,
    members: Mutex<Members>,
    /// Of members that are no longer known.
    closings: Arc<Closings>,
    /// The task that logs statistics, if that is wanted.
    reports: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct Members {
    by_id: HashMap<u64, Weak<dyn Member>>,
    /// Those that are gone without a word are removed when there are more than this.
    sweep_above: usize,
    closed: bool,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} members, closed: {}", self.by_id.len(), self.closed)
    }
}

impl ClientInner {
    pub fn start(service_url: &str, config: ClientConfig, runtime: Handle) -> Result<Arc<Self>, Error> {
        let interval = config.stats_interval.filter(|interval| !interval.is_zero());
        let failover = config.failover.clone();
        let client = Arc::new(ClientInner::new(service_url, config, runtime)?);
        if let Some(interval) = interval {
            let reports = client.runtime.spawn(run_reports(Arc::downgrade(&client), interval));
            let _ = client.reports.set(reports.abort_handle());
        }
        if let Some(failover) = failover {
            client.watcher.get_or_init(|| failover::start(&client, failover));
        }
        Ok(client)
    }

    fn new(service_url: &str, config: ClientConfig, runtime: Handle) -> Result<Self, Error> {
        let connections_per_broker = checked_connections(config.connections_per_broker)?;
        let log = Log::new(config.logger);
        let (tls, supplier) = shown_tls(config.tls, config.authentication.as_deref());
        // Secrets go to the servers of tokens: whatever is said of the brokers, these have to be who they say.
        let strict = TlsConfig { trust_certs_file: tls.trust_certs_file.clone(), ..TlsConfig::default() };
        let network = Network::new(
            Connector::new(strict, None, None, log.clone())?,
            config.connect_timeout,
            config.operation_timeout,
        );
        let connector = Connector::new(tls, supplier, config.proxy.as_ref(), log.clone())?;
        let identity = Identity::new(config.authentication, network);
        let connections = ConnectionConfig {
            runtime: runtime.clone(),
            connector: connector.clone(),
            connect_timeout: config.connect_timeout,
            operation_timeout: config.operation_timeout,
            keep_alive: config.keep_alive,
            identity: identity.clone(),
            log: log.clone(),
        };
        let lookups = LookupConfig {
            runtime: runtime.clone(),
            connector,
            connect_timeout: config.connect_timeout,
            operation_timeout: config.operation_timeout,
            identity,
            redirects_keep_authorization: config.http_redirects_keep_authorization,
            listener_name: config.listener_name,
            concurrent: config.concurrent_lookups,
        };
        if let Some(failover) = &config.failover {
            failover.validate()?;
        }
        let secondaries = config.failover.iter().flat_map(|failover| &failover.secondaries);
        let urls = std::iter::once(service_url).chain(secondaries.map(String::as_str));
        Ok(ClientInner {
            runtime,
            operation_timeout: config.operation_timeout,
            partitions_update_interval: config.partitions_update_interval,
            memory: Arc::new(MemoryLimit::new(config.memory_limit)),
            log,
            pool: ConnectionPool::new(connections, connections_per_broker),
            services: Arc::new(Services::new(urls, &lookups)?),
            watcher: OnceLock::new(),
            last_id: AtomicU64::new(0),
            members: Mutex::default(),
            closings: Arc::default(),
            reports: OnceLock::new(),
        })
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Lets a close go on that nobody waits for, but the close of the client.
    pub fn close_in_background(&self, closing: Closing) {
        self.close_then(closing, drop);
    }

    /// The same; `done` is called by the client's runtime.
    pub fn close_then(&self, closing: Closing, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let under_way = self.closings.begin();
        self.spawn(async move {
            let outcome = closing.await;
            drop(under_way);
            done(outcome);
        });
    }

    /// Runs what takes time on a thread for that.
    pub fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        self.runtime.spawn_blocking(work);
    }

    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn check_open(&self) -> Result<(), Error> {
        self.members.lock().check_open()
    }

    /// Makes a producer or consumer known, so that closing the client closes it.
    pub fn register(&self, id: u64, member: Weak<dyn Member>) -> Result<(), Error> {
        let mut members = self.members.lock();
        members.check_open()?;
        members.by_id.insert(id, member);
        if members.by_id.len() > members.sweep_above {
            members.by_id.retain(|_, member| member.strong_count() > 0);
            members.sweep_above = (2 * members.by_id.len()).max(16);
        }
        Ok(())
    }

    /// What every producer and consumer counted, in the order of their numbers.
    pub fn member_stats(&self) -> Vec<(u64, MemberStats)> {
        let members: Vec<_> = {
            let members = self.members.lock();
            members.by_id.iter().filter_map(|(id, member)| Some((*id, member.upgrade()?))).collect()
        };
        let mut stats: Vec<_> =
            members.iter().filter_map(|(id, member)| Some((*id, member.stats()?))).collect();
        stats.sort_unstable_by_key(|(id, _)| *id);
        stats
    }

    pub fn stats(&self) -> ClientStats {
        let mut stats = ClientStats {
            connections: self.pool.open_connections(),
            memory_limit: self.memory.limit() as u64,
            ..ClientStats::default()
        };
        for (_, member) in self.member_stats() {
            match member {
                MemberStats::Producer(producer) => stats.producers.push(*producer),
                MemberStats::Consumer(consumer) => stats.consumers.push(consumer),
            }
        }
        stats.memory_used = match self.memory.limit() {
            0 => stats.producers.iter().map(|producer| producer.pending_bytes).sum(),
            _ => self.memory.used() as u64,
        };
        stats
    }

    pub fn unregister(&self, id: u64) {
        self.members.lock().by_id.remove(&id);
    }

    /// How long an operation may take.
    pub fn operation_timeout(&self) -> Duration {
        self.operation_timeout
    }

    /// When an operation that begins now has to be done.
    pub fn deadline(&self) -> Deadline {
        let timeout = self.operation_timeout;
        let at = Instant::now().checked_add(timeout).unwrap_or_else(|| Instant::now() + FOREVER);
        Deadline { at, timeout }
    }

    /// Repeats an attempt until it succeeds, fails for good, or the deadline passes.
    pub async fn attempt<T, F>(
        &self,
        what: &str,
        deadline: Deadline,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut last = None;
        let mut backoff = Backoff::default();
        let mut switches = self.switches();
        let repeat = async {
            loop {
                match attempt().await {
                    Err(error) if error.is_transient() => {
                        self.log.info(format_args!("cannot {what}, trying again: {error}"));
                        last = Some(error);
                        backoff.wait(&mut switches).await;
                    }
                    settled => return settled,
                }
            }
        };
        if let Ok(settled) = timeout_at(deadline.at, repeat).await {
            return settled;
        }
        let cause = last.map(|error| format!(": {error}")).unwrap_or_default();
        Err(Error::Timeout(format!("cannot {what} within {:?}{cause}", deadline.timeout)))
    }

    /// How often to look for new partitions; zero: never.
    pub fn partitions_update_interval(&self) -> Duration {
        self.partitions_update_interval
    }

    /// A connection to the broker of `topic` for the producer or consumer with this id; `assigned` is the broker that
    /// the last one named, `returning` is there if nobody waits for it.
    pub async fn connection_for(
        &self,
        id: u64,
        topic: &TopicName,
        assigned: Option<Assigned>,
        moved_to: &MovedTo,
        returning: Option<&Returning>,
    ) -> Result<Arc<Connection>, Error> {
        // Before the lookup: what it finds is of use only while the client keeps to the cluster.
        let cluster = self.pool.cluster().returning(returning);
        // What a broker said of another cluster than the one that is used now does not count.
        let moved = moved_to.get().filter(|moved| cluster.is_that_of(moved.from));
        if let Some(moved) = moved {
            let (number, lookup) = self.services.moved().at(&moved.url)?;
            return Self::connection_in(cluster.moved(number), &lookup, id, topic, assigned).await;
        }
        Self::connection_in(cluster, self.services.lookup(), id, topic, assigned).await
    }

    async fn connection_in(
        cluster: Cluster<'_>,
        lookup: &Lookup,
        id: u64,
        topic: &TopicName,
        assigned: Option<Assigned>,
    ) -> Result<Arc<Connection>, Error> {
        let broker = match assigned {
            // One of the cluster before says nothing here.
            Some(assigned) if assigned.cluster == cluster.tag() => lookup.assigned(&assigned.url)?,
            _ => lookup.broker(cluster, topic).await?,
        };
        cluster.connection_of(&broker, id).await
    }

    /// Number of partitions of `topic`; 0 when it has none.
    pub async fn partitions(
        &self,
        topic: &TopicName,
        deadline: Deadline,
        asker: Asker,
    ) -> Result<u32, Error> {
        let returning = Returning::default();
        let ask = || {
            // In this order, as for connections.
            let cluster = self.pool.cluster().returning((asker == Asker::Background).then_some(&returning));
            self.services.lookup().partitions(cluster, topic)
        };
        self.attempt("get the partitions", deadline, ask).await
    }

    /// Full names of the topics of a namespace; partitions are named one by one.
    pub async fn topics(
        &self,
        query: &TopicQuery,
        deadline: Deadline,
        asker: Asker,
    ) -> Result<Vec<String>, Error> {
        let returning = Returning::default();
        let ask = || {
            let cluster = self.pool.cluster().returning((asker == Asker::Background).then_some(&returning));
            self.services.lookup().topics(cluster, query)
        };
        self.attempt("get the topics", deadline, ask).await
    }

    /// Is told when the topics of a namespace change; nothing where the service cannot.
    pub async fn watch_topics(
        &self,
        number: u64,
        query: &TopicQuery,
        returning: &Returning,
    ) -> Result<Option<TopicWatch>, Error> {
        let cluster = self.pool.cluster().returning(Some(returning));
        self.services.lookup().watch_topics(cluster, number, query).await
    }

    pub fn service_url(&self) -> &str {
        self.services.url_at(self.services.current())
    }

    /// Tells when another cluster is used, from now on.
    pub fn switches(&self) -> watch::Receiver<()> {
        self.services.switches()
    }

    /// Has all producers and consumers go over to another cluster.
    pub(super) fn switch_to(&self, service: usize) {
        self.services.switch(service, || self.pool.leave_cluster());
    }

    /// Ends the client's own tasks.
    fn end_tasks(&self) {
        for task in [self.watcher.get(), self.reports.get()].into_iter().flatten() {
            task.abort();
        }
    }

    pub fn abandon(&self) {
        self.end_tasks();
        let members = {
            let mut members = self.members.lock();
            members.closed = true;
            std::mem::take(&mut members.by_id)
        };
        for member in members.into_values().filter_map(|member| member.upgrade()) {
            // On our side it ends with this; nobody waits for the broker.
            drop(member.close());
        }
        self.pool.close();
    }

    pub async fn close(&self) -> Result<(), Error> {
        let members = {
            let mut members = self.members.lock();
            members.check_open()?;
            members.closed = true;
            std::mem::take(&mut members.by_id)
        };
        self.end_tasks();
        // Everything ends on our side first, then the brokers are told, all at once.
        let closing: Vec<Closing> =
            members.into_values().filter_map(|member| Some(member.upgrade()?.close())).collect();
        let tell = async {
            let mut outcome = Ok(());
            let tasks: Vec<_> = closing.into_iter().map(|close| self.runtime.spawn(close)).collect();
            for task in tasks {
                if let Ok(Err(error)) = task.await {
                    outcome = Err(error);
                }
            }
            outcome
        };
        let tell_all = async {
            let outcome = tell.await;
            // What was closed before may still have acknowledgements to send.
            self.closings.ended().await;
            outcome
        };
        let outcome = timeout(self.operation_timeout, tell_all).await;
        self.pool.close();
        outcome.unwrap_or_else(|_| {
            Err(Error::Timeout(format!("cannot close the client within {:?}", self.operation_timeout)))
        })
    }
}

impl Drop for ClientInner {
    fn drop(&mut self) {
        self.end_tasks();
    }
}

/// The TLS settings with the certificate that the authentication shows, or with what gives it, if it shows one.
fn shown_tls(
    tls: TlsConfig,
    authentication: Option<&dyn Authentication>,
) -> (TlsConfig, Option<CertificateSupplier>) {
    let Some(authentication) = authentication else {
        return (tls, None);
    };
    if let Some(supplier) = authentication.certificate_supplier() {
        return (TlsConfig { certificate_file: None, private_key_file: None, ..tls }, Some(supplier));
    }
    let Some(CertificateFiles { certificate, private_key }) = authentication.certificate_files() else {
        return (tls, None);
    };
    (TlsConfig { certificate_file: Some(certificate), private_key_file: Some(private_key), ..tls }, None)
}

fn checked_connections(per_broker: usize) -> Result<u64, Error> {
    if (1..=MAX_CONNECTIONS_PER_BROKER).contains(&per_broker) {
        return Ok(per_broker as u64);
    }
    let most = MAX_CONNECTIONS_PER_BROKER;
    Err(Error::InvalidConfiguration(format!("{per_broker} connections per broker: 1 to {most} are possible")))
}

impl Members {
    fn check_open(&self) -> Result<(), Error> {
        if self.closed { Err(Error::AlreadyClosed("the client is closed".into())) } else { Ok(()) }
    }
}
