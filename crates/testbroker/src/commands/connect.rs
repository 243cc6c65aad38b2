use pulsar_rs_wire::PROTOCOL_VERSION;
use pulsar_rs_wire::extension::{CommandConnect, CommandConnected, FeatureFlags};

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Handled;

/// `Connect`: both sides take the older of their protocol versions. Credentials are not looked at.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, connect: &CommandConnect) -> Handled {
    if let Some(connection) = broker.connections.get_mut(id) {
        connection.connected = true;
        connection.features = connect.feature_flags.clone().unwrap_or_default();
    }
    let connected = CommandConnected {
        server_version: concat!("pulsar_rs test broker ", env!("CARGO_PKG_VERSION")).to_owned(),
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
