//! Programs that decide how long to wait before each attempt to come back.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::numbers::{LONG, number, send_singles};
use broker::{eventually, unique};
use pulsar_rs_client::{ConsumerConfig, Error, MessageId, ProducerConfig, ReaderConfig, ReconnectPolicy};
use pulsar_rs_testbroker::Kind;

/// What a policy was asked.
type Asked = Arc<Mutex<Vec<(String, u32)>>>;

/// A policy that gives up with the attempt `until`.
fn policy(until: u32) -> (ReconnectPolicy, Asked) {
    let asked = Asked::default();
    let notes = asked.clone();
    let policy = ReconnectPolicy::new(move |topic, attempt| {
        notes.lock().unwrap().push((topic.to_owned(), attempt));
        (attempt < until).then_some(Duration::from_millis(5))
    });
    (policy, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_are_counted_from_each_loss() {
    let (broker, client) = broker::numbers::in_memory();
    let topic = unique("policy");
    let (policy, asked) = policy(u32::MAX);
    let config = ProducerConfig { reconnect_policy: Some(policy), ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    // The third attempt succeeds.
    broker.fail_next(Kind::Producer, 6, "not yet", 2);
    broker.drop_connections();
    producer.send("one").await.unwrap();
    broker.drop_connections();
    producer.send("two").await.unwrap();
    let full = format!("persistent://public/default/{topic}");
    let attempts: Vec<_> = [0, 1, 2, 0].map(|attempt| (full.clone(), attempt)).into();
    assert_eq!(*asked.lock().unwrap(), attempts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_gives_up_fails_with_what_is_pending() {
    let (broker, client) = broker::numbers::in_memory();
    let (policy, _) = policy(0);
    let config = ProducerConfig { reconnect_policy: Some(policy), ..ProducerConfig::default() };
    let producer = client.create_producer(&unique("policy"), config).await.unwrap();
    producer.send("stored").await.unwrap();
    broker.drop_connections();
    let outcome = tokio::time::timeout(LONG, producer.send("lost")).await.unwrap();
    assert!(matches!(outcome, Err(Error::NotConnected(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_and_readers_have_policies_too() {
    let (broker, client) = broker::numbers::in_memory();
    let topic = unique("policy");
    let (comes_back, asked) = policy(3);
    let config = ReaderConfig { reconnect_policy: Some(comes_back), ..ReaderConfig::default() };
    let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
    let (gives_up, asked_once) = policy(0);
    let config = ConsumerConfig { reconnect_policy: Some(gives_up), ..ConsumerConfig::default() };
    let consumer = client.subscribe(&topic, "sub", config).await.unwrap();
    broker.drop_connections();
    send_singles(&client, &topic, 1, 4).await;
    let message = tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap();
    assert_eq!(number(&message), 0);
    assert_eq!(asked.lock().unwrap().len(), 1);
    eventually(LONG, "the consumer asked", || asked_once.lock().unwrap().len() == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!consumer.is_connected() && !consumer.is_closed());
    assert_eq!(asked_once.lock().unwrap().len(), 1);
}
