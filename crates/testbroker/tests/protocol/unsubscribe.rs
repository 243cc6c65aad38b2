use pulsar_rs_wire::extension::CommandUnsubscribe;
use pulsar_rs_wire::proto::ServerError;
use pulsar_rs_wire::proto::command_subscribe::SubType;

use crate::client::Client;
use crate::target::{Target, topic};

fn unsubscribe(client: &mut Client) {
    let request_id = client.request_id();
    client.send(CommandUnsubscribe { consumer_id: 1, request_id, force: None });
}

#[test]
fn the_only_consumer_may_end_the_subscription() {
    for sub_type in [SubType::Exclusive, SubType::Shared, SubType::KeyShared] {
        let target = Target::any();
        let (mut publisher, mut client, topic) = (target.client(), target.client(), topic("unsubscribe"));
        publisher.produce(&topic, 0);
        client.subscribe(&topic, sub_type);
        publisher.publish_many(2);
        unsubscribe(&mut client);
        client.succeeded();
        client.flow(10);
        client.nothing();
        // It is new now, and starts from the earliest message again.
        client.subscribe(&topic, sub_type);
        client.flow(10);
        assert_eq!(client.entries(2), [0, 1]);
    }
}

#[test]
fn one_of_two_consumers_may_not() {
    for sub_type in [SubType::Shared, SubType::KeyShared] {
        let target = Target::any();
        let (mut one, mut two, topic) = (target.client(), target.client(), topic("unsubscribe"));
        one.subscribe(&topic, sub_type);
        two.subscribe(&topic, sub_type);
        unsubscribe(&mut one);
        one.refused(ServerError::MetadataError);
        drop(two);
        crate::client::eventually("the other one left", || {
            unsubscribe(&mut one);
            matches!(one.command(), pulsar_rs_wire::Command::Success(_))
        });
    }
}
