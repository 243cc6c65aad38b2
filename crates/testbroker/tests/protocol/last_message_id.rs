use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{CommandGetLastMessageId, CommandGetLastMessageIdResponse};

use crate::client::Client;
use crate::target::{Target, topic};

fn ask(client: &mut Client) -> CommandGetLastMessageIdResponse {
    let request_id = client.request_id();
    client.send(CommandGetLastMessageId { consumer_id: 1, request_id });
    match client.command() {
        Command::GetLastMessageIdResponse(answer) if answer.request_id == request_id => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_message_of_the_topic_is_told() {
    let target = Target::any();
    let (mut publisher, mut client, topic) = (target.client(), target.client(), topic("last"));
    publisher.produce(&topic, 0);
    client.subscribe(&topic, SubType::Exclusive);
    let empty = ask(&mut client);
    assert_eq!((empty.last_message_id.ledger_id, empty.last_message_id.entry_id), (u64::MAX, u64::MAX));
    assert_eq!(empty.consumer_mark_delete_position.unwrap().entry_id, u64::MAX);

    let batch = publisher.publish_batch(7);
    let answer = ask(&mut client);
    let last = &answer.last_message_id;
    assert_eq!((last.ledger_id, last.entry_id, last.batch_index()), (batch.ledger, 0, 6));
    assert_eq!(last.partition(), -1);

    publisher.publish_many(1);
    client.ack_entries(&[batch]);
    let answer = ask(&mut client);
    assert_eq!((answer.last_message_id.entry_id, answer.last_message_id.batch_index()), (1, -1));
    assert_eq!(answer.consumer_mark_delete_position.unwrap().entry_id, 0);
}

#[test]
fn partitions_are_named() {
    let target = Target::own(Options { topics: vec![("p".into(), 3)], ..Options::default() });
    let mut client = target.client();
    client.subscribe("p-partition-2", SubType::Exclusive);
    assert_eq!(ask(&mut client).last_message_id.partition(), 2);
}
