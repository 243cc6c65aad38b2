//! Connections are cut again and again: nothing is lost, nothing comes twice, and the order stays.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use broker::{Broker, eventually};
use pulsar_rs_client::{
    BatchingConfig, ConsumerConfig, Error, InitialPosition, OutgoingMessage, ProducerConfig, SendSink,
    SentEntry, Tokens,
};

const MESSAGES: usize = 1_000_000;
const CUTS: usize = 50;

/// Counts how often each message completed.
#[derive(Clone)]
struct Ledger {
    completed: Arc<[AtomicU8]>,
    total: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
}

impl Ledger {
    fn new(messages: usize) -> Self {
        Ledger {
            completed: (0..messages).map(|_| AtomicU8::new(0)).collect(),
            total: Arc::default(),
            failed: Arc::default(),
        }
    }
}

impl SendSink for Ledger {
    type Token = u32;

    fn complete(&self, tokens: Tokens<u32>, outcome: Result<SentEntry, Error>) {
        for token in tokens.as_slice() {
            self.completed[*token as usize].fetch_add(1, Ordering::SeqCst);
        }
        self.total.fetch_add(tokens.as_slice().len(), Ordering::SeqCst);
        if outcome.is_err() {
            self.failed.fetch_add(tokens.as_slice().len(), Ordering::SeqCst);
        }
    }
}

fn producer_config() -> ProducerConfig {
    ProducerConfig {
        max_pending_messages: 10_000,
        block_if_queue_full: true,
        send_timeout: None,
        batching: Some(BatchingConfig {
            max_messages: 100,
            max_delay: Duration::from_millis(1),
            ..BatchingConfig::default()
        }),
        ..ProducerConfig::default()
    }
}

fn from_the_beginning() -> ConsumerConfig {
    ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_sends_survive_fifty_cuts() {
    let broker = Broker::start().await;
    let topic = broker.deduplicating_topic("million");
    let client = broker.client();
    // The subscription holds everything for the reader that comes afterwards.
    client.subscribe(&topic, "reader", from_the_beginning()).await.unwrap().close().await.unwrap();

    let ledger = Ledger::new(MESSAGES);
    let producer =
        Arc::new(client.create_producer_with(&topic, producer_config(), ledger.clone()).await.unwrap());
    let sender = tokio::task::spawn_blocking({
        let producer = producer.clone();
        move || {
            for number in 0..u32::try_from(MESSAGES).unwrap() {
                producer.send_with(&OutgoingMessage::from(&number.to_be_bytes()[..]), number).unwrap();
            }
        }
    });
    for round in 1..=CUTS {
        // In the middle of traffic, and with a connection to cut.
        let until = MESSAGES / (CUTS + 1) * round;
        let bound = Duration::from_secs(60);
        eventually(bound, "sends go on", || ledger.total.load(Ordering::SeqCst) >= until).await;
        eventually(bound, "a connection is cut", || producer.is_connected() && broker.cut() > 0).await;
    }
    sender.await.unwrap();
    let bound = Duration::from_secs(120);
    eventually(bound, "everything completes", || ledger.total.load(Ordering::SeqCst) >= MESSAGES).await;

    assert_eq!(ledger.failed.load(Ordering::SeqCst), 0);
    assert!(ledger.completed.iter().all(|times| times.load(Ordering::SeqCst) == 1));
    assert_eq!(producer.last_sequence_id(), i64::try_from(MESSAGES).unwrap() - 1);
    client.close().await.unwrap();

    let reader = broker.client();
    let consumer = reader.subscribe(&topic, "reader", from_the_beginning()).await.unwrap();
    for number in 0..u32::try_from(MESSAGES).unwrap() {
        let message = tokio::time::timeout(Duration::from_secs(30), consumer.receive()).await;
        let message = message.unwrap_or_else(|_| panic!("message {number} is lost")).unwrap();
        assert_eq!(message.payload(), number.to_be_bytes(), "in place {number}");
        consumer.acknowledge(&message).unwrap();
    }
    let more = tokio::time::timeout(Duration::from_millis(300), consumer.receive()).await;
    assert!(more.is_err(), "a message came twice");
    reader.close().await.unwrap();
}
