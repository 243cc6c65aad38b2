//! Consumers without a receiver queue: the broker is permitted one message for each receive.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::time::Duration;

use broker::numbers::{
    LONG, SHORT, config, in_memory, number, receive, send_batches, send_singles, subscribe,
};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchReceivePolicy, Bulk, BulkLimits, Consumer, ConsumerConfig, Error, Message, MessageView,
    SubscriptionType,
};
use pulsar_rs_testbroker::TestBroker;

fn zero() -> ConsumerConfig {
    ConsumerConfig {
        receiver_queue_size: 0,
        subscription_type: SubscriptionType::Shared,
        ack_grouping_time: Duration::ZERO,
        ..config()
    }
}

fn permits(broker: &TestBroker, topic: &str) -> i64 {
    broker.topic_stats(topic).unwrap().subscription("sub").unwrap().permits
}

async fn receive_blocking(consumer: &Arc<Consumer>, timeout: Duration) -> Result<Message, Error> {
    let consumer = consumer.clone();
    tokio::task::spawn_blocking(move || consumer.receive_blocking(Some(timeout))).await.unwrap()
}

#[tokio::test]
async fn nothing_comes_ahead_of_a_receive() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("ahead");
    let consumer = subscribe(&client, &topic, zero()).await;
    send_singles(&client, &topic, 10, 4).await;
    for expected in 0..5 {
        assert_eq!(consumer.try_receive().unwrap().as_ref().map(number), None);
        assert_eq!(consumer.stats().entries, expected);
        let message = receive(&consumer).await;
        assert_eq!(u64::from(number(&message)), expected);
        consumer.acknowledge(&message).unwrap();
    }
    // The rest is another consumer's, all of it.
    let other = subscribe(&client, &topic, ConsumerConfig { receiver_queue_size: 100, ..zero() }).await;
    for expected in 5..10 {
        assert_eq!(number(&receive(&other).await), expected);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn every_kind_of_receive_asks_for_one() {
    let (broker, client) = in_memory();
    let topic = unique("kinds");
    let batch_receive = BatchReceivePolicy { max_messages: Some(3), ..BatchReceivePolicy::default() };
    let consumer = Arc::new(subscribe(&client, &topic, ConsumerConfig { batch_receive, ..zero() }).await);
    assert_eq!(permits(&broker, &topic), 0);
    let late = receive_blocking(&consumer, Duration::from_millis(1)).await;
    assert!(matches!(late, Err(Error::Timeout(_))), "{late:?}");
    // It stays asked for.
    eventually(LONG, "one is permitted", || permits(&broker, &topic) == 1).await;
    assert!(tokio::time::timeout(Duration::from_millis(1), consumer.receive()).await.is_err());
    assert_eq!(permits(&broker, &topic), 1);
    send_singles(&client, &topic, 10, 4).await;
    assert_eq!(number(&receive_blocking(&consumer, LONG).await.unwrap()), 0);
    assert_eq!(number(&receive(&consumer).await), 1);
    let batch = consumer.batch_receive().await.unwrap();
    assert!(batch.iter().map(number).eq(2..5), "{batch:?}");
    let other = consumer.clone();
    let batch = tokio::task::spawn_blocking(move || other.batch_receive_blocking()).await.unwrap().unwrap();
    assert!(batch.iter().map(number).eq(5..8), "{batch:?}");
    let (mut bulk, limits) = (Bulk::default(), BulkLimits { max_messages: 10, max_bytes: 1000 });
    for number in [8u32, 9] {
        let make = |view: &MessageView<'_>, found: &mut Vec<Vec<u8>>| found.push(view.payload.to_vec());
        tokio::time::timeout(LONG, consumer.receive_bulk(&mut bulk, limits, make)).await.unwrap().unwrap();
        assert_eq!(bulk.values(), [number.to_be_bytes()]);
    }
    assert_eq!((consumer.stats().entries, permits(&broker, &topic)), (10, 0));
    assert_eq!(consumer.stats().unreturned_permits, 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn receivers_that_wait_together_get_one_each() {
    let (broker, client) = in_memory();
    let topic = unique("together");
    let consumer = Arc::new(subscribe(&client, &topic, zero()).await);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let consumer = consumer.clone();
            std::thread::spawn(move || consumer.receive_blocking(Some(LONG)))
        })
        .collect();
    let futures: Vec<_> = (0..4)
        .map(|_| {
            let consumer = consumer.clone();
            tokio::spawn(async move { receive(&consumer).await })
        })
        .collect();
    eventually(LONG, "each has a permit", || permits(&broker, &topic) == 8).await;
    send_singles(&client, &topic, 20, 4).await;
    let mut numbers = Vec::new();
    for future in futures {
        numbers.push(number(&future.await.unwrap()));
    }
    for thread in threads {
        numbers.push(number(&thread.join().unwrap().unwrap()));
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..8));
    assert_eq!((consumer.stats().entries, permits(&broker, &topic)), (8, 0));
    client.close().await.unwrap();
}

#[tokio::test]
async fn batches_are_delivered_whole() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("batches");
    let consumer = subscribe(&client, &topic, zero()).await;
    send_batches(&client, &topic, 0..100, 10).await;
    for expected in 0..100 {
        let message = receive(&consumer).await;
        assert_eq!(number(&message), expected);
        assert_eq!(consumer.stats().entries, u64::from(expected / 10 + 1));
        consumer.acknowledge(&message).unwrap();
        if let Some(broker) = broker.in_memory() {
            // The broker counts messages; the next one is asked for when the batch is through.
            assert_eq!(permits(broker, &topic), -9);
        }
    }
    send_singles(&client, &topic, 1, 4).await;
    assert_eq!(number(&receive(&consumer).await), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_waits_outlives_a_connection() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("cut");
    let consumer = Arc::new(subscribe(&client, &topic, zero()).await);
    for round in 0..3 {
        let waiting = consumer.clone();
        let receiving = tokio::spawn(async move { waiting.receive().await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(broker.cut() > 0);
        eventually(LONG, "it is back", || consumer.stats().reconnects > round).await;
        send_singles(&client, &topic, 2, 4).await;
        let message = tokio::time::timeout(LONG, receiving).await.unwrap().unwrap().unwrap();
        consumer.acknowledge(&message).unwrap();
        let message = receive(&consumer).await;
        consumer.acknowledge(&message).unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_delivered_again_is_asked_for() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("again");
    let consumer = Arc::new(subscribe(&client, &topic, zero()).await);
    let late = receive_blocking(&consumer, SHORT).await;
    assert!(matches!(late, Err(Error::Timeout(_))), "{late:?}");
    send_singles(&client, &topic, 3, 4).await;
    eventually(LONG, "one has come", || consumer.stats().queued_messages == 1).await;
    consumer.redeliver_unacknowledged();
    assert_eq!(consumer.stats().queued_messages, 0);
    let mut numbers = Vec::new();
    for _ in 0..3 {
        let message = receive(&consumer).await;
        numbers.push(number(&message));
        consumer.acknowledge(&message).unwrap();
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn several_topics_need_a_queue() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("several");
    broker.create_topic(&topic, 2).await;
    let refused = client.subscribe(&topic, "sub", zero()).await;
    assert!(matches!(refused, Err(Error::InvalidConfiguration(_))), "{refused:?}");
    client.close().await.unwrap();
}
