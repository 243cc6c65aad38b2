//! Which consumer of a failover subscription is served, and who is told.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::HashMap;
use std::sync::Arc;

use broker::numbers::{LONG, config, number, receive, send_singles};
use broker::{Broker, eventually, unique};
use parking_lot::Mutex;
use pulsar_rs_client::{ActiveChange, Client, Consumer, ConsumerConfig, EventListener, SubscriptionType};

/// A consumer, and what it was told.
struct Told {
    consumer: Consumer,
    changes: Arc<Mutex<Vec<ActiveChange>>>,
}

impl Told {
    async fn subscribe(client: &Client, topic: &str, kind: SubscriptionType, name: &str) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let log = changes.clone();
        let config = ConsumerConfig {
            subscription_type: kind,
            name: Some(name.into()),
            event_listener: Some(EventListener::new(move |change| log.lock().push(change))),
            ..config()
        };
        Told { consumer: client.subscribe(topic, "sub", config).await.unwrap(), changes }
    }

    /// The last that was told of each topic.
    fn state(&self) -> HashMap<String, (i32, bool)> {
        let changes = self.changes.lock();
        changes
            .iter()
            .map(|change| (change.topic.to_string(), (change.partition, change.is_active)))
            .collect()
    }

    async fn becomes(&self, expected: &[(&str, i32, bool)]) {
        let expected: HashMap<_, _> = expected
            .iter()
            .map(|(topic, partition, is_active)| {
                (format!("persistent://public/default/{topic}"), (*partition, *is_active))
            })
            .collect();
        eventually(LONG, &format!("{expected:?} was told"), || self.state() == expected).await;
    }
}

#[tokio::test]
async fn consumers_hear_who_is_served() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("active");
    let first = Told::subscribe(&client, &topic, SubscriptionType::Failover, "a").await;
    first.becomes(&[(&topic, -1, true)]).await;
    let second = Told::subscribe(&client, &topic, SubscriptionType::Failover, "b").await;
    // Which one it is depends on the topic's name.
    let is_active = |told: &Told| told.changes.lock().last().map(|change| change.is_active);
    let differ = || is_active(&second).is_some_and(|second| is_active(&first) == Some(!second));
    eventually(LONG, "one of them is served", differ).await;
    let (active, other) = if is_active(&first) == Some(true) { (&first, &second) } else { (&second, &first) };
    send_singles(&client, &topic, 2, 4).await;
    let message = receive(&active.consumer).await;
    active.consumer.acknowledge(&message).unwrap();
    active.consumer.close().await.unwrap();
    other.becomes(&[(&topic, -1, true)]).await;
    assert_eq!(number(&receive(&other.consumer).await), 1);
    // A consumer that is closed hears nothing any more.
    active.becomes(&[(&topic, -1, true)]).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn each_partition_is_told_of() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("active-partitions");
    broker.create_topic(&topic, 2).await;
    let partitions = [0, 1].map(|partition| format!("{topic}-partition-{partition}"));
    let state = |first, second| [(partitions[0].as_str(), 0, first), (partitions[1].as_str(), 1, second)];
    let first = Told::subscribe(&client, &topic, SubscriptionType::Failover, "a").await;
    first.becomes(&state(true, true)).await;
    // Each gets one: brokers spread the partitions.
    let second = Told::subscribe(&client, &topic, SubscriptionType::Failover, "b").await;
    second.becomes(&state(false, true)).await;
    first.becomes(&state(true, false)).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn other_subscriptions_have_nothing_to_tell() {
    let broker = Broker::start().await;
    let client = broker.client();
    for kind in [SubscriptionType::Exclusive, SubscriptionType::Shared, SubscriptionType::KeyShared] {
        let topic = unique("no-change");
        let told = Told::subscribe(&client, &topic, kind, "a").await;
        send_singles(&client, &topic, 1, 4).await;
        receive(&told.consumer).await;
        assert!(told.state().is_empty(), "{kind:?}: {:?}", told.state());
    }
    client.close().await.unwrap();
}
