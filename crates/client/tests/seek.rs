//! Moving consumers: to messages, to times, to the ends of the topic.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::time::Duration;

use broker::numbers::{
    LONG, config, in_memory, number, receive, receive_many, rest, send_batches, send_singles, subscribe,
};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    Consumer, ConsumerConfig, Error, Message, MessageId, OutgoingMessage, ProducerConfig, SeekTo,
    SubscriptionType,
};
use pulsar_rs_testbroker::Kind;
use tokio::task::JoinHandle;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_goes_on_behind_a_message_or_at_it() {
    let broker = Broker::start().await;
    let client = broker.client();
    for inclusive in [false, true] {
        let topic = unique("seek-singles");
        let config = ConsumerConfig { start_inclusive: inclusive, ..config() };
        let consumer = subscribe(&client, &topic, config).await;
        send_singles(&client, &topic, 10, 8).await;
        let messages = receive_many(&consumer, 10).await;
        for target in [3, 9, 0, 7] {
            consumer.seek(&messages[target as usize].id()).await.unwrap();
            assert!(consumer.is_connected());
            let first = if inclusive { target } else { target + 1 };
            assert_eq!(rest(&consumer).await, (first..10).collect::<Vec<u32>>(), "{target}, {inclusive}");
        }
        consumer.seek(&MessageId::EARLIEST).await.unwrap();
        assert_eq!(number(&receive(&consumer).await), 0);
        consumer.seek(&MessageId::LATEST).await.unwrap();
        assert!(rest(&consumer).await.is_empty());
        send_batches(&client, &topic, 10..13, 3).await;
        assert_eq!(rest(&consumer).await, [10, 11, 12]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeks_go_into_batches() {
    let broker = Broker::start().await;
    let client = broker.client();
    for (inclusive, batch_index_ack) in [(false, false), (true, false), (false, true), (true, true)] {
        let topic = unique("seek-batches");
        let config = ConsumerConfig { start_inclusive: inclusive, batch_index_ack, ..config() };
        let consumer = subscribe(&client, &topic, config).await;
        send_batches(&client, &topic, 0..30, 10).await;
        let messages = receive_many(&consumer, 30).await;
        for target in [12, 9, 10, 0, 19, 29, 4] {
            // What was acknowledged before counts no more.
            for message in &messages {
                consumer.acknowledge(message).unwrap();
            }
            consumer.seek(&messages[target as usize].id()).await.unwrap();
            let first = if inclusive { target } else { target + 1 };
            assert_eq!(rest(&consumer).await, (first..30).collect::<Vec<u32>>(), "{target}, {inclusive}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_before_a_seek_is_acknowledged_with_the_rest() {
    let broker = Broker::start().await;
    let Some(in_memory) = broker.in_memory() else {
        return;
    };
    let client = broker.client();
    let topic = unique("seek-backlog");
    let consumer = subscribe(&client, &topic, config()).await;
    send_batches(&client, &topic, 0..20, 10).await;
    let messages = receive_many(&consumer, 20).await;
    consumer.seek(&messages[4].id()).await.unwrap();
    for message in receive_many(&consumer, 15).await {
        consumer.acknowledge(&message).unwrap();
    }
    eventually(LONG, "nothing is left", || broker::numbers::backlog(in_memory, &topic) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeks_find_times() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("seek-times");
    let consumer = subscribe(&client, &topic, config()).await;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await.unwrap();
    for number in 0..5u32 {
        producer.send(&number.to_be_bytes()[..]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let messages = receive_many(&consumer, 5).await;
    for target in [3, 0, 4, 1] {
        consumer.seek_by_time(messages[target as usize].publish_time()).await.unwrap();
        assert_eq!(rest(&consumer).await, (target..5).collect::<Vec<u32>>());
    }
    consumer.seek_by_time(messages[4].publish_time() + 60_000).await.unwrap();
    assert!(rest(&consumer).await.is_empty());
    consumer
        .seek_with(|topic| (topic.as_str() == consumer.topic()).then_some(SeekTo::Time(0)))
        .await
        .unwrap();
    assert_eq!(rest(&consumer).await, [0, 1, 2, 3, 4]);
    consumer.seek_with(|_| None).await.unwrap();
    assert!(rest(&consumer).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeks_find_messages_in_chunks() {
    let broker = Broker::start().await;
    let client = broker.client();
    for inclusive in [false, true] {
        let topic = unique("seek-chunks");
        let config = ConsumerConfig { start_inclusive: inclusive, ..config() };
        let consumer = subscribe(&client, &topic, config).await;
        let chunking = ProducerConfig { batching: None, chunking: true, ..ProducerConfig::default() };
        let producer = client.create_producer(&topic, chunking).await.unwrap();
        let large = vec![7u8; 6 * 1024 * 1024];
        producer.send(OutgoingMessage::from(&b"first"[..])).await.unwrap();
        producer.send(OutgoingMessage::from(&large[..])).await.unwrap();
        producer.send(OutgoingMessage::from(&b"behind"[..])).await.unwrap();
        let messages = receive_many(&consumer, 3).await;
        assert!(messages[1].id().first_chunk.is_some());
        consumer.seek(&messages[1].id()).await.unwrap();
        let next = receive(&consumer).await;
        let expected = if inclusive { large.len() } else { 6 };
        assert_eq!(next.payload().len(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_goes_on_waiting() {
    let broker = Broker::start().await;
    let client = broker.client();
    for receiver_queue_size in [1000, 0] {
        let topic = unique("seek-waiting");
        let config = ConsumerConfig { receiver_queue_size, ..config() };
        let consumer = Arc::new(subscribe(&client, &topic, config).await);
        send_singles(&client, &topic, 3, 8).await;
        receive_many(&consumer, 3).await;
        let thread = {
            let consumer = consumer.clone();
            std::thread::spawn(move || consumer.receive_blocking(Some(LONG)).map(|message| number(&message)))
        };
        let task = {
            let consumer = consumer.clone();
            tokio::spawn(async move { consumer.receive().await.map(|message| number(&message)) })
        };
        consumer.seek(&MessageId::LATEST).await.unwrap();
        consumer.seek_with(|_| Some(SeekTo::Id(MessageId::EARLIEST))).await.unwrap();
        let mut got = [task.await.unwrap().unwrap(), thread.join().unwrap().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [0, 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_seek_at_a_time() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("seek-twice");
    let consumer = subscribe(&client, &topic, config()).await;
    send_singles(&client, &topic, 3, 8).await;
    let (earliest, latest) = (MessageId::EARLIEST, MessageId::LATEST);
    // The first may be through before the second begins.
    let mut refused = None;
    for _ in 0..20 {
        let (first, second) = tokio::join!(consumer.seek(&earliest), consumer.seek(&latest));
        first.unwrap();
        refused = refused.or(second.err());
        if refused.is_some() {
            break;
        }
    }
    assert!(matches!(refused, Some(Error::NotAllowed(_))), "{refused:?}");
    assert_eq!(rest(&consumer).await, [0, 1, 2]);
    consumer.close().await.unwrap();
    assert!(matches!(consumer.seek(&MessageId::LATEST).await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(consumer.seek_by_time(0).await, Err(Error::AlreadyClosed(_))));
    assert!(matches!(consumer.seek_with(|_| None).await, Err(Error::AlreadyClosed(_))));
}

/// Whatever moment a seek and its reconnect fall into, what comes behind it is complete and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_of_before_comes() {
    let broker = Broker::start().await;
    let client = broker.client();
    for subscription_type in [SubscriptionType::Exclusive, SubscriptionType::Shared] {
        let topic = unique("seek-often");
        let config = ConsumerConfig { subscription_type, receiver_queue_size: 20, ..config() };
        let consumer = Arc::new(subscribe(&client, &topic, config).await);
        send_batches(&client, &topic, 0..100, 7).await;
        let ids: Vec<MessageId> = receive_many(&consumer, 100).await.iter().map(Message::id).collect();
        for _ in 0..20 {
            let target = fastrand::u32(..100);
            let read = fastrand::usize(..=(99 - target) as usize);
            // Somebody takes messages all the time.
            let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let taker = {
                let (consumer, stop) = (consumer.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(std::sync::atomic::Ordering::Acquire) {
                        if let Some(message) = consumer.try_receive().unwrap() {
                            let _ = consumer.acknowledge(&message);
                        }
                        tokio::task::yield_now().await;
                    }
                })
            };
            consumer.seek(&MessageId::EARLIEST).await.unwrap();
            stop.store(true, std::sync::atomic::Ordering::Release);
            taker.await.unwrap();
            consumer.seek(&ids[target as usize]).await.unwrap();
            let got: Vec<u32> = receive_many(&consumer, read).await.iter().map(number).collect();
            assert_eq!(got, (target + 1..target + 1 + u32::try_from(read).unwrap()).collect::<Vec<u32>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeks_outlast_lost_connections() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("seek-cut");
    for durable in [true, false] {
        let config = ConsumerConfig { durable, ..config() };
        let name = if durable { "durable" } else { "other" };
        let consumer = Arc::new(client.subscribe(&topic, name, config).await.unwrap());
        if durable {
            send_batches(&client, &topic, 0..50, 5).await;
        }
        let ids: Vec<MessageId> = receive_many(&consumer, 50).await.iter().map(Message::id).collect();
        for target in [7u32, 30, 2, 48, 21] {
            let seek = {
                let (consumer, id) = (consumer.clone(), ids[target as usize].clone());
                tokio::spawn(async move { consumer.seek(&id).await })
            };
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..3000))).await;
            broker.cut();
            seek.await.unwrap().unwrap();
            let (got, expected) = (rest(&consumer).await, (target + 1..50).collect::<Vec<u32>>());
            // Cut off behind the seek, one whose messages are not acknowledged gets them again.
            assert_eq!(got[0], target + 1);
            assert!(if durable { got.ends_with(&expected) } else { got == expected }, "{durable}: {got:?}");
        }
    }
}

/// Sends nothing that is acknowledged at a later time.
fn at_once() -> ConsumerConfig {
    ConsumerConfig { ack_grouping_time: Duration::ZERO, ..config() }
}

/// Begins a seek to the beginning that a frozen broker does not answer, and acknowledges messages until they are held back
/// for it. Returns how many.
async fn begin_seek(
    consumer: &Arc<Consumer>,
    messages: &[Message],
) -> (JoinHandle<Result<(), Error>>, usize) {
    let seek = {
        let consumer = consumer.clone();
        tokio::spawn(async move { consumer.seek(&MessageId::EARLIEST).await })
    };
    for (number, message) in messages.iter().enumerate() {
        let sent = consumer.stats().acks_sent;
        consumer.acknowledge(message).unwrap();
        if consumer.stats().acks_sent == sent {
            return (seek, number + 1);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the broker is not asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_during_a_seek_is_not_lost_with_a_close() {
    const UNKNOWN: i32 = 0;
    let (broker, client) = in_memory();
    for fails in [true, false] {
        let topic = unique("seek-close");
        let consumer = Arc::new(subscribe(&client, &topic, at_once()).await);
        send_singles(&client, &topic, 1000, 8).await;
        let messages = receive_many(&consumer, 1000).await;
        broker.fail_next(Kind::Seek, UNKNOWN, "no", u32::from(fails));
        broker.freeze(true);
        let (seek, acknowledged) = begin_seek(&consumer, &messages).await;
        let close = {
            let consumer = consumer.clone();
            tokio::spawn(async move { consumer.close().await })
        };
        eventually(LONG, "it is closing", || consumer.is_closed()).await;
        broker.freeze(false);
        close.await.unwrap().unwrap();
        assert!(seek.await.unwrap().is_err());
        // Behind a seek it counts no more.
        let left = if fails { 1000 - acknowledged } else { 1000 };
        assert_eq!(broker::numbers::backlog(&broker, &topic), left as u64, "{fails}");
    }
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_again_during_a_seek_sends_no_acknowledgement_behind_it() {
    let (broker, client) = in_memory();
    let topic = unique("seek-again");
    let consumer = Arc::new(subscribe(&client, &topic, at_once()).await);
    send_singles(&client, &topic, 1000, 8).await;
    let messages = receive_many(&consumer, 1000).await;
    broker.freeze(true);
    let (seek, _) = begin_seek(&consumer, &messages).await;
    let sent = consumer.stats().acks_sent;
    consumer.redeliver_unacknowledged();
    assert_eq!(consumer.stats().acks_sent, sent);
    broker.freeze(false);
    seek.await.unwrap().unwrap();
    assert_eq!(rest(&consumer).await, (0..1000).collect::<Vec<u32>>());
    client.close().await.unwrap();
}

/// What another consumer moved the subscription back to is not skipped for a seek before that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seek_into_a_batch_ends_with_the_next_one_of_another_consumer() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("seek-others");
    // They get nothing that they do not wait for.
    let config =
        ConsumerConfig { subscription_type: SubscriptionType::Shared, receiver_queue_size: 0, ..config() };
    let consumer = subscribe(&client, &topic, config.clone()).await;
    send_batches(&client, &topic, 0..10, 10).await;
    let messages = receive_many(&consumer, 10).await;
    consumer.seek(&messages[4].id()).await.unwrap();
    let other = subscribe(&client, &topic, config).await;
    let connections = consumer.stats().reconnects;
    other.seek(&MessageId::EARLIEST).await.unwrap();
    other.close().await.unwrap();
    let is_back = || consumer.stats().reconnects > connections && consumer.is_connected();
    eventually(LONG, "it is back", is_back).await;
    assert_eq!(rest(&consumer).await, (0..10).collect::<Vec<u32>>());
    client.close().await.unwrap();
}
