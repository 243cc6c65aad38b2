use super::{Properties, Property};
use crate::WireError;
use crate::field::{FieldWriter, Fields, delimited_len};

/// Fields of `MessageMetadata`.
const KEYS: u32 = 13;
const ALGORITHM: u32 = 14;
const PARAM: u32 = 15;

/// Fields of `EncryptionKeys`.
const NAME: u32 = 1;
const VALUE: u32 = 2;
const METADATA: u32 = 3;

/// How the body of an entry is encrypted, as its metadata says it.
#[derive(Debug, Clone, Copy)]
pub struct Encryption<'a> {
    /// Name of the algorithm, where the producer gives one; the other clients leave it out.
    pub algorithm: Option<&'a [u8]>,
    /// What the algorithm needs beside the key: for AES-GCM the initialization vector. Empty where it is missing.
    pub param: &'a [u8],
    metadata: &'a [u8],
}

/// The data key of an entry, wrapped for one recipient.
#[derive(Debug, Clone, Copy)]
pub struct WrappedKey<'a> {
    /// Name of the recipient's key.
    pub name: &'a [u8],
    /// The data key, encrypted with the recipient's public key.
    pub value: &'a [u8],
    /// What the producer knew of the recipient's key.
    pub metadata: Properties<'a>,
}

impl<'a> Encryption<'a> {
    /// Looks into an encoded `MessageMetadata`; nothing for an entry that is not encrypted.
    pub fn decode(metadata: &'a [u8]) -> Result<Option<Self>, WireError> {
        let mut found = Encryption { algorithm: None, param: &[], metadata };
        let mut is_encrypted = false;
        for field in Fields::new(metadata) {
            match field? {
                (KEYS, _) => is_encrypted = true,
                (ALGORITHM, value) => found.algorithm = Some(value.bytes()?),
                (PARAM, value) => found.param = value.bytes()?,
                _ => {}
            }
        }
        Ok(is_encrypted.then_some(found))
    }

    /// The wrapped data keys, in their order. One that cannot be read ends the iteration.
    pub fn keys(&self) -> impl Iterator<Item = WrappedKey<'a>> + use<'a> {
        Fields::new(self.metadata)
            .map_while(Result::ok)
            .filter(|(number, _)| *number == KEYS)
            .map_while(|(_, value)| WrappedKey::decode(value.bytes().ok()?).ok())
    }
}

impl<'a> WrappedKey<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        let (mut name, mut wrapped) = (&[][..], &[][..]);
        for field in Fields::new(message) {
            match field? {
                (NAME, value) => name = value.bytes()?,
                (VALUE, value) => wrapped = value.bytes()?,
                _ => {}
            }
        }
        Ok(WrappedKey { name, value: wrapped, metadata: Properties::Encoded(message, METADATA) })
    }
}

/// Writes a wrapped data key as it stands in `MessageMetadata`: protobuf lets it be appended to what is encoded already.
pub fn put_wrapped_key(out: &mut Vec<u8>, name: &[u8], value: &[u8], metadata: &[Property]) {
    let metadata = Properties::List(metadata);
    let len =
        delimited_len(NAME, name.len()) + delimited_len(VALUE, value.len()) + metadata.encoded_len(METADATA);
    out.put_nested(KEYS, len);
    out.put_bytes(NAME, name);
    out.put_bytes(VALUE, value);
    metadata.encode(METADATA, out);
}

/// Writes the initialization vector, likewise.
pub fn put_encryption_param(out: &mut Vec<u8>, param: &[u8]) {
    out.put_bytes(PARAM, param);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{EncryptionKeys, KeyValue, MessageMetadata};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message as _;

    type Key = (String, Vec<u8>, Vec<(String, String)>);

    fn generated(keys: &[Key], algorithm: Option<&str>, param: &[u8]) -> MessageMetadata {
        let pair = |(key, value): &(String, String)| KeyValue { key: key.clone(), value: value.clone() };
        let keys = keys.iter().map(|(name, value, metadata)| EncryptionKeys {
            key: name.clone(),
            value: value.clone(),
            metadata: metadata.iter().map(pair).collect(),
        });
        MessageMetadata {
            encryption_keys: keys.collect(),
            encryption_algo: algorithm.map(Into::into),
            encryption_param: Some(param.to_vec()),
            ..MessageMetadata::default()
        }
    }

    proptest! {
        #[test]
        fn it_equals_prost(keys: Vec<Key>, algorithm: Option<String>, param: Vec<u8>) {
            let encoded = generated(&keys, algorithm.as_deref(), &param).encode_to_vec();
            let found = Encryption::decode(&encoded).unwrap();
            prop_assert_eq!(found.is_some(), !keys.is_empty());
            let Some(found) = found else { return Ok(()) };
            prop_assert_eq!((found.param, found.algorithm), (&param[..], algorithm.as_deref().map(str::as_bytes)));
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let decoded: Vec<Key> = found.keys().map(|key| {
                let pairs = key.metadata.iter().map(|(name, value)| (text(name), text(value)));
                (text(key.name), key.value.to_vec(), pairs.collect())
            }).collect();
            prop_assert_eq!(decoded, keys);
        }

        #[test]
        fn appended_it_is_read_by_prost(keys in vec(any::<Key>(), 1..4), param: [u8; 12]) {
            let mut encoded = generated(&[], None, b"before").encode_to_vec();
            for (name, value, metadata) in &keys {
                let pairs: Vec<Property> =
                    metadata.iter().map(|(name, value)| (name.clone().into(), value.clone().into())).collect();
                put_wrapped_key(&mut encoded, name.as_bytes(), value, &pairs);
            }
            put_encryption_param(&mut encoded, &param);
            prop_assert_eq!(MessageMetadata::decode(&encoded[..]).unwrap(), generated(&keys, None, &param));
        }

        #[test]
        fn decoding_is_total(bytes: Vec<u8>) {
            if let Ok(Some(encryption)) = Encryption::decode(&bytes) {
                let _ = encryption.keys().map(|key| key.metadata.iter().count()).sum::<usize>();
            }
        }
    }
}
