use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::target::{Target, topic};

#[test]
fn permits_count_messages_and_a_batch_may_overdraw_them() {
    for sub_type in [SubType::Exclusive, SubType::Shared, SubType::Failover, SubType::KeyShared] {
        let target = Target::any();
        let (mut publisher, mut consumer, topic) = (target.client(), target.client(), topic("permits"));
        publisher.produce(&topic, 0);
        publisher.publish_many(3);
        publisher.publish_batch(5);
        publisher.publish_many(1);
        consumer.subscribe(&topic, sub_type);
        if sub_type == SubType::Failover {
            // It learns that it is active.
            consumer.command();
        }
        consumer.flow(4);
        assert_eq!(consumer.entries(4), [0, 1, 2, 3], "{sub_type:?}");
        consumer.nothing();
        consumer.flow(4);
        consumer.nothing();
        consumer.flow(1);
        assert_eq!(consumer.entries(1), [4], "{sub_type:?}");
    }
}

#[test]
fn a_flow_without_permits_ends_the_connection() {
    let target = Target::any();
    let mut consumer = target.client();
    consumer.subscribe(&topic("zero"), SubType::Exclusive);
    consumer.flow(0);
    consumer.closed();
}

#[test]
fn every_subscription_gets_everything() {
    let target = Target::any();
    let (mut publisher, topic) = (target.client(), topic("fan-out"));
    publisher.produce(&topic, 0);
    let mut consumers: Vec<_> = (0..3)
        .map(|number| {
            let mut consumer = target.client();
            let wanted = pulsar_rs_wire::proto::CommandSubscribe {
                subscription: format!("s{number}"),
                ..crate::client::subscription(&topic, SubType::Shared)
            };
            consumer.open_consumer(wanted);
            consumer.flow(1000);
            consumer
        })
        .collect();
    publisher.publish_many(200);
    for consumer in &mut consumers {
        assert_eq!(consumer.entries(200), (0..200).collect::<Vec<_>>());
    }
}

#[test]
fn a_slow_client_gets_everything_in_the_end() {
    let target = Target::any();
    let (mut publisher, mut consumer, topic) = (target.client(), target.client(), topic("slow"));
    publisher.produce(&topic, 0);
    consumer.subscribe(&topic, SubType::Exclusive);
    consumer.flow(1000);
    let body = vec![1; 100_000];
    for sequence in 0..200 {
        let publish = crate::client::Publish { sequence, body: &body, ..Default::default() };
        publisher.publish(&publish);
        publisher.receipt().unwrap();
    }
    // 20 MB wait by now, much more than the broker queues for a connection.
    assert_eq!(consumer.entries(200), (0..200).collect::<Vec<_>>());
}
