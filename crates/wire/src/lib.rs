//! The Apache Pulsar binary protocol, without I/O and without a clock.
//!
//! Two kinds of code live here:
//!
//! * **Hot commands** (`Send`, `SendReceipt`, `SendError`, `Message`, `Ack`, `Flow`, message metadata and
//!   the batch payload) are encoded from, and decoded to, small structs that borrow from byte slices. No
//!   payload is copied and no generated message is moved.
//! * **Everything else** is a prost message, named by [`Command`].
//!
//! A connection uses it in three steps: [`frame::peek`] finds a frame in the read buffer,
//! [`command::split`] names the command, and the decoder of that command reads the rest.
//!
//! Decoders are total: any byte sequence gives a value or a [`WireError`], never a panic.
//!
//! The generated messages come from the crate [`pulsar`]; what they lack is in [`extension`].

pub mod batch;
pub mod checksum;
pub mod cipher;
mod codec;
pub mod command;
pub mod compression;
pub mod compressor;
mod error;
pub mod extension;
mod field;
pub mod frame;
pub mod hot;
pub mod metadata;
pub mod proto;

pub use command::{Command, Kind};
pub use error::WireError;

/// Largest message a broker accepts unless it says otherwise in `CommandConnected`: 5 MiB
/// (`maxMessageSize` in broker.conf).
pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 5 * 1024 * 1024;

/// What a frame may hold beyond the maximum message size: 10 KiB for command and metadata, as the brokers
/// and the Java client reckon.
pub const FRAME_OVERHEAD: usize = 10 * 1024;

/// The protocol version this crate speaks. It tells the broker which commands we understand: 20 is the one
/// that added `CommandTopicMigrated`.
pub const PROTOCOL_VERSION: i32 = 20;
