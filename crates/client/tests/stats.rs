//! What clients, producers and consumers count, and the lines they log about it.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::numbers::{
    LONG, config, in_memory, receive, receive_many, rest, send_batches, send_singles, subscribe,
};
use broker::{Broker, eventually, unique};
use parking_lot::Mutex;
use pulsar_rs_client::log::{Level, Logger, Record};
use pulsar_rs_client::{
    BatchingConfig, Client, ClientConfig, Compression, Consumer, ConsumerConfig, Error, FutureSink,
    OutgoingMessage, Producer, ProducerConfig, ProducerStats, RoutingMode, SubscriptionType,
};
use pulsar_rs_testbroker::{Options, TestBroker};

/// No batch is sent before it is flushed.
fn gathering() -> ProducerConfig {
    let batching = BatchingConfig { max_delay: Duration::from_secs(60), ..BatchingConfig::default() };
    ProducerConfig { batching: Some(batching), ..ProducerConfig::default() }
}

fn unbatched() -> ProducerConfig {
    ProducerConfig { batching: None, ..ProducerConfig::default() }
}

/// What always holds, whatever happened.
fn check(stats: &ProducerStats) {
    assert_eq!(stats.messages, stats.acknowledged + stats.failed + stats.pending_messages, "{stats:?}");
    assert_eq!(stats.latency.count(), stats.acknowledged, "{stats:?}");
    assert!(stats.timed_out <= stats.failed, "{stats:?}");
}

fn checked(producer: &Producer<FutureSink>) -> ProducerStats {
    let stats = producer.stats();
    check(&stats);
    stats
}

async fn drained(consumer: &Consumer, queued: u64) {
    eventually(LONG, "what was sent is queued", || consumer.stats().queued_messages == queued).await;
}

#[tokio::test]
async fn a_producer_counts_messages_bytes_and_entries() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("counted");
    let producer = client.create_producer(&topic, gathering()).await.unwrap();
    let start = Instant::now();
    let sending: Vec<_> = ["a", "bc", "def"].map(|payload| producer.send(payload)).into();
    let before = checked(&producer);
    assert_eq!((before.messages, before.bytes, before.entries), (3, 6, 0));
    assert_eq!((before.pending_messages, before.pending_bytes, before.acknowledged), (3, 6, 0));
    producer.flush().await.unwrap();
    for sending in sending {
        sending.await.unwrap();
    }
    // What is delivered later goes alone.
    let single = OutgoingMessage {
        payload: b"ghij",
        partition_key: Some(b"key"),
        deliver_at: Some(0),
        ..OutgoingMessage::default()
    };
    producer.send(single).await.unwrap();
    let after = checked(&producer);
    assert_eq!((after.messages, after.bytes, after.entries, after.acknowledged), (4, 10, 2, 4));
    assert_eq!((after.pending_messages, after.pending_bytes, after.failed, after.reconnects), (0, 0, 0, 0));
    // Each message of a batch has a head of its own there.
    assert!(after.uncompressed_bytes > 10 && after.uncompressed_bytes < 100, "{after:?}");
    assert_eq!(after.compressed_bytes, after.uncompressed_bytes);
    assert!(after.latency.sum() > Duration::ZERO && after.latency.sum() < 4 * start.elapsed());
    assert_eq!(&*after.topic, format!("persistent://public/default/{topic}"));
    assert_eq!((after.partition, &*after.name), (-1, &*producer.name()));
    assert!(after.is_connected && !after.name.is_empty() && after.partitions.is_empty());
    client.close().await.unwrap();
    assert!(!checked(&producer).is_connected);
}

#[tokio::test]
async fn latencies_count_from_the_first_message_of_a_batch() {
    let (broker, client) = in_memory();
    broker.delay_receipts(Duration::from_millis(100));
    let producer = client.create_producer(&unique("latency"), gathering()).await.unwrap();
    let sending: Vec<_> = (0..10).map(|_| producer.send("x")).collect();
    producer.flush().await.unwrap();
    for sending in sending {
        sending.await.unwrap();
    }
    let latency = checked(&producer).latency;
    assert_eq!(latency.count(), 10);
    assert!(latency.sum() >= Duration::from_secs(1), "{latency:?}");
    assert!(latency.quantile(0.5).unwrap() >= Duration::from_millis(100));
    client.close().await.unwrap();
}

#[tokio::test]
async fn compression_shows() {
    let (_broker, client) = in_memory();
    for batching in [None, Some(BatchingConfig::default())] {
        let config =
            ProducerConfig { compression: Some(Compression::Zstd), batching, ..ProducerConfig::default() };
        let producer = client.create_producer(&unique("compressed"), config).await.unwrap();
        producer.send(&[0; 10_000][..]).await.unwrap();
        let stats = checked(&producer);
        assert!(stats.uncompressed_bytes >= 10_000 && stats.uncompressed_bytes < 10_100, "{stats:?}");
        assert!(stats.compressed_bytes > 0 && stats.compressed_bytes < 1000, "{stats:?}");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn failures_count_by_their_kind() {
    let (broker, client) = in_memory();
    broker.withhold_receipts(true);
    let config = ProducerConfig {
        send_timeout: Some(Duration::from_millis(100)),
        max_pending_messages: 2,
        block_if_queue_full: false,
        ..unbatched()
    };
    let late = client.create_producer(&unique("late"), config).await.unwrap();
    let (first, second) = (late.send("a"), late.send("b"));
    assert!(matches!(late.send("c").await, Err(Error::ProducerQueueIsFull(_))));
    assert!(matches!(first.await, Err(Error::Timeout(_))));
    assert!(matches!(second.await, Err(Error::Timeout(_))));
    let stats = checked(&late);
    assert_eq!((stats.messages, stats.failed, stats.timed_out, stats.refused), (2, 2, 2, 1));
    assert_eq!((stats.pending_messages, stats.pending_bytes, stats.acknowledged), (0, 0, 0));

    let closed = client.create_producer(&unique("closed"), gathering()).await.unwrap();
    let sending: Vec<_> = (0..3).map(|_| closed.send("x")).collect();
    closed.close().await.unwrap();
    for sending in sending {
        assert!(matches!(sending.await, Err(Error::AlreadyClosed(_))));
    }
    let stats = checked(&closed);
    assert_eq!((stats.messages, stats.failed, stats.timed_out, stats.pending_bytes), (3, 3, 0, 0));
    // What was never accepted is not counted.
    assert!(closed.send("x").await.is_err());
    assert_eq!(checked(&closed).messages, 3);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnects_count_and_nothing_else_changes_with_them() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reconnects");
    let consumer = subscribe(&client, &topic, config()).await;
    let producer = client.create_producer(&topic, unbatched()).await.unwrap();
    for cuts in 1..=2 {
        producer.send("x").await.unwrap();
        receive(&consumer).await;
        broker.cut();
        let both = || (producer.stats().reconnects, consumer.stats().reconnects) == (cuts, cuts);
        eventually(LONG, "both are back", both).await;
    }
    producer.send("x").await.unwrap();
    let stats = checked(&producer);
    assert_eq!((stats.messages, stats.entries, stats.acknowledged, stats.failed), (3, 3, 3, 0));
    assert!(stats.is_connected && consumer.stats().is_connected);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_partitioned_producer_gives_its_sum_and_its_partitions() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let topic = unique("partitions");
    broker.create_topic(&topic, 3).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    let config =
        ProducerConfig { routing: RoutingMode::RoundRobin, lazy_start_partitions: true, ..unbatched() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    // Two of the partitions are not on a broker: what comes first waits there.
    let sending: Vec<_> = (0..9).map(|_| producer.send("xy")).collect();
    assert_eq!((checked(&producer).messages, checked(&producer).bytes), (9, 18));
    for sending in sending {
        sending.await.unwrap();
    }
    let stats = checked(&producer);
    assert_eq!((stats.messages, stats.bytes, stats.acknowledged, stats.pending_bytes), (9, 18, 9, 0));
    assert!(stats.is_connected);
    assert_eq!((&*stats.topic, stats.partition), (producer.topic().as_str(), -1));
    for (number, partition) in (0..).zip(&stats.partitions) {
        check(partition);
        assert_eq!((partition.messages, partition.acknowledged, partition.partition), (3, 3, number));
        assert_eq!(&*partition.topic, format!("{}-partition-{number}", stats.topic));
    }
    // The client tells of each partition, as does Prometheus.
    let mut partitions = stats.partitions;
    assert_eq!(partitions.len(), 3);
    let mut listed = client.stats().producers;
    listed.sort_by_key(|one| one.partition);
    partitions.sort_by_key(|one| one.partition);
    assert_eq!(listed, partitions);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_consumer_counts_what_was_taken_and_what_waits() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("taken");
    let consumer = subscribe(&client, &topic, config()).await;
    send_batches(&client, &topic, 0..10, 5).await;
    drained(&consumer, 10).await;
    let before = consumer.stats();
    assert_eq!((before.entries, before.messages, before.bytes), (2, 0, 0));
    assert!(before.queued_bytes > 40, "{before:?}");
    receive_many(&consumer, 7).await;
    let after = consumer.stats();
    assert_eq!((after.entries, after.messages, after.bytes, after.queued_messages), (2, 7, 28, 3));
    assert_eq!((after.unreturned_permits, after.queued_bytes), (7, 0));
    assert_eq!(&*after.topic, consumer.topic());
    assert_eq!((&*after.subscription, &*after.name), ("sub", consumer.name()));
    assert_eq!((after.partition, after.is_connected, after.discarded), (-1, true, 0));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_consumer_counts_acknowledgements() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("acknowledged");
    let consumer = subscribe(&client, &topic, config()).await;
    send_batches(&client, &topic, 0..5, 5).await;
    send_singles(&client, &topic, 3, 4).await;
    let messages = receive_many(&consumer, 8).await;
    for message in &messages[..4] {
        consumer.acknowledge(message).unwrap();
    }
    // A batch counts with its last message.
    assert_eq!(consumer.stats().acknowledged, 0);
    consumer.acknowledge_id(&messages[4].id()).unwrap();
    consumer.acknowledge(&messages[5]).unwrap();
    assert_eq!((consumer.stats().acknowledged, consumer.stats().cumulative_acks), (6, 0));
    consumer.acknowledge_cumulative(&messages[7]).unwrap();
    assert_eq!((consumer.stats().acknowledged, consumer.stats().cumulative_acks), (6, 1));
    eventually(LONG, "the acknowledgements left", || consumer.stats().acks_sent == 3).await;
    consumer.close().await.unwrap();
    assert_eq!(consumer.stats().acks_failed, 0);
    assert!(consumer.acknowledge(&messages[0]).is_err());
    assert!(consumer.acknowledge_id(&messages[0].id()).is_err());
    assert!(consumer.acknowledge_cumulative(&messages[0]).is_err());
    let stats = consumer.stats();
    assert_eq!((stats.acks_failed, stats.acknowledged, stats.is_connected), (3, 6, false));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_consumer_counts_what_it_asks_for_again() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("again");
    let shared = ConsumerConfig {
        subscription_type: SubscriptionType::Shared,
        negative_ack_delay: Duration::ZERO,
        ..config()
    };
    let consumer = subscribe(&client, &topic, shared).await;
    send_batches(&client, &topic, 0..4, 4).await;
    let messages = receive_many(&consumer, 4).await;
    for message in &messages {
        consumer.negative_acknowledge(message);
    }
    receive_many(&consumer, 4).await;
    let stats = consumer.stats();
    assert_eq!((stats.negative_acks, stats.messages, stats.entries), (4, 8, 2), "{stats:?}");
    assert_eq!(stats.redelivery_requests, 1);
    consumer.redeliver_unacknowledged();
    assert_eq!(rest(&consumer).await.len(), 4);
    assert_eq!((consumer.stats().redelivery_requests, consumer.stats().ack_timeouts), (2, 0));
    client.close().await.unwrap();
}

#[tokio::test]
async fn ack_timeouts_count() {
    let (_broker, client) = in_memory();
    let topic = unique("overdue");
    let overdue = ConsumerConfig { ack_timeout: Some(Duration::from_secs(10)), ..config() };
    let consumer = subscribe(&client, &topic, overdue).await;
    send_singles(&client, &topic, 2, 4).await;
    receive_many(&consumer, 2).await;
    eventually(Duration::from_secs(20), "they are overdue", || consumer.stats().ack_timeouts == 2).await;
    assert_eq!(consumer.stats().redelivery_requests, 1);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_client_tells_of_all_that_is_open() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let limited = ClientConfig { memory_limit: 1000, ..ClientConfig::default() };
    for (settings, limit) in [(ClientConfig::default(), 0), (limited, 1000)] {
        let client = Client::new(broker.url(), settings).unwrap();
        let empty = client.stats();
        assert_eq!((empty.connections, empty.memory_used, empty.memory_limit), (0, 0, limit));
        let topic = unique("open");
        let first = client.create_producer(&topic, gathering()).await.unwrap();
        let second = client.create_producer(&topic, gathering()).await.unwrap();
        let consumer = subscribe(&client, &topic, config()).await;
        let waits = [first.send("12345"), second.send("12")];
        let stats = client.stats();
        assert_eq!((stats.connections, stats.memory_used), (1, 7));
        let names: Vec<_> = stats.producers.iter().map(|producer| producer.name.clone()).collect();
        assert_eq!(names, [first.name(), second.name()]);
        assert_eq!(stats.consumers, [consumer.stats()]);
        first.close().await.unwrap();
        consumer.close().await.unwrap();
        let stats = client.stats();
        assert_eq!((stats.producers.len(), stats.consumers.len(), stats.memory_used), (1, 0, 2));
        client.close().await.unwrap();
        for waits in waits {
            assert!(waits.await.is_err());
        }
        let closed = client.stats();
        assert_eq!((closed.connections, closed.producers.len(), closed.memory_used), (0, 0, 0));
    }
}

/// Keeps the lines about statistics.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Logger for Lines {
    fn enabled(&self, level: Level) -> bool {
        level >= Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        let line = record.message.to_string();
        if line.starts_with("statistics") {
            assert_eq!(record.level, Level::Info);
            self.0.lock().push(line);
        }
    }
}

impl Lines {
    /// Those that contain all these words.
    fn with(&self, words: &[&str]) -> usize {
        let lines = self.0.lock();
        lines.iter().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }

    /// What stands before `noun` for the first time, such as 3 in "3 messages", added up over the lines of `who`.
    fn sum(&self, who: &str, noun: &str) -> u64 {
        let lines = self.0.lock();
        let before =
            |line: &String| line.split(noun).next()?.trim_end().rsplit(' ').next()?.parse::<u64>().ok();
        lines.iter().filter(|line| line.contains(who)).filter_map(before).sum()
    }
}

fn logging(broker: &TestBroker, interval: Option<Duration>) -> (Client, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let config = ClientConfig { stats_interval: interval, logger: lines.clone(), ..ClientConfig::default() };
    (Client::new(broker.url(), config).unwrap(), lines)
}

#[tokio::test]
async fn lines_tell_what_each_did_since_the_last_and_in_all() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let (client, lines) = logging(&broker, Some(Duration::from_millis(50)));
    let topic = unique("lines");
    let consumer = subscribe(&client, &topic, config()).await;
    let producer = client.create_producer(&topic, unbatched()).await.unwrap();
    for round in 1..=2 {
        producer.send("1234").await.unwrap();
        let message = receive(&consumer).await;
        consumer.acknowledge(&message).unwrap();
        let all = format!("in all: {round} messages, {} bytes, {round} acknowledged", 4 * round);
        let who = format!("producer {} on persistent://public/default/{topic}", producer.name());
        eventually(LONG, "a line of the producer", || lines.with(&[&who, "latency 50 % ", &all]) == 1).await;
        let who = format!("consumer {} of sub on persistent://public/default/{topic}", consumer.name());
        eventually(LONG, "a line of the consumer", || lines.with(&[&who, &all]) == 1).await;
        // An interval may end in the middle of it.
        for who in ["producer", "consumer"] {
            assert_eq!(lines.sum(who, "messages"), round, "{:?}", lines.0.lock());
            assert_eq!(lines.sum(who, "acknowledged"), round, "{:?}", lines.0.lock());
        }
    }
    let told = lines.with(&[]);
    // Nothing to tell of: two intervals and more.
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(lines.with(&[]), told, "{:?}", lines.0.lock());
    // What does not get on is told of each time.
    broker.withhold_receipts(true);
    let waits = producer.send("x");
    eventually(LONG, "the message that waits", || lines.with(&["producer", "0 messages", "1 pending"]) >= 2)
        .await;
    client.close().await.unwrap();
    assert!(waits.await.is_err());
}

#[tokio::test]
async fn without_an_interval_there_are_no_lines_and_no_task() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let clients = [None, Some(Duration::ZERO)].map(|interval| logging(&broker, interval));
    assert_eq!(tasks(), before);
    for (client, lines) in clients {
        let producer = client.create_producer(&unique("silent"), unbatched()).await.unwrap();
        producer.send("x").await.unwrap();
        client.close().await.unwrap();
        assert_eq!(lines.with(&[]), 0);
    }
}

#[tokio::test]
async fn the_task_ends_with_its_client() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (closed, _) = logging(&broker, Some(Duration::from_secs(3600)));
    let (dropped, _) = logging(&broker, Some(Duration::MAX));
    assert_eq!(tasks(), before + 2);
    closed.close().await.unwrap();
    drop(dropped);
    eventually(LONG, "both tasks are gone", || tasks() == before).await;
}
