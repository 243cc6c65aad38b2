//! Why a command is not carried out, in the protocol's terms.

use pulsar_rs_wire::WireError;
use pulsar_rs_wire::proto::ServerError;

/// An error answer: a `ServerError` of the protocol and words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Number of the `ServerError`; a plain number because tests may ask for any.
    pub code: i32,
    pub message: String,
}

impl Refusal {
    pub fn new(code: ServerError, message: impl Into<String>) -> Self {
        Refusal { code: code.into(), message: message.into() }
    }
}

/// How a command fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The client gets an error answer.
    Refused(Refusal),
    /// The connection is closed: the peer breaks the protocol.
    Close(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Failure::Close(error.to_string())
    }
}

/// What a handler of a command gives back.
pub(crate) type Handled = Result<(), Failure>;
