//! What the test broker does not do, and says so wherever a client waits for an answer.

use prost::Message as _;
use pulsar_rs_wire::proto::{
    BaseCommand, CommandError, CommandTcClientConnectResponse, ServerError, base_command,
};

use crate::broker::Broker;
use crate::connection::ConnectionId;

const NO_TRANSACTIONS: &str = "The test broker has no transactions";

/// Numbers of the commands for transactions.
const TRANSACTIONS: std::ops::RangeInclusive<u64> = 50..=63;

/// A command that crates/wire does not know. Those of transactions are refused; others come from newer
/// clients, and are ignored as a broker ignores them.
pub(super) fn unknown(
    broker: &mut Broker,
    id: ConnectionId,
    number: u64,
    command: &[u8],
) -> Result<(), String> {
    if !TRANSACTIONS.contains(&number) {
        return Ok(());
    }
    let command = BaseCommand::decode(command).map_err(|error| error.to_string())?;
    if let Some(connect) = &command.tc_client_connect_request {
        refuse_coordinator(broker, id, connect.request_id);
    } else if let Some(request_id) = request_id(&command) {
        let error = ServerError::NotAllowedError.into();
        broker.send(id, CommandError { request_id, error, message: NO_TRANSACTIONS.to_owned() });
    }
    Ok(())
}

/// Clients ask for the transaction coordinator with a command that has an answer of its own.
fn refuse_coordinator(broker: &mut Broker, id: ConnectionId, request_id: u64) {
    let answer = BaseCommand {
        r#type: base_command::Type::TcClientConnectResponse.into(),
        tc_client_connect_response: Some(CommandTcClientConnectResponse {
            request_id,
            error: Some(ServerError::NotAllowedError.into()),
            message: Some(NO_TRANSACTIONS.to_owned()),
        }),
        ..BaseCommand::default()
    };
    let Some(connection) = broker.connections.get_mut(id) else { return };
    let command = answer.encode_to_vec();
    // Frame: total size, command size, command; all commands are small.
    let Ok(len) = u32::try_from(command.len()) else { return };
    connection.outbox.push(|out| {
        out.extend_from_slice(&(len + 4).to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&command);
    });
    connection.wake();
}

fn request_id(command: &BaseCommand) -> Option<u64> {
    None.or(command.new_txn.as_ref().map(|txn| txn.request_id))
        .or(command.add_partition_to_txn.as_ref().map(|txn| txn.request_id))
        .or(command.add_subscription_to_txn.as_ref().map(|txn| txn.request_id))
        .or(command.end_txn.as_ref().map(|txn| txn.request_id))
        .or(command.end_txn_on_partition.as_ref().map(|txn| txn.request_id))
        .or(command.end_txn_on_subscription.as_ref().map(|txn| txn.request_id))
}
