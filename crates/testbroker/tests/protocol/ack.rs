use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::hot::{Ack, AckId, AckType, EntryId};
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::Client;
use crate::target::{Target, topic};

/// A publisher that published two batches of ten, a consumer that received them, and where they are.
fn two_batches(target: &Target, sub_type: SubType) -> (Client, Client, String, [EntryId; 2]) {
    let (mut publisher, mut consumer, topic) = (target.client(), target.client(), topic("ack"));
    publisher.produce(&topic, 0);
    let entries = [publisher.publish_batch(10), publisher.publish_batch(10)];
    consumer.subscribe(&topic, sub_type);
    consumer.flow(1000);
    assert_eq!(consumer.entries(2), [0, 1]);
    (publisher, consumer, topic, entries)
}

fn part(entry: EntryId, ack_set: &[i64]) -> AckId<'_> {
    AckId { entry, ack_set, batch_size: Some(10) }
}

/// Entries that come again on a new connection, with their ack sets.
fn left(target: &Target, old: Client, topic: &str, sub_type: SubType, count: usize) -> Vec<(u64, Vec<i64>)> {
    drop(old);
    let mut consumer = target.client();
    consumer.subscribe(topic, sub_type);
    consumer.flow(1000);
    let left = (0..count).map(|_| consumer.message()).map(|message| (message.entry.entry, message.ack_set));
    let left = left.collect();
    consumer.nothing();
    left
}

#[test]
fn messages_of_a_batch_are_acknowledged_alone() {
    for sub_type in [SubType::Exclusive, SubType::Shared] {
        let target = Target::any();
        let (_publisher, mut consumer, topic, [first, second]) = two_batches(&target, sub_type);
        consumer.ack(AckType::Individual, &[part(first, &[0b11_1111_1110]), part(second, &[0b01_1111_1111])]);
        consumer.ack(AckType::Individual, &[part(first, &[0b11_1111_1101])]);
        consumer.ack(AckType::Individual, &[part(second, &[0])]);
        let expected = [(0, vec![0b11_1111_1100])];
        assert_eq!(left(&target, consumer, &topic, sub_type, 1), expected, "{sub_type:?}");
    }
}

#[test]
fn everything_up_to_a_message_is_acknowledged() {
    let target = Target::any();
    let (_publisher, mut consumer, topic, [_, second]) = two_batches(&target, SubType::Exclusive);
    consumer.ack(AckType::Cumulative, &[part(second, &[0b11_1111_0000])]);
    // The next one acknowledges less than what already is.
    consumer.ack(AckType::Individual, &[part(second, &[0b11_1111_1110])]);
    assert_eq!(left(&target, consumer, &topic, SubType::Exclusive, 1), [(1, vec![0b11_1111_0000])]);
}

#[test]
fn whole_entries_are_acknowledged() {
    let target = Target::any();
    let (_publisher, mut consumer, topic, [first, second]) = two_batches(&target, SubType::Exclusive);
    consumer.ack_entries(&[second]);
    assert_eq!(left(&target, consumer, &topic, SubType::Exclusive, 1), [(0, vec![])]);
    let mut consumer = target.client();
    consumer.subscribe(&topic, SubType::Exclusive);
    consumer.ack(AckType::Cumulative, &[AckId { entry: first, ack_set: &[], batch_size: None }]);
    assert!(left(&target, consumer, &topic, SubType::Exclusive, 0).is_empty());
}

#[test]
fn unknown_entries_are_ignored() {
    let target = Target::any();
    let (_publisher, mut consumer, topic, [first, _]) = two_batches(&target, SubType::Exclusive);
    let far = EntryId { entry: 999, ..first };
    consumer.ack_entries(&[far, EntryId { ledger: first.ledger + 1_000_000, entry: 0 }]);
    consumer.ack(AckType::Cumulative, &[AckId { entry: far, ack_set: &[], batch_size: None }]);
    assert_eq!(left(&target, consumer, &topic, SubType::Exclusive, 2), [(0, vec![]), (1, vec![])]);
}

#[test]
fn a_shared_subscription_ignores_cumulative_acknowledgements() {
    let target = Target::any();
    let (_publisher, mut consumer, topic, [_, second]) = two_batches(&target, SubType::Shared);
    consumer.ack(AckType::Cumulative, &[AckId { entry: second, ack_set: &[], batch_size: None }]);
    assert_eq!(left(&target, consumer, &topic, SubType::Shared, 2), [(0, vec![]), (1, vec![])]);
}

#[test]
fn a_partly_acknowledged_batch_costs_only_what_is_left() {
    let target = Target::any();
    let (mut publisher, mut consumer, _, [first, second]) = two_batches(&target, SubType::Shared);
    consumer.ack_entries(&[second]);
    consumer.ack(AckType::Individual, &[part(first, &[0b11])]);
    consumer.redeliver(&[], None);
    let message = consumer.message();
    assert_eq!((message.entry, message.ack_set), (first, vec![0b11]));
    // 1000 permits, of which two batches and two messages are used.
    publisher.publish_many(978);
    assert_eq!(consumer.entries(978).len(), 978);
    publisher.publish_many(1);
    consumer.nothing();
}

#[test]
fn acknowledging_single_messages_can_be_off() {
    let target = Target::own(Options { batch_index_acks: false, ..Options::default() });
    let (_publisher, mut consumer, topic, [first, second]) = two_batches(&target, SubType::Exclusive);
    consumer.ack(AckType::Individual, &[part(second, &[1])]);
    consumer.ack(AckType::Cumulative, &[part(first, &[1])]);
    assert_eq!(left(&target, consumer, &topic, SubType::Exclusive, 2), [(0, vec![]), (1, vec![])]);
}

#[test]
fn acknowledgements_show_in_the_stats() {
    let target = Target::own(Options::default());
    let Target::Own(broker) = &target else { return };
    for sub_type in [SubType::Exclusive, SubType::Shared] {
        let (_publisher, mut consumer, topic, [first, second]) = two_batches(&target, sub_type);
        let stats = || {
            let stats = broker.topic_stats(&topic).unwrap();
            let subscription = stats.subscription("s").unwrap();
            (subscription.backlog, subscription.unacked)
        };
        assert_eq!(stats(), (20, 20));
        consumer.ack(AckType::Individual, &[part(first, &[0b111])]);
        assert_eq!(stats(), (13, 13));
        consumer.ack_entries(&[second]);
        assert_eq!(stats(), (3, 3));
        consumer.ack_entries(&[first]);
        assert_eq!(stats(), (0, 0));
    }
}

#[test]
fn an_unknown_consumer_gets_no_response() {
    let target = Target::any();
    let (_publisher, mut consumer, _, [first, _]) = two_batches(&target, SubType::Shared);
    let ids = &[AckId { entry: first, ack_set: &[], batch_size: None }];
    let request_id = Some(consumer.request_id());
    let ack = Ack { consumer_id: 77, ack_type: AckType::Individual, ids, validation_error: None, request_id };
    consumer.write_ack(ack);
    consumer.nothing();
    // Without a request id, who is known gets none either.
    consumer.write_ack(Ack { consumer_id: 1, request_id: None, ..ack });
    consumer.nothing();
}
