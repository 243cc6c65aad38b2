//! Consumers: acknowledgements, redelivery, permits, reconnects.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchReceivePolicy, Client, Consumer, ConsumerConfig, Error, InitialPosition, Message, MessageId,
    ProducerConfig, SubscriptionType,
};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

fn config() -> ConsumerConfig {
    ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() }
}

fn shared() -> ConsumerConfig {
    ConsumerConfig { subscription_type: SubscriptionType::Shared, ..config() }
}

async fn subscribe(client: &Client, topic: &str, config: ConsumerConfig) -> Consumer {
    client.subscribe(topic, "sub", config).await.unwrap()
}

/// Sends numbers in batches; up to 1000 in one.
async fn send_batch(client: &Client, topic: &str, count: u32) {
    let config = ProducerConfig { max_pending_messages: 0, ..ProducerConfig::default() };
    let producer = client.create_producer(topic, config).await.unwrap();
    let sending: Vec<_> = (0..count).map(|number| producer.send(&number.to_be_bytes()[..])).collect();
    producer.flush().await.unwrap();
    for sending in sending {
        sending.await.unwrap();
    }
    producer.close().await.unwrap();
}

/// Sends numbers, each alone.
async fn send_singles(client: &Client, topic: &str, count: u32) {
    let config = ProducerConfig { batching: None, ..ProducerConfig::default() };
    let producer = client.create_producer(topic, config).await.unwrap();
    for number in 0..count {
        producer.send(&number.to_be_bytes()[..]).await.unwrap();
    }
    producer.close().await.unwrap();
}

fn number(message: &Message) -> u32 {
    u32::from_be_bytes(message.payload().try_into().unwrap())
}

async fn receive(consumer: &Consumer) -> Message {
    tokio::time::timeout(LONG, consumer.receive()).await.unwrap().unwrap()
}

/// The numbers of everything that comes until nothing does for a while.
async fn rest(consumer: &Consumer) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Ok(message) = tokio::time::timeout(SHORT, consumer.receive()).await {
        numbers.push(number(&message.unwrap()));
    }
    numbers
}

#[tokio::test]
async fn one_of_a_batch_acknowledged_leaves_the_others() {
    let broker = Broker::start().await;
    let client = broker.client();
    for (batch_index_ack, come_back) in [(true, (1..10).collect::<Vec<_>>()), (false, (0..10).collect())] {
        let topic = unique("batch");
        let config = ConsumerConfig { batch_index_ack, ..config() };
        let consumer = subscribe(&client, &topic, config.clone()).await;
        send_batch(&client, &topic, 10).await;
        let first = receive(&consumer).await;
        consumer.acknowledge(&first).unwrap();
        consumer.close().await.unwrap();
        let again = subscribe(&client, &topic, config).await;
        assert_eq!(rest(&again).await, come_back, "batch-index acks: {batch_index_ack}");
        again.close().await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_acknowledged_in_any_order_is_gone() {
    let broker = Broker::start().await;
    let client = broker.client();
    for by_id in [false, true] {
        let topic = unique("order");
        let consumer = subscribe(&client, &topic, shared()).await;
        send_batch(&client, &topic, 100).await;
        let mut messages = Vec::new();
        for _ in 0..100 {
            messages.push(receive(&consumer).await);
        }
        for step in 0..100 {
            let message = &messages[step * 37 % 100];
            if by_id {
                let id = MessageId::deserialize(&message.id().serialize()).unwrap();
                consumer.acknowledge_id(&id).unwrap();
            } else {
                consumer.acknowledge(message).unwrap();
            }
        }
        consumer.close().await.unwrap();
        let again = subscribe(&client, &topic, shared()).await;
        assert_eq!(rest(&again).await, [] as [u32; 0]);
        again.close().await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn cumulative_inside_a_batch() {
    let broker = Broker::start().await;
    let client = broker.client();
    for (batch_index_ack, come_back) in [(true, 5), (false, 0)] {
        let topic = unique("cumulative");
        let config = ConsumerConfig { batch_index_ack, ..config() };
        let consumer = subscribe(&client, &topic, config.clone()).await;
        send_singles(&client, &topic, 3).await;
        send_batch(&client, &topic, 10).await;
        let mut fifth = None;
        for _ in 0..3 + 5 {
            fifth = Some(receive(&consumer).await);
        }
        consumer.acknowledge_cumulative(&fifth.unwrap()).unwrap();
        consumer.close().await.unwrap();
        let again = subscribe(&client, &topic, config).await;
        assert_eq!(rest(&again).await, (come_back..10).collect::<Vec<_>>());
        again.close().await.unwrap();
    }
    let consumer = subscribe(&client, &unique("no"), shared()).await;
    let outcome = consumer.acknowledge_cumulative_id(&MessageId::entry(1, 1, -1));
    assert!(matches!(outcome, Err(Error::CumulativeAcknowledgementNotAllowed(_))));
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_acknowledged_of_a_batch_does_not_come_again_with_the_rest() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("nack");
    let config = ConsumerConfig { negative_ack_delay: Duration::from_millis(100), ..shared() };
    let consumer = subscribe(&client, &topic, config).await;
    send_batch(&client, &topic, 10).await;
    for _ in 0..10 {
        let message = receive(&consumer).await;
        if number(&message) == 4 {
            consumer.negative_acknowledge(&message);
        } else {
            consumer.acknowledge(&message).unwrap();
        }
    }
    let again = receive(&consumer).await;
    assert_eq!((number(&again), again.redelivery_count()), (4, 1));
    consumer.acknowledge(&again).unwrap();
    consumer.close().await.unwrap();
    let consumer = subscribe(&client, &topic, shared()).await;
    assert_eq!(rest(&consumer).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_negative_acknowledgement_waits_for_its_delay() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("delay");
    let config = ConsumerConfig { negative_ack_delay: Duration::from_millis(400), ..shared() };
    let consumer = subscribe(&client, &topic, config).await;
    send_singles(&client, &topic, 2).await;
    let (first, second) = (receive(&consumer).await, receive(&consumer).await);
    let start = Instant::now();
    consumer.negative_acknowledge(&first);
    consumer.acknowledge(&second).unwrap();
    let again = receive(&consumer).await;
    let elapsed = start.elapsed();
    assert_eq!((number(&again), again.redelivery_count()), (0, 1));
    assert!((400..2000).contains(&elapsed.as_millis()), "after {elapsed:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn everything_unacknowledged_comes_again_when_asked() {
    let broker = Broker::start().await;
    let client = broker.client();
    for config in [config(), shared()] {
        let (topic, kind) = (unique("redeliver"), config.subscription_type);
        let consumer = subscribe(&client, &topic, config).await;
        send_singles(&client, &topic, 10).await;
        for _ in 0..5 {
            let message = receive(&consumer).await;
            if number(&message) == 2 {
                consumer.acknowledge(&message).unwrap();
            }
        }
        consumer.redeliver_unacknowledged();
        let mut numbers = rest(&consumer).await;
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, [0, 1, 3, 4, 5, 6, 7, 8, 9], "{kind:?}");
        consumer.close().await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn unacknowledged_messages_come_again_after_the_ack_timeout() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("ack-timeout");
    let config = ConsumerConfig { ack_timeout: Some(Duration::from_secs(10)), ..shared() };
    let consumer = subscribe(&client, &topic, config).await;
    send_singles(&client, &topic, 2).await;
    let start = Instant::now();
    let (kept, acked) = (receive(&consumer).await, receive(&consumer).await);
    consumer.acknowledge(&acked).unwrap();
    let again = tokio::time::timeout(Duration::from_secs(15), consumer.receive()).await.unwrap().unwrap();
    assert_eq!((number(&again), again.redelivery_count()), (number(&kept), 1));
    assert!((10_000..13_000).contains(&start.elapsed().as_millis()), "after {:?}", start.elapsed());
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing_that_is_not_acknowledged() {
    const MESSAGES: u32 = 20_000;
    let broker = Broker::start().await;
    let client = broker.client();
    for config in [config(), shared()] {
        let topic = unique("cuts");
        let config = ConsumerConfig { receiver_queue_size: 100, ..config };
        let consumer = subscribe(&client, &topic, config.clone()).await;
        send_batch(&client, &topic, MESSAGES).await;
        let mut times = vec![0u32; MESSAGES as usize];
        let mut left = MESSAGES;
        let mut received = 0u32;
        while left > 0 {
            let message = receive(&consumer).await;
            let times = &mut times[number(&message) as usize];
            *times += 1;
            left -= u32::from(*times == 1);
            consumer.acknowledge(&message).unwrap();
            received += 1;
            // Acknowledgements that were on the way are lost with the connection, and their messages come
            // again: not after the last one, when nobody receives any more.
            if received.is_multiple_of(2000) && left > 2000 {
                eventually(LONG, "a connection is cut", || consumer.is_connected() && broker.cut() > 0).await;
            }
        }
        // A cut may not have been noticed yet, and a close without a connection loses what was not confirmed.
        eventually(LONG, "the broker to have all acknowledgements", || {
            consumer.flush_acknowledgements();
            let stats = consumer.stats();
            stats.is_connected && stats.acks_unanswered == 0
        })
        .await;
        consumer.close().await.unwrap();
        let again = subscribe(&client, &topic, config).await;
        assert_eq!(rest(&again).await.len(), 0);
        again.close().await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn permits_are_given_back_whatever_the_queue_size() {
    let broker = Broker::start().await;
    let client = broker.client();
    for receiver_queue_size in [1, 2, 3, 1000] {
        for batched in [false, true] {
            let topic = unique("permits");
            let consumer =
                subscribe(&client, &topic, ConsumerConfig { receiver_queue_size, ..shared() }).await;
            if batched {
                send_batch(&client, &topic, 100).await;
                send_batch(&client, &topic, 100).await;
            } else {
                send_singles(&client, &topic, 200).await;
            }
            for expected in 0..200 {
                let message = receive(&consumer).await;
                assert_eq!(number(&message), if batched { expected % 100 } else { expected });
                consumer.acknowledge(&message).unwrap();
            }
            consumer.close().await.unwrap();
        }
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_second_exclusive_consumer_is_refused_and_a_failover_takes_over() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("busy");
    let first = subscribe(&client, &topic, config()).await;
    let second = client.subscribe(&topic, "sub", config()).await;
    assert!(matches!(second, Err(Error::ConsumerBusy(_))), "{second:?}");
    first.close().await.unwrap();

    let failover = |name: &str| ConsumerConfig {
        subscription_type: SubscriptionType::Failover,
        name: Some(name.into()),
        ..config()
    };
    // Which one is active is the broker's choice.
    let (one, other) =
        (subscribe(&client, &topic, failover("a")).await, subscribe(&client, &topic, failover("b")).await);
    if broker.is_real() {
        // It changes the active consumer one second after another joins (activeConsumerFailoverDelayTimeMillis).
        // When the old one closes in between, it sometimes forgets to send the new one what that had.
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    send_singles(&client, &topic, 1).await;
    let first_is_active = tokio::select! {
        message = one.receive() => { assert_eq!(number(&message.unwrap()), 0); true }
        message = other.receive() => { assert_eq!(number(&message.unwrap()), 0); false }
    };
    let (active, standby) = if first_is_active { (one, other) } else { (other, one) };
    assert!(standby.try_receive().unwrap().is_none());
    active.close().await.unwrap();
    assert_eq!(number(&receive(&standby).await), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn many_receivers_share_what_comes() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("receivers");
    let consumer = Arc::new(subscribe(&client, &topic, shared()).await);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let consumer = consumer.clone();
            std::thread::spawn(move || number(&consumer.receive_blocking(Some(LONG)).unwrap()))
        })
        .collect();
    let futures: Vec<_> = (0..4)
        .map(|_| {
            let consumer = consumer.clone();
            tokio::spawn(async move { number(&consumer.receive().await.unwrap()) })
        })
        .collect();
    send_batch(&client, &topic, 8).await;
    let mut numbers = Vec::new();
    for future in futures {
        numbers.push(tokio::time::timeout(LONG, future).await.unwrap().unwrap());
    }
    for thread in threads {
        numbers.push(tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..8).collect::<Vec<_>>());
    client.close().await.unwrap();
}

#[tokio::test]
async fn batch_receive_ends_at_its_first_limit() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("batch-receive");
    let policy = |max_messages, max_bytes, timeout| ConsumerConfig {
        batch_receive: BatchReceivePolicy { max_messages, max_bytes, timeout },
        ..config()
    };
    let consumer = subscribe(&client, &topic, policy(Some(4), None, Some(SHORT))).await;
    send_batch(&client, &topic, 10).await;
    for size in [4, 4, 2, 0] {
        assert_eq!(consumer.batch_receive().await.unwrap().len(), size);
    }
    consumer.close().await.unwrap();
    // Four bytes a message: two fit into ten.
    let consumer = subscribe(&client, &topic, policy(None, Some(10), Some(SHORT))).await;
    assert_eq!(consumer.batch_receive().await.unwrap().len(), 2);
    let blocking = tokio::task::spawn_blocking(move || consumer.batch_receive_blocking().unwrap().len());
    assert_eq!(blocking.await.unwrap(), 2);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_too_large_for_one_thread_wakes_another() {
    let broker = Broker::start().await;
    let client = broker.client();
    for several in [false, true] {
        let topics = [unique("too-large"), unique("too-large")];
        // Four bytes a message: one fits.
        let batch_receive = BatchReceivePolicy { max_messages: None, max_bytes: Some(6), timeout: None };
        let config = ConsumerConfig { batch_receive, ..config() };
        let consumer = Arc::new(if several {
            client.subscribe_topics(&topics, "sub", config).await.unwrap()
        } else {
            client.subscribe(&topics[0], "sub", config).await.unwrap()
        });
        let alone = ProducerConfig { batching: None, ..ProducerConfig::default() };
        let producer = client.create_producer(&topics[0], alone).await.unwrap();
        producer.send(&0_u32.to_be_bytes()[..]).await.unwrap();
        let first = consumer.clone();
        let batch = tokio::task::spawn_blocking(move || first.batch_receive_blocking().unwrap());
        eventually(LONG, "the first is taken", || consumer.stats().messages == 1).await;
        // Both wait when the next one comes; should that be late, another one has nothing to do.
        tokio::time::sleep(SHORT).await;
        let second = consumer.clone();
        let single = tokio::task::spawn_blocking(move || second.receive_blocking(Some(LONG)).unwrap());
        tokio::time::sleep(SHORT).await;
        producer.send(&1_u32.to_be_bytes()[..]).await.unwrap();
        assert_eq!(batch.await.unwrap().iter().map(number).collect::<Vec<_>>(), [0]);
        let sent = Instant::now();
        assert_eq!(number(&single.await.unwrap()), 1);
        // At its deadline it would have looked once more.
        assert!(sent.elapsed() < LONG / 2);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_receive_that_is_given_up_loses_nothing() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("given-up");
    let batch_receive = BatchReceivePolicy { max_messages: Some(3), max_bytes: None, timeout: None };
    let config = ConsumerConfig { batch_receive, negative_ack_delay: SHORT, ..shared() };
    let consumer = subscribe(&client, &topic, config).await;
    send_singles(&client, &topic, 2).await;
    // It has both, and waits for a third.
    assert!(tokio::time::timeout(SHORT, consumer.batch_receive()).await.is_err());
    let mut again = [number(&receive(&consumer).await), number(&receive(&consumer).await)];
    again.sort_unstable();
    assert_eq!(again, [0, 1]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn closing_ends_what_waits() {
    let broker = Broker::start().await;
    let client = broker.client();
    let consumer = Arc::new(subscribe(&client, &unique("close"), config()).await);
    let thread = std::thread::spawn({
        let consumer = consumer.clone();
        move || consumer.receive_blocking(None)
    });
    let future = tokio::spawn({
        let consumer = consumer.clone();
        async move { consumer.receive().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    consumer.close().await.unwrap();
    consumer.close().await.unwrap();
    let closed = |outcome: Result<Message, Error>| matches!(outcome, Err(Error::AlreadyClosed(_)));
    assert!(closed(future.await.unwrap()));
    assert!(closed(tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap()));
    assert!(matches!(consumer.acknowledge_id(&MessageId::entry(1, 1, -1)), Err(Error::AlreadyClosed(_))));
    assert!(matches!(consumer.unsubscribe().await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(consumer.last_message_id().await, Err(Error::NotConnected(_))));
    client.close().await.unwrap();
}

#[tokio::test]
async fn unsubscribing_deletes_the_subscription() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("unsubscribe");
    let first = subscribe(&client, &topic, shared()).await;
    let second = subscribe(&client, &topic, shared()).await;
    assert!(matches!(first.unsubscribe().await, Err(Error::BrokerMetadata(_))));
    second.close().await.unwrap();
    send_singles(&client, &topic, 3).await;
    assert_eq!(number(&receive(&first).await), 0);
    first.unsubscribe().await.unwrap();
    // A new one with the same name begins anew.
    let latest = ConsumerConfig { initial_position: InitialPosition::Latest, ..shared() };
    let anew = subscribe(&client, &topic, latest).await;
    assert_eq!(rest(&anew).await, [] as [u32; 0]);
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_last_message_id_is_that_of_the_last_message() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("last");
    let consumer = subscribe(&client, &topic, config()).await;
    assert_eq!(consumer.last_message_id().await.unwrap(), MessageId::EARLIEST);
    send_batch(&client, &topic, 3).await;
    let last = consumer.last_message_id().await.unwrap();
    let mut id = None;
    for _ in 0..3 {
        id = Some(receive(&consumer).await.id());
    }
    let id = id.unwrap();
    assert_eq!((last.ledger, last.entry, last.batch_index), (id.ledger, id.entry, 2));
    client.close().await.unwrap();
}
