//! Producers: limits, timeouts, errors of the broker, ids.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, ConsumerConfig, Error, InitialPosition, MessageId, OutgoingMessage, Producer,
    ProducerConfig,
};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};

type FutureProducer = Producer<pulsar_rs_client::FutureSink>;

async fn producer(client: &Client, topic: &str, config: ProducerConfig) -> FutureProducer {
    client.create_producer(topic, config).await.unwrap()
}

fn unbatched() -> ProducerConfig {
    ProducerConfig { batching: None, ..ProducerConfig::default() }
}

fn with_delay(max_delay: Duration) -> ProducerConfig {
    ProducerConfig {
        batching: Some(BatchingConfig { max_delay, ..BatchingConfig::default() }),
        ..ProducerConfig::default()
    }
}

/// Faults that only the broker in memory can make.
fn in_memory() -> (TestBroker, Client) {
    let broker = TestBroker::start(Options::default()).unwrap();
    let client = Client::new(broker.url(), pulsar_rs_client::ClientConfig::default()).unwrap();
    (broker, client)
}

#[tokio::test]
async fn a_batch_gives_its_messages_ids_in_order() {
    let broker = Broker::start().await;
    let client = broker.client();
    let producer = producer(&client, &unique("ids"), with_delay(Duration::from_secs(5))).await;
    let sending: Vec<_> = ["a", "b", "c"].map(|payload| producer.send(payload)).into();
    producer.flush().await.unwrap();
    let mut ids = Vec::new();
    for sending in sending {
        ids.push(sending.await.unwrap());
    }
    assert!(ids.iter().all(|id| (id.ledger, id.entry) == (ids[0].ledger, ids[0].entry)));
    assert_eq!(
        ids.iter().map(|id| (id.batch_index, id.batch_size)).collect::<Vec<_>>(),
        [(0, 3), (1, 3), (2, 3)]
    );
    assert_eq!(producer.last_sequence_id(), 2);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_is_sent_at_its_first_limit() {
    let broker = Broker::start().await;
    let client = broker.client();
    let limits = |max_messages, max_bytes, millis| ProducerConfig {
        batching: Some(BatchingConfig {
            max_messages,
            max_bytes,
            max_delay: Duration::from_millis(millis),
            ..BatchingConfig::default()
        }),
        ..ProducerConfig::default()
    };
    for (what, config) in [
        ("messages", limits(2, 0, 600_000)),
        ("bytes", limits(1000, 100, 600_000)),
        ("delay", limits(1000, 0, 5)),
    ] {
        let producer = producer(&client, &unique("limits"), config).await;
        let payload = "x".repeat(120);
        let (first, second) = (producer.send(payload.as_str()), producer.send(payload.as_str()));
        let both = async { (first.await.unwrap(), second.await.unwrap()) };
        let both = tokio::time::timeout(Duration::from_secs(5), both).await;
        assert!(both.is_ok(), "not sent at its limit of {what}");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn sequence_ids_are_counted_or_given() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("sequence");
    let first = producer(&client, &topic, unbatched()).await;
    assert_eq!(first.last_sequence_id(), -1);
    let given = OutgoingMessage { payload: b"x", sequence_id: Some(100), ..OutgoingMessage::default() };
    for (message, last) in [("0".into(), 0), ("1".into(), 1), (given, 100), ("2".into(), 2)] {
        first.send(message).await.unwrap();
        assert_eq!(first.last_sequence_id(), last);
    }
    let config = ProducerConfig { initial_sequence_id: Some(50), ..unbatched() };
    let second = producer(&client, &topic, config).await;
    assert_eq!(second.last_sequence_id(), 50);
    second.send("51").await.unwrap();
    assert_eq!(second.last_sequence_id(), 51);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_restarted_producer_goes_on_behind_what_the_broker_has() {
    let broker = Broker::start().await;
    let topic = broker.deduplicating_topic("restart");
    let named = || ProducerConfig { name: Some("writer".into()), ..ProducerConfig::default() };
    let client = broker.client();
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    let consumer = client.subscribe(&topic, "all", config).await.unwrap();
    for round in 0..2 {
        let producer = producer(&client, &topic, named()).await;
        for number in 0..10 {
            let id = producer.send(format!("{round}-{number}").as_str()).await.unwrap();
            assert!(id.ledger >= 0, "taken for a duplicate: {id}");
        }
        producer.close().await.unwrap();
    }
    for round in 0..2 {
        for number in 0..10 {
            let message = consumer.receive().await.unwrap();
            assert_eq!(message.payload(), format!("{round}-{number}").as_bytes());
        }
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_duplicate_is_told_apart_from_an_id() {
    let broker = Broker::start().await;
    let topic = broker.deduplicating_topic("duplicate");
    let client = broker.client();
    let config = ProducerConfig { name: Some("writer".into()), ..unbatched() };
    let producer = producer(&client, &topic, config).await;
    let numbered =
        |id| OutgoingMessage { payload: b"x", sequence_id: Some(id), ..OutgoingMessage::default() };
    assert!(producer.send(numbered(7)).await.unwrap().ledger >= 0);
    assert_eq!(producer.send(numbered(7)).await, Ok(MessageId::EARLIEST));
    client.close().await.unwrap();
}

#[tokio::test]
async fn too_many_pending_messages_fail_or_wait() {
    let (broker, client) = in_memory();
    broker.withhold_receipts(true);
    let config = ProducerConfig { max_pending_messages: 2, ..unbatched() };
    let failing = producer(&client, "full", config.clone()).await;
    let (first, second) = (failing.send("1"), failing.send("2"));
    assert!(matches!(failing.send("3").await, Err(Error::ProducerQueueIsFull(_))));

    let config = ProducerConfig { block_if_queue_full: true, ..config };
    let blocking = Arc::new(producer(&client, "full", config).await);
    let sender = tokio::task::spawn_blocking({
        let producer = blocking.clone();
        move || (0..10).map(|_| producer.send("x")).collect::<Vec<_>>()
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!sender.is_finished());
    broker.withhold_receipts(false);
    for sending in sender.await.unwrap() {
        sending.await.unwrap();
    }
    assert!(first.await.is_ok() && second.await.is_ok());
    client.close().await.unwrap();
}

#[tokio::test]
async fn closing_frees_blocked_senders_and_fails_what_is_pending() {
    let (broker, client) = in_memory();
    broker.withhold_receipts(true);
    let config = ProducerConfig { max_pending_messages: 1, block_if_queue_full: true, ..unbatched() };
    let producer = Arc::new(producer(&client, "close", config).await);
    let pending = producer.send("pending");
    let blocked = tokio::task::spawn_blocking({
        let producer = producer.clone();
        move || producer.send("blocked")
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    producer.close().await.unwrap();
    assert!(matches!(pending.await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(blocked.await.unwrap().await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(producer.send("late").await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(producer.flush().await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(producer.close().await, Err(Error::AlreadyClosed(_))));
    client.close().await.unwrap();
}

#[tokio::test]
async fn send_timeouts_fire_whatever_the_connection_does() {
    let (broker, client) = in_memory();
    let config =
        ProducerConfig { send_timeout: Some(Duration::from_millis(300)), ..ProducerConfig::default() };
    let producer = producer(&client, "timeout", config).await;
    for fault in ["withheld", "frozen", "gone"] {
        match fault {
            "withheld" => broker.withhold_receipts(true),
            "frozen" => broker.freeze(true),
            _ => {
                broker.refuse_connections(true).unwrap();
                broker.drop_connections();
            }
        }
        let start = Instant::now();
        let outcome = producer.send("x").await;
        assert!(matches!(outcome, Err(Error::Timeout(_))), "{fault}: {outcome:?}");
        let elapsed = start.elapsed();
        assert!((300..1000).contains(&elapsed.as_millis()), "{fault}: after {elapsed:?}");
        broker.withhold_receipts(false);
        broker.freeze(false);
    }
    broker.refuse_connections(false).unwrap();
    eventually(Duration::from_secs(10), "it is connected again", || producer.is_connected()).await;
    producer.send("y").await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_error_that_may_pass_has_everything_sent_again() {
    let (broker, client) = in_memory();
    let producer = producer(&client, "again", unbatched()).await;
    // PersistenceError: the entry may be stored the next time.
    broker.fail_next(Kind::Send, 2, "disk is full", 1);
    let id = producer.send("x").await.unwrap();
    assert!(id.ledger >= 0);
    assert!(broker.commands_received(Kind::Connect) >= 2);
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_error_of_one_entry_fails_that_entry_alone() {
    let (broker, client) = in_memory();
    let producer = producer(&client, "refused", unbatched()).await;
    broker.withhold_receipts(true);
    let before = producer.send("before");
    eventually(Duration::from_secs(5), "it is stored", || {
        broker.topic_stats("refused").is_some_and(|stats| stats.entries_stored == 1)
    })
    .await;
    // NotAllowedError, which overtakes the receipt that is withheld.
    broker.fail_next(Kind::Send, 22, "no", 1);
    let refused = producer.send("refused");
    eventually(Duration::from_secs(5), "it is refused", || broker.commands_received(Kind::Send) == 2).await;
    let after = producer.send("after");
    broker.withhold_receipts(false);
    assert!(before.await.is_ok());
    assert!(matches!(refused.await, Err(Error::NotAllowed(_))));
    assert!(after.await.is_ok());
    assert_eq!(broker.commands_received(Kind::Connect), 1);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_fenced_producer_and_a_terminated_topic_are_for_good() {
    let (broker, client) = in_memory();
    let fenced = producer(&client, "fenced", unbatched()).await;
    broker.fail_next(Kind::Send, 25, "another one took over", 1);
    assert!(matches!(fenced.send("x").await, Err(Error::ProducerFenced(_))));
    assert!(matches!(fenced.send("x").await, Err(Error::ProducerFenced(_))));
    fenced.close().await.unwrap();

    let ended = producer(&client, "ended", unbatched()).await;
    broker.terminate("ended");
    let start = Instant::now();
    while ended.send("x").await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    assert!(matches!(ended.send("x").await, Err(Error::TopicTerminated(_))));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_producer_closed_by_the_broker_comes_back_in_order() {
    let (broker, client) = in_memory();
    let producer = producer(&client, "moved", with_delay(Duration::from_millis(1))).await;
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    let consumer = client.subscribe("moved", "all", config).await.unwrap();
    let mut sending = Vec::new();
    for number in 0..300u32 {
        sending.push(producer.send(&number.to_be_bytes()[..]));
        if number % 100 == 50 {
            eventually(Duration::from_secs(5), "there is a producer to close", || {
                broker.close_producer("moved", (number > 100).then_some(broker.url())) == 1
            })
            .await;
        }
    }
    for sending in sending {
        sending.await.unwrap();
    }
    // Without deduplication some may come twice, but none is lost or overtakes another for the first time.
    let mut next = 0;
    while next < 300 {
        let message = consumer.receive().await.unwrap();
        let number = u32::from_be_bytes(message.payload().try_into().unwrap());
        assert!(number <= next, "{number} came before {next}");
        next = next.max(number + 1);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn sizes_up_to_the_brokers_limit() {
    let broker = TestBroker::start(Options { max_message_size: 102_400, ..Options::default() }).unwrap();
    let client = Client::new(broker.url(), pulsar_rs_client::ClientConfig::default()).unwrap();
    for config in [unbatched(), with_delay(Duration::from_millis(1))] {
        let producer = producer(&client, "sizes", config).await;
        let payload = vec![b'x'; 102_401];
        assert!(matches!(producer.send(&payload[..]).await, Err(Error::MessageTooBig(_))));
        producer.send(&payload[..102_000]).await.unwrap();
        producer.send("small").await.unwrap();
    }
    assert_eq!(broker.commands_received(Kind::Connect), 1);
    client.close().await.unwrap();
}

#[tokio::test]
async fn dropping_a_producer_sends_what_is_pending() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("drop");
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    let consumer = client.subscribe(&topic, "all", config).await.unwrap();
    let producer = producer(&client, &topic, with_delay(Duration::from_secs(60))).await;
    let sending = producer.send("last words");
    drop(producer);
    sending.await.unwrap();
    assert_eq!(consumer.receive().await.unwrap().payload(), b"last words");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("taken");
    let config = ProducerConfig { name: Some("one".into()), ..ProducerConfig::default() };
    let first = producer(&client, &topic, config.clone()).await;
    let second = client.create_producer(&topic, config.clone()).await;
    assert!(matches!(second, Err(Error::ProducerBusy(_))), "{second:?}");
    first.close().await.unwrap();
    client.create_producer(&topic, config).await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn send_timeouts_do_not_wait_for_the_batch_delay() {
    let (broker, client) = in_memory();
    let config = ProducerConfig {
        send_timeout: Some(Duration::from_millis(300)),
        ..with_delay(Duration::from_secs(60))
    };
    let producer = producer(&client, "hasty", config).await;
    broker.withhold_receipts(true);
    let start = Instant::now();
    assert!(matches!(producer.send("x").await, Err(Error::Timeout(_))));
    assert!(start.elapsed() < Duration::from_secs(5));
    client.close().await.unwrap();
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn what_timed_out_does_not_pile_up_before_a_stuck_socket() {
    let (broker, client) = in_memory();
    let config = ProducerConfig { send_timeout: Some(Duration::from_millis(50)), ..unbatched() };
    let producer = producer(&client, "stuck", config).await;
    broker.freeze(true);
    let payload = vec![b'x'; 100_000];
    let before = resident();
    for _ in 0..40 {
        let sending: Vec<_> = (0..100).map(|_| producer.send(&payload[..])).collect();
        for sending in sending {
            assert!(matches!(sending.await, Err(Error::Timeout(_))));
        }
    }
    // 400 MB were given up.
    assert!(resident() < before + 100_000_000, "{} bytes more", resident() - before);
    broker.freeze(false);
    let after = producer.send("x").await;
    assert!(matches!(after, Ok(_) | Err(Error::Timeout(_))), "{after:?}");
    client.abandon();
}

#[tokio::test]
async fn a_late_receipt_of_ids_that_fall_harms_nobody() {
    let (broker, client) = in_memory();
    let config = ProducerConfig { send_timeout: Some(Duration::from_millis(100)), ..unbatched() };
    let producer = producer(&client, "falling", config).await;
    let with_id = |id| OutgoingMessage { payload: b"x", sequence_id: Some(id), ..OutgoingMessage::default() };
    broker.delay_receipts(Duration::from_millis(300));
    assert!(matches!(producer.send(with_id(100)).await, Err(Error::Timeout(_))));
    broker.delay_receipts(Duration::ZERO);
    eventually(Duration::from_secs(5), "a send that succeeds", || producer.last_sequence_id() >= -1).await;
    let _ = producer.send(with_id(7)).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    producer.send(with_id(8)).await.unwrap();
    assert_eq!(broker.commands_received(Kind::Connect), 1);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_over_all_producers() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let config = pulsar_rs_client::ClientConfig { memory_limit: 50_000, ..Default::default() };
    let client = Client::new(broker.url(), config).unwrap();
    let first = producer(&client, "memory-1", unbatched()).await;
    let blocking = ProducerConfig { block_if_queue_full: true, ..with_delay(Duration::from_secs(60)) };
    let second = Arc::new(producer(&client, "memory-2", blocking).await);
    broker.withhold_receipts(true);
    let payload = vec![b'x'; 20_000];
    let sending: Vec<_> = (0..3).map(|_| first.send(&payload[..])).collect();
    assert!(matches!(first.send("x").await, Err(Error::MemoryBufferIsFull(_))));
    // The other one waits until memory is free, or it is closed.
    let waiting = tokio::task::spawn_blocking({
        let second = second.clone();
        move || second.send("patient")
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    broker.withhold_receipts(false);
    for sending in sending {
        sending.await.unwrap();
    }
    let sending = waiting.await.unwrap();
    second.flush().await.unwrap();
    sending.await.unwrap();
    broker.withhold_receipts(true);
    let _pending = first.send(&vec![0; 60_000][..]);
    let waiting = tokio::task::spawn_blocking({
        let second = second.clone();
        move || second.send("in vain")
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    second.close().await.unwrap();
    assert!(matches!(waiting.await.unwrap().await, Err(Error::AlreadyClosed(_))));
    client.close().await.unwrap();
}
