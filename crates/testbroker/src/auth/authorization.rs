use std::collections::BTreeSet;

use pulsar_rs_wire::proto::ServerError;

use crate::broker::Broker;
use crate::connection::ConnectionId;
use crate::refusal::Refusal;

/// Which roles may do what, on every topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authorization {
    /// Roles that may do everything.
    pub super_users: BTreeSet<String>,
    /// Roles that may produce.
    pub produce: BTreeSet<String>,
    /// Roles that may consume.
    pub consume: BTreeSet<String>,
}

/// What a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Produce,
    Consume,
    /// Find a topic's broker.
    Lookup,
    /// Find how many partitions a topic has.
    Metadata,
    /// List the topics of a namespace.
    Topics,
    /// Create, change and delete topics.
    Administer,
}

impl Operation {
    /// What a client that may not is told.
    fn refusal(self) -> &'static str {
        match self {
            Operation::Produce => "Client is not authorized to Produce",
            Operation::Consume => "Client is not authorized to Subscribe",
            Operation::Lookup => "Client is not authorized to Lookup",
            Operation::Metadata => "Client is not authorized to Get Partition Metadata",
            Operation::Topics => "Client is not authorized to GetTopicsOfNamespace",
            Operation::Administer => "Don't have permission to administrate resources on this tenant",
        }
    }
}

impl Authorization {
    fn allows(&self, role: Option<&str>, operation: Operation) -> bool {
        let Some(role) = role else { return false };
        let (produces, consumes) = (self.produce.contains(role), self.consume.contains(role));
        let allowed = match operation {
            Operation::Produce => produces,
            Operation::Consume => consumes,
            Operation::Lookup | Operation::Metadata | Operation::Topics => produces || consumes,
            Operation::Administer => false,
        };
        allowed || self.super_users.contains(role)
    }
}

impl Broker {
    /// Refused when the client may not do something.
    pub fn check_permission(&self, id: ConnectionId, operation: Operation) -> Result<(), Refusal> {
        let role = self.connections.get(id).and_then(|connection| connection.role());
        self.check_role(role, operation)
    }

    /// Refused when a role may not do something.
    pub fn check_role(&self, role: Option<&str>, operation: Operation) -> Result<(), Refusal> {
        match &self.options.authorization {
            Some(rules) if !rules.allows(role, operation) => {
                Err(Refusal::new(ServerError::AuthorizationError, operation.refusal()))
            }
            _ => Ok(()),
        }
    }
}
