//! Several connections to one broker.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::Duration;

use broker::eventually;
use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig, Error, ProducerConfig};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};

fn client(broker: &TestBroker, connections_per_broker: usize) -> Result<Client, Error> {
    Client::new(broker.url(), ClientConfig { connections_per_broker, ..ClientConfig::default() })
}

#[tokio::test]
async fn members_are_spread_in_turn_and_keep_their_connection() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let client = client(&broker, 3).unwrap();
    // Two lookups share one connection, which is the third producer's, too.
    client.partitions("t").await.unwrap();
    assert_eq!(broker.connection_count(), 1);
    let mut producers = Vec::new();
    for connections in [2, 3, 3, 3, 3, 3] {
        producers.push(client.create_producer("t", ProducerConfig::default()).await.unwrap());
        assert_eq!(broker.connection_count(), connections);
    }
    let consumer = client.subscribe("t", "s", ConsumerConfig::default()).await.unwrap();
    assert_eq!((broker.connection_count(), broker.commands_received(Kind::Connect)), (3, 3));
    for round in 1..4 {
        for producer in &producers {
            producer.send("x").await.unwrap();
            let message = consumer.receive().await.unwrap();
            consumer.acknowledge(&message).unwrap();
        }
        assert_eq!(broker.drop_connections(), 3);
        let connected =
            || consumer.is_connected() && producers.iter().all(|producer| producer.is_connected());
        let all_are_back = || broker.connection_count() == 3 && connected();
        eventually(Duration::from_secs(5), "all are back", all_are_back).await;
        assert_eq!(broker.commands_received(Kind::Connect), 3 + 3 * round);
    }
    client.close().await.unwrap();
    eventually(Duration::from_secs(5), "no connection", || broker.connection_count() == 0).await;
}

#[tokio::test]
async fn partitions_are_spread_as_well() {
    let broker = TestBroker::start(Options { topics: vec![("p".into(), 8)], ..Options::default() }).unwrap();
    let client = client(&broker, 4).unwrap();
    let producer = client.create_producer("p", ProducerConfig::default()).await.unwrap();
    assert_eq!(broker.connection_count(), 4);
    for _ in 0..16 {
        producer.send("x").await.unwrap();
    }
}

#[tokio::test]
async fn there_is_one_unless_asked_for_and_the_number_is_checked() {
    let broker = TestBroker::start(Options::default()).unwrap();
    assert_eq!(ClientConfig::default().connections_per_broker, 1);
    let one = client(&broker, 1).unwrap();
    for _ in 0..3 {
        one.create_producer("t", ProducerConfig::default()).await.unwrap();
    }
    assert_eq!(broker.commands_received(Kind::Connect), 1);
    assert!(client(&broker, 1000).is_ok());
    for wrong in [0, 1001, usize::MAX] {
        let outcome = client(&broker, wrong);
        assert!(
            matches!(&outcome, Err(Error::InvalidConfiguration(text)) if text.contains("1 to 1000")),
            "{outcome:?}"
        );
    }
}
