use pulsar_rs_wire::proto::{CommandAuthResponse, ServerError};

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::{Handled, Refusal};

/// `AuthResponse`: a client shows again who it is. It has to be who it was.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, response: &CommandAuthResponse) -> Handled {
    let Some(authentication) = &broker.options.authentication else { return Ok(()) };
    let Some(connection) = broker.connections.get(id) else { return Ok(()) };
    let shown = response.response.as_ref();
    let method = shown.and_then(|shown| shown.auth_method_name.as_deref()).unwrap_or_default();
    let data = shown.and_then(|shown| shown.auth_data.as_deref()).unwrap_or_default();
    let principal =
        authentication.principal(method, data, connection.peer_role.as_deref()).and_then(|principal| {
            match connection.role() {
                Some(role) if role == principal.role => Ok(principal),
                role => Err(format!("{role:?} is {:?} now", principal.role)),
            }
        });
    match principal {
        Ok(principal) => {
            if let Some(connection) = broker.connections.get_mut(id) {
                connection.principal = Some(principal);
                connection.challenged = false;
            }
            Ok(())
        }
        Err(why) => {
            broker.trace(id, || why);
            Err(Refusal::new(ServerError::AuthenticationError, super::connect::REFUSED).into())
        }
    }
}
