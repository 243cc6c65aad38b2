use pulsar_rs_wire::PROTOCOL_VERSION;
use pulsar_rs_wire::extension::{CommandConnect, CommandConnected, FeatureFlags};
use pulsar_rs_wire::proto::ServerError;

use crate::auth::Principal;
use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};
use crate::timers::Event;

/// What the broker calls itself.
pub(crate) const SERVER_VERSION: &str = concat!("pulsar_rs test broker ", env!("CARGO_PKG_VERSION"));

/// All that a client learns that is not who it says it is.
pub(super) const REFUSED: &str = "Failed to authenticate";

/// `Connect`: the client shows who it is, and both sides take the older of their protocol versions.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, connect: &CommandConnect) -> Handled {
    let principal = authenticate(broker, id, connect)?;
    if let Some(connection) = broker.connections.get_mut(id) {
        connection.connected = true;
        connection.principal = principal;
        connect.auth_method_name().clone_into(&mut connection.auth_method);
        connection.features = connect.feature_flags.clone().unwrap_or_default();
    }
    let connected = CommandConnected {
        server_version: SERVER_VERSION.to_owned(),
        protocol_version: Some(connect.protocol_version.unwrap_or_default().min(PROTOCOL_VERSION)),
        max_message_size: Some(i32::try_from(broker.options.max_message_size).unwrap_or(i32::MAX)),
        feature_flags: Some(FeatureFlags {
            supports_topic_watchers: Some(true),
            supports_get_partitioned_metadata_without_auto_creation: Some(true),
            ..FeatureFlags::default()
        }),
    };
    broker.send(id, connected);
    Ok(())
}

/// Who the client is; nobody where that does not matter.
fn authenticate(
    broker: &mut Broker,
    id: ConnectionId,
    connect: &CommandConnect,
) -> Result<Option<Principal>, Refusal> {
    let Some(authentication) = &broker.options.authentication else { return Ok(None) };
    let peer = broker.connections.get(id).and_then(|connection| connection.peer_role.as_deref());
    let data = connect.auth_data.as_deref().unwrap_or_default();
    match authentication.principal(connect.auth_method_name(), data, peer) {
        Ok(principal) => {
            if principal.expires.is_some() {
                let next = authentication.refresh_check;
                broker.timers.add_after(next, Event::RefreshAuthentication(id));
            }
            Ok(Some(principal))
        }
        Err(why) => {
            broker.trace(id, || why);
            Err(Refusal::new(ServerError::AuthenticationError, REFUSED))
        }
    }
}
