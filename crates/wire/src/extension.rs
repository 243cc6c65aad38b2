//! Messages and fields of the protocol that the generated code of the crate `pulsar` lacks.
//!
//! Field numbers are those of `PulsarApi.proto` in Apache Pulsar 4.0. Where a generated message exists but
//! lacks fields, the whole message is declared here and used instead of it.

use crate::proto::KeyValue;

/// What a client, or a broker, understands beyond the protocol version.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct FeatureFlags {
    /// The peer answers `AuthChallenge`.
    #[prost(bool, optional, tag = "1")]
    pub supports_auth_refresh: Option<bool>,
    /// The peer reads broker entry metadata in front of messages.
    #[prost(bool, optional, tag = "2")]
    pub supports_broker_entry_metadata: Option<bool>,
    /// The peer can open single partitions of a partitioned producer lazily.
    #[prost(bool, optional, tag = "3")]
    pub supports_partial_producer: Option<bool>,
    /// The peer knows the topic list watch.
    #[prost(bool, optional, tag = "4")]
    pub supports_topic_watchers: Option<bool>,
    /// The peer can ask for partition metadata without creating the topic.
    #[prost(bool, optional, tag = "5")]
    pub supports_get_partitioned_metadata_without_auto_creation: Option<bool>,
    /// The peer can deduplicate replicated messages by ledger and entry.
    #[prost(bool, optional, tag = "6")]
    pub supports_repl_dedup_by_lid_and_eid: Option<bool>,
}

/// First command on a connection; the generated one lacks the newer feature flags.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandConnect {
    /// Name and version of the client, for the broker's log and statistics.
    #[prost(string, required, tag = "1")]
    pub client_version: String,
    /// Credentials in the form of the authentication method.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub auth_data: Option<Vec<u8>>,
    /// Newest protocol version that the client speaks.
    #[prost(int32, optional, tag = "4")]
    pub protocol_version: Option<i32>,
    /// Name of the authentication method.
    #[prost(string, optional, tag = "5")]
    pub auth_method_name: Option<String>,
    /// Broker (`host:port`) that a proxy shall connect us to.
    #[prost(string, optional, tag = "6")]
    pub proxy_to_broker_url: Option<String>,
    /// Role that a proxy authenticated.
    #[prost(string, optional, tag = "7")]
    pub original_principal: Option<String>,
    /// Credentials that a proxy was given.
    #[prost(string, optional, tag = "8")]
    pub original_auth_data: Option<String>,
    /// Authentication method that a proxy was asked for.
    #[prost(string, optional, tag = "9")]
    pub original_auth_method: Option<String>,
    /// What the client understands.
    #[prost(message, optional, tag = "10")]
    pub feature_flags: Option<FeatureFlags>,
}

/// The broker's answer to [`CommandConnect`]; the generated one lacks the feature flags.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandConnected {
    /// Name and version of the broker.
    #[prost(string, required, tag = "1")]
    pub server_version: String,
    /// Newest protocol version that both speak.
    #[prost(int32, optional, tag = "2")]
    pub protocol_version: Option<i32>,
    /// Largest message that the broker accepts, in bytes.
    #[prost(int32, optional, tag = "3")]
    pub max_message_size: Option<i32>,
    /// What the broker understands.
    #[prost(message, optional, tag = "4")]
    pub feature_flags: Option<FeatureFlags>,
}

/// Closes a producer, by either side; the generated one lacks the assigned broker.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandCloseProducer {
    /// The producer's number on this connection.
    #[prost(uint64, required, tag = "1")]
    pub producer_id: u64,
    /// Number of the request.
    #[prost(uint64, required, tag = "2")]
    pub request_id: u64,
    /// Broker that owns the topic now: connect there without a lookup.
    #[prost(string, optional, tag = "3")]
    pub assigned_broker_service_url: Option<String>,
    /// The same with TLS.
    #[prost(string, optional, tag = "4")]
    pub assigned_broker_service_url_tls: Option<String>,
}

/// Closes a consumer, by either side; the generated one lacks the assigned broker.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandCloseConsumer {
    /// The consumer's number on this connection.
    #[prost(uint64, required, tag = "1")]
    pub consumer_id: u64,
    /// Number of the request.
    #[prost(uint64, required, tag = "2")]
    pub request_id: u64,
    /// Broker that owns the topic now: connect there without a lookup.
    #[prost(string, optional, tag = "3")]
    pub assigned_broker_service_url: Option<String>,
    /// The same with TLS.
    #[prost(string, optional, tag = "4")]
    pub assigned_broker_service_url_tls: Option<String>,
}

/// Ends a subscription; the generated one lacks the switch for one that others use.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandUnsubscribe {
    /// The consumer's number on this connection.
    #[prost(uint64, required, tag = "1")]
    pub consumer_id: u64,
    /// Number of the request.
    #[prost(uint64, required, tag = "2")]
    pub request_id: u64,
    /// End it also when it has other consumers.
    #[prost(bool, optional, tag = "3")]
    pub force: Option<bool>,
}

/// Asks for the number of partitions; the generated one lacks the switch for topic creation.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandPartitionedTopicMetadata {
    /// Full topic name.
    #[prost(string, required, tag = "1")]
    pub topic: String,
    /// Number of the request.
    #[prost(uint64, required, tag = "2")]
    pub request_id: u64,
    /// Role that a proxy authenticated.
    #[prost(string, optional, tag = "3")]
    pub original_principal: Option<String>,
    /// Credentials that a proxy was given.
    #[prost(string, optional, tag = "4")]
    pub original_auth_data: Option<String>,
    /// Authentication method that a proxy was asked for.
    #[prost(string, optional, tag = "5")]
    pub original_auth_method: Option<String>,
    /// False: answer "not found" instead of creating the topic. Absent means true.
    #[prost(bool, optional, tag = "6")]
    pub metadata_auto_creation_enabled: Option<bool>,
}

/// Asks which broker serves a topic; the generated one lacks the lookup properties.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CommandLookupTopic {
    /// Full topic name.
    #[prost(string, required, tag = "1")]
    pub topic: String,
    /// Number of the request.
    #[prost(uint64, required, tag = "2")]
    pub request_id: u64,
    /// The asked broker shall answer for itself, as the one before said.
    #[prost(bool, optional, tag = "3")]
    pub authoritative: Option<bool>,
    /// Role that a proxy authenticated.
    #[prost(string, optional, tag = "4")]
    pub original_principal: Option<String>,
    /// Credentials that a proxy was given.
    #[prost(string, optional, tag = "5")]
    pub original_auth_data: Option<String>,
    /// Authentication method that a proxy was asked for.
    #[prost(string, optional, tag = "6")]
    pub original_auth_method: Option<String>,
    /// Which of the broker's advertised listeners the answer shall name.
    #[prost(string, optional, tag = "7")]
    pub advertised_listener_name: Option<String>,
    /// Hints for a custom load balancer.
    #[prost(message, repeated, tag = "8")]
    pub properties: Vec<KeyValue>,
}

/// Subscribes to changes of the list of topics that match a pattern.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandWatchTopicList {
    /// Number of the request.
    #[prost(uint64, required, tag = "1")]
    pub request_id: u64,
    /// The watcher's number on this connection.
    #[prost(uint64, required, tag = "2")]
    pub watcher_id: u64,
    /// Tenant and namespace.
    #[prost(string, required, tag = "3")]
    pub namespace: String,
    /// Regular expression over full topic names.
    #[prost(string, required, tag = "4")]
    pub topics_pattern: String,
    /// Hash of the list that the client already has.
    #[prost(string, optional, tag = "5")]
    pub topics_hash: Option<String>,
}

/// The list at the start of a watch.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandWatchTopicListSuccess {
    /// Number of the request.
    #[prost(uint64, required, tag = "1")]
    pub request_id: u64,
    /// The watcher's number on this connection.
    #[prost(uint64, required, tag = "2")]
    pub watcher_id: u64,
    /// Full names of the matching topics.
    #[prost(string, repeated, tag = "3")]
    pub topic: Vec<String>,
    /// Hash of this list.
    #[prost(string, required, tag = "4")]
    pub topics_hash: String,
}

/// A change of a watched list.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandWatchTopicUpdate {
    /// The watcher's number on this connection.
    #[prost(uint64, required, tag = "1")]
    pub watcher_id: u64,
    /// Topics that appeared.
    #[prost(string, repeated, tag = "2")]
    pub new_topics: Vec<String>,
    /// Topics that went.
    #[prost(string, repeated, tag = "3")]
    pub deleted_topics: Vec<String>,
    /// Hash of the list after the change.
    #[prost(string, required, tag = "4")]
    pub topics_hash: String,
}

/// Ends a watch.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandWatchTopicListClose {
    /// Number of the request.
    #[prost(uint64, required, tag = "1")]
    pub request_id: u64,
    /// The watcher's number on this connection.
    #[prost(uint64, required, tag = "2")]
    pub watcher_id: u64,
}

/// The topic moved to another cluster (blue-green): connect there.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CommandTopicMigrated {
    /// Number of the producer or consumer on this connection.
    #[prost(uint64, required, tag = "1")]
    pub resource_id: u64,
    /// 0: a producer, 1: a consumer.
    #[prost(int32, required, tag = "2")]
    pub resource_type: i32,
    /// Service URL of the new cluster.
    #[prost(string, optional, tag = "3")]
    pub broker_service_url: Option<String>,
    /// The same with TLS.
    #[prost(string, optional, tag = "4")]
    pub broker_service_url_tls: Option<String>,
}
