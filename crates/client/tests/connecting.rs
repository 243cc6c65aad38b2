//! Finding brokers and staying connected to them.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::{Duration, Instant};

use broker::{Broker, eventually, unique};
use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig, Error, InitialPosition, ProducerConfig};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};

/// A port on which nothing listens.
const DEAD: &str = "127.0.0.1:1";

fn in_memory() -> TestBroker {
    TestBroker::start(Options::default()).unwrap()
}

fn impatient() -> ClientConfig {
    ClientConfig { operation_timeout: Duration::from_secs(2), ..ClientConfig::default() }
}

fn client(url: &str) -> Client {
    Client::new(url, impatient()).unwrap()
}

async fn create(client: &Client, topic: &str) -> Result<(), Error> {
    client.create_producer(topic, ProducerConfig::default()).await.map(drop)
}

#[tokio::test]
async fn every_host_of_the_service_url_is_tried() {
    let broker = in_memory();
    let alive = broker.url().strip_prefix("pulsar://").unwrap();
    for url in [format!("pulsar://{DEAD},{alive}"), format!("pulsar://no-such-host.invalid,{DEAD},{alive}")] {
        create(&client(&url), "t").await.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_reached_fails_with_its_reason() {
    let start = Instant::now();
    let refused = create(&client(&format!("pulsar://{DEAD}")), "t").await;
    assert!(matches!(&refused, Err(Error::Timeout(text)) if text.contains(DEAD)), "{refused:?}");
    assert!((2000..4000).contains(&start.elapsed().as_millis()), "after {:?}", start.elapsed());

    let unknown = create(&client("pulsar://no-such-host.invalid:6650"), "t").await;
    assert!(matches!(&unknown, Err(Error::Connect(text)) if text.contains("no-such-host")), "{unknown:?}");
}

#[tokio::test]
async fn unknown_namespaces_and_partitions_are_not_found() {
    let broker = Broker::start().await;
    let client = broker.client();
    for topic in ["persistent://public/nowhere/t", "persistent://nobody/nowhere/t"] {
        let start = Instant::now();
        let outcome = create(&client, topic).await;
        assert!(matches!(outcome, Err(Error::TopicNotFound(_))), "{outcome:?}");
        let outcome = client.subscribe(topic, "s", ConsumerConfig::default()).await;
        assert!(matches!(outcome, Err(Error::TopicNotFound(_))), "{outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(3), "it was tried again and again");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn partitions_are_named_and_used_one_by_one() {
    let broker = in_memory();
    broker.create_topic("many", 3).unwrap();
    let client = client(broker.url());
    let name = |partition| format!("persistent://public/default/many-partition-{partition}");
    assert_eq!(client.partitions("many").await.unwrap(), [name(0), name(1), name(2)]);
    assert_eq!(client.partitions("single").await.unwrap(), ["persistent://public/default/single"]);
    assert!(matches!(create(&client, &name(7)).await, Err(Error::TopicNotFound(_))));
    let producer = client.create_producer(&name(2), ProducerConfig::default()).await.unwrap();
    assert_eq!(producer.send("x").await.unwrap().partition, 2);
}

#[tokio::test]
async fn a_lookup_follows_redirects() {
    let (first, second) = (in_memory(), in_memory());
    first.proxy_through_service_url(false);
    second.proxy_through_service_url(false);
    first.redirect_lookups(second.url(), 1);
    let client = client(first.url());
    create(&client, "moved").await.unwrap();
    assert_eq!(second.commands_received(Kind::Producer), 1);
    assert_eq!(first.commands_received(Kind::Producer), 0);
    // Brokers that point at each other for ever.
    first.redirect_lookups(second.url(), u32::MAX);
    second.redirect_lookups(first.url(), u32::MAX);
    let outcome = create(&client, "circle").await;
    assert!(matches!(outcome, Err(Error::Lookup(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_lookup_that_says_so_keeps_to_the_service_url() {
    let broker = in_memory();
    broker.proxy_through_service_url(true);
    let url = broker.url().replace("127.0.0.1", "localhost");
    create(&client(&url), "t").await.unwrap();
    // One connection for lookups, one that names the broker to the proxy.
    assert_eq!(broker.commands_received(Kind::Connect), 2);
}

#[tokio::test]
async fn errors_that_may_pass_are_tried_again() {
    let broker = in_memory();
    let client = client(broker.url());
    // ServiceNotReady.
    for kind in [Kind::PartitionedMetadata, Kind::Lookup, Kind::Producer] {
        broker.fail_next(kind, 6, "not now", 2);
        create(&client, "t").await.unwrap();
    }
    // TopicNotFound is final.
    broker.fail_next(Kind::Lookup, 11, "gone", 1);
    assert!(matches!(create(&client, "t").await, Err(Error::TopicNotFound(_))));
    // Until the operation timeout, with the last reason.
    broker.fail_next(Kind::Producer, 6, "never ever", u32::MAX);
    let start = Instant::now();
    let outcome = create(&client, "t").await;
    assert!(matches!(&outcome, Err(Error::Timeout(text)) if text.contains("never ever")), "{outcome:?}");
    assert!((2000..4000).contains(&start.elapsed().as_millis()), "after {:?}", start.elapsed());
}

#[tokio::test]
async fn nothing_takes_longer_than_the_operation_timeout() {
    let broker = in_memory();
    let client = client(broker.url());
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    let consumer = client.subscribe("t", "s", ConsumerConfig::default()).await.unwrap();
    broker.freeze(true);
    let start = Instant::now();
    let (create, subscribe, last, unsubscribe) = tokio::join!(
        create(&client, "other"),
        client.subscribe("other", "s", ConsumerConfig::default()),
        consumer.last_message_id(),
        consumer.unsubscribe(),
    );
    assert!(matches!(create, Err(Error::Timeout(_))), "{create:?}");
    assert!(matches!(subscribe, Err(Error::Timeout(_))), "{subscribe:?}");
    assert!(matches!(last, Err(Error::Timeout(_))), "{last:?}");
    assert!(matches!(unsubscribe, Err(Error::Timeout(_))), "{unsubscribe:?}");
    let (producer, consumer) = tokio::join!(producer.close(), consumer.close());
    assert!(matches!(producer, Err(Error::Timeout(_))), "{producer:?}");
    assert!(matches!(consumer, Err(Error::Timeout(_))), "{consumer:?}");
    let _ = client.close().await;
    assert!(start.elapsed() < Duration::from_secs(8), "after {:?}", start.elapsed());
}

#[tokio::test]
async fn a_silent_broker_is_given_up() {
    let broker = in_memory();
    let config = ClientConfig { keep_alive: Duration::from_millis(200), ..impatient() };
    let client = Client::new(broker.url(), config).unwrap();
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    // A broker that answers pings is kept.
    tokio::time::sleep(Duration::from_millis(1000)).await;
    assert_eq!(broker.commands_received(Kind::Connect), 1);
    broker.freeze(true);
    eventually(Duration::from_secs(3), "it is given up", || !producer.is_connected()).await;
    broker.freeze(false);
    eventually(Duration::from_secs(5), "it is back", || producer.is_connected()).await;
    producer.send("x").await.unwrap();
}

#[tokio::test]
async fn a_closed_client_does_nothing_more() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("closed");
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    let consumer = client.subscribe(&topic, "s", config).await.unwrap();
    let pending = producer.send("x");
    client.close().await.unwrap();
    assert!(matches!(pending.await, Ok(_) | Err(Error::AlreadyClosed(_))));
    let closed = |error: Option<Error>| matches!(error, Some(Error::AlreadyClosed(_)));
    assert!(closed(client.close().await.err()));
    assert!(closed(create(&client, &topic).await.err()));
    assert!(closed(client.partitions(&topic).await.err()));
    assert!(closed(client.subscribe(&topic, "s", ConsumerConfig::default()).await.err()));
    assert!(closed(producer.send("y").await.err()));
    assert!(closed(producer.close().await.err()));
    assert!(closed(consumer.receive().await.err()));
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn attempts_that_are_given_up_leave_no_connection_behind() {
    let broker = in_memory();
    let config = ClientConfig { operation_timeout: Duration::from_millis(200), ..ClientConfig::default() };
    let client = Client::new(broker.url(), config).unwrap();
    broker.freeze(true);
    for _ in 0..5 {
        assert!(matches!(create(&client, "given-up").await, Err(Error::Timeout(_))));
    }
    broker.freeze(false);
    eventually(Duration::from_secs(5), "a producer", || broker.connection_count() > 0).await;
    create(&client, "given-up").await.unwrap();
    assert_eq!(broker.connection_count(), 1);
    drop(client);
    eventually(Duration::from_secs(5), "no connection", || broker.connection_count() == 0).await;
}
