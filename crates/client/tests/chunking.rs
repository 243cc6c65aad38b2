//! Messages larger than the broker takes, in chunks.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::Duration;

use broker::numbers::{LONG, SHORT, backlog, config, receive, subscribe};
use broker::raw::{RawProducer, chunk};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, ClientConfig, Compression, ConsumerConfig, Error, FutureSink, OutgoingMessage,
    Producer, ProducerConfig, SubscriptionType,
};
use pulsar_rs_testbroker::{Options, TestBroker};

/// What the brokers in memory take here, in bytes.
const LIMIT: usize = 10_000;

fn small() -> (TestBroker, Client) {
    let broker = TestBroker::start(Options { max_message_size: LIMIT, ..Options::default() }).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    (broker, client)
}

fn chunking() -> ProducerConfig {
    ProducerConfig { chunking: true, ..ProducerConfig::default() }
}

fn shared() -> ConsumerConfig {
    ConsumerConfig { subscription_type: SubscriptionType::Shared, ..config() }
}

/// Bytes that no codec makes shorter, different for each `seed`.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    bytes
}

async fn producer(client: &Client, topic: &str, config: ProducerConfig) -> Producer<FutureSink> {
    client.create_producer(topic, config).await.unwrap()
}

#[tokio::test]
async fn a_large_message_comes_in_one_piece() {
    let broker = Broker::start().await;
    let client = broker.client();
    for compression in [None, Some(Compression::Lz4)] {
        let topic = unique("large");
        let mut consumer = subscribe(&client, &topic, config()).await;
        let producer = producer(&client, &topic, ProducerConfig { compression, ..chunking() }).await;
        let payload = noise(1, 12 * 1024 * 1024);
        let properties = [(b"name".to_vec(), b"value".to_vec())];
        let large = OutgoingMessage {
            payload: &payload,
            properties: &properties,
            partition_key: Some(b"key"),
            event_time: Some(77),
            ..OutgoingMessage::default()
        };
        let before = producer.send("before");
        let sent = producer.send(large);
        let behind = producer.send("behind");
        before.await.unwrap();
        let sent = sent.await.unwrap();
        assert!(behind.await.unwrap() > sent);
        assert_eq!(producer.last_sequence_id(), 2);
        assert_eq!(receive(&consumer).await.payload(), b"before");
        let received = receive(&consumer).await;
        assert!(received.payload() == payload);
        assert_eq!(received.id(), sent);
        assert_eq!(sent.entry - sent.first_chunk.as_ref().unwrap().entry, 2);
        assert_eq!(received.properties().iter().collect::<Vec<_>>(), [(&b"name"[..], &b"value"[..])]);
        assert_eq!(received.partition_key(), Some(&b"key"[..]));
        assert_eq!((received.event_time(), received.sequence_id()), (Some(77), 1));
        assert_eq!(receive(&consumer).await.payload(), b"behind");
        // Without the others: the next consumer gets them, and no part of this one.
        consumer.acknowledge(&received).unwrap();
        consumer.close().await.unwrap();
        consumer = subscribe(&client, &topic, config()).await;
        for expected in ["before", "behind"] {
            let message = receive(&consumer).await;
            assert_eq!(message.payload(), expected.as_bytes());
            consumer.acknowledge_id(&message.id()).unwrap();
        }
        consumer.close().await.unwrap();
        let consumer = subscribe(&client, &topic, config()).await;
        assert!(tokio::time::timeout(SHORT, consumer.receive()).await.is_err());
        consumer.close().await.unwrap();
        // No chunk is left, which nobody would be given.
        assert!(broker.in_memory().is_none_or(|broker| backlog(broker, &topic) == 0));
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_large_message_that_is_refused_comes_again_whole() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("again");
    let config = ConsumerConfig { negative_ack_delay: Duration::from_millis(50), ..shared() };
    let consumer = subscribe(&client, &topic, config).await;
    let producer = producer(&client, &topic, chunking()).await;
    let payload = noise(2, 11 * 1024 * 1024);
    producer.send(&payload[..]).await.unwrap();
    let first = receive(&consumer).await;
    consumer.negative_acknowledge(&first);
    let second = receive(&consumer).await;
    assert!(second.id() == first.id() && second.payload() == payload);
    consumer.redeliver_unacknowledged();
    let third = receive(&consumer).await;
    assert!(third.id() == first.id() && third.payload() == payload);
    // By its id, from its bytes, as a program does that keeps ids.
    let id = pulsar_rs_client::MessageId::deserialize(&third.id().serialize()).unwrap();
    consumer.acknowledge_id(&id).unwrap();
    consumer.close().await.unwrap();
    let consumer = subscribe(&client, &topic, shared()).await;
    assert!(tokio::time::timeout(SHORT, consumer.receive()).await.is_err());
    assert!(broker.in_memory().is_none_or(|broker| backlog(broker, &topic) == 0));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_chunk_that_comes_again_is_not_acknowledged_for_a_message_that_is_worked_on() {
    let (broker, client) = small();
    let topic = unique("orphan");
    let delay = Duration::from_millis(10);
    let expiry = Duration::from_millis(200);
    let quick = ConsumerConfig { negative_ack_delay: delay, chunk_expiry: Some(expiry), ..shared() };
    let consumer = subscribe(&client, &topic, quick).await;
    let mut raw = RawProducer::create(&broker, &topic).await;
    for number in 0..2 {
        raw.send(1, &chunk(b"whole", (number, 2), b"half")).await;
    }
    let message = receive(&consumer).await;
    assert_eq!(message.payload(), b"halfhalf");
    consumer.negative_acknowledge_id(message.id().first_chunk.as_ref().unwrap());
    eventually(LONG, "its first chunk comes again", || consumer.stats().entries == 3).await;
    // One more, which expires later.
    raw.send(1, &chunk(b"never", (0, 2), b"half")).await;
    eventually(LONG, "that is acknowledged", || backlog(&broker, &topic) <= 2).await;
    consumer.close().await.unwrap();
    let consumer = subscribe(&client, &topic, shared()).await;
    assert_eq!(receive(&consumer).await.payload(), b"halfhalf");
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_id_of_a_consumer_before_names_the_whole_message() {
    let (broker, client) = small();
    let topic = unique("id");
    let consumer = subscribe(&client, &topic, config()).await;
    let producer = producer(&client, &topic, chunking()).await;
    // Two chunks: those between the first and the last are not in the id.
    let payload = noise(3, LIMIT + LIMIT / 2);
    let id = producer.send(&payload[..]).await.unwrap();
    assert_eq!(receive(&consumer).await.id(), id);
    consumer.close().await.unwrap();
    // It has the message not, or not yet.
    let consumer = subscribe(&client, &topic, config()).await;
    consumer.acknowledge_id(&id).unwrap();
    eventually(LONG, "all is acknowledged", || backlog(&broker, &topic) == 0).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn near_the_limit_a_message_is_sent_whatever_it_has_beside_its_content() {
    let (_broker, client) = small();
    let topic = unique("near");
    let producer = producer(&client, &topic, chunking()).await;
    let key = vec![b'k'; LIMIT / 5];
    let properties = vec![(b"n".to_vec(), b"v".to_vec()); 500];
    for len in (LIMIT / 2..LIMIT).step_by(100) {
        let payload = vec![0; len];
        let keyed = OutgoingMessage {
            payload: &payload,
            partition_key: Some(&key),
            ordering_key: Some(&key[..100]),
            ..OutgoingMessage::default()
        };
        let heavy =
            OutgoingMessage { payload: &payload, properties: &properties, ..OutgoingMessage::default() };
        producer.send(keyed).await.unwrap();
        producer.send(heavy).await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_cut_off_between_chunks_arrives_once() {
    const MESSAGES: u64 = 25;
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = broker.deduplicating_topic("cut");
    let consumer = subscribe(&client, &topic, config()).await;
    let producer = producer(&client, &topic, ProducerConfig { max_pending_messages: 0, ..chunking() }).await;
    let payload = |number: u64| noise(number, 5_400_000 + 100_000 * usize::try_from(number % 7).unwrap());
    let cutting = async {
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            broker.cut();
        }
    };
    let sending = async {
        for number in 0..MESSAGES {
            producer.send(&payload(number)[..]).await.unwrap();
        }
    };
    let receiving = async {
        for number in 0..MESSAGES {
            // A cut may bring again what was acknowledged just before it.
            let message = loop {
                let message = tokio::time::timeout(LONG * 3, consumer.receive()).await.unwrap().unwrap();
                consumer.acknowledge(&message).unwrap();
                if message.sequence_id() >= number {
                    break message;
                }
            };
            assert_eq!(message.sequence_id(), number);
            assert!(message.payload() == payload(number), "message {number}");
        }
    };
    tokio::join!(cutting, sending, receiving);
    client.close().await.unwrap();
}

#[tokio::test]
async fn messages_of_two_producers_are_not_mixed_up() {
    let (broker, client) = small();
    let topic = unique("two");
    let consumer = subscribe(&client, &topic, config()).await;
    let one = producer(&client, &topic, chunking()).await;
    let batched = BatchingConfig { max_delay: Duration::from_millis(1), ..BatchingConfig::default() };
    let two = producer(&client, &topic, ProducerConfig { batching: Some(batched), ..chunking() }).await;
    let mut sending = Vec::new();
    for number in 0..50 {
        for (seed, producer) in [(2 * number, &one), (2 * number + 1, &two)] {
            // Half of them are small.
            let len = if number % 2 == 0 { 35_000 } else { 100 };
            sending.push(producer.send(&noise(seed, len)[..]));
        }
    }
    for sending in sending {
        sending.await.unwrap();
    }
    let mut next = [0, 1];
    for _ in 0..100 {
        let message = receive(&consumer).await;
        let from = usize::from(message.producer_name() == two.name().as_ref());
        assert!(message.payload() == noise(next[from], message.payload().len()), "{next:?} of {from}");
        next[from] += 2;
        consumer.acknowledge(&message).unwrap();
    }
    eventually(LONG, "all is acknowledged", || backlog(&broker, &topic) == 0).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_message_in_chunks_fails_once_and_as_a_whole() {
    let payload = vec![0; 35_000];
    let (broker, client) = small();
    let topic = unique("fails");
    let timeout = Duration::from_millis(200);
    let producer =
        producer(&client, &topic, ProducerConfig { send_timeout: Some(timeout), ..chunking() }).await;
    broker.withhold_receipts(true);
    let (large, behind) = (producer.send(&payload[..]), producer.send("behind"));
    assert!(matches!(large.await, Err(Error::Timeout(_))));
    assert!(matches!(behind.await, Err(Error::Timeout(_))));
    broker.withhold_receipts(false);
    let id = producer.send(&payload[..]).await.unwrap();
    assert!(id.first_chunk.is_some());
    let flushed = producer.send(&payload[..]);
    producer.flush().await.unwrap();
    flushed.await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn without_chunking_or_with_too_much_metadata_it_is_too_big() {
    let payload = vec![0; 35_000];
    let (_broker, client) = small();
    let topic = unique("big");
    for batching in [None, Some(BatchingConfig::default())] {
        let config = ProducerConfig { batching, ..ProducerConfig::default() };
        let producer = producer(&client, &topic, config.clone()).await;
        assert!(matches!(producer.send(&payload[..]).await, Err(Error::MessageTooBig(_))));
        let properties = [(b"name".to_vec(), vec![b'x'; LIMIT])];
        let heavy = OutgoingMessage { properties: &properties, ..OutgoingMessage::from(&payload[..]) };
        let producer =
            client.create_producer(&topic, ProducerConfig { chunking: true, ..config }).await.unwrap();
        assert!(matches!(producer.send(heavy).await, Err(Error::MessageTooBig(_))));
        assert!(producer.send("small").await.is_ok());
    }
    client.close().await.unwrap();
}
