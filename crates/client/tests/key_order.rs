//! Consumers of a key-shared subscription come and go, connections are cut, topics unloaded: each key stays in order.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use broker::account::{
    Ledger, PATIENCE, Stored, backlog_ends, config, make_trouble, messages, number, producer_config, send_all,
};
use broker::{Broker, eventually};
use parking_lot::Mutex;
use pulsar_rs_client::{Client, ConsumerConfig, SubscriptionType};

const KEYS: u32 = 200;

/// Which message of each key comes next.
///
/// Numbers of one key rise by the number of keys. A message may come again at any time. One that comes for the first
/// time must be the next of its key: whoever gets it, all before it came, and were entered, earlier. That holds because
/// consumers enter a message before they acknowledge it, and the broker gives a key to another consumer only when the
/// one before has acknowledged, or lost, all it had of the key.
///
/// A real broker has one gap there: entries that it reads at the moment when a consumer leaves may overtake those that
/// this consumer had and did not acknowledge. Such a message must come later, and only a departure excuses it.
#[derive(Default)]
struct KeyOrder {
    next: Vec<u32>,
    again: usize,
    /// A departure excuses overtaking.
    tolerant: bool,
    /// Consumers that left, or lost their connection, and what `departures` was when a message of the key came last.
    departures: u64,
    departures_at: Vec<u64>,
    overtaken: BTreeSet<u32>,
    /// Messages that were overtaken, in all.
    late: usize,
}

impl KeyOrder {
    fn new(tolerant: bool) -> Mutex<Self> {
        let departures_at = vec![0; KEYS as usize];
        let next = (0..KEYS).collect();
        Mutex::new(KeyOrder { next, tolerant, departures_at, ..KeyOrder::default() })
    }

    fn enter(&mut self, number: u32, who: &str) {
        let key = (number % KEYS) as usize;
        let next = self.next[key];
        if number < next {
            if !self.overtaken.remove(&number) {
                self.again += 1;
            }
            return;
        }
        if number > next {
            let excused = self.tolerant && self.departures > self.departures_at[key];
            assert!(excused, "{number} comes to {who} before {next}, of the same key");
            let before = self.overtaken.len();
            self.overtaken.extend((next..number).step_by(KEYS as usize));
            self.late += self.overtaken.len() - before;
        }
        self.next[key] = number + KEYS;
        self.departures_at[key] = self.departures;
    }
}

/// What all consumers of a test have in common.
struct Scene {
    topic: String,
    order: Mutex<KeyOrder>,
    ledger: Arc<Ledger>,
    done: AtomicBool,
}

impl Scene {
    fn new(topic: String, tolerant: bool) -> Arc<Scene> {
        let messages = messages(100_000) / KEYS as usize * KEYS as usize;
        let ledger = Ledger::new(messages);
        Arc::new(Scene { topic, order: KeyOrder::new(tolerant), ledger, done: AtomicBool::new(false) })
    }

    fn departure(&self) {
        self.order.lock().departures += 1;
    }

    /// One consumer, until it has taken so many messages, or there are no more.
    async fn consume(&self, client: &Client, who: String, stay: usize) {
        let config = ConsumerConfig {
            name: Some(who.clone()),
            receiver_queue_size: 500,
            ..config(SubscriptionType::KeyShared)
        };
        let consumer = client.subscribe(&self.topic, "sub", config).await.unwrap();
        let mut taken = 0;
        while taken < stay && !self.done.load(Ordering::SeqCst) {
            let wait = Duration::from_millis(200);
            let Ok(message) = tokio::time::timeout(wait, consumer.receive()).await else { continue };
            let message = message.unwrap();
            self.order.lock().enter(number(&message), &who);
            self.ledger.enter(number(&message));
            consumer.acknowledge(&message).unwrap();
            taken += 1;
        }
        self.departure();
        consumer.close().await.unwrap();
        self.departure();
    }

    /// One consumer after the other; returns how many there were.
    async fn come_and_go(self: Arc<Self>, client: Client, place: usize) -> usize {
        // Not all at the same time, and one place stays occupied for long.
        let stay = self.ledger.came.len() / if place == 0 { 5 } else { 40 + 7 * place };
        let mut consumers = 0;
        while !self.done.load(Ordering::SeqCst) {
            consumers += 1;
            self.consume(&client, format!("{place}-{consumers}"), stay).await;
        }
        consumers
    }

    /// One consumer that comes once so many messages came, and stays.
    async fn come_late(self: Arc<Self>, client: Client, place: usize, messages: usize) -> usize {
        eventually(PATIENCE * 4, "messages come", || self.ledger.different() >= messages).await;
        self.consume(&client, place.to_string(), usize::MAX).await;
        1
    }

    /// Sends everything, `trouble` meanwhile, and waits until all came and is acknowledged; prints the account.
    async fn play<T: Future<Output = ()>>(
        &self,
        broker: &Broker,
        consumers: Vec<tokio::task::JoinHandle<usize>>,
        trouble: T,
    ) -> usize {
        let (start, messages) = (Instant::now(), self.ledger.came.len());
        let client = broker.client();
        let stored = Stored::default();
        let config = producer_config(true);
        let producer = client.create_producer_with(&self.topic, config, stored.clone()).await.unwrap();
        let sender = send_all(producer, messages, KEYS);
        trouble.await;
        sender.await.unwrap();
        eventually(PATIENCE, "every message comes", || self.ledger.different() == messages).await;
        assert_eq!(stored.0.load(Ordering::SeqCst), messages);
        backlog_ends(broker, &self.topic).await;
        self.done.store(true, Ordering::SeqCst);
        let mut came = 0;
        for consumer in consumers {
            came += consumer.await.unwrap();
        }
        let order = self.order.lock();
        assert!(order.overtaken.is_empty(), "{} never came", order.overtaken.len());
        println!(
            "{messages} messages, {came} consumers, {} came again, {} late, {:.1?}",
            order.again,
            order.late,
            start.elapsed()
        );
        came
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_stay_in_order_while_consumers_come_and_go() {
    let broker = Broker::start().await;
    let scene = Scene::new(broker.deduplicating_topic("key-order"), broker.is_real());
    let clients = [broker.client(), broker.client()];
    let consumers =
        (0..4).map(|place| tokio::spawn(scene.clone().come_and_go(clients[place % 2].clone(), place)));
    let consumers = consumers.collect();
    let trouble = make_trouble(&broker, &scene.topic, &scene.ledger, 20, || scene.departure());
    let came = scene.play(&broker, consumers, trouble).await;
    assert!(came > 8, "only {came} consumers came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_stay_in_order_while_consumers_come() {
    let broker = Broker::start().await;
    let scene = Scene::new(broker.deduplicating_topic("key-order-come"), false);
    let messages = scene.ledger.came.len();
    let clients = [broker.client(), broker.client()];
    let consumers = (0..6).map(|place| {
        let client = clients[place % 2].clone();
        tokio::spawn(scene.clone().come_late(client, place, messages / 8 * place))
    });
    let consumers = consumers.collect();
    scene.play(&broker, consumers, async {}).await;
    assert_eq!(scene.order.lock().again, 0);
}
