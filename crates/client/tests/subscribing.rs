//! What a consumer says when it subscribes, and what comes of it.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use broker::numbers::{
    LONG, SHORT, backlog, config, in_memory, number, receive, receive_many, rest, send_singles, subscribe,
};
use broker::raw::{LIMIT, RawProducer, kind, read_frame};
use broker::{Broker, admin, eventually, unique};
use parking_lot::Mutex;
use pulsar_rs_client::{
    Client, ClientConfig, ConsumerConfig, CryptoFailureAction, Error, KeyHashes, KeySharedPolicy,
    OutgoingMessage, ProducerConfig, Schema, SchemaType, SubscriptionType,
};
use pulsar_rs_testbroker::TestBroker;
use pulsar_rs_wire::proto::{CommandSubscribe, EncryptionKeys, IntRange, KeySharedMode, MessageMetadata};
use pulsar_rs_wire::{Command, Kind, checksum, command, frame};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

fn sticky(ranges: &[RangeInclusive<u16>]) -> ConsumerConfig {
    let hashes = KeyHashes::Sticky(ranges.to_vec());
    let key_shared = KeySharedPolicy { hashes, ..KeySharedPolicy::default() };
    ConsumerConfig { subscription_type: SubscriptionType::KeyShared, key_shared, ..config() }
}

/// Sends each of the keys in turns, each message alone.
async fn send_keys(client: &Client, topic: &str, keys: u32, count: u32) {
    let config = ProducerConfig { batching: None, ..ProducerConfig::default() };
    let producer = client.create_producer(topic, config).await.unwrap();
    for number in 0..count {
        let key = format!("key-{}", number % keys);
        let payload = number.to_be_bytes();
        let message =
            OutgoingMessage { partition_key: Some(key.as_bytes()), ..OutgoingMessage::from(&payload[..]) };
        producer.send(message).await.unwrap();
    }
    producer.close().await.unwrap();
}

#[tokio::test]
async fn sticky_ranges_divide_the_keys() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("sticky");
    let low = subscribe(&client, &topic, sticky(&[0..=9_999, 20_000..=32_767])).await;
    let high = subscribe(&client, &topic, sticky(&[10_000..=19_999, 32_768..=65_535])).await;
    for taken in [0..=0, 30_000..=40_000] {
        let refused = client.subscribe(&topic, "sub", sticky(&[taken])).await;
        assert!(matches!(refused, Err(Error::ConsumerAssign(_))), "{refused:?}");
    }
    send_keys(&client, &topic, 20, 200).await;
    let mut owners = HashMap::new();
    let mut counts = [0; 2];
    for (owner, consumer) in [&low, &high].into_iter().enumerate() {
        while let Ok(message) = tokio::time::timeout(SHORT, consumer.receive()).await {
            let message = message.unwrap();
            counts[owner] += 1;
            let key = message.partition_key().unwrap().to_vec();
            assert_eq!(*owners.entry(key).or_insert(owner), owner);
            consumer.acknowledge(&message).unwrap();
        }
    }
    assert_eq!(counts.iter().sum::<u32>(), 200);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn keys_whose_hash_nobody_has_wait() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("unassigned");
    let low = subscribe(&client, &topic, sticky(&[0..=32_767])).await;
    send_keys(&client, &topic, 20, 20).await;
    let mut numbers = rest(&low).await;
    assert!((1..20).contains(&numbers.len()), "{numbers:?}");
    let high = subscribe(&client, &topic, sticky(&[32_768..=65_535])).await;
    for message in receive_many(&high, 20 - numbers.len()).await {
        numbers.push(number(&message));
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..20));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_policy_needs_a_key_shared_subscription() {
    let (_broker, client) = in_memory();
    for kind in [SubscriptionType::Exclusive, SubscriptionType::Shared, SubscriptionType::Failover] {
        let out_of_order = KeySharedPolicy { allow_out_of_order: true, ..KeySharedPolicy::default() };
        for key_shared in [sticky(&[0..=9]).key_shared, out_of_order] {
            let config = ConsumerConfig { subscription_type: kind, key_shared, ..config() };
            let refused = client.subscribe("policy", "sub", config).await;
            assert!(matches!(refused, Err(Error::InvalidConfiguration(_))), "{refused:?}");
        }
    }
    let overlapping = client.subscribe("policy", "sub", sticky(&[0..=10, 5..=20])).await;
    assert!(matches!(overlapping, Err(Error::InvalidConfiguration(_))), "{overlapping:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_smaller_priority_level_is_served_first() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("priority");
    let shared = |priority_level| ConsumerConfig {
        subscription_type: SubscriptionType::Shared,
        priority_level,
        receiver_queue_size: 10,
        ..config()
    };
    let second = subscribe(&client, &topic, shared(1)).await;
    let first = subscribe(&client, &topic, shared(0)).await;
    send_singles(&client, &topic, 15, 4).await;
    // The first one's queue takes ten; the rest overflows.
    let overflow: Vec<_> = receive_many(&second, 5).await.iter().map(number).collect();
    assert!(overflow.into_iter().eq(10..15));
    assert!(receive_many(&first, 10).await.iter().map(number).eq(0..10));
    client.close().await.unwrap();
}

#[tokio::test]
async fn properties_of_the_subscription_are_stored() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("properties");
    let with = |value: &str| ConsumerConfig {
        subscription_properties: vec![("team".into(), value.into())],
        replicate_subscription_state: true,
        ..config()
    };
    let consumer = subscribe(&client, &topic, with("billing")).await;
    consumer.close().await.unwrap();
    // The subscription keeps what it has.
    let consumer = subscribe(&client, &topic, with("other")).await;
    if broker.is_real() {
        let stats = admin::stats(&broker.http_url(), &topic).await;
        assert!(stats.contains(r#""subscriptionProperties":{"team":"billing"}"#), "{stats}");
        assert!(stats.contains(r#""isReplicated":true"#), "{stats}");
    }
    drop(consumer);
    client.close().await.unwrap();
}

fn schema(kind: SchemaType, definition: &str) -> Schema {
    Schema { name: "record".into(), kind, definition: definition.into(), properties: Vec::new() }
}

#[tokio::test]
async fn a_schema_that_does_not_fit_is_refused() {
    const RECORD: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("schema");
    let with = |schema| ConsumerConfig { schema: Some(schema), ..config() };
    let fits = client.subscribe(&topic, "fits", with(schema(SchemaType::Avro, RECORD))).await.unwrap();
    let other = client.subscribe(&topic, "other", with(schema(SchemaType::String, ""))).await;
    assert!(matches!(other, Err(Error::IncompatibleSchema(_))), "{other:?}");
    // Without one, everything is accepted.
    let any = client.subscribe(&topic, "any", config()).await.unwrap();
    drop((fits, any));
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_command_says_what_the_configuration_says() {
    let (broker, _direct) = in_memory();
    let (url, seen) = watching_proxy(&broker).await;
    let client = Client::new(&url, ClientConfig::default()).unwrap();
    let hashes = KeyHashes::Sticky(vec![7..=9]);
    let everything = ConsumerConfig {
        subscription_type: SubscriptionType::KeyShared,
        key_shared: KeySharedPolicy { hashes, allow_out_of_order: true },
        subscription_properties: vec![("a".into(), "b".into())],
        properties: vec![("c".into(), "d".into())],
        replicate_subscription_state: true,
        schema: Some(schema(SchemaType::Json, "{}")),
        priority_level: 3,
        ..config()
    };
    let _everything = client.subscribe("everything", "sub", everything).await.unwrap();
    let _defaults = client.subscribe("defaults", "sub", ConsumerConfig::default()).await.unwrap();
    client.close().await.unwrap();
    let seen = seen.lock();
    let [everything, defaults] = seen.as_slice() else { panic!("{seen:?}") };
    let policy = everything.key_shared_meta.as_ref().unwrap();
    assert_eq!(policy.key_shared_mode(), KeySharedMode::Sticky);
    assert_eq!(policy.hash_ranges, [IntRange { start: 7, end: 9 }]);
    assert!(policy.allow_out_of_order_delivery());
    assert!(everything.replicate_subscription_state());
    assert_eq!(everything.priority_level(), 3);
    assert_eq!(everything.schema.as_ref().unwrap().schema_data, b"{}");
    let pairs = [&everything.subscription_properties[0], &everything.metadata[0]];
    assert_eq!(pairs.map(|pair| (pair.key.as_str(), pair.value.as_str())), [("a", "b"), ("c", "d")]);
    assert!(defaults.key_shared_meta.is_none() && defaults.schema.is_none());
    assert!(!defaults.replicate_subscription_state() && !defaults.read_compacted());
    assert!(defaults.subscription_properties.is_empty() && defaults.force_topic_creation());
}

/// Passes everything on, and keeps the `Subscribe` commands.
async fn watching_proxy(broker: &TestBroker) -> (String, Arc<Mutex<Vec<CommandSubscribe>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("pulsar://{}", listener.local_addr().unwrap());
    let (port, seen) = (broker.port(), Arc::new(Mutex::new(Vec::new())));
    let commands = seen.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let commands = commands.clone();
            tokio::spawn(async move {
                let broker = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_broker, mut to_broker) = broker.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_broker, &mut to_client).await });
                while let Some(frame) = read_frame(&mut from_client).await {
                    if kind(&frame) == Kind::Subscribe {
                        commands.lock().push(decode_subscribe(&frame));
                    }
                    to_broker.write_all(&frame).await.unwrap();
                }
            });
        }
    });
    (url, seen)
}

fn decode_subscribe(frame: &[u8]) -> CommandSubscribe {
    let frame = frame::peek(frame, LIMIT).unwrap().unwrap();
    let (kind, body) = command::split(frame.command).unwrap();
    match Command::decode(kind, body).unwrap() {
        Command::Subscribe(subscribe) => subscribe,
        other => panic!("{other:?}"),
    }
}

/// A payload section whose body claims to be encrypted: a batch of two that is compressed, as its metadata says.
fn encrypted() -> Vec<u8> {
    let keys = EncryptionKeys { key: "key".into(), value: vec![1, 2, 3], metadata: Vec::new() };
    let metadata = MessageMetadata {
        producer_name: "raw".into(),
        num_messages_in_batch: Some(2),
        compression: Some(1),
        uncompressed_size: Some(1000),
        encryption_keys: vec![keys],
        ..MessageMetadata::default()
    };
    let metadata = prost::Message::encode_to_vec(&metadata);
    let mut covered = u32::try_from(metadata.len()).unwrap().to_be_bytes().to_vec();
    covered.extend_from_slice(&metadata);
    covered.extend_from_slice(b"secret");
    let mut section = vec![0x0e, 0x01];
    section.extend_from_slice(&checksum::crc32c(&covered).to_be_bytes());
    section.extend_from_slice(&covered);
    section
}

/// A consumer behind an encrypted batch of two and a plain message.
async fn behind_an_encrypted_batch(
    action: CryptoFailureAction,
) -> (TestBroker, Client, String, pulsar_rs_client::Consumer) {
    let (broker, client) = in_memory();
    let topic = unique("encrypted");
    let config = ConsumerConfig { crypto_failure_action: action, receiver_queue_size: 10, ..config() };
    let consumer = subscribe(&client, &topic, config).await;
    RawProducer::create(&broker, &topic).await.send(2, &encrypted()).await;
    send_singles(&client, &topic, 100, 4).await;
    (broker, client, topic, consumer)
}

#[tokio::test]
async fn encrypted_messages_wait_or_are_dropped() {
    for (action, left) in [(CryptoFailureAction::Fail, 102), (CryptoFailureAction::Discard, 100)] {
        let (broker, client, topic, consumer) = behind_an_encrypted_batch(action).await;
        // More than the queue takes: their permits are given back.
        assert!(receive_many(&consumer, 100).await.iter().map(number).eq(0..100));
        assert_eq!(consumer.stats().discarded, 1);
        eventually(LONG, "the backlog", || backlog(&broker, &topic) == left).await;
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn encrypted_messages_come_as_they_are_if_wanted() {
    let (broker, client, topic, consumer) = behind_an_encrypted_batch(CryptoFailureAction::Consume).await;
    let message = receive(&consumer).await;
    assert_eq!(message.payload(), b"secret");
    assert_eq!(message.id().batch_index, -1);
    consumer.acknowledge(&message).unwrap();
    assert!(receive_many(&consumer, 100).await.iter().map(number).eq(0..100));
    eventually(LONG, "the whole batch is acknowledged", || backlog(&broker, &topic) == 100).await;
    let left = || broker.topic_stats(&topic).unwrap().subscription("sub").unwrap().permits;
    eventually(Duration::from_secs(5), "both permits are given back", || left() > 0).await;
    client.close().await.unwrap();
}
