//! Readers: where they begin, what is left to read, and how they go on.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::Duration;

use broker::numbers::{LONG, SHORT, number, send_batches, send_singles};
use broker::raw::{RawProducer, chunk};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    Client, ConsumerConfig, Error, Message, MessageId, OutgoingMessage, ProducerConfig, Reader, ReaderConfig,
    SubscriptionType,
};
use pulsar_rs_testbroker::Kind;

async fn reader(client: &Client, topic: &str, start: MessageId) -> Reader {
    client.create_reader(topic, start, ReaderConfig::default()).await.unwrap()
}

async fn inclusive_reader(client: &Client, topic: &str, start: MessageId) -> Reader {
    let config = ReaderConfig { start_inclusive: true, ..ReaderConfig::default() };
    client.create_reader(topic, start, config).await.unwrap()
}

/// Reads while there is something to read, and makes sure that the answer is right each time.
async fn read_all(reader: &Reader) -> Vec<Message> {
    let mut messages = Vec::new();
    while reader.has_message_available().await.unwrap() {
        messages.push(tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap());
    }
    assert!(matches!(reader.try_read_next(), Ok(None)));
    let nothing = tokio::task::block_in_place(|| reader.read_next_blocking(Some(SHORT)));
    assert!(matches!(nothing, Err(Error::Timeout(_))), "{nothing:?}");
    messages
}

async fn read_numbers(reader: &Reader) -> Vec<u32> {
    read_all(reader).await.iter().map(number).collect()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<u32> {
    range.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_begin_where_they_are_told() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reader-start");
    let from_start = reader(&client, &topic, MessageId::EARLIEST).await;
    assert!(from_start.is_connected());
    assert_eq!(from_start.topic(), format!("persistent://public/default/{topic}"));
    assert!(read_all(&from_start).await.is_empty());
    assert_eq!(from_start.last_message_id().await.unwrap(), MessageId::EARLIEST);
    let from_end = reader(&client, &topic, MessageId::LATEST).await;
    assert!(read_all(&from_end).await.is_empty());
    send_singles(&client, &topic, 5, 8).await;
    send_batches(&client, &topic, 5..25, 10).await;
    let messages = read_all(&from_start).await;
    assert_eq!(messages.iter().map(number).collect::<Vec<_>>(), numbers(0..25));
    assert_eq!(read_numbers(&from_end).await, numbers(0..25));
    let last = from_start.last_message_id().await.unwrap();
    assert_eq!((last.entry, last.batch_index), (messages[24].id().entry, 9));
    for target in [0u32, 3, 4, 5, 9, 14, 15, 23, 24] {
        let id = messages[target as usize].id();
        let behind = reader(&client, &topic, id.clone()).await;
        assert_eq!(read_numbers(&behind).await, numbers(target + 1..25), "behind {target}");
        let at = inclusive_reader(&client, &topic, id).await;
        assert_eq!(read_numbers(&at).await, numbers(target..25), "at {target}");
    }
    let late = reader(&client, &topic, MessageId::LATEST).await;
    assert!(read_all(&late).await.is_empty());
    let last = inclusive_reader(&client, &topic, MessageId::LATEST).await;
    assert_eq!(read_numbers(&last).await, [24]);
    send_singles(&client, &topic, 1, 8).await;
    assert_eq!(read_numbers(&late).await, [0]);
    assert_eq!(read_numbers(&last).await, [0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_known_behind_seeks() {
    let broker = Broker::start().await;
    let client = broker.client();
    for inclusive in [false, true] {
        let topic = unique("reader-seek");
        let config = ReaderConfig { start_inclusive: inclusive, ..ReaderConfig::default() };
        let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
        reader.seek(&MessageId::LATEST).await.unwrap();
        assert!(read_all(&reader).await.is_empty());
        send_batches(&client, &topic, 0..7, 3).await;
        send_singles(&client, &topic, 3, 8).await;
        let messages = read_all(&reader).await;
        assert_eq!(messages.len(), 10);
        let left = |index: usize| messages[index..].iter().map(number).collect::<Vec<_>>();
        for index in [4usize, 9, 0, 6, 2] {
            reader.seek(&messages[index].id()).await.unwrap();
            assert_eq!(read_numbers(&reader).await, left(index + usize::from(!inclusive)), "{inclusive}");
        }
        reader.seek(&MessageId::EARLIEST).await.unwrap();
        assert_eq!(read_numbers(&reader).await, left(0));
        reader.seek(&MessageId::LATEST).await.unwrap();
        // The last one that is there, for those who read what they seek to.
        assert_eq!(read_numbers(&reader).await, left(10 - usize::from(inclusive)));
        reader.seek_by_time(messages[7].publish_time()).await.unwrap();
        let found = read_all(&reader).await;
        assert_eq!(found.last().map(number), Some(2));
        assert!(found.iter().all(|message| message.publish_time() >= messages[7].publish_time()));
        reader.seek_by_time(messages[9].publish_time() + 60_000).await.unwrap();
        assert!(read_all(&reader).await.is_empty());
        send_singles(&client, &topic, 1, 8).await;
        assert_eq!(read_numbers(&reader).await, [0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_begin_in_the_past() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reader-rollback");
    send_singles(&client, &topic, 2, 8).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    send_singles(&client, &topic, 1, 8).await;
    let begin = async |seconds| {
        let start_rollback = Some(Duration::from_secs(seconds));
        let config = ReaderConfig { start_rollback, ..ReaderConfig::default() };
        let reader = client.create_reader(&topic, MessageId::LATEST, config).await.unwrap();
        read_numbers(&reader).await
    };
    assert_eq!(begin(1).await, [0]);
    assert_eq!(begin(3600).await, [0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_connection_goes_on_behind_what_was_read() {
    let broker = Broker::start().await;
    let client = broker.client();
    for start in [MessageId::EARLIEST, MessageId::LATEST] {
        let topic = unique("reader-cut");
        let config = ReaderConfig { receiver_queue_size: 20, ..ReaderConfig::default() };
        let reader = client.create_reader(&topic, start, config).await.unwrap();
        // What is sent while it has no connection is not missed, whatever it started at.
        broker.cut();
        send_batches(&client, &topic, 0..100, 7).await;
        let mut got = Vec::new();
        while got.len() < 100 {
            for _ in 0..fastrand::usize(1..12).min(100 - got.len()) {
                let message = tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap();
                got.push(number(&message));
            }
            broker.cut();
        }
        assert_eq!(got, numbers(0..100));
        assert!(read_all(&reader).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_without_a_queue_knows_what_is_left() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reader-zero");
    send_singles(&client, &topic, 4, 8).await;
    let config = ReaderConfig { receiver_queue_size: 0, ..ReaderConfig::default() };
    let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
    for expected in 0..4 {
        assert!(reader.has_message_available().await.unwrap());
        let message = tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap();
        assert_eq!(number(&message), expected);
        broker.cut();
    }
    assert!(!reader.has_message_available().await.unwrap());
    reader.seek(&MessageId::EARLIEST).await.unwrap();
    assert!(reader.has_message_available().await.unwrap());
    assert_eq!(number(&tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap()), 0);
}

/// Chunks of two messages that stand among each other, as two producers send them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_chunks_outlast_lost_connections() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reader-chunks");
    let large = [vec![1u8; 11 * 1024 * 1024], vec![2u8; 11 * 1024 * 1024]];
    let chunking = || ProducerConfig { batching: None, chunking: true, ..ProducerConfig::default() };
    let one = client.create_producer(&topic, chunking()).await.unwrap();
    let two = client.create_producer(&topic, chunking()).await.unwrap();
    let (first, second) = tokio::join!(one.send(&large[0][..]), two.send(&large[1][..]));
    let (first, second) = (first.unwrap(), second.unwrap());
    one.send("small").await.unwrap();
    let reader = reader(&client, &topic, MessageId::EARLIEST).await;
    let mut lens = Vec::new();
    for _ in 0..3 {
        assert!(reader.has_message_available().await.unwrap());
        let message = tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap();
        lens.push((message.payload().len(), message.payload()[0]));
        broker.cut();
    }
    assert!(read_all(&reader).await.is_empty());
    lens[..2].sort_unstable();
    assert_eq!(lens, [(11 << 20, 1), (11 << 20, 2), (5, b's')]);
    let (low, high) = if first < second { (first, second) } else { (second, first) };
    for (id, left) in [(low, 2), (high, 1)] {
        let behind = client.create_reader(&topic, id.clone(), ReaderConfig::default()).await.unwrap();
        // Messages that began before are not read from their middle.
        assert!(read_all(&behind).await.len() <= left);
        let at = inclusive_reader(&client, &topic, id.clone()).await;
        assert!(read_all(&at).await.iter().any(|message| message.id() == id));
    }
}

/// The chunk before what was read is asked for until it has come, however often that is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_in_chunks_outlasts_two_cuts_in_a_row() {
    let (broker, client) = broker::numbers::in_memory();
    let topic = unique("reader-two-cuts");
    let mut raw = RawProducer::create(&broker, &topic).await;
    raw.send(1, &chunk(b"around", (0, 2), b"half")).await;
    send_singles(&client, &topic, 1, 4).await;
    // It gets nothing that it does not wait for.
    let config = ReaderConfig { receiver_queue_size: 0, ..ReaderConfig::default() };
    let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
    let read = async || tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap();
    assert_eq!(number(&read().await), 0);
    let subscribed = || broker.commands_received(Kind::Subscribe);
    for cut in 1..=3 {
        broker.drop_connections();
        eventually(LONG, "it is back", || subscribed() == 1 + cut && reader.is_connected()).await;
    }
    let mut raw = RawProducer::create(&broker, &topic).await;
    raw.send(1, &chunk(b"around", (1, 2), b"half")).await;
    assert_eq!(read().await.payload(), b"halfhalf");
    client.close().await.unwrap();
}

/// Brokers may go on behind it when the reader comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_is_not_told_of_chunks_that_are_not_read() {
    let (broker, client) = broker::numbers::in_memory();
    let topic = unique("reader-held-chunks");
    let config = ReaderConfig { subscription: Some("sub".into()), ..ReaderConfig::default() };
    let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
    let read = async || tokio::time::timeout(LONG, reader.read_next()).await.unwrap().unwrap();
    send_singles(&client, &topic, 1, 4).await;
    let mut raw = RawProducer::create(&broker, &topic).await;
    raw.send(1, &chunk(b"around", (0, 2), b"half")).await;
    send_singles(&client, &topic, 2, 4).await;
    for expected in [0, 0, 1] {
        assert_eq!(number(&read().await), expected);
    }
    eventually(LONG, "all before the chunk is acknowledged", || {
        broker::numbers::backlog(&broker, &topic) == 3
    })
    .await;
    // Longer than acknowledgements are gathered.
    tokio::time::sleep(2 * ConsumerConfig::default().ack_grouping_time).await;
    assert_eq!(broker::numbers::backlog(&broker, &topic), 3);
    raw.send(2, &chunk(b"around", (1, 2), b"half")).await;
    assert_eq!(read().await.payload(), b"halfhalf");
    eventually(LONG, "all is acknowledged", || broker::numbers::backlog(&broker, &topic) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_begin_a_new_ledger() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reader-rolled");
    let from_start = reader(&client, &topic, MessageId::EARLIEST).await;
    send_batches(&client, &topic, 0..10, 5).await;
    let messages = read_all(&from_start).await;
    assert_eq!(messages.len(), 10);
    broker.roll(&topic).await;
    let last = messages[9].id();
    assert!(read_all(&from_start).await.is_empty());
    let read = async |start, inclusive| {
        let config = ReaderConfig { start_inclusive: inclusive, ..ReaderConfig::default() };
        let reader = client.create_reader(&topic, start, config).await.unwrap();
        (read_numbers(&reader).await, reader)
    };
    assert!(read(MessageId::LATEST, false).await.0.is_empty());
    assert_eq!(read(MessageId::LATEST, true).await.0, [9]);
    assert_eq!(read(MessageId::EARLIEST, false).await.0, numbers(0..10));
    let (nothing, behind) = read(last.clone(), false).await;
    assert!(nothing.is_empty());
    let (_, late) = read(MessageId::LATEST, false).await;
    from_start.seek(&last).await.unwrap();
    assert!(read_all(&from_start).await.is_empty());
    from_start.seek(&messages[3].id()).await.unwrap();
    assert_eq!(read_numbers(&from_start).await, numbers(4..10));
    from_start.seek(&MessageId::LATEST).await.unwrap();
    assert!(read_all(&from_start).await.is_empty());
    send_batches(&client, &topic, 10..12, 2).await;
    for reader in [&from_start, &behind, &late] {
        assert_eq!(read_numbers(reader).await, [10, 11]);
    }
    assert_eq!(read(last, true).await.0, [9, 10, 11]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compacted_topics_are_read_to_their_end() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reader-compacted");
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    let send = async |key: &str, value: &str| {
        let message = OutgoingMessage { partition_key: Some(key.as_bytes()), ..value.into() };
        producer.send(message).await.unwrap()
    };
    let compacted = || ReaderConfig { read_compacted: true, ..ReaderConfig::default() };
    let empty = client.create_reader(&topic, MessageId::EARLIEST, compacted()).await.unwrap();
    assert!(read_all(&empty).await.is_empty());
    for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1"), ("b", "2"), ("c", "")] {
        send(key, value).await;
    }
    broker.compact(&topic).await;
    let read = async |start| {
        let reader = client.create_reader(&topic, start, compacted()).await.unwrap();
        let messages = read_all(&reader).await;
        let pairs: Vec<String> = messages
            .iter()
            .map(|message| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                format!("{}={}", text(message.partition_key().unwrap()), text(message.payload()))
            })
            .collect();
        (pairs, reader)
    };
    let (pairs, reader) = read(MessageId::EARLIEST).await;
    assert_eq!(pairs, ["a=2", "b=2"]);
    assert!(read(MessageId::LATEST).await.0.is_empty());
    send("a", "3").await;
    assert_eq!(read_all(&reader).await.len(), 1);
    assert_eq!(read(MessageId::EARLIEST).await.0, ["a=2", "b=2", "a=3"]);
    broker.roll(&topic).await;
    broker.compact(&topic).await;
    assert_eq!(read(MessageId::EARLIEST).await.0, ["b=2", "a=3"]);
    assert!(read_all(&reader).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compacted_topics_have_one_reader_at_a_time() {
    let broker = Broker::start().await;
    let client = broker.client();
    let config = |subscription_type| ConsumerConfig {
        subscription_type,
        read_compacted: true,
        ..ConsumerConfig::default()
    };
    for refused in [SubscriptionType::Shared, SubscriptionType::KeyShared] {
        let outcome = client.subscribe(&unique("compacted"), "sub", config(refused)).await;
        assert!(matches!(outcome, Err(Error::InvalidConfiguration(_))), "{outcome:?}");
    }
    let topic = format!("non-persistent://public/default/{}", unique("compacted"));
    let outcome = client.subscribe(&topic, "sub", config(SubscriptionType::Exclusive)).await;
    assert!(matches!(outcome, Err(Error::InvalidConfiguration(_))), "{outcome:?}");
    client.subscribe(&unique("compacted"), "sub", config(SubscriptionType::Failover)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_closed_says_so() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("reader-close");
    let config = ReaderConfig { subscription_role_prefix: Some("role".into()), ..ReaderConfig::default() };
    let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
    assert!(reader.subscription().starts_with("role-reader-"), "{}", reader.subscription());
    send_singles(&client, &topic, 2, 8).await;
    reader.close().await.unwrap();
    reader.close().await.unwrap();
    assert!(reader.is_closed() && !reader.is_connected());
    let closed = |outcome: Result<(), Error>| assert!(matches!(outcome, Err(Error::AlreadyClosed(_))));
    closed(reader.read_next().await.map(|_| ()));
    closed(reader.has_message_available().await.map(|_| ()));
    closed(reader.seek(&MessageId::EARLIEST).await);
    if let Some(in_memory) = broker.in_memory() {
        let subscriptions = || in_memory.topic_stats(&topic).unwrap().subscriptions.len();
        eventually(LONG, "the subscription is gone", || subscriptions() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_learns_how_far_a_reader_came() {
    let (broker, client) = broker::numbers::in_memory();
    let topic = unique("reader-acks");
    let config = ReaderConfig { subscription: Some("sub".into()), ..ReaderConfig::default() };
    let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
    send_batches(&client, &topic, 0..20, 10).await;
    assert_eq!(read_numbers(&reader).await, numbers(0..20));
    eventually(LONG, "all is acknowledged", || broker::numbers::backlog(&broker, &topic) == 0).await;
}
