use std::time::Duration;

use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::CommandSubscribe;
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::{Client, Received, eventually, subscription};
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

    /// What came of such changes by now.
    fn active_changes(&mut self) -> Vec<bool> {
        let mut changes = Vec::new();
        while let Some(received) = self.next_in(Duration::from_millis(10)) {
            match received {
                Received::Command(command) => match *command {
                    Command::ActiveConsumerChange(change) => changes.push(change.is_active()),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
        changes
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
    let target = Target::own(Options { topics: vec![("x".into(), 1)], ..Options::default() });
    let (topic, mut publisher) = ("x-partition-0", target.client());
    publisher.produce(topic, 0);
    let mut b = open(&target, topic, "b", 0);
    b.becomes_active(true);
    let mut c = open(&target, topic, "c", 0);
    b.flow(2);
    c.flow(10);
    publisher.publish_many(3);
    assert_eq!(b.entries(2), [0, 1]);
    c.nothing();
    // A better name takes the subscription over; what was not acknowledged comes again.
    let mut a = open(&target, topic, "a", 0);
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

#[test]
fn topics_without_partitions_spread_by_their_names() {
    let target = Target::any();
    let names = ["a", "b", "c"];
    // The same topics for every broker: a real one chose so.
    let expected = "bbbaabccaccc";
    let mut consumers: Vec<_> = (0..expected.len())
        .map(|number| {
            let topic = format!("persistent://public/default/ring-{number}");
            names.map(|name| (open(&target, &topic, name, 0), false))
        })
        .collect();
    let mut active = String::new();
    // A real broker waits for a second before it lets another consumer begin.
    eventually("the right ones are active", || {
        active.clear();
        for of_topic in &mut consumers {
            for ((client, is_active), name) in of_topic.iter_mut().zip(names) {
                *is_active = client.active_changes().last().copied().unwrap_or(*is_active);
                active.extend(is_active.then_some(name));
            }
        }
        active == expected
    });
}
