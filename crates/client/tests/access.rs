//! Producers that want a topic for themselves, and schemas.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::{Duration, Instant};

use broker::{Broker, unique};
use pulsar_rs_client::{
    AccessMode, Client, ClientConfig, ConsumerConfig, Error, FutureSink, InitialPosition, OutgoingMessage,
    Producer, ProducerConfig, Schema, SchemaType,
};

async fn create(
    client: &Client,
    topic: &str,
    access_mode: AccessMode,
) -> Result<Producer<FutureSink>, Error> {
    client.create_producer(topic, ProducerConfig { access_mode, ..ProducerConfig::default() }).await
}

#[tokio::test]
async fn an_exclusive_producer_is_alone() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("exclusive");
    let first = create(&client, &topic, AccessMode::Exclusive).await.unwrap();
    for mode in [AccessMode::Exclusive, AccessMode::Shared] {
        let second = create(&client, &topic, mode).await;
        assert!(
            matches!(second, Err(Error::ProducerFenced(_) | Error::ProducerBusy(_))),
            "{mode:?}: {second:?}"
        );
    }
    first.send("x").await.unwrap();
    broker.cut();
    first.send("it comes back").await.unwrap();
    first.close().await.unwrap();
    let third = create(&client, &topic, AccessMode::Exclusive).await.unwrap();
    third.send("x").await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_waiting_producer_gets_its_turn_or_gives_up() {
    let broker = Broker::start().await;
    let client = broker.client();
    let listener_name = broker.is_real().then(|| "proxied".to_owned());
    let operation_timeout = Duration::from_secs(1);
    let hasty =
        broker.client_with(ClientConfig { operation_timeout, listener_name, ..ClientConfig::default() });
    let topic = unique("waiting");
    let first = create(&client, &topic, AccessMode::Exclusive).await.unwrap();
    let start = Instant::now();
    let outcome = create(&hasty, &topic, AccessMode::WaitForExclusive).await;
    assert!(matches!(outcome, Err(Error::Timeout(_))), "{outcome:?}");
    assert!(start.elapsed() >= operation_timeout);
    let waiting = create(&client, &topic, AccessMode::WaitForExclusive);
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut waiting).await.is_err());
    first.close().await.unwrap();
    let second = waiting.await.unwrap();
    second.send("x").await.unwrap();
    hasty.close().await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn fencing_takes_a_topic_over() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("fencing");
    let first = create(&client, &topic, AccessMode::Exclusive).await.unwrap();
    first.send("x").await.unwrap();
    let second = create(&client, &topic, AccessMode::ExclusiveWithFencing).await.unwrap();
    second.send("x").await.unwrap();
    let fenced = first.send("too late").await;
    assert!(matches!(fenced, Err(Error::ProducerFenced(_))), "{fenced:?}");
    client.close().await.unwrap();
}

fn with_schema(kind: SchemaType, definition: &str) -> ProducerConfig {
    let definition = definition.as_bytes().to_vec();
    let schema = Schema { name: "record".into(), kind, definition, properties: Vec::new() };
    ProducerConfig { schema: Some(schema), ..ProducerConfig::default() }
}

const RECORD: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;

#[tokio::test]
async fn messages_carry_the_version_of_their_schema() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("schema");
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    let consumer = client.subscribe(&topic, "all", config).await.unwrap();
    let plain = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    plain.send("plain").await.unwrap();
    for batching in [ProducerConfig::default().batching, None] {
        let config = ProducerConfig { batching, ..with_schema(SchemaType::Json, RECORD) };
        let producer = client.create_producer(&topic, config).await.unwrap();
        producer.send("{}").await.unwrap();
        let versioned = OutgoingMessage { schema_version: Some(b"other"), ..OutgoingMessage::default() };
        producer.send(versioned).await.unwrap();
        producer.close().await.unwrap();
    }
    let mut versions = Vec::new();
    for _ in 0..5 {
        let message = consumer.receive().await.unwrap();
        versions.push(message.schema_version().map(<[u8]>::to_vec));
    }
    assert_eq!(versions[0], None);
    assert_eq!(versions[1].as_ref().map(Vec::len), Some(8), "{versions:?}");
    assert_eq!(versions[2], Some(b"other".to_vec()));
    assert_eq!(versions[3..], versions[1..3]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_does_not_fit_is_refused() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("incompatible");
    let first = client.create_producer(&topic, with_schema(SchemaType::Json, RECORD)).await.unwrap();
    first.send("{}").await.unwrap();
    let other = client.create_producer(&topic, with_schema(SchemaType::String, "")).await;
    assert!(matches!(other, Err(Error::IncompatibleSchema(_))), "{other:?}");
    client.close().await.unwrap();
}
