use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::hot::{AckId, AckType, EntryId};
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::Publish;
use crate::target::Target;

const SIZE: usize = 1000;

#[test]
fn acknowledged_entries_go_and_others_stay() {
    let target = Target::own(Options { retention: 10 * SIZE, ..Options::default() });
    let Target::Own(broker) = &target else { return };
    let (mut publisher, mut consumer) = (target.client(), target.client());
    publisher.produce("x", 0);
    consumer.subscribe("x", SubType::Exclusive);
    let body = [0; SIZE];
    let mut last = EntryId::default();
    for sequence in 0..100 {
        publisher.publish(&Publish { sequence, body: &body, ..Publish::default() });
        last = publisher.receipt().unwrap();
    }
    assert_eq!(broker.topic_stats("x").unwrap().entries, 100, "none is acknowledged");
    let half = EntryId { entry: 49, ..last };
    consumer.ack(AckType::Cumulative, &[AckId { entry: half, ack_set: &[], batch_size: None }]);
    assert_eq!(broker.topic_stats("x").unwrap().entries, 50);
    consumer.ack(AckType::Cumulative, &[AckId { entry: last, ack_set: &[], batch_size: None }]);
    let stats = broker.topic_stats("x").unwrap();
    assert!(stats.bytes <= 10 * SIZE as u64, "{stats:?}");
    assert!((5..10).contains(&stats.entries), "{stats:?}");
    assert_eq!(stats.entries_stored, 100);
    // A consumer that comes from the earliest message gets what is left.
    let mut late = target.client();
    let wanted = pulsar_rs_wire::proto::CommandSubscribe {
        subscription: "late".into(),
        ..crate::client::subscription("x", SubType::Exclusive)
    };
    late.open_consumer(wanted);
    late.flow(100);
    let left = late.entries(usize::try_from(stats.entries).unwrap());
    assert_eq!(left, (100 - stats.entries..100).collect::<Vec<_>>());
}

#[test]
fn readers_hold_nothing_back() {
    let target = Target::own(Options { retention: 10 * SIZE, ..Options::default() });
    let Target::Own(broker) = &target else { return };
    let (mut publisher, mut reader) = (target.client(), target.client());
    publisher.produce("x", 0);
    let wanted = pulsar_rs_wire::proto::CommandSubscribe {
        durable: Some(false),
        ..crate::client::subscription("x", SubType::Shared)
    };
    reader.open_consumer(wanted);
    let body = [0; SIZE];
    for sequence in 0..100 {
        publisher.publish(&Publish { sequence, body: &body, ..Publish::default() });
        publisher.receipt().unwrap();
    }
    let stats = broker.topic_stats("x").unwrap();
    assert!(stats.bytes <= 10 * SIZE as u64, "{stats:?}");
    reader.flow(100);
    let left = reader.entries(usize::try_from(stats.entries).unwrap());
    assert_eq!(left.last(), Some(&99));
    reader.nothing();
}
