//! The generated protocol messages of the crate [`pulsar`], re-exported in this one place.

pub use pulsar::message::proto::*;
