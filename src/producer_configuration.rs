//! What stands behind a producer configuration handle.

use std::ffi::{CString, c_ulong};
use std::time::Duration;

use pulsar_rs_client::{
    AccessMode, BatchingConfig, Compression, EncryptionConfig, Error, HashingScheme, KeySource,
    ProducerConfig, ProducerCryptoFailureAction, ReconnectPolicy, RoutingMode, Schema, SchemaType,
};

use crate::crypto::key_names;

use crate::ffi::message_router::ForeignRouter;
use crate::ffi::producer_configuration::{
    pulsar_compression_type, pulsar_hashing_scheme, pulsar_partitions_routing_mode,
    pulsar_producer_access_mode, pulsar_producer_crypto_failure_action, pulsar_schema_type,
};

/// Values as the program set them; they are checked when a producer is created.
#[derive(Debug, Clone)]
pub(crate) struct ProducerConfiguration {
    pub producer_name: CString,
    pub send_timeout_ms: i32,
    pub initial_sequence_id: i64,
    pub max_pending_messages: i32,
    pub max_pending_messages_across_partitions: i32,
    pub block_if_queue_full: bool,
    pub compression: pulsar_compression_type,
    pub routing_mode: pulsar_partitions_routing_mode,
    pub router: Option<ForeignRouter>,
    pub hashing_scheme: pulsar_hashing_scheme,
    /// What `pulsar_BoostHash` means.
    pub old_boost_hash: bool,
    pub lazy_start_partitions: bool,
    pub schema: SchemaInfo,
    pub access_mode: pulsar_producer_access_mode,
    pub chunking_enabled: bool,
    pub batching_enabled: bool,
    pub batching_by_key: bool,
    pub batching_max_messages: u32,
    pub batching_max_bytes: c_ulong,
    pub batching_max_delay_ms: c_ulong,
    pub properties: Vec<(CString, CString)>,
    pub key_source: Option<KeySource>,
    pub reconnect_policy: Option<ReconnectPolicy>,
    /// Names of the keys that messages are encrypted for.
    pub encryption_keys: Vec<CString>,
    pub crypto_failure_action: pulsar_producer_crypto_failure_action,
}

/// A schema as the program set it.
#[derive(Debug, Clone)]
pub(crate) struct SchemaInfo {
    pub kind: pulsar_schema_type,
    pub name: CString,
    pub definition: CString,
    pub properties: Vec<(CString, CString)>,
}

impl Default for SchemaInfo {
    fn default() -> Self {
        let kind = pulsar_schema_type::pulsar_None;
        SchemaInfo { kind, name: CString::default(), definition: CString::default(), properties: Vec::new() }
    }
}

impl Default for ProducerConfiguration {
    fn default() -> Self {
        ProducerConfiguration {
            producer_name: CString::default(),
            send_timeout_ms: 30_000,
            initial_sequence_id: -1,
            max_pending_messages: 1000,
            max_pending_messages_across_partitions: 50_000,
            block_if_queue_full: false,
            compression: pulsar_compression_type::pulsar_CompressionNone,
            routing_mode: pulsar_partitions_routing_mode::pulsar_RoundRobinDistribution,
            router: None,
            hashing_scheme: pulsar_hashing_scheme::pulsar_BoostHash,
            old_boost_hash: false,
            lazy_start_partitions: false,
            schema: SchemaInfo::default(),
            access_mode: pulsar_producer_access_mode::pulsar_ProducerAccessModeShared,
            chunking_enabled: false,
            batching_enabled: true,
            batching_by_key: false,
            batching_max_messages: 1000,
            batching_max_bytes: 128 * 1024,
            batching_max_delay_ms: 10,
            properties: Vec::new(),
            key_source: None,
            reconnect_policy: None,
            encryption_keys: Vec::new(),
            crypto_failure_action: pulsar_producer_crypto_failure_action::pulsar_ProducerFail,
        }
    }
}

impl ProducerConfiguration {
    pub fn to_core(&self) -> Result<ProducerConfig, Error> {
        let invalid = |why: &str| Error::InvalidConfiguration(why.into());
        let name = self.producer_name.to_str().map_err(|_| invalid("the producer name is not UTF-8"))?;
        let send_timeout = u64::try_from(self.send_timeout_ms)
            .map_err(|_| invalid("the send timeout must not be negative"))?;
        let limit = |number: i32| {
            usize::try_from(number)
                .map_err(|_| invalid("the number of pending messages must not be negative"))
        };
        let mode = self.routing_mode;
        if mode == pulsar_partitions_routing_mode::pulsar_CustomPartition && self.router.is_none() {
            return Err(invalid("custom routing needs a router"));
        }
        Ok(ProducerConfig {
            name: (!name.is_empty()).then(|| name.to_owned()),
            send_timeout: (send_timeout > 0).then(|| Duration::from_millis(send_timeout)),
            initial_sequence_id: (self.initial_sequence_id != -1).then_some(self.initial_sequence_id),
            max_pending_messages: limit(self.max_pending_messages)?,
            max_pending_messages_across_partitions: limit(self.max_pending_messages_across_partitions)?,
            block_if_queue_full: self.block_if_queue_full,
            batching: self.batching_enabled.then(|| self.batching()),
            chunking: self.chunking_enabled,
            compression: self.compression.into(),
            routing: self.routing_mode.into(),
            hashing: self.hashing(),
            lazy_start_partitions: self.lazy_start_partitions,
            access_mode: self.access_mode.into(),
            initial_subscription: None,
            schema: self.schema.to_core()?,
            encryption: self.encryption()?,
            // As in the official library, nothing is encrypted then.
            lacks_key_source: self.key_source.is_none() && !self.encryption_keys.is_empty(),
            reconnect_policy: self.reconnect_policy.clone(),
            properties: text_pairs(&self.properties)?,
        })
    }

    /// With both, keys and where they come from, messages are encrypted.
    pub fn is_encryption_enabled(&self) -> bool {
        self.key_source.is_some() && !self.encryption_keys.is_empty()
    }

    fn encryption(&self) -> Result<Option<EncryptionConfig>, Error> {
        let Some(source) = self.key_source.clone().filter(|_| self.is_encryption_enabled()) else {
            return Ok(None);
        };
        let config = EncryptionConfig::new(source, key_names(&self.encryption_keys)?);
        Ok(Some(EncryptionConfig { failure_action: self.crypto_failure_action.to_core(), ..config }))
    }

    fn hashing(&self) -> HashingScheme {
        match self.hashing_scheme {
            pulsar_hashing_scheme::pulsar_Murmur3_32Hash => HashingScheme::Murmur3,
            pulsar_hashing_scheme::pulsar_BoostHash if self.old_boost_hash => HashingScheme::OldBoost,
            pulsar_hashing_scheme::pulsar_BoostHash => HashingScheme::Boost,
            pulsar_hashing_scheme::pulsar_JavaStringHash => HashingScheme::JavaString,
        }
    }

    fn batching(&self) -> BatchingConfig {
        BatchingConfig {
            max_messages: usize::try_from(self.batching_max_messages).unwrap_or(usize::MAX),
            max_bytes: usize::try_from(self.batching_max_bytes).unwrap_or(usize::MAX),
            max_delay: Duration::from_millis(self.batching_max_delay_ms),
            by_key: self.batching_by_key,
        }
    }
}

impl pulsar_producer_crypto_failure_action {
    fn to_core(self) -> ProducerCryptoFailureAction {
        match self {
            pulsar_producer_crypto_failure_action::pulsar_ProducerFail => ProducerCryptoFailureAction::Fail,
            pulsar_producer_crypto_failure_action::pulsar_ProducerSend => ProducerCryptoFailureAction::Send,
        }
    }
}

impl From<pulsar_compression_type> for Option<Compression> {
    fn from(codec: pulsar_compression_type) -> Self {
        match codec {
            pulsar_compression_type::pulsar_CompressionNone => None,
            pulsar_compression_type::pulsar_CompressionLZ4 => Some(Compression::Lz4),
            pulsar_compression_type::pulsar_CompressionZLib => Some(Compression::Zlib),
            pulsar_compression_type::pulsar_CompressionZSTD => Some(Compression::Zstd),
            pulsar_compression_type::pulsar_CompressionSNAPPY => Some(Compression::Snappy),
        }
    }
}

impl SchemaInfo {
    /// None, where the type is not one that is registered.
    pub fn to_core(&self) -> Result<Option<Schema>, Error> {
        let Some(kind) = self.kind.to_core() else {
            return Ok(None);
        };
        let name = self.name.to_str();
        let name = name.map_err(|_| Error::InvalidConfiguration("the schema's name is not UTF-8".into()))?;
        Ok(Some(Schema {
            name: name.to_owned(),
            kind,
            definition: self.definition.as_bytes().to_vec(),
            properties: text_pairs(&self.properties)?,
        }))
    }
}

impl pulsar_schema_type {
    fn to_core(self) -> Option<SchemaType> {
        match self {
            pulsar_schema_type::pulsar_String => Some(SchemaType::String),
            pulsar_schema_type::pulsar_Json => Some(SchemaType::Json),
            pulsar_schema_type::pulsar_Protobuf => Some(SchemaType::Protobuf),
            pulsar_schema_type::pulsar_Avro => Some(SchemaType::Avro),
            pulsar_schema_type::pulsar_Boolean => Some(SchemaType::Boolean),
            pulsar_schema_type::pulsar_Int8 => Some(SchemaType::Int8),
            pulsar_schema_type::pulsar_Int16 => Some(SchemaType::Int16),
            pulsar_schema_type::pulsar_Int32 => Some(SchemaType::Int32),
            pulsar_schema_type::pulsar_Int64 => Some(SchemaType::Int64),
            pulsar_schema_type::pulsar_Float32 => Some(SchemaType::Float32),
            pulsar_schema_type::pulsar_Float64 => Some(SchemaType::Float64),
            pulsar_schema_type::pulsar_KeyValue => Some(SchemaType::KeyValue),
            pulsar_schema_type::pulsar_None
            | pulsar_schema_type::pulsar_Bytes
            | pulsar_schema_type::pulsar_AutoConsume
            | pulsar_schema_type::pulsar_AutoPublish => None,
        }
    }
}

impl From<pulsar_producer_access_mode> for AccessMode {
    fn from(mode: pulsar_producer_access_mode) -> Self {
        match mode {
            pulsar_producer_access_mode::pulsar_ProducerAccessModeShared => AccessMode::Shared,
            pulsar_producer_access_mode::pulsar_ProducerAccessModeExclusive => AccessMode::Exclusive,
            pulsar_producer_access_mode::pulsar_ProducerAccessModeWaitForExclusive => {
                AccessMode::WaitForExclusive
            }
            pulsar_producer_access_mode::pulsar_ProducerAccessModeExclusiveWithFencing => {
                AccessMode::ExclusiveWithFencing
            }
        }
    }
}

impl From<pulsar_partitions_routing_mode> for RoutingMode {
    fn from(mode: pulsar_partitions_routing_mode) -> Self {
        match mode {
            pulsar_partitions_routing_mode::pulsar_UseSinglePartition => RoutingMode::SinglePartition,
            // The router names a partition for every message, so that this mode never comes to bear.
            pulsar_partitions_routing_mode::pulsar_RoundRobinDistribution
            | pulsar_partitions_routing_mode::pulsar_CustomPartition => RoutingMode::RoundRobin,
        }
    }
}

/// Names and values of properties as text.
pub(crate) fn text_pairs(properties: &[(CString, CString)]) -> Result<Vec<(String, String)>, Error> {
    let text = |string: &CString| {
        let text =
            string.to_str().map_err(|_| Error::InvalidConfiguration("a property is not UTF-8".into()))?;
        Ok(text.to_owned())
    };
    properties.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect()
}

/// Sets a property, in place of an older one with the same name.
pub(crate) fn set_property(properties: &mut Vec<(CString, CString)>, name: CString, value: CString) {
    match properties.iter_mut().find(|(found, _)| *found == name) {
        Some((_, old)) => *old = value,
        None => properties.push((name, value)),
    }
}
