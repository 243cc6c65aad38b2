//! Producers of topics with partitions.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::BTreeSet;
use std::time::Duration;

use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, ClientConfig, Consumer, ConsumerConfig, Error, FutureSink, InitialPosition,
    OutgoingMessage, Producer, ProducerConfig, RoutingMode,
};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};

/// How often clients look for new partitions.
const INTERVAL: Duration = Duration::from_millis(20);

/// A broker with a topic of `partitions`, its name, and a client.
async fn with_partitions(partitions: u32) -> (Broker, String, Client) {
    let broker = Broker::start().await;
    let topic = unique("parts");
    broker.create_topic(&topic, partitions).await;
    let client =
        broker.client_with(ClientConfig { partitions_update_interval: INTERVAL, ..broker.client_config() });
    (broker, topic, client)
}

/// The same in memory, for what only that broker can be told to do.
fn in_memory(partitions: u32) -> (TestBroker, String, Client) {
    let broker = TestBroker::start(Options::default()).unwrap();
    let topic = unique("parts");
    broker.create_topic(&topic, partitions).unwrap();
    let config = ClientConfig { partitions_update_interval: INTERVAL, ..ClientConfig::default() };
    let client = Client::new(broker.url(), config).unwrap();
    (broker, topic, client)
}

fn unbatched() -> ProducerConfig {
    ProducerConfig { batching: None, ..ProducerConfig::default() }
}

fn batches_of(max_messages: usize) -> ProducerConfig {
    let batching =
        BatchingConfig { max_messages, max_delay: Duration::from_secs(600), ..BatchingConfig::default() };
    ProducerConfig { batching: Some(batching), ..ProducerConfig::default() }
}

async fn partitions_of(producer: &Producer<FutureSink>, messages: &[OutgoingMessage<'_>]) -> Vec<i32> {
    let sending: Vec<_> = messages.iter().map(|message| producer.send(*message)).collect();
    producer.flush().await.unwrap();
    let mut partitions = Vec::new();
    for sending in sending {
        partitions.push(sending.await.unwrap().partition);
    }
    partitions
}

/// The partitions in the order in which they were used, each as often as it was used in a row.
fn runs(partitions: &[i32]) -> Vec<usize> {
    partitions.chunk_by(|left, right| left == right).map(<[i32]>::len).collect()
}

#[tokio::test]
async fn messages_go_round_one_by_one_or_a_batch_each() {
    let (_broker, topic, client) = with_partitions(3).await;
    let plain: [OutgoingMessage<'_>; 12] = std::array::from_fn(|_| "x".into());
    for (config, expected) in [(unbatched(), [1; 12].to_vec()), (batches_of(4), [4; 3].to_vec())] {
        let producer = client.create_producer(&topic, config).await.unwrap();
        assert_eq!(producer.partitions(), 3);
        let partitions = partitions_of(&producer, &plain).await;
        assert_eq!(runs(&partitions), expected, "{partitions:?}");
        assert_eq!(partitions.iter().collect::<BTreeSet<_>>().len(), 3);
    }
    let single = ProducerConfig { routing: RoutingMode::SinglePartition, ..unbatched() };
    let producer = client.create_producer(&topic, single).await.unwrap();
    assert_eq!(runs(&partitions_of(&producer, &plain).await), [12]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_that_waited_long_enough_hands_the_turn_over() {
    let (_broker, topic, client) = with_partitions(3).await;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    let mut partitions = Vec::new();
    for _ in 0..6 {
        partitions.push(producer.send("x").await.unwrap().partition);
    }
    assert_eq!(runs(&partitions), [1; 6], "{partitions:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn keys_and_names_choose_a_partition() {
    let (_broker, topic, client) = with_partitions(3).await;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    let keyed = ["a", "b", "key-1"]
        .map(|key| OutgoingMessage { partition_key: Some(key.as_bytes()), ..OutgoingMessage::default() });
    // Boost's hash, as the C++ client spreads these keys over three partitions.
    assert_eq!(partitions_of(&producer, &keyed).await, [0, 2, 0]);
    let named = [2, 0, 1].map(|partition| OutgoingMessage { partition: Some(partition), ..keyed[0] });
    assert_eq!(partitions_of(&producer, &named).await, [2, 0, 1]);
    let missing = OutgoingMessage { partition: Some(3), ..keyed[0] };
    assert!(matches!(producer.send(missing).await, Err(Error::Unknown(_))));
    client.close().await.unwrap();
}

#[tokio::test]
async fn everything_arrives_and_one_key_stays_in_order() {
    let (_broker, topic, client) = with_partitions(4).await;
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    let mut consumers: Vec<Consumer> = Vec::new();
    for partition in client.partitions(&topic).await.unwrap() {
        consumers.push(client.subscribe(&partition, "all", config.clone()).await.unwrap());
    }
    let producer = client
        .create_producer(&topic, ProducerConfig { max_pending_messages: 0, ..batches_of(10) })
        .await
        .unwrap();
    let texts: Vec<String> = (0..400).map(|number| format!("{} {number}", number % 7)).collect();
    let messages: Vec<OutgoingMessage<'_>> = texts
        .iter()
        .map(|text| OutgoingMessage { partition_key: Some(&text.as_bytes()[..1]), ..text.as_str().into() })
        .collect();
    partitions_of(&producer, &messages).await;
    let mut last = [-1; 7];
    let mut count = 0;
    for consumer in &consumers {
        while let Ok(message) = tokio::time::timeout(Duration::from_millis(300), consumer.receive()).await {
            let message = message.unwrap();
            let text = str::from_utf8(message.payload()).unwrap().to_owned();
            let (key, number) = text.split_once(' ').unwrap();
            let (key, number): (usize, i32) = (key.parse().unwrap(), number.parse().unwrap());
            assert!(last[key] < number, "{number} came behind {}", last[key]);
            last[key] = number;
            count += 1;
        }
    }
    assert_eq!(count, 400);
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_limit_of_pending_messages_is_shared() {
    let (broker, topic, client) = in_memory(4);
    let config = ProducerConfig { max_pending_messages_across_partitions: 8, ..unbatched() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    broker.withhold_receipts(true);
    let sending: Vec<_> = (0..8).map(|_| producer.send("x")).collect();
    assert!(matches!(producer.send("x").await, Err(Error::ProducerQueueIsFull(_))));
    broker.withhold_receipts(false);
    for sending in sending {
        sending.await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn lazy_producers_start_when_they_are_needed() {
    let (broker, topic, client) = with_partitions(50).await;
    let config = ProducerConfig { lazy_start_partitions: true, ..unbatched() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    let on_the_broker = || broker.in_memory().map(|broker| broker.commands_received(Kind::Producer));
    assert!(on_the_broker().is_none_or(|count| count == 1));
    assert!(producer.is_connected());
    let named = OutgoingMessage { partition: Some(30), ..OutgoingMessage::default() };
    for _ in 0..3 {
        assert_eq!(producer.send(named).await.unwrap().partition, 30);
    }
    assert!(on_the_broker().is_none_or(|count| count == 2));
    producer.close().await.unwrap();
    assert!(matches!(producer.send(named).await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(producer.close().await, Err(Error::AlreadyClosed(_))));
    client.close().await.unwrap();
}

#[tokio::test]
async fn new_partitions_are_used() {
    let (broker, topic, client) = with_partitions(2).await;
    let producer = client.create_producer(&topic, unbatched()).await.unwrap();
    broker.add_partitions(&topic, 5).await;
    eventually(Duration::from_secs(5), "the producer sees 5 partitions", || producer.partitions() == 5).await;
    let plain: [OutgoingMessage<'_>; 5] = std::array::from_fn(|_| "x".into());
    let used: BTreeSet<_> = partitions_of(&producer, &plain).await.into_iter().collect();
    assert_eq!(used, (0..5).collect());
    // They are closed with the others.
    producer.close().await.unwrap();
    if let Some(broker) = broker.in_memory() {
        assert_eq!(broker.commands_received(Kind::CloseProducer), 5);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn one_partition_that_is_refused_fails_the_whole() {
    let (broker, topic, client) = in_memory(3);
    broker.fail_next(Kind::Producer, 0, "not today", 1);
    let outcome = client.create_producer(&topic, unbatched()).await;
    assert!(matches!(outcome, Err(Error::Unknown(_))), "{outcome:?}");
    // The others are closed again.
    let producers = || {
        let counts = (0..3).map(|number| {
            let stats =
                broker.topic_stats(&format!("persistent://public/default/{topic}-partition-{number}"));
            stats.map_or(0, |stats| stats.producers)
        });
        counts.sum::<u32>()
    };
    eventually(Duration::from_secs(5), "no producer is left", || producers() == 0).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn partitions_reconnect_and_lose_nothing() {
    let (broker, topic, client) = with_partitions(5).await;
    let producer = client.create_producer(&topic, batches_of(3)).await.unwrap();
    let mut sending = Vec::new();
    for round in 0..20 {
        for _ in 0..10 {
            sending.push(producer.send("x"));
        }
        if round % 5 == 0 {
            broker.cut();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    producer.flush().await.unwrap();
    for sending in sending {
        sending.await.unwrap();
    }
    client.close().await.unwrap();
}
