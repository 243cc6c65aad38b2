use thiserror::Error;

/// Why bytes were not a valid piece of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireError {
    /// A frame is larger than the limit agreed with the peer.
    #[error("frame of {size} bytes is larger than the limit of {limit}")]
    FrameTooLarge {
        /// Size that the frame announces, in bytes.
        size: usize,
        /// Limit in force, in bytes.
        limit: usize,
    },
    /// Lengths inside a frame contradict each other.
    #[error("malformed frame: {0}")]
    Frame(&'static str),
    /// A protobuf message cannot be read.
    #[error("malformed protobuf: {0}")]
    Protobuf(&'static str),
    /// A generated protobuf message cannot be read.
    #[error("malformed command: {0}")]
    Command(#[from] prost::DecodeError),
    /// A required protobuf field is missing.
    #[error("required field {0} is missing")]
    MissingField(&'static str),
    /// The command number is not known. Peers ignore such commands: they come from newer versions.
    #[error("unknown command type {0}")]
    UnknownCommand(u64),
    /// CRC32-C over metadata and payload does not match.
    #[error("checksum mismatch: computed {computed:#010x}, frame says {stored:#010x}")]
    Checksum {
        /// Checksum computed here.
        computed: u32,
        /// Checksum in the frame.
        stored: u32,
    },
    /// A batch ends in the middle of a message, or holds fewer messages than announced.
    #[error("malformed batch: {0}")]
    Batch(&'static str),
    /// The compression type is not one of the protocol's.
    #[error("unknown compression type {0}")]
    UnknownCompression(i32),
    /// This build has no such codec: its Cargo feature was left out.
    #[error("this build of pulsar_rs has no {0:?}: it was built without the Cargo feature for it")]
    CodecLeftOut(crate::compression::Compression),
    /// A compressed payload cannot be restored to its declared size.
    #[error("cannot decompress: {0}")]
    Decompress(String),
    /// A codec refuses to compress.
    #[error("cannot compress: {0}")]
    Compress(String),
    /// A body cannot be encrypted or decrypted.
    #[error("cannot encrypt or decrypt: {0}")]
    Cipher(&'static str),
}
