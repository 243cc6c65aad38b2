//! Acknowledgements within batches, and the permits of entries that are not delivered.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use broker::numbers::{
    LONG, SHORT, backlog, config, in_memory, number, receive, receive_many, rest, send_batches, send_singles,
    subscribe,
};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig, Error, MessageId, SubscriptionType};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};

fn shared() -> ConsumerConfig {
    ConsumerConfig { subscription_type: SubscriptionType::Shared, ..config() }
}

#[tokio::test]
async fn an_id_and_its_message_acknowledge_the_same_batch() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("both");
    let consumer = subscribe(&client, &topic, shared()).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let messages = receive_many(&consumer, 10).await;
    for (index, message) in messages.iter().enumerate() {
        match index % 3 {
            0 => consumer.acknowledge_id(&message.id()).unwrap(),
            1 => {
                // As other clients write it: without the size of the batch.
                consumer.acknowledge_id(&MessageId { batch_size: 0, ..message.id() }).unwrap();
            }
            _ => consumer.acknowledge(message).unwrap(),
        }
        if index == 8 {
            consumer.redeliver_unacknowledged();
            assert_eq!(rest(&consumer).await, [9]);
        }
    }
    consumer.close().await.unwrap();
    let again = subscribe(&client, &topic, shared()).await;
    assert_eq!(rest(&again).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn copies_of_a_batch_are_acknowledged_together() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("copies");
    let consumer = subscribe(&client, &topic, shared()).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let first = receive_many(&consumer, 10).await;
    consumer.redeliver_unacknowledged();
    let second = receive_many(&consumer, 10).await;
    for (index, (first, second)) in first.iter().zip(&second).enumerate() {
        consumer.acknowledge(if index % 2 == 0 { first } else { second }).unwrap();
    }
    consumer.close().await.unwrap();
    let again = subscribe(&client, &topic, shared()).await;
    assert_eq!(rest(&again).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_another_consumer_acknowledged_does_not_come_again() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("other");
    let with_priority = |priority_level| ConsumerConfig {
        priority_level,
        batch_index_ack: true,
        negative_ack_delay: Duration::from_millis(300),
        ack_grouping_time: Duration::ZERO,
        ..shared()
    };
    let consumer = subscribe(&client, &topic, with_priority(1)).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let messages = receive_many(&consumer, 10).await;
    consumer.acknowledge(&messages[0]).unwrap();
    consumer.negative_acknowledge(&messages[9]);
    let other = subscribe(&client, &topic, with_priority(0)).await;
    let messages = receive_many(&other, 9).await;
    other.acknowledge(&messages[0]).unwrap();
    other.acknowledge(&messages[1]).unwrap();
    other.close().await.unwrap();
    let again = receive_many(&consumer, 7).await;
    assert_eq!(again.iter().map(number).collect::<Vec<_>>(), (3..10).collect::<Vec<_>>());
    for message in &again {
        consumer.acknowledge(message).unwrap();
    }
    consumer.close().await.unwrap();
    let consumer = subscribe(&client, &topic, shared()).await;
    assert_eq!(rest(&consumer).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_cumulative_acknowledgement_inside_a_batch_is_remembered() {
    let broker = Broker::start().await;
    let client = broker.client();
    for batch_index_ack in [false, true] {
        let topic = unique("inside");
        let consumer = subscribe(&client, &topic, ConsumerConfig { batch_index_ack, ..config() }).await;
        send_batches(&client, &topic, 0..20, 10).await;
        let messages = receive_many(&consumer, 20).await;
        consumer.acknowledge_cumulative(&messages[14]).unwrap();
        consumer.redeliver_unacknowledged();
        assert_eq!(rest(&consumer).await, [15, 16, 17, 18, 19], "batch-index acks: {batch_index_ack}");
        consumer.close().await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_cumulative_acknowledgement_inside_the_first_entry_is_sent() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("first");
    let consumer = subscribe(&client, &topic, config()).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let messages = receive_many(&consumer, 5).await;
    // It covers the ledgers before.
    consumer.acknowledge_cumulative(&messages[4]).unwrap();
    if let Broker::InMemory(broker) = &broker {
        eventually(LONG, "the ack comes", || broker.commands_received(Kind::Ack) == 1).await;
    }
    consumer.redeliver_unacknowledged();
    assert_eq!(rest(&consumer).await, [5, 6, 7, 8, 9]);
    consumer.close().await.unwrap();
    // Of this ledger it covers nothing.
    let again = subscribe(&client, &topic, config()).await;
    assert_eq!(rest(&again).await, (0..10).collect::<Vec<_>>());
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_rest_of_a_batch_has_its_ack_timeout_after_a_cumulative_acknowledgement() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("timeout");
    let timed = ConsumerConfig { ack_timeout: Some(Duration::from_secs(10)), ..config() };
    let consumer = subscribe(&client, &topic, timed).await;
    send_batches(&client, &topic, 0..10, 5).await;
    let messages = receive_many(&consumer, 10).await;
    consumer.acknowledge_cumulative(&messages[7]).unwrap();
    let again = tokio::time::timeout(Duration::from_secs(15), consumer.receive()).await.unwrap().unwrap();
    assert_eq!(number(&again), 8);
    client.close().await.unwrap();
}

#[tokio::test]
async fn ids_that_cannot_be_are_refused() {
    let (broker, client) = in_memory();
    let topic = unique("lies");
    let consumer = subscribe(&client, &topic, config()).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let messages = receive_many(&consumer, 10).await;
    let id = messages[3].id();
    for (batch_index, batch_size) in [(0, i32::MAX), (10, 10), (i32::MAX, 10), (3, 9), (3, 11)] {
        let lie = MessageId { batch_index, batch_size, ..id.clone() };
        for outcome in [consumer.acknowledge_id(&lie), consumer.acknowledge_cumulative_id(&lie)] {
            assert!(matches!(outcome, Err(Error::InvalidMessage(_))), "{lie:?}: {outcome:?}");
        }
    }
    // One that is not here can have any size that a batch can have.
    let elsewhere = MessageId { ledger: id.ledger + 1, ..id };
    consumer.acknowledge_id(&elsewhere).unwrap();
    let lie = MessageId { batch_size: i32::MAX, ..elsewhere };
    assert!(matches!(consumer.acknowledge_id(&lie), Err(Error::InvalidMessage(_))));
    for message in &messages {
        consumer.acknowledge(message).unwrap();
    }
    consumer.close().await.unwrap();
    assert_eq!(backlog(&broker, &topic), 0);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_while_closing_is_sent() {
    let (broker, client) = in_memory();
    for _ in 0..30 {
        let topic = unique("race");
        let consumer = Arc::new(subscribe(&client, &topic, shared()).await);
        send_singles(&client, &topic, 1000, 4).await;
        let messages = receive_many(&consumer, 1000).await;
        let start = Barrier::new(5);
        let closing = {
            let consumer = consumer.clone();
            tokio::spawn(async move { consumer.close().await })
        };
        let accepted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = messages
                .chunks(200)
                .map(|messages| {
                    let (start, consumer) = (&start, &consumer);
                    scope.spawn(move || {
                        start.wait();
                        messages.iter().take_while(|message| consumer.acknowledge(message).is_ok()).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        closing.await.unwrap().unwrap();
        assert_eq!(backlog(&broker, &topic), 1000 - accepted as u64);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_a_dropped_consumer_acknowledged_is_sent_before_its_client_is_closed() {
    let (broker, sender) = in_memory();
    for _ in 0..50 {
        let topic = unique("dropped");
        let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
        let consumer =
            subscribe(&client, &topic, ConsumerConfig { ack_grouping_time: LONG, ..shared() }).await;
        send_singles(&sender, &topic, 10, 4).await;
        for message in receive_many(&consumer, 10).await {
            consumer.acknowledge(&message).unwrap();
        }
        drop(consumer);
        client.close().await.unwrap();
        assert_eq!(backlog(&broker, &topic), 0);
        assert_eq!(broker.topic_stats(&topic).unwrap().subscription("sub").unwrap().consumers.len(), 0);
    }
    sender.close().await.unwrap();
}

#[tokio::test]
async fn each_refusal_of_a_batch_brings_it_once() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("nacks");
    let config = ConsumerConfig { negative_ack_delay: Duration::from_millis(400), ..shared() };
    let consumer = subscribe(&client, &topic, config).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let messages = receive_many(&consumer, 10).await;
    consumer.negative_acknowledge(&messages[0]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    for message in &messages {
        consumer.negative_acknowledge(message);
    }
    let again = receive_many(&consumer, 10).await;
    assert!(again.iter().all(|message| message.redelivery_count() == 1));
    assert_eq!(rest(&consumer).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn acknowledgements_of_many_batches_fit_the_brokers_limit() {
    const BATCHES: u32 = 1000;
    let options = Options { max_message_size: 10_000, ..Options::default() };
    let broker = TestBroker::start(options).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    let topic = unique("frame");
    let config = ConsumerConfig {
        batch_index_ack: true,
        ack_grouping_time: Duration::from_mins(1),
        ack_grouping_max_size: usize::MAX,
        receiver_queue_size: 200_000,
        ..config()
    };
    let consumer = subscribe(&client, &topic, config).await;
    send_batches(&client, &topic, 0..BATCHES * 100, 100).await;
    for place in 0..BATCHES * 100 {
        let message = receive(&consumer).await;
        if place % 100 == 50 {
            consumer.acknowledge(&message).unwrap();
        }
    }
    consumer.close().await.unwrap();
    assert_eq!(backlog(&broker, &topic), u64::from(BATCHES) * 99);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivery_keeps_the_order_while_entries_come() {
    let (_broker, client) = in_memory();
    let topic = unique("order");
    let consumer = Arc::new(subscribe(&client, &topic, config()).await);
    send_singles(&client, &topic, 100, 100_000).await;
    let done = Arc::new(AtomicBool::new(false));
    let asking = std::thread::spawn({
        let (consumer, done) = (consumer.clone(), done.clone());
        move || {
            for _ in 0..1000 {
                consumer.redeliver_unacknowledged();
                std::thread::sleep(Duration::from_micros(fastrand::u64(..2000)));
            }
            done.store(true, Ordering::SeqCst);
        }
    });
    let mut last = None;
    while !done.load(Ordering::SeqCst) {
        let Ok(message) = tokio::time::timeout(SHORT, consumer.receive()).await else { continue };
        let number = number(&message.unwrap());
        assert!(number == 0 || Some(number - 1) == last, "{number} after {last:?}");
        last = Some(number);
    }
    asking.join().unwrap();
    client.close().await.unwrap();
}
