//! Permits of entries that are not delivered: outdated, damaged, hostile.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use broker::numbers::{
    LONG, SHORT, backlog, config, in_memory, number, receive, receive_many, rest, send_batches, send_singles,
    subscribe,
};
use broker::raw::{RawProducer, kind, read_frame};
use broker::{eventually, unique};
use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig};
use pulsar_rs_testbroker::TestBroker;
use pulsar_rs_wire::metadata::Metadata;
use pulsar_rs_wire::{Kind, frame};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

fn permits(broker: &TestBroker, topic: &str) -> i64 {
    broker.topic_stats(topic).unwrap().subscription("sub").unwrap().permits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outdated_entries_give_back_the_permits_they_took() {
    const QUEUE: i64 = 200;
    let (broker, client) = in_memory();
    let topic = unique("outdated");
    let config = ConsumerConfig { batch_index_ack: true, receiver_queue_size: 200, ..config() };
    let consumer = subscribe(&client, &topic, config).await;
    send_batches(&client, &topic, 0..1000, 100).await;
    for message in receive_many(&consumer, 1000).await {
        if !number(&message).is_multiple_of(100) {
            consumer.acknowledge(&message).unwrap();
        }
    }
    for _ in 0..300 {
        consumer.redeliver_unacknowledged();
        std::thread::sleep(Duration::from_micros(fastrand::u64(..1000)));
    }
    assert_eq!(rest(&consumer).await.len(), 10);
    // All that came was taken; the permits of up to half a queue wait to be given back together.
    let permits = permits(&broker, &topic);
    assert!((QUEUE / 2..=QUEUE).contains(&permits), "{permits} permits");
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_entry_damaged_on_the_way_costs_no_permits() {
    let (broker, client) = in_memory();
    let topic = unique("damaged");
    let damage = Arc::new(AtomicBool::new(true));
    let url = damaging_proxy(&broker, damage.clone()).await;
    let behind = Client::new(&url, ClientConfig::default()).unwrap();
    let consumer = subscribe(&behind, &topic, config()).await;
    send_batches(&client, &topic, 0..1000, 1000).await;
    eventually(LONG, "the batch is damaged", || !damage.load(Ordering::SeqCst)).await;
    send_singles(&client, &topic, 1500, 4).await;
    for expected in 0..1500 {
        assert_eq!(number(&receive(&consumer).await), expected);
    }
    assert_eq!(consumer.stats().discarded, 1);
    // What cannot be read is acknowledged, or it would come for ever.
    eventually(LONG, "it is acknowledged", || backlog(&broker, &topic) == 1500).await;
    behind.close().await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_entry_that_nobody_can_read_costs_no_permits() {
    let (broker, client) = in_memory();
    let topic = unique("unreadable");
    let consumer = subscribe(&client, &topic, config()).await;
    let mut raw = RawProducer::create(&broker, &topic).await;
    // The broker believes the command; the metadata lacks all that it must have.
    raw.send(1000, &[0, 0, 0, 1, 0xff]).await;
    send_singles(&client, &topic, 1500, 4).await;
    for expected in 0..1500 {
        assert_eq!(number(&receive(&consumer).await), expected);
    }
    eventually(LONG, "it is acknowledged", || backlog(&broker, &topic) == 1500).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn hostile_batch_sizes_do_not_overflow() {
    let (broker, client) = in_memory();
    let topic = unique("sizes");
    let consumer = subscribe(&client, &topic, config()).await;
    let mut raw = RawProducer::create(&broker, &topic).await;
    for _ in 0..3 {
        raw.send(1, &lying_batch()).await;
    }
    // All three wait in the inbox.
    eventually(LONG, "they were sent", || permits(&broker, &topic) == 997).await;
    tokio::time::sleep(SHORT).await;
    consumer.redeliver_unacknowledged();
    send_singles(&client, &topic, 1, 4).await;
    assert_eq!(number(&receive(&consumer).await), 0);
    eventually(LONG, "the others are acknowledged", || backlog(&broker, &topic) == 1).await;
    client.close().await.unwrap();
}

/// What a lying producer brought about: permits that the consumer never meant to give.
#[tokio::test]
async fn a_broker_that_sends_far_more_than_the_queue_holds_is_left() {
    let (broker, client) = in_memory();
    let topic = unique("flood");
    let consumer = subscribe(&client, &topic, ConsumerConfig { receiver_queue_size: 10, ..config() }).await;
    let mut raw = RawProducer::create(&broker, &topic).await;
    raw.send(1, &lying_batch()).await;
    assert_eq!(rest(&consumer).await, [] as [u32; 0]);
    eventually(LONG, "there are too many permits", || permits(&broker, &topic) > 1_000_000).await;
    send_singles(&client, &topic, 3000, 4).await;
    eventually(LONG, "it begins anew", || consumer.stats().reconnects == 1 && consumer.is_connected()).await;
    assert!(permits(&broker, &topic) <= 10);
    for expected in 0..3000 {
        assert_eq!(number(&receive(&consumer).await), expected);
    }
    client.close().await.unwrap();
}

/// A batch that says of itself that it has as many messages as there are numbers.
fn lying_batch() -> Vec<u8> {
    let metadata =
        Metadata { producer_name: b"raw", num_messages_in_batch: Some(i32::MAX), ..Metadata::default() };
    let mut section = Vec::new();
    frame::encode_payload_head(&mut section, &metadata, b"few");
    section.extend_from_slice(b"few");
    section
}

/// Passes everything on, but while `damage` is set, flips a bit of the next entry that the broker sends.
async fn damaging_proxy(broker: &TestBroker, damage: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("pulsar://{}", listener.local_addr().unwrap());
    let port = broker.port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let damage = damage.clone();
            tokio::spawn(async move {
                let broker = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_broker, mut to_broker) = broker.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_broker).await });
                while let Some(mut frame) = read_frame(&mut from_broker).await {
                    if kind(&frame) == Kind::Message && damage.swap(false, Ordering::SeqCst) {
                        *frame.last_mut().unwrap() ^= 1;
                    }
                    to_client.write_all(&frame).await.unwrap();
                }
            });
        }
    });
    url
}
