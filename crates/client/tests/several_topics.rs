//! Consumers of partitioned topics, of several topics, and of those that match a pattern.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchReceivePolicy, BatchingConfig, Client, ClientConfig, Consumer, ConsumerConfig, Error,
    InitialPosition, Message, MessageId, OutgoingMessage, ProducerConfig, RegexSubscriptionMode, RoutingMode,
    SubscriptionType,
};

const BOUND: Duration = Duration::from_secs(20);

/// How often clients look for new partitions, and for topics that match.
const INTERVAL: Duration = Duration::from_millis(50);

async fn start() -> (Broker, Client) {
    let broker = Broker::start().await;
    let client =
        broker.client_with(ClientConfig { partitions_update_interval: INTERVAL, ..broker.client_config() });
    (broker, client)
}

fn earliest() -> ConsumerConfig {
    ConsumerConfig {
        initial_position: InitialPosition::Earliest,
        pattern_discovery_interval: INTERVAL,
        ..ConsumerConfig::default()
    }
}

/// Sends numbers, ten in a batch, round all partitions.
async fn send(client: &Client, topic: &str, numbers: std::ops::Range<u32>) {
    let batching = BatchingConfig { max_messages: 10, ..BatchingConfig::default() };
    let config = ProducerConfig {
        batching: Some(batching),
        routing: RoutingMode::RoundRobin,
        ..ProducerConfig::default()
    };
    let producer = client.create_producer(topic, config).await.unwrap();
    let numbers: Vec<u32> = numbers.collect();
    // As many as may be pending.
    for numbers in numbers.chunks(1000) {
        let sending: Vec<_> =
            numbers.iter().map(|number| producer.send(number.to_string().as_bytes())).collect();
        producer.flush().await.unwrap();
        for sent in sending {
            sent.await.unwrap();
        }
    }
    producer.close().await.unwrap();
}

fn number(message: &Message) -> u32 {
    std::str::from_utf8(message.payload()).unwrap().parse().unwrap()
}

async fn receive(consumer: &Consumer) -> Message {
    tokio::time::timeout(BOUND, consumer.receive()).await.unwrap().unwrap()
}

async fn numbers(consumer: &Consumer, count: usize) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for _ in 0..count {
        let message = receive(consumer).await;
        assert!(found.insert(number(&message)), "twice: {message:?}");
        consumer.acknowledge(&message).unwrap();
    }
    found
}

/// What comes within a moment in which nothing should.
async fn nothing_more(consumer: &Consumer) {
    let more = tokio::time::timeout(Duration::from_millis(300), consumer.receive()).await;
    assert!(more.is_err(), "{more:?}");
}

fn all(range: std::ops::Range<u32>) -> BTreeSet<u32> {
    range.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_partitions_are_received_and_acknowledged_for_good() {
    let (broker, client) = start().await;
    let topic = unique("several");
    broker.create_topic(&topic, 4).await;
    let consumer = client.subscribe(&topic, "s", earliest()).await.unwrap();
    assert_eq!(consumer.topic(), format!("persistent://public/default/{topic}"));
    assert_eq!(consumer.topics().len(), 4);
    send(&client, &topic, 0..1000).await;
    assert_eq!(numbers(&consumer, 1000).await, all(0..1000));
    assert!(consumer.is_connected());
    let stats = consumer.stats();
    assert_eq!((stats.messages, stats.acknowledged), (1000, 1000));
    // Its partitions tell for themselves, and it does not count twice.
    assert_eq!(client.stats().consumers.len(), 4);
    consumer.close().await.unwrap();
    consumer.close().await.unwrap();
    assert!(matches!(consumer.receive().await, Err(Error::AlreadyClosed(_))));
    assert!(client.stats().consumers.is_empty());
    let again = client.subscribe(&topic, "s", earliest()).await.unwrap();
    nothing_more(&again).await;
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_take_turns() {
    let (_broker, client) = start().await;
    let topics = [unique("turns-a"), unique("turns-b")];
    let consumer = client.subscribe_topics(&topics, "s", earliest()).await.unwrap();
    for topic in &topics {
        send(&client, topic, 0..500).await;
    }
    let queued = || consumer.stats().queued_messages == 1000;
    eventually(BOUND, "all messages to be there", queued).await;
    // The backlog of one does not keep the other waiting.
    let mut by_topic: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..100 {
        *by_topic.entry(receive(&consumer).await.topic().to_owned()).or_default() += 1;
    }
    assert!(by_topic.len() == 2 && by_topic.values().all(|count| (40..=60).contains(count)), "{by_topic:?}");
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_partition_stays_in_order_for_blocking_receivers() {
    let (broker, client) = start().await;
    let topic = unique("ordered");
    broker.create_topic(&topic, 3).await;
    let consumer = client.subscribe(&topic, "s", earliest()).await.unwrap();
    let receiver = std::thread::spawn(move || {
        let mut last: BTreeMap<i32, u32> = BTreeMap::new();
        for _ in 0..3000 {
            let message = consumer.receive_blocking(Some(BOUND)).unwrap();
            let before = last.insert(message.id().partition, number(&message));
            assert!(before.is_none_or(|before| before < number(&message)));
        }
        assert!(matches!(consumer.receive_blocking(Some(Duration::from_millis(20))), Err(Error::Timeout(_))));
    });
    send(&client, &topic, 0..3000).await;
    tokio::task::spawn_blocking(|| receiver.join().unwrap()).await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_receivers_share_without_missing_a_message() {
    let (broker, client) = start().await;
    let topic = unique("shared-receivers");
    broker.create_topic(&topic, 3).await;
    let config = ConsumerConfig { subscription_type: SubscriptionType::Shared, ..earliest() };
    let consumer = std::sync::Arc::new(client.subscribe(&topic, "s", config).await.unwrap());
    let receivers: Vec<_> = (0..8)
        .map(|receiver| {
            let consumer = consumer.clone();
            tokio::spawn(async move {
                let mut found = Vec::new();
                // Threads and futures; each ends when nothing comes for a while.
                loop {
                    let message = if receiver % 2 == 0 {
                        let consumer = consumer.clone();
                        let take = move || consumer.receive_blocking(Some(Duration::from_secs(2)));
                        tokio::task::spawn_blocking(take).await.unwrap().ok()
                    } else {
                        let receiving = tokio::time::timeout(Duration::from_secs(2), consumer.receive());
                        receiving.await.ok().map(|message| message.unwrap())
                    };
                    let Some(message) = message else { return found };
                    consumer.acknowledge(&message).unwrap();
                    found.push(number(&message));
                }
            })
        })
        .collect();
    send(&client, &topic, 0..5000).await;
    let mut found = Vec::new();
    for receiver in receivers {
        found.extend(receiver.await.unwrap());
    }
    found.sort_unstable();
    assert_eq!(found, (0..5000).collect::<Vec<_>>());
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_lead_back_to_their_partition() {
    let (broker, client) = start().await;
    let topic = unique("ids");
    broker.create_topic(&topic, 3).await;
    let consumer = client.subscribe(&topic, "s", earliest()).await.unwrap();
    send(&client, &topic, 0..30).await;
    for turn in 0..30 {
        let id = receive(&consumer).await.id();
        // Written and read again, as programs keep them: the partition is still there.
        let id = if turn % 2 == 0 { id } else { MessageId::deserialize(&id.serialize()).unwrap() };
        consumer.acknowledge_id(&id).unwrap();
    }
    assert!(consumer.acknowledge_id(&MessageId::EARLIEST).is_ok());
    let stray = MessageId { partition: 7, ..MessageId::entry(1, 1, -1) };
    assert!(matches!(consumer.acknowledge_id(&stray), Err(Error::NotSupported(_))));
    consumer.close().await.unwrap();
    let again = client.subscribe(&topic, "s", earliest()).await.unwrap();
    nothing_more(&again).await;

    // Of two topics with such partitions it could be of either.
    let other = unique("ids-other");
    broker.create_topic(&other, 3).await;
    let config = ConsumerConfig { negative_ack_delay: Duration::from_millis(50), ..earliest() };
    let two = client.subscribe_topics(&[&topic, &other], "t", config).await.unwrap();
    let message = receive(&two).await;
    let lost = MessageId::deserialize(&message.id().serialize()).unwrap();
    assert!(matches!(two.acknowledge_id(&lost), Err(Error::NotSupported(_))));
    two.negative_acknowledge_id(&message.id());
    let mut seen = vec![number(&message)];
    while !seen[1..].contains(&seen[0]) {
        seen.push(number(&receive(&two).await));
    }
    assert!(matches!(two.last_message_id().await, Err(Error::NotSupported(_))));
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cumulative_acknowledgements_are_of_their_partition() {
    let (broker, client) = start().await;
    let topic = unique("cumulative");
    broker.create_topic(&topic, 2).await;
    let consumer = client.subscribe(&topic, "s", earliest()).await.unwrap();
    send(&client, &topic, 0..200).await;
    let mut last = BTreeMap::new();
    for _ in 0..200 {
        let message = receive(&consumer).await;
        last.insert(message.topic().to_owned(), message);
    }
    assert_eq!(last.len(), 2);
    let (acknowledged, left) = (last.pop_first().unwrap().1, last.pop_first().unwrap().1);
    consumer.acknowledge_cumulative(&acknowledged).unwrap();
    consumer.close().await.unwrap();
    let again = client.subscribe(&topic, "s", earliest()).await.unwrap();
    for _ in 0..100 {
        assert_eq!(receive(&again).await.topic(), left.topic());
    }
    nothing_more(&again).await;
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_partitions_are_received_from_their_start() {
    let (broker, client) = start().await;
    let topic = unique("growing");
    broker.create_topic(&topic, 1).await;
    let consumer = client.subscribe(&topic, "s", earliest()).await.unwrap();
    broker.add_partitions(&topic, 3).await;
    eventually(BOUND, "three partitions", || consumer.topics().len() == 3).await;
    send(&client, &topic, 0..300).await;
    assert_eq!(numbers(&consumer, 300).await, all(0..300));
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pattern_finds_topics_that_come_later() {
    let (broker, client) = start().await;
    let prefix = unique("pattern");
    let partitioned = format!("{prefix}-parts");
    broker.create_topic(&partitioned, 2).await;
    send(&client, &format!("{prefix}-1"), 0..10).await;
    send(&client, &format!("other-{prefix}-1"), 100..110).await;
    let pattern = format!("persistent://public/default/{prefix}-.*");
    let consumer = client.subscribe_pattern(&pattern, "s", earliest()).await.unwrap();
    assert_eq!(consumer.topic(), pattern);
    assert_eq!(consumer.topics().len(), 3);
    assert_eq!(numbers(&consumer, 10).await, all(0..10));
    send(&client, &format!("{prefix}-2"), 10..20).await;
    send(&client, &partitioned, 20..40).await;
    assert_eq!(numbers(&consumer, 30).await, all(10..40));
    nothing_more(&consumer).await;
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pattern_works_over_http_and_without_a_match() {
    let (broker, _) = start().await;
    let client = Client::new(&broker.http_url(), broker.client_config()).unwrap();
    let prefix = unique("http-pattern");
    let consumer = client.subscribe_pattern(&format!("{prefix}.*"), "s", earliest()).await.unwrap();
    assert!(consumer.topics().is_empty());
    send(&client, &format!("{prefix}-x"), 0..10).await;
    assert_eq!(numbers(&consumer, 10).await, all(0..10));
    let none = client.subscribe_topics(&[""; 0], "s", earliest()).await.unwrap();
    assert_eq!(none.topic(), "EmptyTopics");
    nothing_more(&none).await;
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_survives_cut_connections() {
    let (broker, client) = start().await;
    let topic = unique("cut");
    broker.create_topic(&topic, 4).await;
    let config = ConsumerConfig { subscription_type: SubscriptionType::Shared, ..earliest() };
    let consumer = client.subscribe(&topic, "s", config).await.unwrap();
    send(&client, &topic, 0..2000).await;
    let mut found = BTreeSet::new();
    let mut taken = 0;
    while found.len() < 2000 {
        let message = receive(&consumer).await;
        found.insert(number(&message));
        consumer.acknowledge(&message).unwrap();
        taken += 1;
        if taken % 500 == 0 {
            broker.cut();
        }
    }
    assert_eq!(found, all(0..2000));
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_receive_unsubscribe_and_wrong_arguments() {
    let (broker, client) = start().await;
    let topic = unique("batch-receive");
    broker.create_topic(&topic, 3).await;
    let batch_receive = BatchReceivePolicy { max_messages: Some(25), ..BatchReceivePolicy::default() };
    let consumer =
        client.subscribe(&topic, "s", ConsumerConfig { batch_receive, ..earliest() }).await.unwrap();
    send(&client, &topic, 0..50).await;
    let mut found = 0;
    while found < 50 {
        let batch = consumer.batch_receive().await.unwrap();
        assert!(batch.len() <= 25);
        found += batch.len();
    }
    consumer.unsubscribe().await.unwrap();
    assert!(consumer.is_closed());
    let again = client.subscribe(&topic, "s", earliest()).await.unwrap();
    assert_eq!(numbers(&again, 50).await, all(0..50));

    let zero = ConsumerConfig { receiver_queue_size: 0, ..earliest() };
    let refused = client.subscribe(&topic, "z", zero).await;
    assert!(matches!(refused, Err(Error::InvalidConfiguration(_) | Error::NotSupported(_))), "{refused:?}");
    let refused = client.subscribe_topics(&["fine", "a/b"], "s", earliest()).await;
    assert!(matches!(refused, Err(Error::InvalidTopicName(_))));
    let missing = [unique("there"), "persistent://public/no-such-namespace/t".to_owned()];
    let config = ClientConfig { operation_timeout: Duration::from_secs(2), ..broker.client_config() };
    let refused = broker.client_with(config).subscribe_topics(&missing, "s", earliest()).await;
    assert!(matches!(refused, Err(Error::TopicNotFound(_) | Error::Timeout(_))), "{refused:?}");
    let mode = ConsumerConfig { regex_mode: RegexSubscriptionMode::All, ..earliest() };
    let refused = client.subscribe_pattern("a[b", "s", mode).await;
    assert!(matches!(refused, Err(Error::InvalidConfiguration(_))));
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_client_ends_receivers() {
    let (broker, client) = start().await;
    let topic = unique("ends");
    broker.create_topic(&topic, 2).await;
    let consumer = client.subscribe(&topic, "s", earliest()).await.unwrap();
    let waiting = tokio::spawn(async move { consumer.receive().await });
    let blocked = client.subscribe(&topic, "t", earliest()).await.unwrap();
    let blocked = std::thread::spawn(move || blocked.receive_blocking(None));
    client.close().await.unwrap();
    assert!(matches!(waiting.await.unwrap(), Err(Error::AlreadyClosed(_))));
    assert!(matches!(blocked.join().unwrap(), Err(Error::AlreadyClosed(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_blocked_receiver_gets_one_of_the_messages_that_come_together() {
    let (broker, client) = start().await;
    let topic = unique("blocked");
    broker.create_topic(&topic, 2).await;
    let consumer = std::sync::Arc::new(client.subscribe(&topic, "s", earliest()).await.unwrap());
    let config = ProducerConfig { batching: None, ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    for _ in 0..20 {
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let consumer = consumer.clone();
                std::thread::spawn(move || consumer.receive_blocking(Some(BOUND)))
            })
            .collect();
        // Both wait, most likely; if not, this round shows nothing.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let to_one = |payload| OutgoingMessage { partition: Some(0), ..OutgoingMessage::from(payload) };
        let sending = [producer.send(to_one("1")), producer.send(to_one("2"))];
        for sent in sending {
            sent.await.unwrap();
        }
        for receiver in receivers {
            let message = tokio::task::spawn_blocking(|| receiver.join().unwrap()).await.unwrap().unwrap();
            consumer.acknowledge(&message).unwrap();
        }
    }
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_topic_that_refuses_keeps_no_other_away() {
    let (_broker, client) = start().await;
    let prefix = unique("refused");
    let consumer = client.subscribe_pattern(&format!("{prefix}-.*"), "s", earliest()).await.unwrap();
    // Subscribed by somebody else, for himself alone, before the pattern can find it.
    let other = format!("other-{prefix}");
    let holder = client.subscribe_topics(&[&other, &format!("{prefix}-a")], "s", earliest()).await;
    send(&client, &format!("{prefix}-b"), 0..10).await;
    assert_eq!(numbers(&consumer, 10).await, all(0..10));
    eventually(BOUND, "the topic to be followed", || {
        consumer.topics().iter().any(|topic| topic.as_str().ends_with("-b"))
    })
    .await;
    drop(holder);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_named_twice_is_received_once() {
    let (broker, client) = start().await;
    let (plain, parts) = (unique("twice"), unique("twice-parts"));
    broker.create_topic(&parts, 2).await;
    let names = [
        plain.clone(),
        format!("persistent://public/default/{plain}"),
        parts.clone(),
        format!("{parts}-partition-1"),
    ];
    let config = ConsumerConfig { subscription_type: SubscriptionType::Shared, ..earliest() };
    let consumer = client.subscribe_topics(&names, "s", config.clone()).await.unwrap();
    assert_eq!(consumer.topics().len(), 3);
    consumer.close().await.unwrap();
    // Nobody is left who takes messages away.
    assert!(client.stats().consumers.is_empty());
    for (number, topic) in [&plain, &parts].into_iter().enumerate() {
        let first = u32::try_from(number).unwrap() * 100;
        send(&client, topic, first..first + 100).await;
    }
    let consumer = client.subscribe_topics(&names, "s", config).await.unwrap();
    assert_eq!(numbers(&consumer, 200).await, all(0..200));
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_come_while_nobody_tells_are_found_when_somebody_does() {
    let (broker, client) = start().await;
    let prefix = unique("gap");
    let config = ConsumerConfig { pattern_discovery_interval: Duration::ZERO, ..earliest() };
    let consumer = client.subscribe_pattern(&format!("{prefix}-.*"), "s", config).await.unwrap();
    let other = broker.client();
    for round in 0..5 {
        broker.cut();
        let numbers_sent = round * 10..round * 10 + 10;
        send(&other, &format!("{prefix}-{round}"), numbers_sent.clone()).await;
        assert_eq!(numbers(&consumer, 10).await, all(numbers_sent));
    }
    client.close().await.unwrap();
    other.close().await.unwrap();
}
