use std::time::Duration;

use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::CommandCloseProducer;
use pulsar_rs_wire::proto::{
    CommandError, CommandProducer, CommandProducerSuccess, ProducerAccessMode, ServerError,
};

use crate::client::{Client, Publish};
use crate::target::{Target, topic};

fn producer(topic: &str, id: u64, mode: ProducerAccessMode) -> CommandProducer {
    CommandProducer {
        topic: topic.into(),
        producer_id: id,
        producer_access_mode: Some(mode.into()),
        ..CommandProducer::default()
    }
}

fn named(topic: &str, id: u64, name: &str) -> CommandProducer {
    CommandProducer { producer_name: Some(name.into()), ..producer(topic, id, ProducerAccessMode::Shared) }
}

fn opened(answer: Command) -> CommandProducerSuccess {
    match answer {
        Command::ProducerSuccess(success) => success,
        other => panic!("{other:?}"),
    }
}

fn refused(answer: Command) -> ServerError {
    match answer {
        Command::Error(CommandError { error, .. }) => ServerError::try_from(error).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn close(client: &mut Client, producer_id: u64) {
    let request_id = client.request_id();
    client.send(CommandCloseProducer { producer_id, request_id, ..CommandCloseProducer::default() });
    client.succeeded();
}

#[test]
fn names_are_given_and_kept() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("names"));
    let first = client.produce(&topic, 1);
    assert!(first.starts_with("standalone-0-"), "{first}");
    assert_ne!(client.produce(&topic, 2), first);
    assert_eq!(client.produce(&topic, 1), first, "the same producer again");
    let success = opened(client.open_producer(named(&topic, 3, "mine")));
    assert_eq!(success.producer_name, "mine");
    assert_eq!((success.last_sequence_id(), success.producer_ready()), (-1, true));
}

#[test]
fn a_taken_name_is_refused_while_its_holder_lives() {
    let target = Target::any();
    let (mut holder, mut other, topic) = (target.client(), target.client(), topic("taken"));
    opened(holder.open_producer(named(&topic, 1, "mine")));
    assert_eq!(refused(holder.open_producer(named(&topic, 2, "mine"))), ServerError::ProducerBusy);
    // The holder is asked whether it lives: it has to read and answer.
    let asking = std::thread::spawn(move || {
        let answer = other.open_producer(named(&topic, 2, "mine"));
        (refused(answer), other, topic)
    });
    while !asking.is_finished() {
        holder.nothing();
    }
    let (error, mut other, topic) = asking.join().unwrap();
    assert_eq!(error, ServerError::ProducerBusy);
    drop(holder);
    crate::client::eventually("the name is free", || {
        matches!(other.open_producer(named(&topic, 3, "mine")), Command::ProducerSuccess(_))
    });
}

#[test]
fn a_dead_holder_loses_its_name() {
    let options = Options { liveness_timeout: Duration::from_millis(100), ..Options::default() };
    let target = Target::own(options);
    let (mut dead, mut other, topic) = (target.client(), target.client(), topic("dead"));
    opened(dead.open_producer(named(&topic, 1, "mine")));
    opened(other.open_producer(named(&topic, 1, "mine")));
    dead.closed();
}

#[test]
fn a_producer_that_waits_for_its_name_can_be_closed() {
    let options = Options { liveness_timeout: Duration::from_secs(1), ..Options::default() };
    let target = Target::own(options);
    let Target::Own(broker) = &target else { return };
    let (mut dead, mut other, topic) = (target.client(), target.client(), topic("dead"));
    opened(dead.open_producer(named(&topic, 1, "mine")));
    let request_id = other.request_id();
    other.send(CommandProducer { request_id, ..named(&topic, 1, "mine") });
    assert_eq!(refused(other.open_producer(named(&topic, 1, "mine"))), ServerError::ServiceNotReady);
    close(&mut other, 1);
    // The claim runs on, but nobody wants what it is granted.
    crate::client::eventually("the dead one is dropped", || broker.connection_count() == 1);
    other.nothing();
}

#[test]
fn an_exclusive_producer_is_alone() {
    use ProducerAccessMode::{Exclusive, Shared};
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("exclusive"));
    let success = opened(client.open_producer(producer(&topic, 1, Exclusive)));
    assert_eq!(success.topic_epoch, Some(0));
    assert_eq!(refused(client.open_producer(producer(&topic, 2, Exclusive))), ServerError::ProducerFenced);
    assert_eq!(refused(client.open_producer(producer(&topic, 3, Shared))), ServerError::ProducerBusy);
    close(&mut client, 1);
    opened(client.open_producer(producer(&topic, 3, Shared)));
    assert_eq!(refused(client.open_producer(producer(&topic, 2, Exclusive))), ServerError::ProducerFenced);
}

#[test]
fn a_producer_waits_for_its_turn() {
    use ProducerAccessMode::{Exclusive, WaitForExclusive};
    let target = Target::any();
    let (mut holder, mut waiting, topic) = (target.client(), target.client(), topic("waiting"));
    opened(holder.open_producer(producer(&topic, 1, Exclusive)));
    let queued = opened(waiting.open_producer(producer(&topic, 1, WaitForExclusive)));
    assert!(!queued.producer_ready());
    waiting.nothing();
    close(&mut holder, 1);
    let ready = opened(waiting.command());
    assert_eq!((ready.producer_ready(), ready.topic_epoch), (true, Some(1)));
    assert_eq!((ready.request_id, &ready.producer_name), (queued.request_id, &queued.producer_name));
    waiting.publish(&Publish { producer: 1, body: b"x", ..Publish::default() });
    assert!(waiting.receipt().is_some());
}

#[test]
fn fencing_takes_the_topic_away() {
    use ProducerAccessMode::{Exclusive, ExclusiveWithFencing, WaitForExclusive};
    let target = Target::any();
    let (mut old, mut waiting, mut new) = (target.client(), target.client(), target.client());
    let topic = topic("fencing");
    opened(old.open_producer(producer(&topic, 1, Exclusive)));
    opened(waiting.open_producer(producer(&topic, 1, WaitForExclusive)));
    let success = opened(new.open_producer(producer(&topic, 1, ExclusiveWithFencing)));
    assert_eq!(success.topic_epoch, Some(1));
    assert_eq!(refused(waiting.command()), ServerError::ProducerFenced);
    // The old producer learns it when it sends, and once more when it comes back.
    old.nothing();
    old.publish(&Publish { producer: 1, body: b"x", ..Publish::default() });
    old.closed();
    let mut old = target.client();
    for mode in [Exclusive, ExclusiveWithFencing] {
        let returning = CommandProducer { topic_epoch: Some(0), ..producer(&topic, 1, mode) };
        assert_eq!(refused(old.open_producer(returning)), ServerError::ProducerFenced, "{mode:?}");
    }
    close(&mut new, 1);
    for mode in [Exclusive, ExclusiveWithFencing, WaitForExclusive] {
        let returning = CommandProducer { topic_epoch: Some(0), ..producer(&topic, 1, mode) };
        assert_eq!(refused(old.open_producer(returning)), ServerError::ProducerFenced, "{mode:?}");
    }
}

#[test]
fn a_closed_producer_publishes_no_more() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("closed"));
    client.produce(&topic, 1);
    close(&mut client, 1);
    close(&mut client, 77);
    client.publish(&Publish { producer: 1, body: b"x", ..Publish::default() });
    client.closed();
}

#[test]
fn missing_partitions_and_namespaces_are_refused() {
    let target = Target::own(Options { topics: vec![("p".into(), 2)], ..Options::default() });
    let mut client = target.client();
    let open = |client: &mut Client, topic: &str| {
        client.open_producer(producer(topic, 1, ProducerAccessMode::Shared))
    };
    assert_eq!(refused(open(&mut client, "p-partition-2")), ServerError::TopicNotFound);
    assert_eq!(refused(open(&mut client, "persistent://public/nope/x")), ServerError::ServiceNotReady);
    assert_eq!(refused(open(&mut client, "foo://public/default/x")), ServerError::InvalidTopicName);
    opened(open(&mut client, "p-partition-1"));
}

#[test]
fn a_subscription_can_begin_with_the_producer() {
    let target = Target::own(Options::default());
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    let wanted = CommandProducer {
        initial_subscription_name: Some("first".into()),
        ..producer("x", 0, ProducerAccessMode::Shared)
    };
    opened(client.open_producer(wanted));
    client.publish_many(3);
    assert_eq!(broker.topic_stats("x").unwrap().subscription("first").unwrap().backlog, 3);
}
