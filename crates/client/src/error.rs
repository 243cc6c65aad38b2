use pulsar_rs_wire::proto::ServerError;
use thiserror::Error;

/// Characters of what a server says that errors show, at most.
pub(crate) const MAX_LEGIBLE: usize = 1000;

/// Why an operation failed. Each variant has a text that says what happened, for people.
///
/// The variants are those of the protocol and of the established C API, so that no information is lost on
/// the way through either.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // each message below says what the variant means
pub enum Error {
    #[error("unknown error: {0}")]
    Unknown(String),
    #[error("invalid configuration: {0}")]
    InvalidConfiguration(String),
    #[error("timed out: {0}")]
    Timeout(String),
    #[error("lookup failed: {0}")]
    Lookup(String),
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("cannot read from the connection: {0}")]
    Read(String),
    #[error("authentication failed: {0}")]
    Authentication(String),
    #[error("not authorized: {0}")]
    Authorization(String),
    #[error("no authentication data: {0}")]
    AuthenticationData(String),
    #[error("broker metadata error: {0}")]
    BrokerMetadata(String),
    #[error("broker persistence error: {0}")]
    BrokerPersistence(String),
    #[error("checksum mismatch: {0}")]
    Checksum(String),
    #[error("consumer busy: {0}")]
    ConsumerBusy(String),
    #[error("not connected: {0}")]
    NotConnected(String),
    #[error("already closed: {0}")]
    AlreadyClosed(String),
    #[error("invalid message: {0}")]
    InvalidMessage(String),
    #[error("consumer not initialized: {0}")]
    ConsumerNotInitialized(String),
    #[error("producer not initialized: {0}")]
    ProducerNotInitialized(String),
    #[error("producer busy: {0}")]
    ProducerBusy(String),
    #[error("too many lookup requests: {0}")]
    TooManyLookups(String),
    #[error("invalid topic name: {0}")]
    InvalidTopicName(String),
    #[error("invalid service URL: {0}")]
    InvalidUrl(String),
    #[error("topic is not served yet: {0}")]
    ServiceUnitNotReady(String),
    #[error("not supported: {0}")]
    NotSupported(String),
    #[error("producer blocked, backlog quota exceeded: {0}")]
    ProducerBlockedQuotaExceeded(String),
    #[error("producer refused, backlog quota exceeded: {0}")]
    ProducerBlockedQuotaExceededException(String),
    #[error("producer queue is full: {0}")]
    ProducerQueueIsFull(String),
    #[error("message too big: {0}")]
    MessageTooBig(String),
    #[error("topic not found: {0}")]
    TopicNotFound(String),
    #[error("subscription not found: {0}")]
    SubscriptionNotFound(String),
    #[error("consumer not found: {0}")]
    ConsumerNotFound(String),
    #[error("protocol version not supported: {0}")]
    UnsupportedVersion(String),
    #[error("topic terminated: {0}")]
    TopicTerminated(String),
    #[error("encryption failed: {0}")]
    Crypto(String),
    #[error("incompatible schema: {0}")]
    IncompatibleSchema(String),
    #[error("consumer cannot be assigned: {0}")]
    ConsumerAssign(String),
    #[error("cumulative acknowledgement not allowed: {0}")]
    CumulativeAcknowledgementNotAllowed(String),
    #[error("transaction coordinator not found: {0}")]
    TransactionCoordinatorNotFound(String),
    #[error("invalid transaction status: {0}")]
    InvalidTxnStatus(String),
    #[error("not allowed: {0}")]
    NotAllowed(String),
    #[error("transaction conflict: {0}")]
    TransactionConflict(String),
    #[error("transaction not found: {0}")]
    TransactionNotFound(String),
    #[error("producer fenced: {0}")]
    ProducerFenced(String),
    #[error("memory limit reached: {0}")]
    MemoryBufferIsFull(String),
    #[error("interrupted: {0}")]
    Interrupted(String),
    #[error("disconnected: {0}")]
    Disconnected(String),
}

impl Error {
    /// The error that a broker's `ServerError` number and text stand for.
    pub(crate) fn from_server(code: i32, message: &str) -> Self {
        use ServerError as Code;
        let message = legible(message);
        let Ok(code) = ServerError::try_from(code) else {
            return Error::Unknown(format!("server error {code}: {message}"));
        };
        match code {
            Code::UnknownError => Error::Unknown(message),
            Code::MetadataError => Error::BrokerMetadata(message),
            Code::PersistenceError => Error::BrokerPersistence(message),
            Code::AuthenticationError => Error::Authentication(message),
            Code::AuthorizationError => Error::Authorization(message),
            Code::ConsumerBusy => Error::ConsumerBusy(message),
            Code::ServiceNotReady => Error::ServiceUnitNotReady(message),
            Code::ProducerBlockedQuotaExceededError => Error::ProducerBlockedQuotaExceeded(message),
            Code::ProducerBlockedQuotaExceededException => {
                Error::ProducerBlockedQuotaExceededException(message)
            }
            Code::ChecksumError => Error::Checksum(message),
            Code::UnsupportedVersionError => Error::UnsupportedVersion(message),
            Code::TopicNotFound => Error::TopicNotFound(message),
            Code::SubscriptionNotFound => Error::SubscriptionNotFound(message),
            Code::ConsumerNotFound => Error::ConsumerNotFound(message),
            Code::TooManyRequests => Error::TooManyLookups(message),
            Code::TopicTerminatedError => Error::TopicTerminated(message),
            Code::ProducerBusy => Error::ProducerBusy(message),
            Code::InvalidTopicName => Error::InvalidTopicName(message),
            Code::IncompatibleSchema => Error::IncompatibleSchema(message),
            Code::ConsumerAssignError => Error::ConsumerAssign(message),
            Code::TransactionCoordinatorNotFound => Error::TransactionCoordinatorNotFound(message),
            Code::InvalidTxnStatus => Error::InvalidTxnStatus(message),
            Code::NotAllowedError => Error::NotAllowed(message),
            Code::TransactionConflict => Error::TransactionConflict(message),
            Code::TransactionNotFound => Error::TransactionNotFound(message),
            Code::ProducerFenced => Error::ProducerFenced(message),
        }
    }

    /// What a Cargo feature would have brought, and this build has not.
    #[cfg(not(all(feature = "athenz", feature = "http", feature = "oauth2", feature = "tls")))]
    pub(crate) fn left_out(what: &str, feature: &str) -> Self {
        Error::NotSupported(format!(
            "this build of pulsar_rs has no {what}: it was built without the Cargo feature {feature}"
        ))
    }

    /// Whether the same attempt may succeed a moment later, so that creating a producer or consumer goes on
    /// trying until the operation timeout.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::Disconnected(_)
                | Error::Read(_)
                | Error::NotConnected(_)
                | Error::ServiceUnitNotReady(_)
                | Error::TooManyLookups(_)
                | Error::Timeout(_)
        )
    }
}

/// What a server says, for errors and logs: of bounded length, and on one line, as ends of lines and what moves the cursor
/// of a terminal could pass for lines of the log.
pub(crate) fn legible(text: &str) -> String {
    text.trim().chars().map(|char| if char.is_control() { ' ' } else { char }).take(MAX_LEGIBLE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_brokers_are_short_and_on_one_line() {
        let text = format!("gone\r\n2026 INFO all is well\u{1b}[2J{}", "x".repeat(5000));
        let Error::TopicNotFound(text) = Error::from_server(ServerError::TopicNotFound.into(), &text) else {
            panic!("another error");
        };
        assert!(text.starts_with("gone  2026 INFO all is well [2Jxxx"), "{text}");
        assert_eq!(text.chars().count(), MAX_LEGIBLE);
    }
}
