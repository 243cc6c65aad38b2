use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::hot::{AckId, AckType, EntryId};
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandProducer, ServerError};

use crate::client::Publish;
use crate::target::Target;

#[test]
fn an_ended_topic_takes_nothing_and_tells_who_is_done() {
    let target = Target::own(Options::default());
    let Target::Own(broker) = &target else { return };
    let (mut publisher, mut consumer) = (target.client(), target.client());
    publisher.produce("x", 0);
    publisher.publish_many(2);
    consumer.subscribe("x", SubType::Exclusive);
    consumer.flow(10);
    let first = consumer.message().entry;
    assert_eq!(consumer.entries(1), [1]);

    assert!(broker.terminate("x"));
    assert!(broker.topic_stats("x").unwrap().terminated);
    let Command::CloseProducer(close) = publisher.command() else { panic!("the producer stays") };
    assert_eq!((close.producer_id, close.request_id), (0, u64::MAX));
    // The client may have sent before it knew; that is dropped.
    publisher.publish(&Publish { body: b"late", ..Publish::default() });
    publisher.nothing();
    let again = CommandProducer { topic: "x".into(), ..CommandProducer::default() };
    let Command::Error(error) = publisher.open_producer(again) else { panic!("the topic takes producers") };
    assert_eq!(error.error, i32::from(ServerError::TopicTerminatedError));

    consumer.nothing();
    let last = EntryId { entry: 1, ..first };
    consumer.ack(AckType::Cumulative, &[AckId { entry: last, ack_set: &[], batch_size: None }]);
    assert!(matches!(consumer.command(), Command::ReachedEndOfTopic(_)));
    consumer.nothing();
    assert!(!broker.terminate("absent"));
}
