//! Receiver queues that grow with what the program takes, within the client's memory limit.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use broker::numbers::{LONG, config, in_memory, number, receive, receive_many, send_batches, send_singles};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{Client, ClientConfig, Consumer, ConsumerConfig, Error, ProducerConfig};

const KB: usize = 1024;

async fn scaled(client: &Client, topic: &str, most: usize) -> Consumer {
    let config = ConsumerConfig { receiver_queue_size: most, auto_scaled_queue: true, ..config() };
    client.subscribe(topic, "sub", config).await.unwrap()
}

async fn queued(consumer: &Consumer, messages: u64) {
    eventually(LONG, &format!("{messages} are queued"), || consumer.stats().queued_messages == messages)
        .await;
}

/// A client with a memory limit, beside one without.
fn limited(bytes: usize) -> (pulsar_rs_testbroker::TestBroker, Client, Client) {
    let (broker, plain) = in_memory();
    let config = ClientConfig { memory_limit: bytes, ..ClientConfig::default() };
    let limited = Client::new(broker.url(), config).unwrap();
    (broker, limited, plain)
}

#[tokio::test]
async fn the_queue_grows_while_the_program_is_faster() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("grows");
    let consumer = scaled(&client, &topic, 20).await;
    send_singles(&client, &topic, 1000, 4).await;
    for size in [1, 2, 4, 8, 16, 20, 20] {
        // A program that takes nothing gets no more than that.
        queued(&consumer, size).await;
        while consumer.try_receive().unwrap().is_some() {}
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_small_queue_takes_large_batches() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("batches");
    let consumer = scaled(&client, &topic, 100).await;
    send_batches(&client, &topic, 0..5000, 1000).await;
    send_singles(&client, &topic, 1, 4).await;
    assert!(receive_many(&consumer, 5000).await.iter().map(number).eq(0..5000));
    assert_eq!(number(&receive(&consumer).await), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_queue_stays_within_the_memory_limit() {
    const LIMIT: usize = 256 * KB;
    let (_broker, client, plain) = limited(LIMIT);
    let topic = unique("memory");
    let consumer = scaled(&client, &topic, 1000).await;
    send_singles(&plain, &topic, 400, 8 * KB).await;
    let mut most = 0;
    for expected in 0..400 {
        assert_eq!(number(&receive(&consumer).await), expected);
        most = most.max(client.stats().memory_used);
    }
    // It was used, and what was on the way when it became tight is less than the queue had.
    let limit = LIMIT as u64;
    assert!((limit / 4..=limit + limit / 2).contains(&most), "{most} bytes");
    eventually(LONG, "all is given back", || {
        let _ = consumer.try_receive().unwrap();
        client.stats().memory_used == 0
    })
    .await;
    client.close().await.unwrap();
    plain.close().await.unwrap();
}

#[tokio::test]
async fn what_waits_is_counted_and_given_back() {
    let (_broker, client, plain) = limited(1024 * KB);
    let topic = unique("counted");
    let consumer = scaled(&client, &topic, 1000).await;
    send_singles(&plain, &topic, 1, 100 * KB).await;
    eventually(LONG, "it is counted", || client.stats().memory_used > 100 * KB as u64).await;
    assert!(client.stats().memory_used < 101 * KB as u64);
    consumer.redeliver_unacknowledged();
    eventually(LONG, "it comes again", || consumer.stats().queued_messages == 1).await;
    assert!(client.stats().memory_used < 101 * KB as u64);
    consumer.close().await.unwrap();
    assert_eq!(client.stats().memory_used, 0);
    client.close().await.unwrap();
    plain.close().await.unwrap();
}

#[tokio::test]
async fn producers_do_not_wait_for_receivers() {
    let (_broker, client, plain) = limited(64 * KB);
    let topic = unique("forwarded");
    let consumer = scaled(&client, &topic, 1000).await;
    // One message alone is more than all memory.
    send_singles(&plain, &topic, 2, 100 * KB).await;
    eventually(LONG, "it waits", || client.stats().memory_used > 100 * KB as u64).await;
    let config = ProducerConfig { block_if_queue_full: true, ..ProducerConfig::default() };
    let producer = client.create_producer(&unique("to"), config).await.unwrap();
    for _ in 0..20 {
        tokio::time::timeout(LONG, producer.send("forward")).await.unwrap().unwrap();
    }
    assert_eq!(number(&receive(&consumer).await), 0);
    client.close().await.unwrap();
    plain.close().await.unwrap();
}

#[tokio::test]
async fn it_needs_a_size_to_grow_to() {
    let (_broker, client) = in_memory();
    let config = ConsumerConfig { receiver_queue_size: 0, auto_scaled_queue: true, ..config() };
    let refused = client.subscribe("nothing", "sub", config).await;
    assert!(matches!(refused, Err(Error::InvalidConfiguration(_))), "{refused:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn each_partition_has_a_queue_of_its_own() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("partitions");
    broker.create_topic(&topic, 2).await;
    let consumer = scaled(&client, &topic, 4).await;
    for partition in 0..2 {
        send_singles(&client, &format!("{topic}-partition-{partition}"), 200, 4).await;
    }
    for size in [1, 2, 4, 4] {
        queued(&consumer, 2 * size).await;
        while consumer.try_receive().unwrap().is_some() {}
    }
    client.close().await.unwrap();
}
