//! Batches by key: each key's messages travel together, so that key-shared consumers keep them in order.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::HashMap;
use std::time::Duration;

use broker::numbers::{LONG, SHORT, config, in_memory, number, receive, subscribe};
use broker::{Broker, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, ConsumerConfig, FutureSink, OutgoingMessage, Producer, ProducerConfig,
    SubscriptionType,
};

const KEYS: u32 = 20;
const MESSAGES: u32 = 1000;

async fn producer(client: &Client, topic: &str, max_messages: usize) -> Producer<FutureSink> {
    let max_delay = Duration::from_secs(1);
    let batching = BatchingConfig { by_key: true, max_messages, max_delay, ..BatchingConfig::default() };
    let config =
        ProducerConfig { batching: Some(batching), max_pending_messages: 0, ..ProducerConfig::default() };
    client.create_producer(topic, config).await.unwrap()
}

fn key(number: u32) -> [u8; 4] {
    (number % KEYS).to_be_bytes()
}

/// Sends numbers, with keys in turns; `sequence_id` gives those that the program chooses.
async fn send(producer: &Producer<FutureSink>, sequence_id: impl Fn(u32) -> Option<u64>) {
    let sending: Vec<_> = (0..MESSAGES)
        .map(|number| {
            producer.send(OutgoingMessage {
                payload: &number.to_be_bytes(),
                partition_key: Some(&key(number)),
                sequence_id: sequence_id(number),
                ..OutgoingMessage::default()
            })
        })
        .collect();
    producer.flush().await.unwrap();
    for sending in sending {
        assert!(sending.await.unwrap().entry >= 0, "taken for a duplicate");
    }
}

#[tokio::test]
async fn key_shared_consumers_get_each_key_whole_and_in_order() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("keys");
    let key_shared = ConsumerConfig { subscription_type: SubscriptionType::KeyShared, ..config() };
    let consumers =
        [subscribe(&client, &topic, key_shared.clone()).await, subscribe(&client, &topic, key_shared).await];
    send(&producer(&client, &topic, 200).await, |_| None).await;
    let mut last = HashMap::new();
    let mut received = [0, 0];
    for (place, consumer) in consumers.iter().enumerate() {
        while let Ok(message) = tokio::time::timeout(SHORT * 3, consumer.receive()).await {
            let message = message.unwrap();
            let number = number(&message);
            assert_eq!(message.partition_key(), Some(&key(number)[..]));
            let before = last.insert(number % KEYS, (place, number));
            let expected = before.map_or((place, number % KEYS), |(place, number)| (place, number + KEYS));
            assert_eq!((place, number), expected);
            received[place] += 1;
        }
    }
    assert_eq!(received[0] + received[1], MESSAGES);
    assert!(received[0] > 0 && received[1] > 0, "one consumer has every key");
    client.close().await.unwrap();
}

#[tokio::test]
async fn messages_that_take_turns_are_not_taken_for_duplicates() {
    let broker = Broker::start().await;
    let client = broker.client();
    for step in [None, Some(1), Some(3)] {
        let topic = broker.deduplicating_topic("dedup");
        let consumer = subscribe(&client, &topic, config()).await;
        let producer = producer(&client, &topic, 100).await;
        send(&producer, |number| step.map(|step| step * u64::from(number))).await;
        let last = u64::from(MESSAGES - 1) * step.unwrap_or(1);
        assert_eq!(producer.last_sequence_id(), last.cast_signed());
        let mut numbers = Vec::new();
        for _ in 0..MESSAGES {
            let message = receive(&consumer).await;
            numbers.push(number(&message));
            assert_eq!(message.sequence_id(), u64::from(number(&message)) * step.unwrap_or(1));
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..MESSAGES));
        consumer.close().await.unwrap();
        producer.close().await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_limits_count_for_all_keys_together() {
    let (broker, client) = in_memory();
    let topic = unique("limits");
    let producer = producer(&client, &topic, 40).await;
    send(&producer, |_| None).await;
    // 40 messages at a time, two of each key.
    assert_eq!(broker.topic_stats(&topic).unwrap().entries_stored, u64::from(MESSAGES / 2));
    let alone = unique("ordering");
    let config = ProducerConfig {
        batching: Some(BatchingConfig { by_key: true, ..BatchingConfig::default() }),
        ..ProducerConfig::default()
    };
    let producer = client.create_producer(&alone, config).await.unwrap();
    // The ordering key goes before the partition key; without any is a key as well.
    let keys = [("a", "x"), ("b", "x"), ("", ""), ("x", ""), ("", "")];
    let some = |key: &'static str| Some(key.as_bytes()).filter(|key| !key.is_empty());
    let sending = keys.map(|(partition_key, ordering_key)| {
        producer.send(OutgoingMessage {
            partition_key: some(partition_key),
            ordering_key: some(ordering_key),
            ..OutgoingMessage::default()
        })
    });
    producer.flush().await.unwrap();
    let mut entries = Vec::new();
    for sending in sending {
        entries.push(tokio::time::timeout(LONG, sending).await.unwrap().unwrap().entry);
    }
    assert_eq!(entries, [0, 0, 1, 0, 1]);
    client.close().await.unwrap();
}
