//! An Apache Pulsar client in safe Rust.
//!
//! This is the core that the C, Go and Python interfaces of `pulsar_rs` stand on, and a Rust API of its own:
//!
//! ```no_run
//! use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig, ProducerConfig};
//!
//! # async fn example() -> Result<(), pulsar_rs_client::Error> {
//! let client = Client::new("pulsar://localhost:6650", ClientConfig::default())?;
//! let consumer = client.subscribe("orders", "billing", ConsumerConfig::default()).await?;
//! let producer = client.create_producer("orders", ProducerConfig::default()).await?;
//!
//! let id = producer.send("one order").await?;
//! println!("stored as {id}");
//!
//! let message = consumer.receive().await?;
//! println!("received {:?}", message.payload());
//! consumer.acknowledge(&message)?;
//! client.close().await
//! # }
//! ```
//!
//! # How it is built
//!
//! One task per connection reads and writes; it never waits for anything but its socket. Producers encode
//! messages straight into the open batch on the calling thread. Consumers keep whole entries as they came
//! and take messages out on the receiving thread. The outcome of sends goes to a [`SendSink`], so that no
//! future and no allocation per message is needed where callbacks or queues take them.

mod alarm;
mod auth;
mod backoff;
mod blocking;
mod client;
mod connection;
mod consumer;
mod crypto;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
#[cfg(feature = "http")]
mod http;
pub mod log;
mod lookup;
mod message;
mod producer;
mod reader;
mod reconnect;
mod resolve;
mod schema;
mod service_url;
mod stats;
mod table_view;
mod tls;
mod topic;

#[cfg(feature = "athenz")]
pub use auth::AthenzAuthentication;
#[cfg(feature = "oauth2")]
pub use auth::OAuth2Authentication;
pub use auth::{
    Answering, Authentication, BasicAuthentication, CertificateFiles, CertificatePem, CertificateSupplier,
    Network, Secret, SecretHeaders, TlsAuthentication, TokenAuthentication, UnusableAuthentication,
    authentication_by_name,
};
pub use client::{Client, ClientConfig, FailoverConfig};
pub use consumer::{
    AckTarget, ActiveChange, BatchReceivePolicy, Bulk, BulkLimits, BulkMessages, Consumer, ConsumerConfig,
    CryptoFailureAction, DeadLetterPolicy, EntryView, EventListener, InitialPosition, KeyHashes,
    KeySharedPolicy, Message, MessageView, RedeliveryBackoff, RegexSubscriptionMode, SeekTo,
    SubscriptionType, TopicPattern,
};
pub use crypto::{
    EncryptionConfig, EncryptionContext, EncryptionKey, FileKeyReader, KeyInfo, KeyReader, KeySource,
    ProducerCryptoFailureAction,
};
pub use error::Error;
pub use message::{MessageId, OutgoingMessage};
pub use producer::{
    Accepted, AccessMode, BatchingConfig, FutureSink, HashingScheme, Producer, ProducerConfig, RoutingMode,
    SendSink, Sending, SentEntry, Token, Tokens,
};
pub use pulsar_rs_wire::compression::Compression;
pub use pulsar_rs_wire::hot::EntryId;
pub use pulsar_rs_wire::metadata::{Properties, Property};
pub use reader::{Reader, ReaderConfig};
pub use reconnect::ReconnectPolicy;
pub use schema::{Schema, SchemaInfo, SchemaType};
pub use stats::{ClientStats, ConsumerStats, LatencyHistogram, ProducerStats};
pub use table_view::{TableUpdate, TableUpdates, TableView, TableViewConfig};
pub use tls::{ProxyConfig, ProxyProtocol, TlsConfig};
pub use topic::TopicName;
