//! Retry and dead letters of encrypted messages.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::Duration;

use broker::encrypted::{alone, for_keys, send_numbers, shows_plain_text, with_keys, without_keys};
use broker::keys::Keys;
use broker::numbers::{LONG, backlog, in_memory, number, receive, subscribe};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    Consumer, ConsumerConfig, CryptoFailureAction, DeadLetterPolicy, Error, InitialPosition, SubscriptionType,
};

fn letters(keys: &Keys) -> ConsumerConfig {
    let policy = DeadLetterPolicy {
        max_redeliveries: 1,
        initial_subscription: Some("sub".into()),
        ..DeadLetterPolicy::default()
    };
    ConsumerConfig {
        subscription_type: SubscriptionType::Shared,
        negative_ack_delay: Duration::from_millis(50),
        dead_letter: Some(policy),
        retry: true,
        ..with_keys(keys)
    }
}

async fn refuse_twice(consumer: &Consumer) {
    for _ in 0..2 {
        let message = receive(consumer).await;
        assert_eq!(number(&message), 0);
        consumer.negative_acknowledge(&message);
    }
}

#[tokio::test]
async fn letters_are_for_whom_their_messages_were() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("letters");
    let keys = Keys::all();
    let consumer = subscribe(&client, &topic, letters(&keys)).await;
    send_numbers(&client, &topic, alone(for_keys(&keys, &["b", "a"])), 1).await;
    let retry = format!("{topic}-sub-RETRY");
    let spy_on_retry = client.subscribe(&retry, "spy", without_keys()).await.unwrap();
    let message = receive(&consumer).await;
    consumer.reconsume_later(&message, Duration::from_millis(10), &[]).await.unwrap();
    let seen = receive(&spy_on_retry).await;
    assert!(seen.encryption().unwrap().is_encrypted() && !shows_plain_text(&seen, 0));
    refuse_twice(&consumer).await;
    let dead = format!("{topic}-sub-DLQ");
    let from_now_on = ConsumerConfig { initial_position: InitialPosition::Latest, ..without_keys() };
    eventually(LONG, "it is buried", || consumer.stats().dead_letters == 1).await;
    let spy = client.subscribe(&dead, "sub", from_now_on).await.unwrap();
    let seen = receive(&spy).await;
    assert!(seen.encryption().unwrap().is_encrypted() && !shows_plain_text(&seen, 0));
    let names: Vec<_> = seen.encryption().unwrap().keys().map(|key| key.name.to_vec()).collect();
    assert_eq!(names, [b"b", b"a"]);
    spy.close().await.unwrap();
    let reader = client.subscribe(&dead, "sub", with_keys(&keys)).await.unwrap();
    assert_eq!(number(&receive(&reader).await), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_still_encrypted_is_no_letter() {
    let (broker, client) = in_memory();
    let topic = unique("sealed");
    let config = ConsumerConfig {
        crypto_failure_action: CryptoFailureAction::Consume,
        ..letters(&Keys::new([None; 3]))
    };
    let consumer = subscribe(&client, &topic, config).await;
    send_numbers(&client, &topic, alone(for_keys(&Keys::all(), &["a"])), 1).await;
    // Twice are the deliveries that other messages have.
    for delivery in 0..4 {
        let message = receive(&consumer).await;
        assert!(message.encryption().unwrap().is_encrypted() && message.redelivery_count() == delivery);
        let refused = consumer.reconsume_later(&message, Duration::ZERO, &[]).await;
        assert!(
            matches!(&refused, Err(Error::Crypto(why)) if why.contains("still encrypted")),
            "{refused:?}"
        );
        consumer.negative_acknowledge(&message);
    }
    assert_eq!((consumer.stats().dead_letters, backlog(&broker, &topic)), (0, 1));
    client.close().await.unwrap();
}

#[tokio::test]
async fn letters_wait_until_they_can_be_encrypted() {
    let (broker, client) = in_memory();
    let topic = unique("waiting");
    let keys = Keys::all();
    let consumer = subscribe(&client, &topic, letters(&keys)).await;
    send_numbers(&client, &topic, alone(for_keys(&keys, &["a"])), 1).await;
    let first = receive(&consumer).await;
    consumer.negative_acknowledge(&first);
    // Its own key is known by now, but none is given for the letter.
    let second = receive(&consumer).await;
    keys.lock(true);
    consumer.negative_acknowledge(&second);
    let before = keys.asked().0;
    eventually(LONG, "a letter was tried", || keys.asked().0 > before).await;
    assert_eq!(consumer.stats().dead_letters, 0);
    assert_eq!(backlog(&broker, &topic), 1);
    keys.lock(false);
    eventually(LONG, "it is buried", || consumer.stats().dead_letters == 1).await;
    client.close().await.unwrap();
}
