//! Account of messages that are sent and received while connections are cut and topics unloaded.
//!
//! `PULSAR_RS_MESSAGES` says how many messages; without it each test has a number of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pulsar_rs_client::{
    BatchingConfig, ConsumerConfig, Error, InitialPosition, Message, OutgoingMessage, Producer,
    ProducerConfig, SendSink, SentEntry, SubscriptionType, Tokens,
};

use super::{Broker, eventually};

/// Until a message comes, whatever happens on the way.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn messages(default: usize) -> usize {
    std::env::var("PULSAR_RS_MESSAGES").map_or(default, |text| text.parse().unwrap())
}

pub fn config(subscription_type: SubscriptionType) -> ConsumerConfig {
    ConsumerConfig {
        subscription_type,
        initial_position: InitialPosition::Earliest,
        ..ConsumerConfig::default()
    }
}

pub fn number(message: &Message) -> u32 {
    u32::from_be_bytes(message.payload()[..4].try_into().unwrap())
}

/// Sends that were stored, and how many of them.
#[derive(Clone, Default)]
pub struct Stored(pub Arc<AtomicUsize>);

impl SendSink for Stored {
    type Token = u32;

    fn complete(&self, tokens: Tokens<u32>, outcome: Result<SentEntry, Error>) {
        outcome.unwrap();
        self.0.fetch_add(tokens.as_slice().len(), Ordering::SeqCst);
    }
}

pub fn producer_config(by_key: bool) -> ProducerConfig {
    ProducerConfig {
        max_pending_messages: 10_000,
        block_if_queue_full: true,
        send_timeout: None,
        batching: Some(BatchingConfig {
            by_key,
            max_messages: 100,
            max_delay: Duration::from_millis(1),
            ..BatchingConfig::default()
        }),
        ..ProducerConfig::default()
    }
}

/// How often each message came.
pub struct Ledger {
    pub came: Vec<AtomicU8>,
    /// Messages that came at all.
    pub different: AtomicUsize,
    pub again: AtomicUsize,
}

impl Ledger {
    pub fn new(messages: usize) -> Arc<Self> {
        let came = (0..messages).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Ledger { came, different: AtomicUsize::new(0), again: AtomicUsize::new(0) })
    }

    pub fn enter(&self, number: u32) {
        // More than 255 times is more than enough.
        let count = |times: u8| Some(times.saturating_add(1));
        let before = self.came[number as usize].fetch_update(Ordering::SeqCst, Ordering::SeqCst, count);
        let first = before == Ok(0);
        if first { &self.different } else { &self.again }.fetch_add(1, Ordering::SeqCst);
    }

    pub fn different(&self) -> usize {
        self.different.load(Ordering::SeqCst)
    }
}

/// Sends numbers in batches, each with the key of its rest.
pub fn send_all(producer: Producer<Stored>, messages: usize, keys: u32) -> tokio::task::JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        for number in 0..u32::try_from(messages).unwrap() {
            let key = (number % keys).to_be_bytes();
            let message = OutgoingMessage {
                payload: &number.to_be_bytes(),
                partition_key: Some(&key),
                ..OutgoingMessage::default()
            };
            producer.send_with(&message, number).unwrap();
        }
    })
}

/// Cuts connections and unloads the topic in turns, while messages come, `rounds` times. `happens` is called before and
/// after each time.
pub async fn make_trouble(
    broker: &Broker,
    topic: &str,
    ledger: &Ledger,
    rounds: usize,
    mut happens: impl FnMut(),
) {
    for round in 1..=rounds {
        let until = ledger.came.len() / (rounds + 1) * round;
        eventually(PATIENCE * 2, "messages come", || ledger.different() >= until).await;
        happens();
        if round % 3 == 0 {
            broker.unload(topic).await;
        } else {
            eventually(PATIENCE, "a connection is cut", || broker.cut() > 0).await;
        }
        happens();
    }
}

pub async fn backlog_ends(broker: &Broker, topic: &str) {
    let start = Instant::now();
    loop {
        let backlog = broker.backlog(topic, "sub").await;
        if backlog == 0 {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{backlog} entries are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
