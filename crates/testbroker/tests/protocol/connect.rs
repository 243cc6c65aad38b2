use std::time::Duration;

use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::extension::{CommandConnect, CommandLookupTopic};
use pulsar_rs_wire::proto::{CommandPing, CommandPong};
use pulsar_rs_wire::{Command, DEFAULT_MAX_MESSAGE_SIZE};

use crate::client::{Client, command_received};
use crate::target::Target;

fn connect(version: i32) -> CommandConnect {
    CommandConnect { protocol_version: Some(version), ..CommandConnect::default() }
}

#[test]
fn the_older_protocol_version_is_taken() {
    let target = Target::any();
    for version in [15, 20] {
        let mut client = Client::open(&target.address(), target.is_real());
        client.send(connect(version));
        let Command::Connected(connected) = client.command() else { panic!("not connected") };
        assert_eq!(connected.protocol_version, Some(version));
        let features = connected.feature_flags.unwrap();
        assert_eq!(features.supports_topic_watchers, Some(true));
        assert_eq!(features.supports_get_partitioned_metadata_without_auto_creation, Some(true));
        assert_eq!(connected.max_message_size.unwrap(), i32::try_from(DEFAULT_MAX_MESSAGE_SIZE).unwrap());
    }
}

#[test]
fn nothing_comes_before_connect_and_no_second_one_after() {
    let target = Target::any();
    let mut client = Client::open(&target.address(), target.is_real());
    client.send(CommandLookupTopic { topic: "x".into(), ..CommandLookupTopic::default() });
    client.closed();
    let mut client = target.client();
    client.send(connect(20));
    client.closed();
}

#[test]
fn pings_are_answered() {
    let target = Target::any();
    let mut client = target.client();
    client.send(CommandPing {});
    assert_eq!(client.receive(), command_received(CommandPong {}));
}

#[test]
fn silent_clients_are_pinged_and_then_dropped() {
    let keep_alive = Duration::from_millis(250);
    let target = Target::own(Options { keep_alive, ..Options::default() });
    let Target::Own(broker) = &target else { return };
    // This one answers pings while it is read from, the other one never does.
    let mut living = target.client();
    let dead = target.client();
    crate::client::eventually("the dead one is dropped", || {
        living.nothing();
        broker.connection_count() == 1
    });
    living.nothing();
    drop(dead);
    drop(living);
    crate::client::eventually("the living one left", || broker.connection_count() == 0);
}
