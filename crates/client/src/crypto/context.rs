//! What a message tells of its encryption.

use pulsar_rs_wire::metadata::{Encryption, Metadata, Properties};

use crate::{Compression, Error};

/// How a message was, or is, encrypted: for programs that receive it
/// [as it is](crate::CryptoFailureAction::Consume) and decrypt it themselves.
#[derive(Debug, Clone, Copy)]
pub struct EncryptionContext<'a> {
    encryption: Encryption<'a>,
    metadata: Metadata<'a>,
    is_encrypted: bool,
}

/// The data key of a message, as one recipient gets it.
#[derive(Debug, Clone, Copy)]
pub struct EncryptionKey<'a> {
    /// Name of the recipient's key.
    pub name: &'a [u8],
    /// The data key, wrapped with the recipient's public key.
    pub value: &'a [u8],
    /// What the producer's [`KeyReader`](crate::KeyReader) told of the public key.
    pub metadata: Properties<'a>,
}

impl<'a> EncryptionContext<'a> {
    /// Nothing for a message that was never encrypted.
    pub(crate) fn of(encoded: &'a [u8], metadata: &Metadata<'a>, is_encrypted: bool) -> Option<Self> {
        let encryption = metadata.encrypted.then(|| Encryption::decode(encoded).ok().flatten())??;
        Some(EncryptionContext { encryption, metadata: *metadata, is_encrypted })
    }

    /// The data key, wrapped for each recipient.
    pub fn keys(&self) -> impl Iterator<Item = EncryptionKey<'a>> + use<'a> {
        let keys = self.encryption.keys();
        keys.map(|key| EncryptionKey { name: key.name, value: key.value, metadata: key.metadata })
    }

    /// Name of the algorithm; none means AES-256-GCM, which is what all clients use.
    pub fn algorithm(&self) -> Option<&'a [u8]> {
        self.encryption.algorithm
    }

    /// The initialization vector; of a message in chunks that of its last.
    pub fn param(&self) -> &'a [u8] {
        self.encryption.param
    }

    /// Codec of what comes to light with the decryption.
    pub fn compression(&self) -> Result<Option<Compression>, Error> {
        Compression::from_number(self.metadata.compression.unwrap_or_default())
            .map_err(|error| Error::NotSupported(error.to_string()))
    }

    /// Bytes of it without compression; 0 where the producer does not say.
    pub fn uncompressed_size(&self) -> u32 {
        self.metadata.uncompressed_size.unwrap_or_default()
    }

    /// Messages in the batch that was encrypted; absent: it was a single message.
    pub fn batch_size(&self) -> Option<u32> {
        self.metadata.num_messages_in_batch.and_then(|size| size.try_into().ok())
    }

    /// Whether the payload is still encrypted, because it could not be decrypted.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }
}
