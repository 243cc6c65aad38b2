//! Connections are cut and topics unloaded, again and again: every message comes. None comes again that was acknowledged
//! before its consumer was closed.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use broker::account::{
    Ledger, PATIENCE, Stored, backlog_ends, config, make_trouble, messages, number, producer_config, send_all,
};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, Consumer, ConsumerConfig, FutureSink, Message, Producer, ProducerConfig,
    SubscriptionType,
};

/// Receives, enters and acknowledges, until there is no more.
async fn receive_all(consumer: Consumer, ledger: Arc<Ledger>, done: Arc<AtomicBool>) {
    while !done.load(Ordering::SeqCst) {
        if let Ok(message) = tokio::time::timeout(Duration::from_millis(200), consumer.receive()).await {
            let message = message.unwrap();
            ledger.enter(number(&message));
            consumer.acknowledge(&message).unwrap();
        }
    }
    consumer.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_missed_on_a_shared_subscription() {
    let broker = Broker::start().await;
    let topic = broker.deduplicating_topic("missed");
    let (sending, receiving) = (broker.client(), [broker.client(), broker.client()]);
    let messages = messages(1_000_000);
    let (ledger, done) = (Ledger::new(messages), Arc::new(AtomicBool::new(false)));
    let mut receivers = Vec::new();
    for client in receiving.iter().chain(&receiving) {
        let consumer = client.subscribe(&topic, "sub", config(SubscriptionType::Shared)).await.unwrap();
        receivers.push(tokio::spawn(receive_all(consumer, ledger.clone(), done.clone())));
    }
    let (stored, start) = (Stored::default(), Instant::now());
    let producer =
        sending.create_producer_with(&topic, producer_config(false), stored.clone()).await.unwrap();
    let sender = send_all(producer, messages, 100);
    make_trouble(&broker, &topic, &ledger, 40, || {}).await;
    sender.await.unwrap();
    eventually(PATIENCE, "every message comes", || ledger.different() == messages).await;
    assert_eq!(stored.0.load(Ordering::SeqCst), messages);
    backlog_ends(&broker, &topic).await;
    done.store(true, Ordering::SeqCst);
    for receiver in receivers {
        receiver.await.unwrap();
    }
    let again = ledger.again.load(Ordering::SeqCst);
    println!("{messages} messages, {again} of them came again, {:.1?}", start.elapsed());
    assert_eq!(broker.backlog(&topic, "sub").await, 0);
}

/// How a consumer acknowledges in the test below.
#[derive(Debug, Clone, Copy)]
enum Acks {
    /// Some messages of each batch.
    Individual(SubscriptionType),
    /// Up to some message in the middle of a batch.
    Cumulative,
}

/// Receives all that is left, acknowledges some of it and closes; the numbers that came and those acknowledged.
async fn take_some(
    client: &Client,
    topic: &str,
    acks: Acks,
    left: usize,
    round: u32,
) -> (Vec<u32>, Vec<u32>) {
    let subscription_type = match acks {
        Acks::Individual(subscription_type) => subscription_type,
        Acks::Cumulative => SubscriptionType::Exclusive,
    };
    let config = ConsumerConfig { batch_index_ack: true, ..config(subscription_type) };
    let consumer = client.subscribe(topic, "sub", config).await.unwrap();
    let mut received = Vec::new();
    for _ in 0..left {
        received.push(tokio::time::timeout(PATIENCE, consumer.receive()).await.unwrap().unwrap());
    }
    let numbers: Vec<u32> = received.iter().map(number).collect();
    let acknowledged = match acks {
        Acks::Individual(_) => {
            let chosen =
                |message: &&Message| (number(message).wrapping_mul(2_654_435_761) >> 16) % 3 == round % 3;
            received
                .iter()
                .filter(chosen)
                .map(|message| {
                    consumer.acknowledge(message).unwrap();
                    number(message)
                })
                .collect()
        }
        Acks::Cumulative => {
            let count = (received.len() / 3 + 1).min(received.len());
            consumer.acknowledge_cumulative(&received[count - 1]).unwrap();
            numbers[..count].to_vec()
        }
    };
    // At once: what was acknowledged a moment ago counts as well.
    consumer.close().await.unwrap();
    (numbers, acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_clean_close_does_not_come_again() {
    let broker = Broker::start().await;
    let client = broker.client();
    // Fewer than a broker lets one consumer have without an acknowledgement.
    let messages = u32::try_from(messages(100_000) / 10).unwrap().min(20_000);
    for acks in [
        Acks::Individual(SubscriptionType::Exclusive),
        Acks::Individual(SubscriptionType::Shared),
        Acks::Individual(SubscriptionType::KeyShared),
        Acks::Cumulative,
    ] {
        let topic = unique("acknowledged");
        client
            .subscribe(&topic, "sub", config(SubscriptionType::Shared))
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
        send_in_batches(&client, &topic, messages).await;
        let mut left: Vec<u32> = (0..messages).collect();
        let mut round = 0;
        while !left.is_empty() {
            let (mut received, mut acknowledged) = take_some(&client, &topic, acks, left.len(), round).await;
            received.sort_unstable();
            assert!(received == left, "{acks:?} in round {round}: {} of {} came", received.len(), left.len());
            acknowledged.sort_unstable();
            left.retain(|number| acknowledged.binary_search(number).is_err());
            round += 1;
        }
        assert_eq!(broker.backlog(&topic, "sub").await, 0, "{acks:?}");
        assert!(round > 2, "{acks:?}");
    }
}

async fn send_in_batches(client: &Client, topic: &str, messages: u32) {
    let batching = BatchingConfig { max_messages: 10, ..BatchingConfig::default() };
    let config =
        ProducerConfig { batching: Some(batching), max_pending_messages: 0, ..ProducerConfig::default() };
    let producer: Producer<FutureSink> = client.create_producer(topic, config).await.unwrap();
    for number in 0..messages {
        drop(producer.send(&number.to_be_bytes()[..]));
    }
    producer.flush().await.unwrap();
    producer.close().await.unwrap();
}
