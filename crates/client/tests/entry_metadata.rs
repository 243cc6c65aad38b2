//! What brokers note of entries, and the rest that messages tell.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use broker::numbers::{config, in_memory, receive, receive_many, send_batches, send_singles, subscribe};
use broker::{Broker, unique};
use pulsar_rs_client::{OutgoingMessage, ProducerConfig};

/// A broker that notes; tests/pulsar has it in its configuration.
async fn noting() -> Broker {
    let broker = Broker::start().await;
    broker.in_memory().inspect(|broker| broker.entry_metadata(true));
    broker
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

#[tokio::test]
async fn indexes_count_messages() {
    let broker = noting().await;
    let client = broker.client();
    let topic = unique("indexes");
    let consumer = subscribe(&client, &topic, config()).await;
    send_singles(&client, &topic, 3, 4).await;
    send_batches(&client, &topic, 0..20, 7).await;
    send_singles(&client, &topic, 2, 4).await;
    let messages = receive_many(&consumer, 25).await;
    let indexes: Vec<_> = messages.iter().map(|message| message.index().unwrap()).collect();
    assert!(indexes.iter().copied().eq(0..25), "{indexes:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_broker_notes_the_time() {
    // In memory: tests/pulsar has no timestamps, with which seeking to a time would not go by publish times.
    let (broker, client) = in_memory();
    broker.entry_metadata(true);
    let topic = unique("times");
    let consumer = subscribe(&client, &topic, config()).await;
    let before = now();
    send_singles(&client, &topic, 1, 4).await;
    send_batches(&client, &topic, 0..2, 2).await;
    let after = now();
    for message in receive_many(&consumer, 3).await {
        let time = message.broker_publish_time().unwrap();
        assert!((before..=after).contains(&time), "{time} in {before}..={after}");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn brokers_that_note_nothing_tell_nothing() {
    let (_broker, client) = in_memory();
    let topic = unique("nothing");
    let consumer = subscribe(&client, &topic, config()).await;
    send_singles(&client, &topic, 1, 4).await;
    send_batches(&client, &topic, 0..2, 2).await;
    for message in receive_many(&consumer, 3).await {
        assert_eq!((message.index(), message.broker_publish_time()), (None, None));
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn messages_tell_when_they_were_to_be_delivered() {
    let broker = noting().await;
    let client = broker.client();
    let topic = unique("later");
    let consumer = subscribe(&client, &topic, config()).await;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    // For an exclusive subscription it is delivered at once.
    let time = SystemTime::now() + Duration::from_secs(60);
    let deliver_at = i64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let later = OutgoingMessage { deliver_at: Some(deliver_at), ..OutgoingMessage::from("later") };
    producer.send(later).await.unwrap();
    producer.send("now").await.unwrap();
    assert_eq!(receive(&consumer).await.deliver_at(), u64::try_from(deliver_at).ok());
    let message = receive(&consumer).await;
    assert_eq!((message.deliver_at(), message.is_key_base64()), (None, false));
    client.close().await.unwrap();
}
