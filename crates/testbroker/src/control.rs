//! The handle of a running broker: what tests do to it and see of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pulsar_rs_wire::Kind;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::broker::Broker;
use crate::options::Options;
use crate::refusal::Refusal;
#[cfg(feature = "tls")]
use crate::server::TlsListeners;
use crate::server::{self, Host, Listeners, Request};
use crate::stats::TopicStats;
#[cfg(feature = "tls")]
use crate::tls::Acceptor;
use crate::topic_name::TopicName;

/// A running broker. Its methods may be called from any thread and return when their effect is in place.
/// Dropping it stops the broker.
///
/// Should the broker's thread ever end by itself, methods do nothing and return empty results.
#[derive(Debug)]
pub struct TestBroker {
    address: SocketAddr,
    url: String,
    http_url: String,
    #[cfg(feature = "tls")]
    tls_urls: Option<TlsUrls>,
    requests: Option<UnboundedSender<Request>>,
    thread: Option<JoinHandle<()>>,
}

#[cfg(feature = "tls")]
#[derive(Debug, Clone)]
struct TlsUrls {
    binary: String,
    https: String,
}

/// Listens with TLS, if that is wanted.
#[cfg(feature = "tls")]
fn listen_with_tls(options: &Options) -> io::Result<Option<(TlsListeners, TlsUrls)>> {
    let Some(tls) = &options.tls else { return Ok(None) };
    let binary = TcpListener::bind((options.host, tls.port))?;
    let http = TcpListener::bind((options.host, tls.https_port))?;
    let urls = TlsUrls {
        binary: format!("pulsar+ssl://{}", reachable(binary.local_addr()?)),
        https: format!("https://{}", reachable(http.local_addr()?)),
    };
    let acceptor = Acceptor::new(tls.clone(), options.verbose)?;
    Ok(Some((TlsListeners { binary, http, acceptor }, urls)))
}

impl TestBroker {
    /// Starts a broker in a thread of its own. It accepts connections when this returns.
    ///
    /// # Errors
    /// The address cannot be listened on, a topic name in the options is malformed, or the thread cannot be
    /// started.
    pub fn start(options: Options) -> io::Result<TestBroker> {
        let listener = TcpListener::bind((options.host, options.port))?;
        let address = listener.local_addr()?;
        let url = format!("pulsar://{}", reachable(address));
        let http = TcpListener::bind((options.host, options.http_port))?;
        let http_url = format!("http://{}", reachable(http.local_addr()?));
        #[cfg(feature = "tls")]
        let (tls, tls_urls) = listen_with_tls(&options)?.unzip();
        let listeners = Listeners {
            binary: listener,
            http,
            #[cfg(feature = "tls")]
            tls,
        };
        let mut broker = Broker::new(options, url.clone(), http_url.clone());
        #[cfg(feature = "tls")]
        if let Some(TlsUrls { binary, https }) = tls_urls.clone() {
            broker.tls_url = Some(binary);
            broker.http.tls_url = Some(https);
        }
        for (name, partitions) in broker.options.topics.clone() {
            create_topic(&mut broker, &name, partitions)?;
        }
        let (requests, receiver) = unbounded_channel();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::Builder::new().name("pulsar-testbroker".to_owned()).spawn(move || {
            // The receiver waits for this one message.
            server::run(broker, listeners, receiver, |outcome| drop(ready.send(outcome)));
        })?;
        started.recv().map_err(|_| io::Error::other("the broker's thread ended"))??;
        Ok(TestBroker {
            address,
            url,
            http_url,
            #[cfg(feature = "tls")]
            tls_urls,
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// Service URL for clients: `pulsar://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Service URL for clients that look topics up over HTTP: `http://host:port`.
    pub fn http_url(&self) -> &str {
        &self.http_url
    }

    /// Service URL for clients with TLS: `pulsar+ssl://host:port`; nothing when the options have no TLS.
    #[cfg(feature = "tls")]
    pub fn tls_url(&self) -> Option<&str> {
        self.tls_urls.as_ref().map(|urls| urls.binary.as_str())
    }

    /// Service URL for clients with TLS that look topics up over HTTPS: `https://host:port`; nothing when the options
    /// have no TLS.
    #[cfg(feature = "tls")]
    pub fn https_url(&self) -> Option<&str> {
        self.tls_urls.as_ref().map(|urls| urls.https.as_str())
    }

    /// Port that the broker listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stops the broker: all connections end, and its thread is gone when this returns.
    pub fn stop(self) {
        drop(self);
    }

    /// Runs `request` on the broker's thread.
    pub(crate) fn call<R: Default + Send + 'static>(
        &self,
        request: impl FnOnce(&mut Broker) -> R + Send + 'static,
    ) -> R {
        self.call_host(move |host| request(&mut host.broker.borrow_mut())).unwrap_or_default()
    }

    fn call_host<R: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Host) -> R + Send + 'static,
    ) -> Option<R> {
        let (answer, answered) = mpsc::channel();
        // The receiver below waits for this one answer.
        let request: Request = Box::new(move |host| drop(answer.send(request(host))));
        self.requests.as_ref()?.send(request).ok()?;
        answered.recv().ok()
    }

    /// Creates a topic, and its namespace; with `partitions` above 0 a partitioned one with all its
    /// partitions. One that is there already stays as it is, also with another number of partitions.
    ///
    /// # Errors
    /// The name is malformed.
    pub fn create_topic(&self, name: &str, partitions: u32) -> io::Result<()> {
        let name = name.to_owned();
        self.call_host(move |host| create_topic(&mut host.broker.borrow_mut(), &name, partitions))
            .unwrap_or(Ok(()))
    }

    /// Gives a partitioned topic more partitions, `partitions` in all.
    ///
    /// # Errors
    /// The name is malformed, or the topic has as many partitions already, or none.
    pub fn add_partitions(&self, name: &str, partitions: u32) -> io::Result<()> {
        let name = parse(name)?;
        check_partitions(partitions)?;
        let grows = self.call(move |broker| {
            let grows = broker.registry.grow(&name, partitions);
            broker.tell_watchers();
            grows
        });
        if grows { Ok(()) } else { Err(io::Error::other("the topic has as many, or none")) }
    }

    /// Creates a namespace, given as `tenant/namespace`.
    pub fn create_namespace(&self, namespace: &str) {
        let namespace = namespace.to_owned();
        self.call(move |broker| broker.registry.create_namespace(&namespace));
    }

    /// Ends every client connection as a crash does: what was not sent is lost, and clients see a reset.
    /// Returns how many there were.
    pub fn drop_connections(&self) -> usize {
        self.call(Broker::abort_connections)
    }

    /// Refuses new connections, as a broker that is down does, or takes them again. The port stays reserved.
    ///
    /// # Errors
    /// The port cannot be bound again.
    pub fn refuse_connections(&self, refuse: bool) -> io::Result<()> {
        self.call_host(move |host| host.refuse_connections(refuse)).unwrap_or(Ok(()))
    }

    /// Sends every receipt that much later than it would be; zero ends that for those to come.
    pub fn delay_receipts(&self, delay: Duration) {
        self.call(move |broker| broker.faults.receipt_delay = delay);
    }

    /// Keeps receipts back; switched off, those that were kept back are sent, in order, on the connections
    /// that are still there.
    pub fn withhold_receipts(&self, withhold: bool) {
        self.call(move |broker| {
            broker.faults.withhold_receipts = withhold;
            if withhold {
                return;
            }
            let now = Instant::now();
            for id in broker.connections.ids() {
                if let Some(connection) = broker.connections.get_mut(id) {
                    connection.receipts.release_withheld(now);
                }
                broker.send_receipts(id, now);
            }
        });
    }

    /// Answers the next `times` commands of a kind with an error instead of handling them, in the form that
    /// the kind's answers have (`SendError`, a failed lookup response, `AckResponse`, `Error` ...). `code` is
    /// a `ServerError` number. A command without an answer, such as `Flow` or an `Ack` without a request id,
    /// is dropped; a refused `Connect` ends the connection.
    ///
    /// Several calls for a kind add up, in order.
    pub fn fail_next(&self, kind: Kind, code: i32, message: &str, times: u32) {
        let refusal = Refusal { code, message: message.to_owned() };
        self.call(move |broker| broker.faults.fail_next(kind, refusal, times));
    }

    /// Answers the next `times` HTTP requests with a status and no reason. Several calls add up, in order.
    pub fn fail_next_http(&self, status: u16, times: u32) {
        self.call(move |broker| broker.http.fail_next(status, times));
    }

    /// Ends what [`TestBroker::fail_next`] and [`TestBroker::fail_next_http`] began.
    pub fn clear_failures(&self) {
        self.call(|broker| {
            broker.faults.clear_failing();
            broker.http.clear_failing();
        });
    }

    /// Closes the producers of a topic from the broker's side, as when a topic moves. `assigned` is the URL
    /// of the broker to go to, if the clients are to be told. Returns how many were closed.
    pub fn close_producer(&self, topic: &str, assigned: Option<&str>) -> usize {
        let (topic, assigned) = (topic.to_owned(), assigned.map(str::to_owned));
        self.call(move |broker| broker.close_producers(&topic, assigned.as_deref()))
    }

    /// Moves a topic, or a partition, to another cluster, as blue-green deployments do: clients are told its service URL
    /// and lose their producers and consumers, now and whenever they create one. Messages are not taken along.
    /// False if there is no such topic.
    pub fn move_topic(&self, topic: &str, service_url: &str) -> bool {
        let (topic, url) = (topic.to_owned(), service_url.to_owned());
        self.call(move |broker| broker.move_topic(&topic, url))
    }

    /// Closes the consumers of a subscription from the broker's side, as when a topic moves. `assigned` is
    /// the URL of the broker to go to, if the clients are to be told. Returns how many were closed.
    pub fn close_consumer(&self, topic: &str, subscription: &str, assigned: Option<&str>) -> usize {
        let (topic, subscription) = (topic.to_owned(), subscription.to_owned());
        let assigned = assigned.map(str::to_owned);
        self.call(move |broker| broker.close_consumers(&topic, &subscription, assigned.as_deref()))
    }

    /// Unloads a topic, or all partitions of one, as when it moves or its broker restarts: producers and consumers are
    /// closed and come back, subscriptions that are not durable end, and entries stored from then on lie in another
    /// ledger. Of the ledgers before, those go that every durable subscription has acknowledged whole, if there is any
    /// subscription. False if there is no such topic.
    pub fn unload(&self, topic: &str) -> bool {
        let Ok(name) = parse(topic) else { return false };
        self.call(move |broker| broker.unload(&name))
    }

    /// Compacts a topic, or all partitions of one: consumers that read compacted get, of all messages there are now, the
    /// newest of each key, unless that is empty. False if there is no such topic.
    pub fn compact(&self, topic: &str) -> bool {
        let Ok(name) = parse(topic) else { return false };
        self.call(move |broker| broker.compact(&name))
    }

    /// Deletes a topic, or one with all its partitions, whoever uses it. Clients that come back create it again. False
    /// if there is no such topic.
    pub fn delete_topic(&self, topic: &str) -> bool {
        let Ok(name) = parse(topic) else { return false };
        self.call(move |broker| broker.delete(&name, true).is_ok())
    }

    /// Switches deduplication on or off, for all topics.
    pub fn deduplication(&self, on: bool) {
        self.call(move |broker| broker.deduplication = on);
    }

    /// Switches on or off that entries stored from now on have the broker's clock and a message count in front of
    /// them, for clients that understand it.
    pub fn entry_metadata(&self, on: bool) {
        self.call(move |broker| broker.options.entry_metadata = on);
    }

    /// Stops reading from and writing to clients, with their connections open, or goes on.
    pub fn freeze(&self, frozen: bool) {
        self.call(move |broker| {
            broker.frozen = frozen;
            broker.connections.wake_all();
            broker.http.thawed.notify_waiters();
        });
    }

    /// Ends a topic: its producers are closed, sends and new producers are refused, and consumers that
    /// acknowledged everything are told. Returns false where there is no such topic.
    pub fn terminate(&self, topic: &str) -> bool {
        let topic = topic.to_owned();
        self.call(move |broker| broker.terminate(&topic))
    }

    /// Answers the next `times` lookups with a redirect to the broker at `url`.
    pub fn redirect_lookups(&self, url: &str, times: u32) {
        let url = url.to_owned();
        self.call(move |broker| {
            broker.lookups.redirect_url = url;
            broker.lookups.redirects = times;
        });
    }

    /// Answers the next `times` lookups over HTTP with a redirect to the same path at `url`, such as
    /// [`TestBroker::http_url`] of another broker.
    pub fn redirect_http_lookups(&self, url: &str, times: u32) {
        let url = url.to_owned();
        self.call(move |broker| {
            broker.http.redirect_url = url;
            broker.http.redirects = times;
        });
    }

    /// Whether lookups tell clients to keep to their service URL, as those of a Pulsar standalone do (the
    /// default), or to connect to [`TestBroker::url`].
    pub fn proxy_through_service_url(&self, through: bool) {
        self.call(move |broker| broker.lookups.through_service_url = through);
    }

    /// What a topic holds, and how its subscriptions stand; `None` where there is no such topic.
    pub fn topic_stats(&self, topic: &str) -> Option<TopicStats> {
        let topic = topic.to_owned();
        self.call(move |broker| broker.topic_stats(&topic))
    }

    /// Client connections that are open.
    pub fn connection_count(&self) -> usize {
        self.call(|broker| broker.connections.len())
    }

    /// HTTP requests received since the broker started, failed ones included.
    pub fn http_requests(&self) -> u64 {
        self.call(|broker| broker.http.requests)
    }

    /// Commands of a kind received since the broker started, failed ones included.
    pub fn commands_received(&self, kind: Kind) -> u64 {
        self.call(move |broker| broker.faults.received(kind))
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the broker's thread was printed; there is nobody to hand it to.
            drop(thread.join());
        }
    }
}

/// The address to give to clients of a broker that listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn create_topic(broker: &mut Broker, name: &str, partitions: u32) -> io::Result<()> {
    check_partitions(partitions)?;
    broker.registry.create(&parse(name)?, partitions);
    broker.tell_watchers();
    Ok(())
}

/// Each partition takes memory at once; clients believe in no more.
const MAX_PARTITIONS: u32 = 100_000;

fn check_partitions(partitions: u32) -> io::Result<()> {
    if partitions > MAX_PARTITIONS {
        return Err(io::Error::other(format!("a topic has at most {MAX_PARTITIONS} partitions")));
    }
    Ok(())
}

fn parse(name: &str) -> io::Result<TopicName> {
    TopicName::parse(name).map_err(|refusal| io::Error::other(refusal.message))
}

impl Broker {
    fn close_producers(&mut self, topic: &str, assigned: Option<&str>) -> usize {
        let Some((id, _)) = self.find_topic(topic) else { return 0 };
        let keys = self.topic(id).map(|topic| topic.producers.keys()).unwrap_or_default();
        for key in &keys {
            self.close_producer_of(*key, assigned);
            self.remove_producer(id, *key);
        }
        keys.len()
    }

    fn close_consumers(&mut self, topic: &str, subscription: &str, assigned: Option<&str>) -> usize {
        let Some((topic_id, topic)) = self.find_topic(topic) else { return 0 };
        let Some(id) = topic.find_subscription(subscription) else { return 0 };
        let cursor = topic.subscription(id).map(|found| found.cursor.clone()).unwrap_or_default();
        let keys = topic.subscription_mut(id).map(|found| found.reset(cursor)).unwrap_or_default();
        for key in &keys {
            self.close_consumer_of(*key, assigned);
        }
        self.mark_dirty(topic_id, id);
        keys.len()
    }

    fn move_topic(&mut self, name: &str, url: String) -> bool {
        let Some((id, topic)) = self.find_topic(name) else { return false };
        topic.moved_to = Some(url);
        self.leave_topic(id);
        true
    }

    fn terminate(&mut self, name: &str) -> bool {
        let Some((id, topic)) = self.find_topic(name) else { return false };
        topic.terminated = true;
        self.close_producers(name, None);
        self.mark_topic_dirty(id);
        self.dispatch_dirty();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_thread_may_control_the_broker() {
        fn shared<T: Send + Sync>() {}
        shared::<TestBroker>();
    }

    #[test]
    fn clients_get_an_address_that_they_can_reach() {
        let reached = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:1"), "127.0.0.1:1");
        assert_eq!(reached("[::]:1"), "[::1]:1");
        assert_eq!(reached("10.1.2.3:1"), "10.1.2.3:1");
    }
}
