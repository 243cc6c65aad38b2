use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::CommandSubscribe;
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::{Client, subscription};
use crate::target::Target;

fn open(target: &Target, topic: &str, name: &str, priority: i32) -> Client {
    let mut client = target.client();
    client.open_consumer_noting(CommandSubscribe {
        consumer_name: Some(name.into()),
        priority_level: Some(priority),
        ..subscription(topic, SubType::Failover)
    });
    client
}

impl Client {
    /// Opens a consumer; whether it is active may come before the answer, and is put back.
    fn open_consumer_noting(&mut self, wanted: CommandSubscribe) {
        match self.open_consumer(wanted) {
            Command::Success(_) => {}
            Command::ActiveConsumerChange(change) => {
                assert_eq!(change.is_active, Some(false), "only those that are not active learn it first");
                self.succeeded();
            }
            other => panic!("{other:?}"),
        }
    }

    fn becomes_active(&mut self, active: bool) {
        match self.command() {
            Command::ActiveConsumerChange(change) => assert_eq!(change.is_active, Some(active)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_first_by_name_is_active_and_the_next_takes_over() {
    let target = Target::own(Options::default());
    let mut publisher = target.client();
    publisher.produce("x", 0);
    let mut b = open(&target, "x", "b", 0);
    b.becomes_active(true);
    let mut c = open(&target, "x", "c", 0);
    b.flow(2);
    c.flow(10);
    publisher.publish_many(3);
    assert_eq!(b.entries(2), [0, 1]);
    c.nothing();
    // A better name takes the subscription over; what was not acknowledged comes again.
    let mut a = open(&target, "x", "a", 0);
    a.becomes_active(true);
    b.becomes_active(false);
    c.becomes_active(false);
    a.flow(10);
    assert_eq!(a.entries(3), [0, 1, 2]);
    drop(a);
    b.becomes_active(true);
    c.becomes_active(false);
    b.flow(10);
    assert_eq!(b.entries(3), [0, 1, 2]);
}

#[test]
fn priority_comes_before_the_name() {
    let target = Target::own(Options::default());
    let mut z = open(&target, "x", "z", 0);
    z.becomes_active(true);
    let mut a = open(&target, "x", "a", 1);
    z.nothing();
    drop(z);
    a.becomes_active(true);
}

#[test]
fn partitions_spread_over_the_consumers() {
    let target = Target::own(Options { topics: vec![("p".into(), 2)], ..Options::default() });
    for (topic, first) in [("p-partition-0", true), ("p-partition-1", false)] {
        let mut a = open(&target, topic, "a", 0);
        a.becomes_active(true);
        let mut b = open(&target, topic, "b", 0);
        if first {
            a.nothing();
            b.nothing();
        } else {
            b.becomes_active(true);
            a.becomes_active(false);
        }
    }
}
