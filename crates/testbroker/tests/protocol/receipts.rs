use std::time::{Duration, Instant};

use pulsar_rs_testbroker::Options;

use crate::client::{Client, Publish, eventually};
use crate::target::Target;

fn publish(client: &mut Client, sequences: std::ops::Range<u64>) {
    for sequence in sequences {
        client.publish(&Publish { sequence, body: b"x", ..Publish::default() });
    }
}

#[test]
fn receipts_can_be_delayed() {
    let target = Target::own(Options::default());
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    client.produce("x", 0);
    let delay = Duration::from_millis(60);
    broker.delay_receipts(delay);
    let begin = Instant::now();
    publish(&mut client, 0..3);
    // The entries are there long before.
    eventually("the entries are stored", || broker.topic_stats("x").unwrap().entries == 3);
    let entries: Vec<u64> = (0..3).map(|_| client.receipt().unwrap().entry).collect();
    assert_eq!(entries, [0, 1, 2]);
    assert!(begin.elapsed() >= delay);
    broker.delay_receipts(Duration::ZERO);
    client.publish_many(1);
}

#[test]
fn a_delay_without_end_withholds() {
    let target = Target::own(Options { keep_alive: Duration::MAX, ..Options::default() });
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    client.produce("x", 0);
    broker.delay_receipts(Duration::MAX);
    publish(&mut client, 0..1);
    client.nothing();
    broker.withhold_receipts(false);
    assert!(client.receipt().is_some());
}

#[test]
fn receipts_can_be_withheld() {
    let target = Target::own(Options::default());
    let Target::Own(broker) = &target else { return };
    let (mut client, mut leaving) = (target.client(), target.client());
    client.produce("x", 0);
    leaving.produce("x", 0);
    broker.withhold_receipts(true);
    publish(&mut client, 0..5);
    publish(&mut leaving, 0..5);
    eventually("the entries are stored", || broker.topic_stats("x").unwrap().entries == 10);
    client.nothing();
    drop(leaving);
    eventually("the other one left", || broker.connection_count() == 1);
    broker.withhold_receipts(false);
    let entries: Vec<u64> = (0..5).map(|_| client.receipt().unwrap().entry).collect();
    assert!(entries.is_sorted());
    client.publish_many(1);
}
