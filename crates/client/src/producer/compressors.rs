//! Compression on the threads that send.

use parking_lot::Mutex;
use pulsar_rs_wire::compressor::Compressor;

use crate::{Compression, Error};

/// The compressors of one producer. A thread takes one for an entry, so several may compress at once.
#[derive(Debug)]
pub(super) struct Compressors {
    codec: Option<Compression>,
    idle: Mutex<Vec<Compressor>>,
}

/// What an entry carries.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub bytes: Vec<u8>,
    pub uncompressed_size: u32,
    codec: Option<Compression>,
}

impl Body {
    /// The codec's number, as metadata has it.
    pub fn compression(&self) -> Option<i32> {
        self.codec.map(Compression::number)
    }
}

impl Compressors {
    pub fn new(codec: Option<Compression>) -> Self {
        Compressors { codec, idle: Mutex::default() }
    }

    /// Whether compressing costs time, so that it must not be done on the connection's thread.
    pub fn is_some(&self) -> bool {
        self.codec.is_some()
    }

    /// The body as it travels. Compressed, it is in a buffer of its own, and `bytes` stays what it was.
    pub fn compress(&self, bytes: &mut Vec<u8>) -> Result<Body, Error> {
        let uncompressed_size =
            u32::try_from(bytes.len()).map_err(|_| Error::MessageTooBig(format!("{} bytes", bytes.len())))?;
        // Nothing gets longer, and the C++ client cannot restore nothing from ZLIB.
        let Some(codec) = self.codec.filter(|_| !bytes.is_empty()) else {
            return Ok(Body { bytes: std::mem::take(bytes), uncompressed_size, codec: None });
        };
        let idle = self.idle.lock().pop();
        let failed = |error: pulsar_rs_wire::WireError| Error::Unknown(error.to_string());
        let mut compressor = match idle {
            Some(compressor) => compressor,
            None => Compressor::new(codec).map_err(failed)?,
        };
        let compressed = compressor.compress(bytes).map_err(failed);
        self.idle.lock().push(compressor);
        Ok(Body { bytes: compressed?, uncompressed_size, codec: self.codec })
    }
}
