use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use pulsar_rs_testbroker::Options;
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::{
    BaseCommand, CommandNewTxn, CommandTcClientConnectRequest, ServerError, base_command,
};

use crate::client::{Client, Publish, encode};
use crate::target::Target;

/// A frame with this command, encoded somewhere else.
fn frame(command: &[u8], payload: &[u8]) -> Vec<u8> {
    let size = |len: usize| u32::try_from(len).unwrap().to_be_bytes();
    let mut frame = size(4 + command.len() + payload.len()).to_vec();
    frame.extend_from_slice(&size(command.len()));
    frame.extend_from_slice(command);
    frame.extend_from_slice(payload);
    frame
}

/// A connection that publishes, consumes and has something outstanding, so that nonsense meets state.
fn busy(target: &Target) -> Client {
    let mut client = target.client();
    client.produce("x", 0);
    client.subscribe("x", SubType::Shared);
    client.flow(10);
    client
}

fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        // Bytes that are no frames.
        vec(any::<u8>(), 0..200),
        // Frames that hold no commands.
        (vec(any::<u8>(), 0..100), vec(any::<u8>(), 0..100))
            .prop_map(|(command, payload)| frame(&command, &payload)),
        // Commands of every kind with a body of noise.
        (2u8..70, vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..60)).prop_map(|(kind, body, payload)| {
            let mut command = vec![0x08, kind];
            prost::encoding::encode_key(
                kind.into(),
                prost::encoding::WireType::LengthDelimited,
                &mut command,
            );
            prost::encoding::encode_varint(body.len() as u64, &mut command);
            command.extend_from_slice(&body);
            frame(&command, &payload)
        }),
        // A good Send that was damaged.
        (any::<u32>(), any::<u8>(), 0u32..5).prop_map(|(at, bits, batch)| {
            let mut frame = encode(&Publish { body: b"body", batch, ..Publish::default() });
            let at = at as usize % frame.len();
            frame[at] ^= bits;
            frame
        }),
    ]
}

#[test]
fn nonsense_ends_its_connection_at_most() {
    let target = Target::own(Options::default());
    let Target::Own(broker) = &target else { return };
    let witness = std::cell::RefCell::new(target.client());
    proptest!(ProptestConfig::with_cases(150), |(pieces in vec(nonsense(), 1..6))| {
        let mut client = busy(&target);
        for piece in &pieces {
            client.write_if_open(piece);
        }
        drop(client);
        witness.borrow_mut().nothing();
        // A panic on the way would leave the connection behind.
        crate::client::eventually("the connection ends", || broker.connection_count() == 1);
    });
    let mut witness = witness.into_inner();
    witness.produce("x", 0);
    witness.publish_many(1);
}

#[test]
fn numbers_at_their_limits_are_taken() {
    use pulsar_rs_wire::hot::{Ack, AckId, AckType, EntryId};
    let target = Target::own(Options::default());
    for sub_type in [SubType::Exclusive, SubType::Shared, SubType::KeyShared] {
        let (mut client, topic) = (target.client(), crate::target::topic("limits"));
        client.produce(&topic, 0);
        let answer = client.open_consumer(crate::client::subscription(&topic, sub_type));
        assert!(matches!(answer, pulsar_rs_wire::Command::Success(_)), "{answer:?}");
        client.flow(u32::MAX);
        client.flow(u32::MAX);
        let first = client.published_and_received();
        let limits = [0, 1, i64::MAX.cast_unsigned(), u64::MAX];
        for (ledger, entry) in limits.iter().flat_map(|l| limits.map(|e| (*l, e))) {
            let id = EntryId { ledger, entry };
            let ack_set = [i64::MIN, -1, 0, i64::MAX];
            for ack_type in [AckType::Individual, AckType::Cumulative] {
                let ids = [AckId { entry: id, ack_set: &ack_set, batch_size: Some(-1) }];
                client.write_ack(Ack {
                    consumer_id: 1,
                    ack_type,
                    ids: &ids,
                    validation_error: None,
                    request_id: None,
                });
            }
            client.redeliver(&[id], Some(ledger));
        }
        assert!(client.available().iter().all(|entry| *entry == first));
        client.ack_entries(&[first]);
        let request_id = client.request_id();
        client.send(pulsar_rs_wire::extension::CommandUnsubscribe {
            consumer_id: 1,
            request_id,
            force: None,
        });
        client.succeeded();
    }
}

#[test]
fn metadata_at_its_limits_is_taken() {
    use pulsar_rs_wire::metadata::Metadata;
    let target = Target::own(Options { deduplication: true, ..Options::default() });
    for sub_type in [SubType::Shared, SubType::KeyShared] {
        let (mut client, topic) = (target.client(), crate::target::topic("limits"));
        client.produce(&topic, 0);
        client.open_consumer(crate::client::subscription(&topic, sub_type));
        client.flow(1000);
        for (sequence, number) in (0..).zip([i32::MIN, -1, 0, 1, i32::MAX]) {
            let metadata = Metadata {
                num_chunks_from_msg: Some(number),
                chunk_id: Some(number),
                num_messages_in_batch: Some(number),
                deliver_at_time: Some(i64::from(number) << 32),
                publish_time: u64::MAX,
                partition_key: Some(&[0xff; 5]),
                partition_key_b64_encoded: true,
                ..Metadata::default()
            };
            client.publish(&Publish { sequence, metadata, is_chunk: true, ..Publish::default() });
            while !matches!(client.receive(), crate::client::Received::Receipt(_)) {}
        }
        client.available();
    }
}

#[test]
fn transactions_are_refused() {
    let target = Target::own(Options::default());
    let mut client = target.client();
    let command = BaseCommand {
        r#type: base_command::Type::NewTxn.into(),
        new_txn: Some(CommandNewTxn { request_id: 5, ..CommandNewTxn::default() }),
        ..BaseCommand::default()
    };
    client.write(&frame(&command.encode_to_vec(), &[]));
    client.refused(ServerError::NotAllowedError);
    let command = BaseCommand {
        r#type: base_command::Type::TcClientConnectRequest.into(),
        tc_client_connect_request: Some(CommandTcClientConnectRequest { request_id: 6, tc_id: 0 }),
        ..BaseCommand::default()
    };
    client.write(&frame(&command.encode_to_vec(), &[]));
    let answer = client.raw_command();
    let answer = BaseCommand::decode(answer.as_slice()).unwrap().tc_client_connect_response.unwrap();
    assert_eq!((answer.request_id, answer.error()), (6, ServerError::NotAllowedError));
    // Other unknown commands come from newer clients and are ignored.
    client.write(&frame(&[0x08, 99], &[]));
    client.nothing();
}
