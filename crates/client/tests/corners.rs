//! Producers where things meet: starting, closing, timing out, refusing, and nobody who waits for the end of it.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    AccessMode, BatchingConfig, Client, ClientConfig, Compression, ConsumerConfig, Error, OutgoingMessage,
    ProducerConfig, RoutingMode, SendSink, SentEntry, Tokens,
};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};

/// Far longer than anything here takes.
const BOUND: Duration = Duration::from_secs(10);

/// How often clients look for new partitions.
const INTERVAL: Duration = Duration::from_millis(20);

/// A broker with a topic of `partitions` and a client. The topic drops duplicates.
async fn with_partitions(partitions: u32) -> (Broker, String, Client) {
    let broker = Broker::start().await;
    let topic = broker.deduplicating_topic("corner");
    broker.create_topic(&topic, partitions).await;
    let client =
        broker.client_with(ClientConfig { partitions_update_interval: INTERVAL, ..broker.client_config() });
    (broker, topic, client)
}

/// The same in memory, for what only that broker tells or can be told to do; duplicates are kept.
fn in_memory(partitions: u32) -> (TestBroker, String, Client) {
    let broker = TestBroker::start(Options::default()).unwrap();
    let topic = unique("corner");
    broker.create_topic(&topic, partitions).unwrap();
    let config = ClientConfig { partitions_update_interval: INTERVAL, ..ClientConfig::default() };
    let client = Client::new(broker.url(), config).unwrap();
    (broker, topic, client)
}

fn unbatched() -> ProducerConfig {
    ProducerConfig { batching: None, ..ProducerConfig::default() }
}

fn lazy() -> ProducerConfig {
    ProducerConfig { lazy_start_partitions: true, ..unbatched() }
}

fn with_access(access_mode: AccessMode) -> ProducerConfig {
    ProducerConfig { access_mode, ..unbatched() }
}

fn to_partition(partition: u32) -> OutgoingMessage<'static> {
    OutgoingMessage { partition: Some(partition), ..OutgoingMessage::default() }
}

/// Producers that a topic without partitions, or a partition, has.
fn producers(broker: &TestBroker, topic: &str) -> u32 {
    broker.topic_stats(topic).map_or(0, |stats| stats.producers)
}

#[tokio::test]
async fn messages_before_the_first_connection_get_ids_the_broker_does_not_know() {
    let (broker, topic, client) = with_partitions(2).await;
    // The second time the broker knows the ids of the first.
    for stored in [6, 12] {
        let config = ProducerConfig { name: Some("writer".into()), ..lazy() };
        let producer = client.create_producer(&topic, config).await.unwrap();
        // Nothing connects before this test waits.
        let sending: Vec<_> = (0..3).map(|_| producer.send(to_partition(1))).collect();
        let mut entries = Vec::new();
        for sending in sending {
            entries.push(sending.await.unwrap().entry);
        }
        for _ in 0..3 {
            entries.push(producer.send(to_partition(1)).await.unwrap().entry);
        }
        assert!(entries[0] >= 0 && entries.is_sorted_by(|left, right| left < right), "{entries:?}");
        if let Some(broker) = broker.in_memory() {
            let stats = broker.topic_stats(&format!("{topic}-partition-1")).unwrap();
            assert_eq!(stats.entries_stored, stored);
        }
        producer.close().await.unwrap();
    }
    client.close().await.unwrap();
}

/// A token, and what became of its message.
type Outcome = (u64, Result<(), Error>);

/// Keeps every outcome, in the order of completion.
#[derive(Debug, Clone, Default)]
struct Outcomes(Arc<Mutex<Vec<Outcome>>>);

impl SendSink for Outcomes {
    type Token = u64;

    fn complete(&self, tokens: Tokens<u64>, outcome: Result<SentEntry, Error>) {
        let outcome = outcome.map(|_| ());
        self.0.lock().unwrap().extend(tokens.as_slice().iter().map(|token| (*token, outcome.clone())));
    }
}

#[tokio::test]
async fn a_bulk_send_that_waits_for_room_goes_on_when_messages_time_out() {
    let (broker, topic, client) = in_memory(0);
    let config = ProducerConfig {
        max_pending_messages: 4,
        block_if_queue_full: true,
        send_timeout: Some(Duration::from_millis(300)),
        ..ProducerConfig::default()
    };
    let outcomes = Outcomes::default();
    let producer = client.create_producer_with(&topic, config, outcomes.clone()).await.unwrap();
    let producer = Arc::new(producer);
    // With this answered, the timers of the producer have seen that there is nothing to do, and sleep.
    client.create_producer(&unique("other"), unbatched()).await.unwrap();
    broker.withhold_receipts(true);
    // A thread of its own: if it hangs, the test ends all the same.
    let sender = std::thread::spawn({
        let producer = producer.clone();
        move || producer.send_many((0..8).map(|token| ("x".into(), token)))
    });
    eventually(BOUND, "all are accepted", || sender.is_finished()).await;
    assert_eq!(sender.join().unwrap(), Ok(8));
    eventually(BOUND, "all have an outcome", || outcomes.0.lock().unwrap().len() == 8).await;
    client.close().await.unwrap();
    let outcomes = outcomes.0.lock().unwrap();
    assert_eq!(outcomes.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Err(Error::Timeout(_)))), "{outcomes:?}");
}

/// Messages of all kinds, which go different ways into batches, with numbers as contents.
fn mixed(numbers: &[[u8; 4]]) -> impl Iterator<Item = (OutgoingMessage<'_>, u64)> {
    numbers.iter().zip(0u64..).map(|(number, token)| {
        let plain = OutgoingMessage::from(&number[..]);
        let message = match token % 10 {
            3 => OutgoingMessage { partition_key: Some(b"key"), ..plain },
            5 => OutgoingMessage { sequence_id: Some(1_000 + token), ..plain },
            // Behind a higher one, so in another batch.
            6 => OutgoingMessage { sequence_id: Some(token), ..plain },
            8 => OutgoingMessage { deliver_at: Some(1), ..plain },
            _ => plain,
        };
        (message, token)
    })
}

#[tokio::test]
async fn many_at_once_go_as_if_they_went_one_by_one() {
    let numbers: Vec<_> = (0..500u32).map(u32::to_be_bytes).collect();
    let (broker, _, client) = in_memory(0);
    let mut stored = Vec::new();
    for at_once in [true, false] {
        let topic = unique("mixed");
        let consumer = client.subscribe(&topic, "sub", ConsumerConfig::default()).await.unwrap();
        let batching = BatchingConfig {
            max_messages: 7,
            max_bytes: 100,
            max_delay: Duration::from_mins(1),
            ..BatchingConfig::default()
        };
        let config =
            ProducerConfig { batching: Some(batching), max_pending_messages: 0, ..ProducerConfig::default() };
        let outcomes = Outcomes::default();
        let producer = client.create_producer_with(&topic, config, outcomes.clone()).await.unwrap();
        if at_once {
            assert_eq!(producer.send_many(mixed(&numbers)), Ok(numbers.len()));
        } else {
            for (message, token) in mixed(&numbers) {
                producer.send_with(&message, token).unwrap();
            }
        }
        producer.flush_with(|_| ());
        let mut received = Vec::new();
        for number in &numbers {
            let message = tokio::time::timeout(BOUND, consumer.receive()).await.unwrap().unwrap();
            assert_eq!(message.payload(), number);
            let id = message.id();
            received.push((message.sequence_id(), id.entry, id.batch_index, id.batch_size));
        }
        stored.push(received);
        let outcomes = outcomes.0.lock().unwrap();
        assert!(outcomes.iter().map(|(token, _)| *token).eq(0..500));
        assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
    }
    assert!(stored[0] == stored[1], "ids or batches differ");
    client.close().await.unwrap();
    drop(broker);
}

#[tokio::test]
async fn a_refused_message_is_told_so_also_behind_one_that_times_out() {
    let broker = TestBroker::start(Options { max_message_size: 102_400, ..Options::default() }).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    let config = ProducerConfig {
        send_timeout: Some(Duration::from_secs(2)),
        compression: Some(Compression::Lz4),
        ..ProducerConfig::default()
    };
    let producer = client.create_producer("refused", config).await.unwrap();
    broker.withhold_receipts(true);
    let expiring = producer.send("expiring");
    eventually(BOUND, "the first is sent", || broker.commands_received(Kind::Send) == 1).await;
    // So much later than the first do the others time out.
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Only once it is compressed is it known to be too big.
    let mut noise = fastrand::Rng::with_seed(1);
    let payload: Vec<u8> = std::iter::repeat_with(|| noise.u8(..)).take(200_000).collect();
    let refused = producer.send(&payload[..]);
    let last = producer.send("last");
    eventually(BOUND, "the last is sent", || broker.commands_received(Kind::Send) == 2).await;
    let outcome = expiring.await;
    assert!(matches!(outcome, Err(Error::Timeout(_))), "{outcome:?}");
    broker.withhold_receipts(false);
    let outcome = refused.await;
    assert!(matches!(outcome, Err(Error::MessageTooBig(_))), "{outcome:?}");
    last.await.unwrap();
    // Neither the late receipt nor the gap made the producer start over.
    assert_eq!(broker.commands_received(Kind::Producer), 1);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_close_that_nobody_waits_for_reaches_the_broker() {
    let (broker, topic, client) = in_memory(0);
    let producer = client.create_producer(&topic, unbatched()).await.unwrap();
    assert_eq!(producers(&broker, &topic), 1);
    tokio::select! {
        biased;
        outcome = producer.close() => panic!("it did not wait for the broker: {outcome:?}"),
        () = std::future::ready(()) => {}
    }
    drop(producer);
    eventually(BOUND, "no producer is left", || producers(&broker, &topic) == 0).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_creation_that_nobody_waits_for_leaves_no_producer() {
    let (broker, topic, client) = in_memory(3);
    let partitions = client.partitions(&topic).await.unwrap();
    let all = || partitions.iter().map(|partition| producers(&broker, partition)).sum::<u32>();
    let holder = client.create_producer(&partitions[2], with_access(AccessMode::Exclusive)).await.unwrap();
    // Two partitions are had soon, the third only when its holder leaves.
    tokio::select! {
        outcome = client.create_producer(&topic, with_access(AccessMode::WaitForExclusive)) => {
            panic!("it did not wait for its turn: {outcome:?}")
        }
        () = eventually(BOUND, "two partitions and the third's holder", || {
            all() == 3 && broker.commands_received(Kind::Producer) == 4
        }) => {}
    }
    eventually(BOUND, "all three are given up", || broker.commands_received(Kind::CloseProducer) == 3).await;
    assert_eq!(all(), 1);
    holder.close().await.unwrap();
    assert_eq!(all(), 0, "nobody was in line");
    client.close().await.unwrap();
}

#[tokio::test]
async fn delayed_messages_go_round_though_they_are_in_no_batch() {
    let (_broker, topic, client) = with_partitions(3).await;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    let delayed = OutgoingMessage { deliver_at: Some(1), ..OutgoingMessage::default() };
    let first = producer.send(delayed).await.unwrap().partition;
    for turn in 1..6 {
        assert_eq!(producer.send(delayed).await.unwrap().partition, (first + turn) % 3);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_single_partition_stays_the_same_when_others_are_added() {
    let (broker, topic, client) = with_partitions(3).await;
    // Each chooses at random: one alone could stay by chance.
    let mut chosen = Vec::new();
    for _ in 0..8 {
        let config = ProducerConfig { routing: RoutingMode::SinglePartition, ..unbatched() };
        let producer = client.create_producer(&topic, config).await.unwrap();
        let partition = producer.send("x").await.unwrap().partition;
        chosen.push((producer, partition));
    }
    broker.add_partitions(&topic, 7).await;
    for (producer, partition) in &chosen {
        eventually(BOUND, "the producer sees 7 partitions", || producer.partitions() == 7).await;
        assert_eq!(producer.send("x").await.unwrap().partition, *partition);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_producer_closed_while_it_waits_for_its_turn_gives_up_its_place() {
    let (broker, topic, client) = in_memory(0);
    broker.proxy_through_service_url(false);
    let first = client.create_producer(&topic, with_access(AccessMode::WaitForExclusive)).await.unwrap();
    // It is sent to a broker that never answers, and in the meantime another one takes the topic.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("pulsar://{}", silent.local_addr().unwrap());
    assert_eq!(broker.close_producer(&topic, Some(&elsewhere)), 1);
    let second = client.create_producer(&topic, with_access(AccessMode::Exclusive)).await.unwrap();
    drop(silent);
    eventually(BOUND, "the first is in line", || broker.commands_received(Kind::Producer) == 3).await;
    assert!(!first.is_connected());
    first.close().await.unwrap();
    eventually(BOUND, "the broker is told", || broker.commands_received(Kind::CloseProducer) == 1).await;
    assert!(second.is_connected());
    second.close().await.unwrap();
    assert_eq!(producers(&broker, &topic), 0, "nobody was in line");
    client.close().await.unwrap();
}

#[tokio::test]
async fn sending_after_the_close_starts_no_lazy_partition() {
    let (broker, topic, client) = in_memory(5);
    let producer = client.create_producer(&topic, lazy()).await.unwrap();
    producer.close().await.unwrap();
    for partition in 0..5 {
        let outcome = producer.send(to_partition(partition)).await;
        assert!(matches!(outcome, Err(Error::AlreadyClosed(_))), "{partition}: {outcome:?}");
    }
    // What the sends had begun would come before this one, which takes more questions to the broker.
    client.create_producer(&unique("other"), unbatched()).await.unwrap();
    assert_eq!(broker.commands_received(Kind::Producer), 2);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_message_that_somebody_waits_for_times_out_also_before_the_first_connection() {
    let (broker, topic, client) = in_memory(5);
    let config = ProducerConfig { send_timeout: Some(Duration::from_millis(200)), ..lazy() };
    let outcomes = Outcomes::default();
    let producer = client.create_producer_with(&topic, config, outcomes.clone()).await.unwrap();
    // From here on no other partition comes to a broker.
    broker.freeze(true);
    // The second time the timers of each have slept for want of work.
    for round in 1..=2 {
        for partition in 0..5 {
            producer.send_at_once(&to_partition(partition), partition.into()).unwrap();
        }
        let all_done = || outcomes.0.lock().unwrap().len() == 5 * round;
        eventually(BOUND, "all have timed out", all_done).await;
    }
    client.abandon();
}

/// Numbers of `ServerError` for a topic whose backlog is too large.
const QUOTA_HOLDS: i32 = 7;
const QUOTA_REFUSES: i32 = 8;

#[tokio::test]
async fn a_backlog_over_its_quota_holds_messages_or_fails_them_as_the_topic_says() {
    for code in [QUOTA_HOLDS, QUOTA_REFUSES] {
        let (broker, topic, client) = in_memory(0);
        let producer = client.create_producer(&topic, unbatched()).await.unwrap();
        producer.send("before").await.unwrap();
        // The broker closes producers, and lets none in as long as the backlog is too large.
        broker.fail_next(Kind::Producer, code, "quota", 3);
        broker.close_producer(&topic, None);
        eventually(BOUND, "the producer is closed", || !producer.is_connected()).await;
        let meanwhile = producer.send("meanwhile").await;
        if code == QUOTA_HOLDS {
            meanwhile.unwrap();
        } else {
            let refused = matches!(meanwhile, Err(Error::ProducerBlockedQuotaExceededException(_)));
            assert!(refused, "{meanwhile:?}");
        }
        eventually(BOUND, "the producer is back", || producer.is_connected()).await;
        producer.send("behind").await.unwrap();
        assert_eq!(producer.last_sequence_id(), 2);
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_producer_is_not_created_while_the_backlog_is_over_its_quota() {
    let (broker, topic, client) = in_memory(0);
    broker.fail_next(Kind::Producer, QUOTA_HOLDS, "quota", 1);
    let held = client.create_producer(&topic, unbatched()).await;
    assert!(matches!(held, Err(Error::ProducerBlockedQuotaExceeded(_))), "{held:?}");
    broker.fail_next(Kind::Producer, QUOTA_REFUSES, "quota", 1);
    let refused = client.create_producer(&topic, unbatched()).await;
    assert!(matches!(refused, Err(Error::ProducerBlockedQuotaExceededException(_))), "{refused:?}");
    client.close().await.unwrap();
}
