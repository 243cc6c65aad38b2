use std::collections::BTreeMap;

use pulsar_rs_wire::Command;
use pulsar_rs_wire::hot::EntryId;
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandSubscribe, IntRange, KeySharedMeta, KeySharedMode, ServerError};

use crate::client::{Client, subscription};
use crate::target::{Target, topic};

fn consumer(target: &Target, topic: &str, name: &str) -> Client {
    let mut client = target.client();
    let wanted =
        CommandSubscribe { consumer_name: Some(name.into()), ..subscription(topic, SubType::KeyShared) };
    client.open_consumer(wanted);
    client.flow(1000);
    client
}

fn sticky(ranges: &[(i32, i32)]) -> KeySharedMeta {
    KeySharedMeta {
        key_shared_mode: KeySharedMode::Sticky.into(),
        hash_ranges: ranges.iter().map(|(start, end)| IntRange { start: *start, end: *end }).collect(),
        ..KeySharedMeta::default()
    }
}

fn answer(
    client: &mut Client,
    topic: &str,
    meta: impl Into<Option<KeySharedMeta>>,
) -> Result<(), ServerError> {
    let wanted = CommandSubscribe { key_shared_meta: meta.into(), ..subscription(topic, SubType::KeyShared) };
    match client.open_consumer(wanted) {
        Command::Success(_) => Ok(()),
        Command::Error(error) => Err(ServerError::try_from(error.error).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// Everything that the consumer has, of `total` messages that all consumers have together.
fn split(consumers: &mut [&mut Client], total: usize) -> Vec<Vec<EntryId>> {
    let mut got = vec![Vec::new(); consumers.len()];
    for (consumer, got) in consumers.iter_mut().zip(&mut got) {
        got.extend(consumer.available());
    }
    assert_eq!(got.iter().map(Vec::len).sum::<usize>(), total);
    got
}

#[test]
fn a_key_has_one_consumer_and_keeps_its_order() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("keys"));
    publisher.produce(&topic, 0);
    let (mut a, mut b) = (consumer(&target, &topic, "a"), consumer(&target, &topic, "b"));
    let mut keys = BTreeMap::new();
    for number in 0..100u32 {
        let key = number % 20;
        keys.insert(publisher.publish_key(&format!("k{key}")).entry, key);
    }
    let got = split(&mut [&mut a, &mut b], 100);
    let mut owner = BTreeMap::new();
    for (consumer, entries) in got.iter().enumerate() {
        assert!(!entries.is_empty(), "both have something to do");
        assert!(entries.is_sorted());
        for entry in entries {
            assert_eq!(*owner.entry(keys[&entry.entry]).or_insert(consumer), consumer);
        }
    }
}

#[test]
fn a_key_moves_only_when_its_messages_are_acknowledged() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("move"));
    publisher.produce(&topic, 0);
    let mut a = consumer(&target, &topic, "a");
    let mut publish = |count: u32| {
        for number in 0..count {
            publisher.publish_key(&format!("k{number}"));
        }
    };
    publish(40);
    let first = split(&mut [&mut a], 40).remove(0);
    let mut b = consumer(&target, &topic, "b");
    publish(40);
    let before = a.available().len();
    assert!(before < 40, "some keys belong to b now, and wait");
    assert!(b.available().is_empty());
    a.ack_entries(&first);
    let after = b.available();
    assert_eq!(before + after.len(), 40);
    assert!(after.is_sorted());
}

#[test]
fn sticky_consumers_have_their_ranges() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("sticky"));
    publisher.produce(&topic, 0);
    let (mut low, mut high) = (target.client(), target.client());
    assert_eq!(answer(&mut low, &topic, sticky(&[(0, 30_000)])), Ok(()));
    assert_eq!(answer(&mut high, &topic, sticky(&[(30_001, 65_535)])), Ok(()));
    low.flow(100);
    high.flow(100);
    for number in 0..20 {
        publisher.publish_key(&format!("k{number}"));
    }
    let upper: Vec<u64> = high.available().iter().map(|entry| entry.entry).collect();
    assert_eq!(upper, [2, 3, 5, 7, 9, 14, 17]);
    assert_eq!(low.available().len(), 13);
}

#[test]
fn wrong_ranges_are_refused() {
    let target = Target::any();
    let mut client = target.client();
    for ranges in [&[][..], &[(50, 7)], &[(0, 100), (90, 200)]] {
        let refused = answer(&mut client, &topic("ranges"), sticky(ranges));
        assert_eq!(refused, Err(ServerError::ConsumerAssignError), "{ranges:?}");
    }
    let (mut other, topic) = (target.client(), topic("ranges"));
    assert_eq!(answer(&mut client, &topic, sticky(&[(0, 100)])), Ok(()));
    assert_eq!(answer(&mut other, &topic, None), Err(ServerError::ConsumerBusy));
    if !target.is_real() {
        // A real broker asks the other connection whether it lives, which takes seconds here.
        assert_eq!(answer(&mut other, &topic, sticky(&[(100, 200)])), Err(ServerError::ConsumerAssignError));
    }
    assert_eq!(answer(&mut other, &topic, sticky(&[(101, 200)])), Ok(()));
}

#[test]
fn what_a_leaving_consumer_had_goes_to_the_others() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("leaving"));
    publisher.produce(&topic, 0);
    let (mut a, b) = (consumer(&target, &topic, "a"), consumer(&target, &topic, "b"));
    for number in 0..20 {
        publisher.publish_key(&format!("k{number}"));
    }
    let had = a.available().len();
    assert!(had < 20);
    drop(b);
    let came = (had..20).map(|_| a.message().entry).collect::<Vec<_>>();
    assert!(came.is_sorted());
}
