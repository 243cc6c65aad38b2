//! Table views: the newest value of each key.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::BTreeMap;
use std::time::Duration;

use broker::numbers::LONG;
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    Client, Error, FutureSink, OutgoingMessage, Producer, ProducerConfig, TableUpdate, TableView,
    TableViewConfig,
};

async fn producer(client: &Client, topic: &str) -> Producer<FutureSink> {
    client.create_producer(topic, ProducerConfig::default()).await.unwrap()
}

async fn put(producer: &Producer<FutureSink>, key: &str, value: &str) {
    let message = OutgoingMessage { partition_key: Some(key.as_bytes()), ..value.into() };
    producer.send(message).await.unwrap();
}

async fn view(client: &Client, topic: &str) -> TableView {
    client.create_table_view(topic, TableViewConfig::default()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn entries(view: &TableView) -> Vec<String> {
    let entries: BTreeMap<_, _> = view.snapshot().into_iter().collect();
    entries.iter().map(|(key, value)| format!("{}={}", text(key), text(value))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_has_what_is_there_and_what_comes() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("view");
    let empty = view(&client, &topic).await;
    assert!(empty.is_empty());
    let producer = producer(&client, &topic).await;
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
        put(&producer, key, value).await;
    }
    producer.send("without a key").await.unwrap();
    put(&producer, "c", "").await;
    let null = OutgoingMessage { partition_key: Some(b"b"), null_value: true, ..OutgoingMessage::default() };
    put(&producer, "d", "5").await;
    let view = view(&client, &topic).await;
    assert_eq!(entries(&view), ["a=3", "b=2", "d=5"]);
    eventually(LONG, "the first view has the same", || entries(&empty) == entries(&view)).await;
    producer.send(null).await.unwrap();
    eventually(LONG, "b is deleted", || !view.contains(b"b")).await;
    assert_eq!(view.get(b"a").as_deref(), Some(&b"3"[..]));
    assert_eq!(view.get(b"nothing"), None);
    assert_eq!(view.remove(b"a").as_deref(), Some(&b"3"[..]));
    assert_eq!((view.contains(b"a"), view.len()), (false, 1));
    put(&producer, "a", "6").await;
    eventually(LONG, "a is back", || view.contains(b"a")).await;
    view.close().await.unwrap();
    view.close().await.unwrap();
    assert!(view.is_closed());
    assert_eq!(entries(&view), ["a=6", "d=5"]);
    let (left, mut updates) = view.listen();
    assert_eq!(left.len(), 2);
    assert_eq!(updates.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_miss_nothing_behind_their_snapshot() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("view-listen");
    let producer = producer(&client, &topic).await;
    put(&producer, "count", "0").await;
    let view = view(&client, &topic).await;
    let sending = tokio::spawn(async move {
        for number in 1..300 {
            put(&producer, "count", &number.to_string()).await;
        }
        put(&producer, "count", "").await;
        put(&producer, "end", "!").await;
    });
    for _ in 0..3 {
        let (snapshot, mut updates) = view.listen();
        let last: u32 = text(&snapshot[0].1).parse().unwrap();
        // Each update is the next value.
        for number in last + 1..last + 21 {
            let TableUpdate { key, value } = updates.next().await.unwrap();
            assert_eq!((text(&key), text(&value.unwrap())), ("count".into(), number.to_string()));
        }
    }
    let (_, mut updates) = view.listen();
    sending.await.unwrap();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|update: &TableUpdate| update.key != "end") {
        seen.push(tokio::time::timeout(LONG, updates.next()).await.unwrap().unwrap());
    }
    assert_eq!(seen[seen.len() - 2].value, None);
    view.close().await.unwrap();
    assert_eq!(updates.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_takes_nothing_does_not_hold_up_the_end() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("view-stuck");
    let config = ProducerConfig { max_pending_messages: 0, ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    let view = view(&client, &topic).await;
    let (_, updates) = view.listen();
    let sending: Vec<_> = (0..3000u32)
        .map(|number| {
            let key = number.to_be_bytes();
            let message = OutgoingMessage { partition_key: Some(&key), ..OutgoingMessage::from("value") };
            producer.send(message)
        })
        .collect();
    producer.flush().await.unwrap();
    for one in sending {
        one.await.unwrap();
    }
    // One is applied and waits behind the thousand that wait.
    eventually(LONG, "it is stuck", || view.len() == 1001).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(view.len(), 1001);
    drop(updates);
    eventually(LONG, "it goes on without the listener", || view.len() == 3000).await;
    let (_, _updates) = view.listen();
    tokio::time::timeout(LONG, view.close()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_partitions_and_of_compacted_topics() {
    let broker = Broker::start().await;
    let client = broker.client();
    let partitioned = unique("view-partitions");
    broker.create_topic(&partitioned, 3).await;
    let plain = unique("view-compacted");
    for topic in [&partitioned, &plain] {
        let producer = producer(&client, topic).await;
        for round in 0..3 {
            for key in 0..50 {
                put(&producer, &format!("key-{key}"), &format!("{round}")).await;
            }
        }
        put(&producer, "key-7", "").await;
        if topic == &plain {
            broker.compact(topic).await;
        }
        let view = view(&client, topic).await;
        assert_eq!(view.len(), 49);
        assert!(view.snapshot().iter().all(|(_, value)| *value == "2"));
        put(&producer, "key-7", "back").await;
        eventually(LONG, "the key is back", || view.len() == 50).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_are_not_stored_have_no_views() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = format!("non-persistent://public/default/{}", unique("view"));
    let outcome = client.create_table_view(&topic, TableViewConfig::default()).await;
    assert!(matches!(outcome, Err(Error::InvalidConfiguration(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_is_there_although_messages_never_end() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("view-steady");
    broker.create_topic(&topic, 2).await;
    let producer = producer(&client, &topic).await;
    for number in 0..100 {
        put(&producer, &format!("key-{number}"), "x").await;
    }
    let sending = tokio::spawn(async move {
        for number in 0u64.. {
            let (key, value) = (format!("new-{}", number % 10), number.to_string());
            let message = OutgoingMessage { partition_key: Some(key.as_bytes()), ..value.as_str().into() };
            if producer.send(message).await.is_err() {
                return;
            }
        }
    });
    let view = tokio::time::timeout(LONG, view(&client, &topic)).await.unwrap();
    assert!((0..100).all(|number| view.contains(format!("key-{number}").as_bytes())));
    eventually(LONG, "what is sent meanwhile", || {
        (0..10).all(|key| view.contains(format!("new-{key}").as_bytes()))
    })
    .await;
    client.close().await.unwrap();
    sending.await.unwrap();
}
