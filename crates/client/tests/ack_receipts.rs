//! Acknowledgements that are answered by the broker: what is confirmed stays acknowledged, whatever happens to
//! connections.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use broker::numbers::{
    LONG, backlog, config, in_memory, number, receive, receive_many, rest, send_batches, send_singles,
    subscribe,
};
use broker::{Broker, eventually, unique};
use parking_lot::Mutex;
use pulsar_rs_client::{
    AckTarget, Client, ClientConfig, Consumer, ConsumerConfig, Error, Message, MessageId, SubscriptionType,
};
use pulsar_rs_testbroker::Kind;
use tokio::sync::oneshot;

fn with_receipts() -> ConsumerConfig {
    ConsumerConfig { ack_receipts: true, ..config() }
}

fn shared() -> ConsumerConfig {
    ConsumerConfig { subscription_type: SubscriptionType::Shared, ..with_receipts() }
}

type Outcome = oneshot::Receiver<Result<(), Error>>;

/// Acknowledges, and sends it at once.
fn acknowledge<'a>(consumer: &Consumer, target: impl Into<AckTarget<'a>>) -> Outcome {
    let (done, outcome) = oneshot::channel();
    consumer.acknowledge_with(target, move |result| done.send(result).unwrap());
    consumer.flush_acknowledgements();
    outcome
}

fn acknowledge_up_to(consumer: &Consumer, message: &Message) -> Outcome {
    let (done, outcome) = oneshot::channel();
    consumer.acknowledge_cumulative_with(message, move |result| done.send(result).unwrap());
    consumer.flush_acknowledgements();
    outcome
}

async fn told(outcome: Outcome) -> Result<(), Error> {
    tokio::time::timeout(LONG, outcome).await.unwrap().unwrap()
}

/// Numbers that a consumer gets that comes behind another.
async fn left_for_the_next(client: &Client, topic: &str, config: ConsumerConfig) -> Vec<u32> {
    let consumer = subscribe(client, topic, config).await;
    let numbers = rest(&consumer).await;
    consumer.close().await.unwrap();
    numbers
}

#[tokio::test]
async fn what_is_confirmed_is_acknowledged() {
    let broker = Broker::start().await;
    let client = broker.client();
    for batch_index_ack in [false, true] {
        let topic = unique("confirmed");
        let config = ConsumerConfig { batch_index_ack, ..shared() };
        let consumer = subscribe(&client, &topic, config.clone()).await;
        send_singles(&client, &topic, 3, 4).await;
        send_batches(&client, &topic, 3..13, 10).await;
        let messages = receive_many(&consumer, 13).await;
        told(acknowledge(&consumer, &messages[0])).await.unwrap();
        told(acknowledge(&consumer, &messages[1].id())).await.unwrap();
        told(acknowledge(&consumer, &messages[3..12])).await.unwrap();
        // Once more: also what was acknowledged before has its answer.
        told(acknowledge(&consumer, &[&messages[..2], &messages[3..5]].concat()[..])).await.unwrap();
        assert_eq!(consumer.stats().acks_unanswered, 0);
        // Confirmed, not just gathered: nothing is left for a close to send.
        broker.cut();
        consumer.close().await.unwrap();
        let left: Vec<u32> =
            if batch_index_ack { vec![2, 12] } else { vec![2].into_iter().chain(3..13).collect() };
        assert_eq!(left_for_the_next(&client, &topic, config).await, left, "by index: {batch_index_ack}");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_list_is_acknowledged_with_one_call() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("list");
    let consumer = subscribe(&client, &topic, config()).await;
    send_batches(&client, &topic, 0..25, 10).await;
    let messages = receive_many(&consumer, 25).await;
    consumer.acknowledge_all(&messages[..15]).unwrap();
    let mut ids: Vec<MessageId> = messages[15..24].iter().map(Message::id).collect();
    let lie = MessageId { batch_index: 77, ..ids[0].clone() };
    ids.insert(0, lie);
    // The rest is acknowledged all the same.
    let outcome = consumer.acknowledge_all(&ids[..]);
    assert!(matches!(outcome, Err(Error::InvalidMessage(_))), "{outcome:?}");
    consumer.redeliver_unacknowledged();
    assert_eq!(rest(&consumer).await, [24]);
    consumer.close().await.unwrap();
    let outcome = consumer.acknowledge_all(&messages[..]);
    assert!(matches!(outcome, Err(Error::AlreadyClosed(_))), "{outcome:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_told_and_counted() {
    const UNKNOWN: i32 = 0;
    let (broker, client) = in_memory();
    let topic = unique("refused");
    let consumer = subscribe(&client, &topic, with_receipts()).await;
    send_singles(&client, &topic, 10, 4).await;
    let messages = receive_many(&consumer, 10).await;
    broker.fail_next(Kind::Ack, UNKNOWN, "not now", 2);
    let outcome = told(acknowledge(&consumer, &messages[0])).await;
    assert_eq!(outcome, Err(Error::Unknown("not now".into())));
    let outcome = told(acknowledge_up_to(&consumer, &messages[6])).await;
    assert_eq!(outcome, Err(Error::Unknown("not now".into())));
    assert_eq!(consumer.stats().acks_failed, 2);
    assert_eq!(backlog(&broker, &topic), 10);
    // What failed can be repeated.
    told(acknowledge_up_to(&consumer, &messages[6])).await.unwrap();
    assert_eq!(backlog(&broker, &topic), 3);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_was_not_answered_is_sent_again() {
    let (broker, client) = in_memory();
    for by_index in [false, true] {
        let topic = unique("again");
        // Also without receipts.
        let config = ConsumerConfig { ack_receipts: by_index, batch_index_ack: by_index, ..shared() };
        let consumer = subscribe(&client, &topic, config).await;
        send_singles(&client, &topic, 2000, 4).await;
        send_batches(&client, &topic, 2000..2010, 10).await;
        let messages = receive_many(&consumer, 2010).await;
        broker.freeze(true);
        let acked = if by_index { 2005 } else { 2000 };
        consumer.acknowledge_all(&messages[..acked]).unwrap();
        let outcome = acknowledge(&consumer, &messages[1]);
        assert!(consumer.stats().acks_unanswered >= 2000);
        broker.drop_connections();
        broker.freeze(false);
        if by_index {
            told(outcome).await.unwrap();
        }
        eventually(LONG, "acks arrive", || backlog(&broker, &topic) == 2010 - acked as u64).await;
        consumer.close().await.unwrap();
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_cumulative_acknowledgement_that_was_not_answered_is_sent_again() {
    let (broker, client) = in_memory();
    let topic = unique("cumulative");
    let consumer = subscribe(&client, &topic, with_receipts()).await;
    send_batches(&client, &topic, 0..30, 10).await;
    let messages = receive_many(&consumer, 30).await;
    broker.freeze(true);
    let first = acknowledge_up_to(&consumer, &messages[9]);
    let second = acknowledge_up_to(&consumer, &messages[19]);
    broker.drop_connections();
    broker.freeze(false);
    // The later one speaks for both.
    told(first).await.unwrap();
    told(second).await.unwrap();
    assert_eq!(backlog(&broker, &topic), 10);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_acknowledged_without_a_connection_is_confirmed_with_the_next() {
    let (broker, client) = in_memory();
    let topic = unique("outage");
    let consumer = subscribe(&client, &topic, shared()).await;
    send_singles(&client, &topic, 1500, 4).await;
    let messages = receive_many(&consumer, 1500).await;
    broker.refuse_connections(true).unwrap();
    broker.drop_connections();
    eventually(LONG, "the connection is gone", || !consumer.is_connected()).await;
    let all = acknowledge(&consumer, &messages[..1400]);
    let each: Vec<_> = messages[1400..].iter().map(|message| acknowledge(&consumer, message)).collect();
    broker.refuse_connections(false).unwrap();
    told(all).await.unwrap();
    for outcome in each {
        told(outcome).await.unwrap();
    }
    assert_eq!(backlog(&broker, &topic), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn waiting_ends_after_the_operation_timeout() {
    let (broker, _) = in_memory();
    let config = ClientConfig { operation_timeout: Duration::from_secs(1), ..ClientConfig::default() };
    let client = Client::new(broker.url(), config).unwrap();
    let topic = unique("timeout");
    let consumer = subscribe(&client, &topic, shared()).await;
    send_singles(&client, &topic, 1, 4).await;
    let message = receive(&consumer).await;
    broker.freeze(true);
    let outcome = told(acknowledge(&consumer, &message)).await;
    assert!(matches!(outcome, Err(Error::Timeout(_))), "{outcome:?}");
    // It is on its way all the same.
    broker.freeze(false);
    eventually(LONG, "the acknowledgement arrives", || backlog(&broker, &topic) == 0).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn closing_tells_everybody_who_waits() {
    let (broker, client) = in_memory();
    let topic = unique("closing");
    let config = ConsumerConfig { ack_grouping_time: Duration::from_mins(1), ..shared() };
    let consumer = subscribe(&client, &topic, config.clone()).await;
    send_singles(&client, &topic, 10, 4).await;
    let messages = receive_many(&consumer, 10).await;
    let wait = |message: &Message| {
        let (done, outcome) = oneshot::channel();
        consumer.acknowledge_with(message, move |result| done.send(result).unwrap());
        outcome
    };
    let confirmed = wait(&messages[0]);
    consumer.close().await.unwrap();
    told(confirmed).await.unwrap();
    let late = told(wait(&messages[1])).await;
    assert!(matches!(late, Err(Error::AlreadyClosed(_))), "{late:?}");

    let consumer = subscribe(&client, &topic, config).await;
    let message = receive(&consumer).await;
    broker.refuse_connections(true).unwrap();
    broker.drop_connections();
    eventually(LONG, "the connection is gone", || !consumer.is_connected()).await;
    let (done, outcome) = oneshot::channel();
    consumer.acknowledge_with(&message, move |result| done.send(result).unwrap());
    consumer.close().await.unwrap();
    assert!(told(outcome).await.is_err(), "nobody knows of it");
    broker.refuse_connections(false).unwrap();
    client.close().await.unwrap();
}

/// Numbers that were reported as acknowledged.
type Confirmed = Arc<Mutex<HashSet<u32>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_never_comes_again_however_often_connections_are_cut() {
    const MESSAGES: u32 = 5000;
    let broker = Broker::start().await;
    let client = broker.client();
    for (batch, batch_index_ack) in [(1, false), (10, false), (10, true)] {
        let topic = unique("cuts");
        let config = ConsumerConfig {
            batch_index_ack,
            receiver_queue_size: 200,
            ack_grouping_time: Duration::from_millis(5),
            ..shared()
        };
        let consumer = subscribe(&client, &topic, config).await;
        send_batches(&client, &topic, 0..MESSAGES, batch.max(2)).await;
        let confirmed = Confirmed::default();
        let mut received = HashSet::new();
        let mut cuts = 0;
        while confirmed.lock().len() < MESSAGES as usize {
            if let Ok(message) = tokio::time::timeout(Duration::from_millis(50), consumer.receive()).await {
                let message = message.unwrap();
                let number = number(&message);
                assert!(!confirmed.lock().contains(&number), "{number} came after it was confirmed");
                received.insert(number);
                let confirmed = confirmed.clone();
                consumer.acknowledge_with(&message, move |outcome| {
                    if outcome.is_ok() {
                        confirmed.lock().insert(number);
                    }
                });
            }
            if received.len() * 10 > MESSAGES as usize * (cuts + 1) && cuts < 9 {
                broker.cut();
                cuts += 1;
            }
        }
        assert_eq!(received.len(), MESSAGES as usize);
        broker.cut();
        consumer.close().await.unwrap();
        assert_eq!(left_for_the_next(&client, &topic, shared()).await, [] as [u32; 0]);
    }
    client.close().await.unwrap();
}
