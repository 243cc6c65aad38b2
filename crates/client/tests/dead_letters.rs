//! Messages that are redelivered too often go to the dead letter topic, and those that are put off to the retry letter
//! topic; nothing is lost on the way.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::{Duration, Instant};

use broker::numbers::{
    LONG, SHORT, backlog, config, in_memory, number, receive, receive_many, rest, send_batches, send_singles,
    subscribe,
};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    Client, Consumer, ConsumerConfig, DeadLetterPolicy, Error, InitialPosition, Message, OutgoingMessage,
    ProducerConfig, RedeliveryBackoff, SubscriptionType,
};
use pulsar_rs_testbroker::Kind;

const UNKNOWN_ERROR: i32 = 0;

fn shared() -> ConsumerConfig {
    ConsumerConfig {
        subscription_type: SubscriptionType::Shared,
        negative_ack_delay: Duration::from_millis(50),
        ..config()
    }
}

fn dead_after(max_redeliveries: u32) -> ConsumerConfig {
    let policy = DeadLetterPolicy {
        max_redeliveries,
        initial_subscription: Some("sub".into()),
        ..DeadLetterPolicy::default()
    };
    ConsumerConfig { dead_letter: Some(policy), ..shared() }
}

/// What reads the dead letters of `topic`; the subscription was made with their topic.
async fn graveyard(client: &Client, topic: &str) -> Consumer {
    let from_now_on = ConsumerConfig { initial_position: InitialPosition::Latest, ..config() };
    client.subscribe(&format!("{topic}-sub-DLQ"), "sub", from_now_on).await.unwrap()
}

fn property(message: &Message, name: &str) -> Option<String> {
    message.properties().get(name.as_bytes()).map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[tokio::test]
async fn what_is_refused_too_often_is_a_dead_letter() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("refused");
    let consumer = subscribe(&client, &topic, dead_after(2)).await;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    let properties = [(b"own".to_vec(), b"1".to_vec())];
    let sent = OutgoingMessage {
        payload: &7u32.to_be_bytes(),
        properties: &properties,
        partition_key: Some(b"cGs="),
        partition_key_is_base64: true,
        ordering_key: Some(b"ok"),
        event_time: Some(12345),
        ..OutgoingMessage::default()
    };
    let id = producer.send(sent).await.unwrap();
    for redeliveries in 0..3 {
        let message = receive(&consumer).await;
        assert_eq!(message.redelivery_count(), redeliveries);
        consumer.negative_acknowledge(&message);
    }
    eventually(LONG, "it is buried", || consumer.stats().dead_letters == 1).await;
    let letter = receive(&graveyard(&client, &topic).await).await;
    assert_eq!(number(&letter), 7);
    assert_eq!(letter.partition_key(), Some(&b"cGs="[..]));
    assert!(letter.partition_key_is_base64());
    assert_eq!(letter.ordering_key(), Some(&b"ok"[..]));
    assert_eq!(letter.event_time(), Some(12345));
    assert_eq!(property(&letter, "own").unwrap(), "1");
    assert_eq!(property(&letter, "REAL_TOPIC").unwrap(), consumer.topic());
    assert_eq!(property(&letter, "ORIGIN_MESSAGE_ID").unwrap(), id.to_string());
    assert_eq!(letter.properties().iter().count(), 3);
    // It is acknowledged.
    assert_eq!(rest(&consumer).await, [] as [u32; 0]);
    consumer.close().await.unwrap();
    assert_eq!(rest(&subscribe(&client, &topic, shared()).await).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn of_a_batch_only_what_is_refused_is_a_dead_letter() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("batch");
    let consumer = subscribe(&client, &topic, dead_after(0)).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let messages = receive_many(&consumer, 10).await;
    consumer.acknowledge_all(&messages[..3]).unwrap();
    consumer.negative_acknowledge(&messages[4]);
    consumer.negative_acknowledge_id(&messages[6].id());
    eventually(LONG, "they are buried", || consumer.stats().dead_letters == 2).await;
    // Those that are worked on still are not.
    let graveyard = graveyard(&client, &topic).await;
    let mut letters = rest(&graveyard).await;
    letters.sort_unstable();
    assert_eq!(letters, [4, 6]);
    assert_eq!(rest(&consumer).await, [] as [u32; 0]);
    for message in &messages {
        consumer.acknowledge(message).unwrap();
    }
    consumer.close().await.unwrap();
    assert_eq!(rest(&subscribe(&client, &topic, shared()).await).await, [] as [u32; 0]);
    assert_eq!(rest(&graveyard).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_message_in_chunks_is_a_dead_letter_in_one_piece() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("chunks");
    let consumer = subscribe(&client, &topic, dead_after(1)).await;
    let config = ProducerConfig { batching: None, chunking: true, ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    let payload: Vec<u8> = (0..12_000_000u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
    producer.send(&payload[..]).await.unwrap();
    for _ in 0..2 {
        let message = receive(&consumer).await;
        consumer.negative_acknowledge(&message);
    }
    eventually(LONG, "it is buried", || consumer.stats().dead_letters == 1).await;
    let letter = receive(&graveyard(&client, &topic).await).await;
    assert!(letter.payload() == payload);
    consumer.close().await.unwrap();
    let again = subscribe(&client, &topic, shared()).await;
    assert!(tokio::time::timeout(SHORT, again.receive()).await.is_err(), "all chunks are acknowledged");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_partition_has_the_dead_letter_topic_of_its_topic() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("partition");
    broker.create_topic(&topic, 2).await;
    let partition = format!("{topic}-partition-1");
    let consumer = subscribe(&client, &partition, dead_after(0)).await;
    send_singles(&client, &partition, 1, 4).await;
    consumer.negative_acknowledge(&receive(&consumer).await);
    let letter = receive(&graveyard(&client, &topic).await).await;
    assert_eq!(property(&letter, "REAL_TOPIC").unwrap(), format!("persistent://public/default/{partition}"));
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_came_too_often_already_is_not_delivered() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("past");
    let lenient = subscribe(&client, &topic, ConsumerConfig { priority_level: 1, ..shared() }).await;
    send_singles(&client, &topic, 1, 4).await;
    for _ in 0..2 {
        lenient.negative_acknowledge(&receive(&lenient).await);
    }
    let last = receive(&lenient).await;
    let strict = subscribe(&client, &topic, dead_after(1)).await;
    lenient.negative_acknowledge(&last);
    assert_eq!(rest(&strict).await, [] as [u32; 0]);
    eventually(LONG, "it is buried", || strict.stats().dead_letters == 1).await;
    assert_eq!(number(&receive(&graveyard(&client, &topic).await).await), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_sent_is_kept_until_it_can() {
    let (broker, client) = in_memory();
    let topic = unique("failing");
    let consumer = subscribe(&client, &topic, dead_after(0)).await;
    send_batches(&client, &topic, 0..10, 5).await;
    let messages = receive_many(&consumer, 10).await;
    broker.fail_next(Kind::Producer, UNKNOWN_ERROR, "not now", 3);
    for message in &messages {
        consumer.negative_acknowledge(message);
    }
    eventually(2 * LONG, "they are buried", || consumer.stats().dead_letters == 10).await;
    let mut letters = rest(&graveyard(&client, &topic).await).await;
    letters.sort_unstable();
    letters.dedup();
    assert_eq!(letters, (0..10).collect::<Vec<_>>());
    assert_eq!(rest(&consumer).await, [] as [u32; 0]);
    eventually(LONG, "they are acknowledged", || backlog(&broker, &topic) == 0).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn no_dead_letter_is_lost_with_a_connection() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("cuts");
    let consumer = subscribe(&client, &topic, dead_after(0)).await;
    send_batches(&client, &topic, 0..500, 10).await;
    let mut received = 0;
    let nobody = || async { tokio::time::timeout(2 * SHORT, consumer.receive()).await };
    while let Ok(message) = nobody().await {
        consumer.negative_acknowledge(&message.unwrap());
        received += 1;
        if received % 200 == 0 {
            broker.cut();
        }
        assert!(received < 5000, "it ends some day");
    }
    consumer.close().await.unwrap();
    assert_eq!(rest(&subscribe(&client, &topic, shared()).await).await, [] as [u32; 0]);
    let mut letters = rest(&graveyard(&client, &topic).await).await;
    letters.sort_unstable();
    letters.dedup();
    assert_eq!(letters, (0..500).collect::<Vec<_>>());
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_acknowledged_in_time_is_a_dead_letter() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("timeout");
    let config = ConsumerConfig { ack_timeout: Some(Duration::from_secs(10)), ..dead_after(0) };
    let consumer = subscribe(&client, &topic, config).await;
    send_batches(&client, &topic, 0..5, 5).await;
    let messages = receive_many(&consumer, 5).await;
    consumer.acknowledge(&messages[2]).unwrap();
    let bound = Duration::from_secs(20);
    eventually(bound, "they are buried", || consumer.stats().dead_letters == 4).await;
    let mut letters = rest(&graveyard(&client, &topic).await).await;
    letters.sort_unstable();
    assert_eq!(letters, [0, 1, 3, 4]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_forgotten_beside_what_is_refused_is_a_dead_letter_too() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("forgotten");
    let config = ConsumerConfig { ack_timeout: Some(Duration::from_secs(10)), ..dead_after(0) };
    let consumer = subscribe(&client, &topic, config).await;
    send_batches(&client, &topic, 0..2, 2).await;
    let messages = receive_many(&consumer, 2).await;
    consumer.negative_acknowledge(&messages[0]);
    eventually(LONG, "the refused one is buried", || consumer.stats().dead_letters == 1).await;
    let bound = Duration::from_secs(20);
    eventually(bound, "the forgotten one is buried", || consumer.stats().dead_letters == 2).await;
    assert_eq!(rest(&graveyard(&client, &topic).await).await, [0, 1]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn delays_of_negative_acknowledgements_grow() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("backoff");
    let backoff = RedeliveryBackoff {
        min: Duration::from_millis(200),
        max: Duration::from_millis(800),
        multiplier: 2.0,
    };
    let config = ConsumerConfig { negative_ack_backoff: Some(backoff), ..shared() };
    let consumer = subscribe(&client, &topic, config).await;
    send_singles(&client, &topic, 1, 4).await;
    let mut message = receive(&consumer).await;
    for expected in [200, 400, 800, 800] {
        let start = Instant::now();
        consumer.negative_acknowledge(&message);
        message = receive(&consumer).await;
        let millis = start.elapsed().as_millis();
        assert!((expected..expected + 350).contains(&millis), "{millis} ms, not {expected}");
    }
    let wrong = RedeliveryBackoff { multiplier: f64::NAN, ..backoff };
    let wrong = ConsumerConfig { negative_ack_backoff: Some(wrong), ..shared() };
    let refused = client.subscribe(&topic, "sub", wrong).await;
    assert!(matches!(refused, Err(Error::InvalidConfiguration(_))), "{refused:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_message_is_reconsumed_later() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("later");
    let retry_topic = unique("retry");
    let policy = DeadLetterPolicy {
        max_redeliveries: 2,
        dead_letter_topic: Some(format!("{topic}-sub-DLQ")),
        retry_letter_topic: Some(retry_topic.clone()),
        initial_subscription: Some("sub".into()),
        ..DeadLetterPolicy::default()
    };
    let config = ConsumerConfig { dead_letter: Some(policy), retry: true, ..shared() };
    // It reads the retry letter topic too.
    let consumer = subscribe(&client, &topic, config).await;
    assert_eq!(consumer.topics().len(), 2);
    send_batches(&client, &topic, 0..3, 3).await;
    let origin = receive_many(&consumer, 3).await.remove(1);
    let mut message = origin.clone();
    // A real broker may deliver a second early.
    let (delay, soonest) = (Duration::from_millis(2500), Duration::from_millis(1400));
    for times in 1..=2 {
        let start = Instant::now();
        let custom = [(b"why".to_vec(), times.to_string().into_bytes())];
        consumer.reconsume_later(&message, delay, &custom).await.unwrap();
        message = receive(&consumer).await;
        assert!(start.elapsed() >= soonest, "after {:?}", start.elapsed());
        assert_eq!(number(&message), 1);
        assert_eq!(property(&message, "RECONSUMETIMES").unwrap(), times.to_string());
        assert_eq!(property(&message, "DELAY_TIME").unwrap(), "2500");
        assert_eq!(property(&message, "why").unwrap(), times.to_string());
        assert_eq!(property(&message, "REAL_TOPIC").unwrap(), consumer.topic());
        assert_eq!(property(&message, "ORIGIN_MESSAGE_ID").unwrap(), origin.id().to_string());
    }
    consumer.reconsume_later(&message, Duration::from_mins(1), &[]).await.unwrap();
    let letter = receive(&graveyard(&client, &topic).await).await;
    assert_eq!(property(&letter, "RECONSUMETIMES").unwrap(), "3");
    assert_eq!(property(&letter, "ORIGIN_MESSAGE_ID").unwrap(), origin.id().to_string());
    // Each copy was acknowledged, and the message itself.
    consumer.redeliver_unacknowledged();
    let mut left = rest(&consumer).await;
    left.sort_unstable();
    assert_eq!(left, [0, 2]);
    consumer.close().await.unwrap();
    assert_eq!(rest(&subscribe(&client, &retry_topic, shared()).await).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn without_being_enabled_nothing_is_put_off() {
    let (_broker, client) = in_memory();
    for (retry, subscription_type) in [(false, SubscriptionType::Shared), (true, SubscriptionType::Exclusive)]
    {
        let topic = unique("off");
        let config = ConsumerConfig { retry, subscription_type, ..dead_after(3) };
        let consumer = subscribe(&client, &topic, config).await;
        send_singles(&client, &topic, 1, 4).await;
        let message = receive(&consumer).await;
        let outcome = consumer.reconsume_later(&message, SHORT, &[]).await;
        assert!(matches!(outcome, Err(Error::NotSupported(_))), "{outcome:?}");
        consumer.redeliver_unacknowledged();
        assert_eq!(rest(&consumer).await, [0]);
    }
    client.close().await.unwrap();
}
