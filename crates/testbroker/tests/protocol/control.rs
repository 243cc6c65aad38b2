use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use pulsar_rs_testbroker::{Kind, Options, TestBroker};
use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::{
    CommandConnect, CommandLookupTopic, CommandPartitionedTopicMetadata, CommandUnsubscribe,
};
use pulsar_rs_wire::hot::{Ack, AckType};
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{
    CommandAckResponse, CommandGetLastMessageId, CommandGetSchema, CommandProducer, CommandSeek, ServerError,
};

use crate::client::{Client, Publish, Received, eventually, subscription};
use crate::target::Target;

const CODE: i32 = 6; // ServiceNotReady

fn own() -> Target {
    Target::own(Options::default())
}

/// The error code of an answer, whatever form it has.
fn code(answer: &Command) -> Option<i32> {
    match answer {
        Command::LookupResponse(answer) => answer.error,
        Command::PartitionedMetadataResponse(answer) => answer.error,
        Command::GetSchemaResponse(answer) => answer.error_code,
        Command::Error(answer) => Some(answer.error),
        _ => None,
    }
}

#[test]
fn requests_can_fail() {
    let target = own();
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    client.subscribe("x", SubType::Shared);
    let topic = || "x".to_owned();
    let commands: [Command; 8] = [
        CommandLookupTopic { topic: topic(), ..CommandLookupTopic::default() }.into(),
        CommandPartitionedTopicMetadata { topic: topic(), ..CommandPartitionedTopicMetadata::default() }
            .into(),
        CommandProducer { topic: topic(), ..CommandProducer::default() }.into(),
        subscription("y", SubType::Shared).into(),
        CommandSeek { consumer_id: 1, message_publish_time: Some(0), ..CommandSeek::default() }.into(),
        CommandGetLastMessageId { consumer_id: 1, ..CommandGetLastMessageId::default() }.into(),
        CommandGetSchema { topic: topic(), ..CommandGetSchema::default() }.into(),
        CommandUnsubscribe { consumer_id: 1, ..CommandUnsubscribe::default() }.into(),
    ];
    for command in commands {
        let kind = command.kind();
        let before = broker.commands_received(kind);
        broker.fail_next(kind, CODE, "as asked", 2);
        for _ in 0..2 {
            client.send(command.clone());
            assert_eq!(code(&client.command()), Some(CODE), "{kind:?}");
        }
        client.send(command);
        let answer = client.command();
        assert_ne!(code(&answer), Some(CODE), "{kind:?}: {answer:?}");
        if kind == Kind::Seek {
            // It closed the consumer; the answer comes behind that.
            client.succeeded();
            client.subscribe("x", SubType::Shared);
        }
        assert_eq!(broker.commands_received(kind), before + 3, "{kind:?}");
    }
}

#[test]
fn sends_acknowledgements_and_connections_can_fail() {
    let target = own();
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    client.produce("x", 0);
    broker.fail_next(Kind::Send, ServerError::PersistenceError.into(), "disk full", 1);
    client.publish(&Publish { sequence: 4, body: b"x", ..Publish::default() });
    let error = ServerError::PersistenceError.into();
    assert_eq!(client.receive(), Received::SendError { sequence_id: 4, error });
    client.publish_many(1);

    client.subscribe("x", SubType::Shared);
    broker.fail_next(Kind::Ack, CODE, "not now", 1);
    let mut frame = Vec::new();
    let ack = Ack {
        consumer_id: 1,
        ack_type: AckType::Individual,
        ids: &[],
        validation_error: None,
        request_id: Some(7),
    };
    ack.encode_frame(&mut frame);
    client.write(&frame);
    let Command::AckResponse(CommandAckResponse { error, request_id, .. }) = client.command() else {
        panic!("no response")
    };
    assert_eq!((error, request_id), (Some(CODE), Some(7)));

    broker.fail_next(Kind::Connect, ServerError::AuthenticationError.into(), "who are you", 1);
    let mut stranger = Client::open(&target.address(), false);
    stranger.send(CommandConnect::default());
    stranger.refused(ServerError::AuthenticationError);
    stranger.closed();
    target.client().nothing();

    broker.fail_next(Kind::Lookup, CODE, "never", 1000);
    broker.clear_failures();
    client.produce("x", 1);
}

#[test]
fn connections_can_be_dropped_and_refused() {
    let target = own();
    let Target::Own(broker) = &target else { return };
    let mut clients = [target.client(), target.client()];
    clients[0].produce("x", 0);
    clients[1].subscribe("x", SubType::Shared);
    assert_eq!((broker.connection_count(), broker.drop_connections(), broker.connection_count()), (2, 2, 0));
    clients.iter_mut().for_each(Client::closed);
    let stats = broker.topic_stats("x").unwrap();
    assert_eq!((stats.producers, stats.subscription("s").unwrap().consumers.len()), (0, 0));

    let mut staying = target.client();
    broker.refuse_connections(true).unwrap();
    broker.refuse_connections(true).unwrap();
    let error = TcpStream::connect(target.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    staying.nothing();
    broker.refuse_connections(false).unwrap();
    broker.refuse_connections(false).unwrap();
    target.client().nothing();
    staying.nothing();
}

#[test]
fn a_frozen_broker_says_nothing_and_goes_on_later() {
    let target = own();
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    client.produce("x", 0);
    broker.freeze(true);
    client.publish(&Publish { body: b"x", ..Publish::default() });
    // The kernel still accepts connections; nobody answers on them.
    let mut other = Client::open(&target.address(), false);
    other.send(CommandConnect::default());
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(broker.topic_stats("x").unwrap().entries, 0);
    broker.freeze(false);
    assert!(client.receipt().is_some());
    assert!(matches!(other.command(), Command::Connected(_)));
}

#[test]
fn producers_and_consumers_can_be_closed() {
    let target = own();
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    client.produce("x", 5);
    client.subscribe("x", SubType::Exclusive);
    assert_eq!(broker.close_producer("x", Some("pulsar://elsewhere:1")), 1);
    let Command::CloseProducer(close) = client.command() else { panic!("not closed") };
    assert_eq!((close.producer_id, close.request_id), (5, u64::MAX));
    assert_eq!(close.assigned_broker_service_url.as_deref(), Some("pulsar://elsewhere:1"));
    assert_eq!(broker.close_consumer("x", "s", None), 1);
    let Command::CloseConsumer(close) = client.command() else { panic!("not closed") };
    assert_eq!((close.consumer_id, close.request_id), (1, u64::MAX));
    assert_eq!(close.assigned_broker_service_url, None);
    assert_eq!((broker.close_producer("x", None), broker.close_consumer("x", "s", None)), (0, 0));
    assert_eq!((broker.close_producer("absent", None), broker.close_consumer("x", "absent", None)), (0, 0));
    // Both can be opened again, on the same connection.
    client.produce("x", 5);
    client.subscribe("x", SubType::Exclusive);
    client.publish(&Publish { producer: 5, body: b"x", ..Publish::default() });
    assert!(client.receipt().is_some());
}

#[test]
fn commands_and_topics_are_counted() {
    let target = own();
    let Target::Own(broker) = &target else { return };
    assert_eq!(broker.topic_stats("x"), None);
    let (mut publisher, mut consumer) = (target.client(), target.client());
    publisher.produce("x", 0);
    consumer.subscribe("x", SubType::Shared);
    consumer.flow(10);
    publisher.publish_batch(6);
    consumer.message();
    let stats = broker.topic_stats("persistent://public/default/x").unwrap();
    assert_eq!((stats.entries, stats.entries_stored, stats.messages, stats.producers), (1, 1, 6, 1));
    let subscription = stats.subscription("s").unwrap();
    assert_eq!((subscription.backlog, subscription.unacked, subscription.permits), (6, 6, 4));
    assert_eq!((subscription.kind.as_str(), subscription.consumers.len()), ("Shared", 1));
    for kind in [Kind::Flow, Kind::Send, Kind::Subscribe, Kind::Producer] {
        assert_eq!(broker.commands_received(kind), 1, "{kind:?}");
    }
    assert_eq!(broker.commands_received(Kind::Connect), 2);
    drop(consumer);
    eventually("the consumer left", || {
        broker.topic_stats("x").unwrap().subscription("s").unwrap().consumers.is_empty()
    });
}

#[test]
fn a_stopped_broker_is_gone() {
    let target = own();
    let address = target.address();
    let mut client = target.client();
    let Target::Own(broker) = target else { return };
    broker.stop();
    client.closed();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_taken_port_and_a_wrong_topic_are_errors() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let taken = Options { port: broker.port(), ..Options::default() };
    assert_eq!(TestBroker::start(taken).unwrap_err().kind(), ErrorKind::AddrInUse);
    let wrong = Options { topics: vec![("a/b".into(), 1)], ..Options::default() };
    assert!(TestBroker::start(wrong).is_err());
}
