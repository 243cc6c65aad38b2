//! Messages and their ids.

mod id;
mod outgoing;

pub use id::MessageId;
pub use outgoing::OutgoingMessage;
