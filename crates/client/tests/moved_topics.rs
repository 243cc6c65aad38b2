//! Topics that are moved to another cluster while they are used (blue-green deployments).

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::Duration;

use broker::numbers::{LONG, SHORT, config, number, receive, subscribe};
use broker::{eventually, unique};
use pulsar_rs_client::{Client, ClientConfig, ProducerConfig};
use pulsar_rs_testbroker::{Options, TestBroker};

/// Two clusters, and a client of the first.
fn clusters() -> (TestBroker, TestBroker, Client) {
    let [blue, green] = [(); 2].map(|()| TestBroker::start(Options::default()).unwrap());
    let client = Client::new(blue.url(), ClientConfig::default()).unwrap();
    (blue, green, client)
}

#[tokio::test]
async fn producers_and_consumers_follow_their_topic() {
    let (blue, green, client) = clusters();
    let (topic, other) = (unique("moved"), unique("stays"));
    let consumer = subscribe(&client, &topic, config()).await;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    let staying = client.create_producer(&other, ProducerConfig::default()).await.unwrap();
    producer.send(&0u32.to_be_bytes()[..]).await.unwrap();
    let from_blue = receive(&consumer).await;
    // What waits for its receipt when the topic goes is sent there.
    blue.withhold_receipts(true);
    let sending = producer.send(&1u32.to_be_bytes()[..]);
    assert!(blue.move_topic(&topic, green.url()));
    blue.withhold_receipts(false);
    tokio::time::timeout(LONG, sending).await.unwrap().unwrap();
    producer.send(&2u32.to_be_bytes()[..]).await.unwrap();
    for expected in 1..3 {
        assert_eq!(number(&receive(&consumer).await), expected);
    }
    // Ids of the old cluster mean other messages here.
    consumer.acknowledge(&from_blue).unwrap();
    tokio::time::sleep(SHORT).await;
    let stats = green.topic_stats(&topic).unwrap();
    assert_eq!((stats.producers, stats.subscription("sub").unwrap().backlog), (1, 2));
    // They stay there when their connections are cut, and others where they were.
    green.drop_connections();
    producer.send(&3u32.to_be_bytes()[..]).await.unwrap();
    staying.send("here").await.unwrap();
    assert_eq!(blue.topic_stats(&other).unwrap().producers, 1);
    client.close().await.unwrap();
    eventually(LONG, "nothing is left", || green.connection_count() + blue.connection_count() == 0).await;
}

#[tokio::test]
async fn a_topic_that_was_moved_before_is_found_as_well() {
    let (blue, green, client) = clusters();
    let topic = unique("gone");
    blue.create_topic(&topic, 0).unwrap();
    assert!(blue.move_topic(&topic, green.url()));
    let producer = client.create_producer(&topic, ProducerConfig::default());
    let producer = tokio::time::timeout(LONG, producer).await.unwrap().unwrap();
    let consumer = tokio::time::timeout(LONG, subscribe(&client, &topic, config())).await.unwrap();
    producer.send(&7u32.to_be_bytes()[..]).await.unwrap();
    assert_eq!(number(&receive(&consumer).await), 7);
    assert_eq!(blue.topic_stats(&topic).unwrap().entries_stored, 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_cannot_be_is_an_error_until_the_topic_is_somewhere() {
    let (blue, green, client) = clusters();
    let topic = unique("nowhere");
    let config =
        ProducerConfig { send_timeout: Some(Duration::from_millis(300)), ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    assert!(blue.move_topic(&topic, "pulsar+nonsense://"));
    assert!(producer.send("lost").await.is_err());
    assert!(!producer.is_closed());
    client.close().await.unwrap();
    drop(green);
}
