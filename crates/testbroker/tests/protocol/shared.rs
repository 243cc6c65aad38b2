use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::metadata::Metadata;
use pulsar_rs_wire::proto::CommandSubscribe;
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::{Client, Publish, subscription};
use crate::target::{Target, topic};

fn consumer(target: &Target, topic: &str, priority: i32) -> Client {
    let mut client = target.client();
    let priority_level = Some(priority);
    client.open_consumer(CommandSubscribe { priority_level, ..subscription(topic, SubType::Shared) });
    client
}

#[test]
fn entries_go_round() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("round"));
    publisher.produce(&topic, 0);
    let mut consumers = [consumer(&target, &topic, 0), consumer(&target, &topic, 0)];
    for consumer in &mut consumers {
        consumer.flow(50);
    }
    publisher.publish_many(100);
    let mut all: Vec<u64> = consumers.iter_mut().flat_map(|consumer| consumer.entries(50)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[test]
fn the_best_priority_comes_first() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("priority"));
    publisher.produce(&topic, 0);
    let (mut second, mut first) = (consumer(&target, &topic, 1), consumer(&target, &topic, 0));
    second.flow(50);
    first.flow(10);
    // What is sent is settled before anything is published.
    second.nothing();
    first.nothing();
    publisher.publish_many(30);
    assert_eq!(first.entries(10), (0..10).collect::<Vec<_>>());
    assert_eq!(second.entries(20), (10..30).collect::<Vec<_>>());
}

#[test]
fn what_a_leaving_consumer_had_goes_to_the_others() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("leaving"));
    publisher.produce(&topic, 0);
    publisher.publish_many(3);
    let mut leaving = consumer(&target, &topic, 0);
    leaving.flow(10);
    let first = leaving.message().entry;
    assert_eq!(leaving.entries(2), [1, 2]);
    leaving.ack_entries(&[EntryId { entry: 1, ..first }]);
    leaving.redeliver(&[first], None);
    assert_eq!(leaving.message().redelivery_count, Some(1));
    let mut staying = consumer(&target, &topic, 0);
    staying.flow(10);
    staying.nothing();
    drop(leaving);
    let came = [staying.message(), staying.message()];
    assert_eq!(
        came.map(|message| (message.entry.entry, message.redelivery_count)),
        [(0, Some(1)), (2, None)]
    );
    // With the last consumer the counts are forgotten.
    drop(staying);
    let mut last = consumer(&target, &topic, 0);
    last.flow(10);
    let came = [last.message(), last.message()];
    assert_eq!(came.map(|message| (message.entry.entry, message.redelivery_count)), [(0, None), (2, None)]);
}

#[test]
fn a_consumer_with_too_much_unacknowledged_gets_no_more() {
    let target = Target::own(Options { max_unacked_per_consumer: 5, ..Options::default() });
    let mut publisher = target.client();
    publisher.produce("x", 0);
    publisher.publish_many(10);
    let mut consumer = consumer(&target, "x", 0);
    consumer.flow(100);
    let first = consumer.message().entry;
    assert_eq!(consumer.entries(4), [1, 2, 3, 4]);
    consumer.nothing();
    consumer.ack_entries(&[first]);
    assert_eq!(consumer.entries(1), [5]);
    consumer.nothing();
}

#[test]
fn delayed_messages_come_later() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("delayed"));
    publisher.produce(&topic, 0);
    let mut consumer = consumer(&target, &topic, 0);
    consumer.flow(10);
    let delay = Duration::from_millis(if target.is_real() { 1500 } else { 80 });
    let due = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + delay;
    let begin = Instant::now();
    let metadata = Metadata { deliver_at_time: i64::try_from(due.as_millis()).ok(), ..Metadata::default() };
    publisher.publish(&Publish { body: b"later", metadata, ..Publish::default() });
    publisher.publish(&Publish { body: b"now", ..Publish::default() });
    assert_eq!(consumer.entries(1), [1]);
    assert_eq!(consumer.entries(1), [0]);
    // A real broker is up to a tick early, and the due time has lost up to a millisecond.
    assert!(target.is_real() || begin.elapsed() + Duration::from_millis(1) >= delay);
}
