//! Messages that are numbers, sent and received by tests of consumers.

use std::time::Duration;

use pulsar_rs_client::{
    BatchingConfig, Client, ClientConfig, Consumer, ConsumerConfig, InitialPosition, Message, ProducerConfig,
};
use pulsar_rs_testbroker::{Options, TestBroker};

pub const SHORT: Duration = Duration::from_millis(300);
pub const LONG: Duration = Duration::from_secs(10);

pub fn config() -> ConsumerConfig {
    ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() }
}

pub fn in_memory() -> (TestBroker, Client) {
    let broker = TestBroker::start(Options::default()).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    (broker, client)
}

pub async fn subscribe(client: &Client, topic: &str, config: ConsumerConfig) -> Consumer {
    client.subscribe(topic, "sub", config).await.unwrap()
}

/// Sends numbers in batches of `size`.
pub async fn send_batches(client: &Client, topic: &str, numbers: std::ops::Range<u32>, size: usize) {
    let batching = BatchingConfig { max_messages: size, ..BatchingConfig::default() };
    let config =
        ProducerConfig { batching: Some(batching), max_pending_messages: 0, ..ProducerConfig::default() };
    let producer = client.create_producer(topic, config).await.unwrap();
    let sending: Vec<_> = numbers.map(|number| producer.send(&number.to_be_bytes()[..])).collect();
    producer.flush().await.unwrap();
    for sending in sending {
        sending.await.unwrap();
    }
    producer.close().await.unwrap();
}

/// Sends numbers, each alone, with payloads of `size` bytes.
pub async fn send_singles(client: &Client, topic: &str, count: u32, size: usize) {
    let config = ProducerConfig { batching: None, ..ProducerConfig::default() };
    let producer = client.create_producer(topic, config).await.unwrap();
    let mut payload = vec![0; size];
    for number in 0..count {
        payload[..4].copy_from_slice(&number.to_be_bytes());
        producer.send(&payload[..]).await.unwrap();
    }
    producer.close().await.unwrap();
}

pub fn number(message: &Message) -> u32 {
    u32::from_be_bytes(message.payload()[..4].try_into().unwrap())
}

pub async fn receive(consumer: &Consumer) -> Message {
    tokio::time::timeout(LONG, consumer.receive()).await.unwrap().unwrap()
}

pub async fn receive_many(consumer: &Consumer, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        messages.push(receive(consumer).await);
    }
    messages
}

/// The numbers of everything that comes until nothing does for a while.
pub async fn rest(consumer: &Consumer) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Ok(message) = tokio::time::timeout(SHORT, consumer.receive()).await {
        numbers.push(number(&message.unwrap()));
    }
    numbers
}

pub fn backlog(broker: &TestBroker, topic: &str) -> u64 {
    broker.topic_stats(topic).unwrap().subscription("sub").unwrap().backlog
}
