//! Schemas of topics, asked for by consumers.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use broker::numbers::{config, receive, subscribe};
use broker::{Broker, unique};
use pulsar_rs_client::{Client, Error, ProducerConfig, Schema, SchemaType};

const OLD: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
const NEW: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","int"],"default":null}]}"#;

/// Sends one message that was written with a schema.
async fn send(client: &Client, topic: &str, definition: Option<&str>) {
    let schema = definition.map(|definition| Schema {
        name: "record".into(),
        kind: SchemaType::Avro,
        definition: definition.into(),
        properties: vec![("origin".into(), "test".into())],
    });
    let config = ProducerConfig { schema, ..ProducerConfig::default() };
    let producer = client.create_producer(topic, config).await.unwrap();
    producer.send("x").await.unwrap();
    producer.close().await.unwrap();
}

#[tokio::test]
async fn schemas_are_told_by_version() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("versions");
    let consumer = subscribe(&client, &topic, config()).await;
    let none = consumer.schema(None).await;
    assert!(matches!(none, Err(Error::TopicNotFound(_))), "{none:?}");
    send(&client, &topic, None).await;
    for definition in [OLD, NEW] {
        send(&client, &topic, Some(definition)).await;
    }
    let message = receive(&consumer).await;
    assert_eq!(consumer.schema_of(&message).await.unwrap(), None);
    let mut versions = Vec::new();
    for definition in [OLD, NEW] {
        let message = receive(&consumer).await;
        let info = consumer.schema_of(&message).await.unwrap().unwrap();
        assert_eq!(info.version, message.schema_version().unwrap());
        assert_eq!(
            (info.schema.kind, info.schema.definition.as_slice()),
            (SchemaType::Avro, definition.as_bytes())
        );
        assert_eq!(info.schema.properties, [("origin".to_owned(), "test".to_owned())]);
        assert_eq!(consumer.schema(message.schema_version()).await.unwrap(), info);
        versions.push(info.version.clone());
    }
    assert_ne!(versions[0], versions[1]);
    let newest = consumer.schema(None).await.unwrap();
    assert_eq!((&newest.version, newest.schema.definition.as_slice()), (&versions[1], NEW.as_bytes()));
    let unknown = consumer.schema(Some(&[0, 0, 0, 0, 0, 0, 0, 99])).await;
    assert!(unknown.is_err(), "{unknown:?}");
    consumer.close().await.unwrap();
    let closed = consumer.schema(None).await;
    assert!(matches!(closed, Err(Error::AlreadyClosed(_))), "{closed:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn schemas_of_partitions_and_of_several_topics() {
    let broker = Broker::start().await;
    let client = broker.client();
    let (partitioned, other) = (unique("partitioned"), unique("other"));
    broker.create_topic(&partitioned, 2).await;
    send(&client, &partitioned, Some(OLD)).await;
    send(&client, &other, Some(NEW)).await;
    let consumer = subscribe(&client, &partitioned, config()).await;
    let info = consumer.schema(None).await.unwrap();
    assert_eq!(info.schema.definition, OLD.as_bytes());
    let message = receive(&consumer).await;
    let same = consumer.schema_of(&message).await.unwrap().unwrap();
    assert_eq!((&same.version, &same.schema.definition), (&info.version, &info.schema.definition));
    let both = client.subscribe_topics(&[&partitioned, &other], "both", config()).await.unwrap();
    let ambiguous = both.schema(None).await;
    assert!(matches!(ambiguous, Err(Error::NotSupported(_))), "{ambiguous:?}");
    for _ in 0..2 {
        let message = receive(&both).await;
        let info = both.schema_of(&message).await.unwrap().unwrap();
        let expected = if message.topic().contains(&other) { NEW } else { OLD };
        assert_eq!(info.schema.definition, expected.as_bytes());
    }
    client.close().await.unwrap();
}
