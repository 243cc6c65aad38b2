//! Going over to another cluster, and back.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::Duration;

use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    AccessMode, Client, ClientConfig, Consumer, ConsumerConfig, Error, FailoverConfig, InitialPosition,
    ProducerConfig,
};
use pulsar_rs_testbroker::{Authentication as Wanted, Kind, Options, TestBroker, TokenKey};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(10);

/// Long enough to believe that nothing happens.
const QUIET: Duration = Duration::from_millis(700);

fn in_memory() -> TestBroker {
    TestBroker::start(Options::default()).unwrap()
}

fn fail(broker: &TestBroker) {
    broker.refuse_connections(true).unwrap();
    broker.drop_connections();
}

fn recover(broker: &TestBroker) {
    broker.refuse_connections(false).unwrap();
}

fn quick(secondaries: &[&str]) -> FailoverConfig {
    FailoverConfig {
        secondaries: secondaries.iter().map(|url| (*url).to_owned()).collect(),
        failover_delay: Duration::from_millis(200),
        switch_back_delay: Duration::from_millis(200),
        check_interval: Duration::from_millis(50),
    }
}

fn client_with(primary: &str, failover: FailoverConfig) -> Result<Client, Error> {
    let config = ClientConfig {
        failover: Some(failover),
        connect_timeout: Duration::from_millis(500),
        ..ClientConfig::default()
    };
    Client::new(primary, config)
}

fn client(primary: &TestBroker, secondaries: &[&TestBroker]) -> Client {
    let secondaries: Vec<&str> = secondaries.iter().map(|broker| broker.url()).collect();
    client_with(primary.url(), quick(&secondaries)).unwrap()
}

async fn uses(client: &Client, broker: &TestBroker) {
    eventually(SOON, "the client uses it", || client.service_url() == broker.url()).await;
}

async fn subscribe(client: &Client, topic: &str) -> Consumer {
    let config = ConsumerConfig {
        initial_position: InitialPosition::Earliest,
        ack_grouping_time: Duration::ZERO,
        ..ConsumerConfig::default()
    };
    client.subscribe(topic, "s", config).await.unwrap()
}

async fn receive(consumer: &Consumer) -> String {
    let message = timeout(SOON, consumer.receive()).await.unwrap().unwrap();
    consumer.acknowledge(&message).unwrap();
    String::from_utf8(message.payload().to_vec()).unwrap()
}

fn backlog(broker: &TestBroker, topic: &str) -> Option<u64> {
    let stats = broker.topic_stats(topic)?;
    Some(stats.subscription("s")?.backlog)
}

#[tokio::test]
async fn what_is_pending_goes_to_the_secondary_and_back() {
    let (primary, secondary) = (in_memory(), in_memory());
    let client = client(&primary, &[&secondary]);
    assert_eq!(client.service_url(), primary.url());
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    let consumer = subscribe(&client, "t").await;
    producer.send("at home").await.unwrap();
    assert_eq!(receive(&consumer).await, "at home");
    eventually(SOON, "it is acknowledged", || backlog(&primary, "t") == Some(0)).await;

    for (from, to) in [(&primary, &secondary), (&secondary, &primary)] {
        from.withhold_receipts(true);
        let pending: Vec<_> = (0..100).map(|number| producer.send(number.to_string().as_str())).collect();
        if from.url() == primary.url() {
            fail(from);
        } else {
            recover(to);
        }
        uses(&client, to).await;
        for outcome in pending {
            timeout(SOON, outcome).await.unwrap().unwrap();
        }
        producer.send("the end").await.unwrap();
        // The old cluster may have delivered some of them before, and has kept them.
        let mut expected = 0;
        loop {
            let text = receive(&consumer).await;
            if text == "the end" {
                break;
            }
            let number: u32 = text.parse().unwrap();
            assert!(number <= expected, "{number} came instead of {expected}");
            expected = number + 1;
        }
        assert_eq!(expected, 100);
        eventually(SOON, "all is acknowledged", || backlog(to, "t") == Some(0)).await;
        from.withhold_receipts(false);
        eventually(SOON, "nothing is left behind", || from.connection_count() == 0).await;
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_secondary_takes_over_in_order() {
    let (primary, secondary) = (in_memory(), Broker::start().await);
    let client = client_with(primary.url(), quick(&[secondary.url()])).unwrap();
    let topic = unique("failover");
    let exclusive = ProducerConfig { access_mode: AccessMode::Exclusive, ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, exclusive).await.unwrap();
    let consumer = subscribe(&client, &topic).await;
    primary.withhold_receipts(true);
    let pending: Vec<_> = (0..1000).map(|number| producer.send(number.to_string().as_str())).collect();
    fail(&primary);
    for outcome in pending {
        timeout(SOON, outcome).await.unwrap().unwrap();
    }
    assert_eq!(client.service_url(), secondary.url());
    // What the primary delivered is gone with it, if it was not received.
    let mut expected = 0;
    while expected < 1000 {
        let number: i32 = receive(&consumer).await.parse().unwrap();
        assert!(number <= expected, "{number} came instead of {expected}");
        expected = number + 1;
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn acknowledgements_do_not_reach_another_cluster() {
    let (primary, secondary) = (in_memory(), in_memory());
    let elsewhere = Client::new(secondary.url(), ClientConfig::default()).unwrap();
    // The first entry of the first topic has the same id on both.
    let producer = elsewhere.create_producer("t", ProducerConfig::default()).await.unwrap();
    let there = producer.send("there").await.unwrap();
    let client = client(&primary, &[&secondary]);
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    let consumer = subscribe(&client, "t").await;
    let here = producer.send("here").await.unwrap();
    assert_eq!(here, there);
    let message = consumer.receive().await.unwrap();
    fail(&primary);
    uses(&client, &secondary).await;
    let other = timeout(SOON, consumer.receive()).await.unwrap().unwrap();
    assert_eq!((message.id(), other.payload()), (other.id(), &b"there"[..]));
    consumer.acknowledge(&message).unwrap();
    consumer.acknowledge_cumulative(&message).unwrap();
    sleep(Duration::from_millis(200)).await;
    assert_eq!(backlog(&secondary, "t"), Some(1));
    consumer.acknowledge(&other).unwrap();
    eventually(SOON, "it is acknowledged", || backlog(&secondary, "t") == Some(0)).await;
}

#[tokio::test]
async fn names_and_ids_of_one_cluster_are_not_forced_on_another() {
    let (primary, secondary) = (in_memory(), in_memory());
    secondary.deduplication(true);
    let elsewhere = Client::new(secondary.url(), ClientConfig::default()).unwrap();
    let named = || ProducerConfig { name: Some("writer".into()), ..ProducerConfig::default() };
    // The secondary has messages of that name already, and a producer with the name that it gives first.
    let before = elsewhere.create_producer("named", named()).await.unwrap();
    for _ in 0..5 {
        before.send("before").await.unwrap();
    }
    before.close().await.unwrap();
    let holder = elsewhere.create_producer("unnamed", ProducerConfig::default()).await.unwrap();
    let client = client(&primary, &[&secondary]);
    let writer = client.create_producer("named", named()).await.unwrap();
    let unnamed = client.create_producer("unnamed", ProducerConfig::default()).await.unwrap();
    assert_eq!(unnamed.name(), holder.name());
    writer.send("at home").await.unwrap();
    unnamed.send("at home").await.unwrap();
    fail(&primary);
    uses(&client, &secondary).await;
    eventually(SOON, "both are there", || writer.is_connected() && unnamed.is_connected()).await;
    assert_ne!(unnamed.name(), holder.name());
    for _ in 0..3 {
        assert!(timeout(SOON, writer.send("stored")).await.unwrap().unwrap().entry >= 0);
        assert!(timeout(SOON, unnamed.send("stored")).await.unwrap().unwrap().entry >= 0);
    }
    assert_eq!(secondary.topic_stats("named").unwrap().entries_stored, 8);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_primary_that_comes_back_in_time_is_kept() {
    let (primary, secondary) = (in_memory(), in_memory());
    let failover = FailoverConfig { failover_delay: Duration::from_secs(3), ..quick(&[secondary.url()]) };
    let client = client_with(primary.url(), failover).unwrap();
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    for _ in 0..4 {
        fail(&primary);
        sleep(Duration::from_millis(250)).await;
        let looks = primary.commands_received(Kind::Connect);
        recover(&primary);
        eventually(SOON, "it is seen up", || primary.commands_received(Kind::Connect) > looks).await;
    }
    producer.send("x").await.unwrap();
    assert_eq!(client.service_url(), primary.url());
    assert_eq!(secondary.commands_received(Kind::Connect), 0);
}

#[tokio::test]
async fn a_primary_that_comes_back_for_a_moment_is_not_used() {
    let (primary, secondary) = (in_memory(), in_memory());
    let failover = FailoverConfig { switch_back_delay: Duration::from_secs(3), ..quick(&[secondary.url()]) };
    let client = client_with(primary.url(), failover).unwrap();
    fail(&primary);
    uses(&client, &secondary).await;
    for _ in 0..4 {
        recover(&primary);
        sleep(Duration::from_millis(250)).await;
        fail(&primary);
        sleep(Duration::from_millis(150)).await;
        assert_eq!(client.service_url(), secondary.url());
    }
    recover(&primary);
    uses(&client, &primary).await;
}

#[tokio::test]
async fn the_first_cluster_that_is_up_is_used() {
    let (primary, second, third) = (in_memory(), in_memory(), in_memory());
    let client = client(&primary, &[&second, &third]);
    fail(&second);
    fail(&primary);
    // Also what begins while all seems lost.
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    assert_eq!(client.service_url(), third.url());
    assert_eq!(third.commands_received(Kind::Producer), 1);
    fail(&third);
    let pending = producer.send("x");
    sleep(QUIET).await;
    assert_eq!(client.service_url(), third.url());
    recover(&second);
    uses(&client, &second).await;
    timeout(SOON, pending).await.unwrap().unwrap();
    // It does not go to the third again, which is up, too.
    recover(&third);
    sleep(QUIET).await;
    assert_eq!(client.service_url(), second.url());
    recover(&primary);
    uses(&client, &primary).await;
    timeout(SOON, producer.send("y")).await.unwrap().unwrap();
    assert_eq!(primary.commands_received(Kind::Producer), 1);
}

#[tokio::test]
async fn a_cluster_that_hangs_is_down() {
    let (primary, secondary) = (in_memory(), in_memory());
    let client = client(&primary, &[&secondary]);
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    primary.freeze(true);
    let pending = producer.send("x");
    uses(&client, &secondary).await;
    timeout(SOON, pending).await.unwrap().unwrap();
    primary.freeze(false);
    uses(&client, &primary).await;
    timeout(SOON, producer.send("y")).await.unwrap().unwrap();
}

#[tokio::test]
async fn clusters_are_reached_over_http_as_well() {
    let (primary, secondary) = (in_memory(), in_memory());
    let client = client_with(primary.http_url(), quick(&[secondary.http_url()])).unwrap();
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    // What is left is a proxy that says so.
    primary.fail_next_http(503, u32::MAX);
    eventually(SOON, "it goes over", || client.service_url() == secondary.http_url()).await;
    timeout(SOON, producer.send("x")).await.unwrap().unwrap();
    assert_eq!(secondary.commands_received(Kind::Producer), 1);
    primary.clear_failures();
    eventually(SOON, "it goes back", || client.service_url() == primary.http_url()).await;
    timeout(SOON, producer.send("y")).await.unwrap().unwrap();
    assert_eq!(primary.commands_received(Kind::Producer), 2);
}

#[tokio::test]
async fn a_cluster_that_refuses_the_client_is_up() {
    let known = || Wanted { token: Some(TokenKey::Secret(b"a test".to_vec())), ..Wanted::default() };
    let primary = TestBroker::start(Options { authentication: Some(known()), ..Options::default() }).unwrap();
    let secondary = in_memory();
    for (url, other) in [(primary.url(), secondary.url()), (primary.http_url(), secondary.http_url())] {
        let client = client_with(url, quick(&[other])).unwrap();
        let looks = || primary.commands_received(Kind::Connect) + primary.http_requests();
        let before = looks();
        eventually(SOON, "it is looked at", || looks() >= before + 8).await;
        assert_eq!(client.service_url(), url);
        let refused = client.create_producer("t", ProducerConfig::default()).await;
        assert!(matches!(refused.map(drop), Err(Error::Authentication(_))));
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_exclusive_producer_is_not_fenced_by_another_clusters_epochs() {
    let (primary, secondary) = (in_memory(), in_memory());
    let exclusive = ProducerConfig { access_mode: AccessMode::Exclusive, ..ProducerConfig::default() };
    let elsewhere = Client::new(secondary.url(), ClientConfig::default()).unwrap();
    for _ in 0..3 {
        let producer = elsewhere.create_producer("t", exclusive.clone()).await.unwrap();
        producer.close().await.unwrap();
    }
    let client = client(&primary, &[&secondary]);
    let producer = client.create_producer("t", exclusive).await.unwrap();
    fail(&primary);
    timeout(SOON, producer.send("x")).await.unwrap().unwrap();
    assert_eq!(client.service_url(), secondary.url());
}

/// A service that takes connections and says nothing. Its URL, and what tells that a probe began and ended.
async fn silent() -> (String, tokio::sync::mpsc::UnboundedReceiver<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("pulsar://{}", listener.local_addr().unwrap());
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = tell.send("began");
            while socket.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {}
            let _ = tell.send("ended");
        }
    });
    (url, told)
}

#[tokio::test]
async fn a_client_that_ends_during_a_probe_ends_the_probe() {
    type End = fn(Client) -> std::pin::Pin<Box<dyn Future<Output = ()>>>;
    let ends: [End; 3] = [
        |client| Box::pin(async move { client.close().await.unwrap() }),
        |client| Box::pin(async move { client.abandon() }),
        |client| Box::pin(async move { drop(client) }),
    ];
    for end in ends {
        let (url, mut told) = silent().await;
        let config = ClientConfig { failover: Some(quick(&[&url])), ..ClientConfig::default() };
        let client = Client::new(&url, config).unwrap();
        assert_eq!(timeout(SOON, told.recv()).await.unwrap(), Some("began"));
        timeout(Duration::from_secs(1), end(client)).await.unwrap();
        assert_eq!(timeout(Duration::from_secs(1), told.recv()).await.unwrap(), Some("ended"));
        // And there is no other.
        assert!(timeout(QUIET, told.recv()).await.is_err());
    }
}

#[tokio::test]
async fn configurations_that_make_no_sense_are_refused() {
    let primary = in_memory();
    let refused = |failover| client_with(primary.url(), failover).unwrap_err();
    assert!(matches!(refused(quick(&[])), Error::InvalidConfiguration(_)));
    assert!(matches!(refused(quick(&["nonsense"])), Error::InvalidUrl(_)));
    let never = FailoverConfig { check_interval: Duration::ZERO, ..quick(&["pulsar://a"]) };
    assert!(matches!(refused(never), Error::InvalidConfiguration(_)));
}
