//! Producers and consumers of encrypted messages, which are numbers.

use pulsar_rs_client::{
    Client, ConsumerConfig, CryptoFailureAction, EncryptionConfig, Message, ProducerConfig,
};

use super::keys::Keys;
use super::numbers::config;

/// A producer that encrypts for the recipients with these names.
pub fn for_keys(keys: &Keys, names: &[&str]) -> ProducerConfig {
    let encryption = EncryptionConfig::new(keys.source(), names.iter().copied());
    ProducerConfig { encryption: Some(encryption), ..ProducerConfig::default() }
}

/// Each message by itself.
pub fn alone(config: ProducerConfig) -> ProducerConfig {
    ProducerConfig { batching: None, ..config }
}

/// A consumer that decrypts.
pub fn with_keys(keys: &Keys) -> ConsumerConfig {
    ConsumerConfig { key_source: Some(keys.source()), ..config() }
}

/// What sees messages as they are.
pub fn without_keys() -> ConsumerConfig {
    ConsumerConfig { crypto_failure_action: CryptoFailureAction::Consume, ..config() }
}

/// Sends numbers, each many times in its message.
pub async fn send_numbers(client: &Client, topic: &str, config: ProducerConfig, count: u32) {
    let producer = client.create_producer(topic, config).await.unwrap();
    let sending: Vec<_> =
        (0..count).map(|number| producer.send([number.to_be_bytes(); 100].as_flattened())).collect();
    producer.flush().await.unwrap();
    for sending in sending {
        sending.await.unwrap();
    }
    producer.close().await.unwrap();
}

/// Whether the message has the bytes of a number as they are sent by [`send_numbers`].
pub fn shows_plain_text(message: &Message, number: u32) -> bool {
    message.payload().windows(8).any(|bytes| bytes == [number.to_be_bytes(); 2].as_flattened())
}
