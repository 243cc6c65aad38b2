use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::Client;
use crate::target::{Target, topic};

/// A consumer that received `count` messages, and the first entry.
fn received(target: &Target, sub_type: SubType, count: u64) -> (Client, EntryId) {
    let (mut publisher, mut consumer, topic) = (target.client(), target.client(), topic("redeliver"));
    publisher.produce(&topic, 0);
    publisher.publish_many(count);
    consumer.subscribe(&topic, sub_type);
    consumer.flow(1000);
    let first = consumer.message().entry;
    assert_eq!(
        consumer.entries(usize::try_from(count).unwrap() - 1).len(),
        usize::try_from(count).unwrap() - 1
    );
    (consumer, first)
}

#[test]
fn an_exclusive_subscription_goes_back_to_what_is_not_acknowledged() {
    let target = Target::any();
    let (mut consumer, first) = received(&target, SubType::Exclusive, 4);
    let at = |entry| EntryId { entry, ..first };
    consumer.ack_entries(&[at(0), at(2)]);
    consumer.redeliver(&[], None);
    assert_eq!(consumer.entries(2), [1, 3]);
    // Which entries are asked for makes no difference.
    consumer.redeliver(&[at(3)], None);
    assert_eq!(consumer.entries(2), [1, 3]);
}

#[test]
fn messages_carry_the_newest_epoch() {
    let target = Target::any();
    let (mut consumer, _) = received(&target, SubType::Exclusive, 1);
    consumer.redeliver(&[], Some(3));
    let message = consumer.message();
    assert_eq!((message.consumer_epoch, message.redelivery_count), (Some(3), None));
    consumer.redeliver(&[], Some(2));
    assert_eq!(consumer.message().consumer_epoch, Some(3), "an epoch never falls");
    consumer.redeliver(&[], Some(4));
    assert_eq!(consumer.message().consumer_epoch, Some(4));
}

#[test]
fn a_shared_subscription_redelivers_and_counts() {
    for sub_type in [SubType::Shared, SubType::KeyShared] {
        let target = Target::any();
        let (mut consumer, first) = received(&target, sub_type, 3);
        let at = |entry| EntryId { entry, ..first };
        let mut again = |entries: &[EntryId], count: usize| -> Vec<_> {
            consumer.redeliver(entries, None);
            let messages = (0..count).map(|_| consumer.message());
            messages.map(|message| (message.entry.entry, message.redelivery_count)).collect()
        };
        assert_eq!(again(&[at(1)], 1), [(1, Some(1))]);
        assert_eq!(again(&[], 3), [(0, Some(1)), (1, Some(2)), (2, Some(1))]);
        assert!(again(&[at(77)], 0).is_empty());
        consumer.ack_entries(&[at(1)]);
        assert_eq!(again_all(&mut consumer), [(0, Some(2)), (2, Some(2))]);
    }
}

fn again_all(consumer: &mut Client) -> Vec<(u64, Option<u32>)> {
    consumer.redeliver(&[], None);
    let messages = (0..2).map(|_| consumer.message());
    messages.map(|message| (message.entry.entry, message.redelivery_count)).collect()
}
