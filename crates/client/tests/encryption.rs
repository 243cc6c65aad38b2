//! Messages that brokers cannot read.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::time::Duration;

use broker::encrypted::{alone, for_keys, send_numbers, shows_plain_text, with_keys, without_keys};
use broker::keys::Keys;
use broker::lines::Warnings;
use broker::numbers::{LONG, backlog, config, in_memory, number, receive, receive_many, rest, subscribe};
use broker::raw::RawProducer;
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, ClientConfig, Compression, ConsumerConfig, CryptoFailureAction, EncryptionConfig,
    Error, Message, MessageId, OutgoingMessage, ProducerConfig, ProducerCryptoFailureAction, ReaderConfig,
    SubscriptionType, TableViewConfig,
};
use pulsar_rs_testbroker::{Options, TestBroker};
use pulsar_rs_wire::checksum;
use pulsar_rs_wire::proto::{EncryptionKeys, KeyValue, MessageMetadata};

#[tokio::test]
async fn messages_come_as_they_went_and_nobody_else_can_read_them() {
    let broker = Broker::start().await;
    let client = broker.client();
    for compression in [None, Some(Compression::Lz4), Some(Compression::Zlib), Some(Compression::Zstd)] {
        for batching in [true, false] {
            let topic = unique("encrypted");
            let keys = Keys::all();
            let consumer = subscribe(&client, &topic, with_keys(&keys)).await;
            let spy = client.subscribe(&topic, "spy", without_keys()).await.unwrap();
            let sealed = ProducerConfig { compression, ..for_keys(&keys, &["a"]) };
            let config = if batching { sealed } else { alone(sealed) };
            send_numbers(&client, &topic, config, 20).await;
            let messages = receive_many(&consumer, 20).await;
            assert!(messages.iter().map(number).eq(0..20));
            assert!(messages.iter().all(|message| !message.encryption().unwrap().is_encrypted()));
            // Two threads may make the first at the same time.
            let (public, private) = keys.asked();
            assert!(public <= 2 && private <= 2, "a data key serves many entries: {public}, {private}");
            let seen = receive(&spy).await;
            let context = seen.encryption().unwrap();
            assert!(context.is_encrypted() && !shows_plain_text(&seen, 0));
            assert_eq!((context.param().len(), context.algorithm()), (12, None));
            assert_eq!(context.compression().unwrap(), compression);
            assert_eq!(context.batch_size(), batching.then_some(20));
            let key = context.keys().next().unwrap();
            assert_eq!((key.name, key.value.len()), (&b"a"[..], 128));
            assert_eq!(key.metadata.get(b"owner"), Some(&b"a"[..]));
            let size = context.uncompressed_size();
            assert!(size > 0 && (compression.is_none() || size >= 400), "clients in Go need the size");
        }
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn each_of_several_recipients_reads_it_and_no_other() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("recipients");
    let owners = [Keys::new([Some(0), None, None]), Keys::new([None, Some(1), None])];
    let mut consumers = Vec::new();
    for (number, owner) in owners.iter().enumerate() {
        let name = format!("sub{number}");
        consumers.push(client.subscribe(&topic, &name, with_keys(owner)).await.unwrap());
    }
    // One who has a key of that name, but another one.
    let stranger = Keys::new([Some(2), None, None]);
    let discarding =
        ConsumerConfig { crypto_failure_action: CryptoFailureAction::Discard, ..with_keys(&stranger) };
    let outsider = client.subscribe(&topic, "outsider", discarding).await.unwrap();
    send_numbers(&client, &topic, for_keys(&Keys::all(), &["a", "b"]), 10).await;
    for consumer in &consumers {
        assert!(receive_many(consumer, 10).await.iter().map(number).eq(0..10));
    }
    eventually(LONG, "it is discarded", || outsider.stats().discarded == 1).await;
    assert!(rest(&outsider).await.is_empty());
    assert_eq!(broker.backlog(&topic, "outsider").await, 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_encrypted_is_not_sent_unless_that_is_wanted() {
    let broker = Broker::start().await;
    let client = broker.client();
    for config in [for_keys(&Keys::all(), &["a", "z"]), alone(for_keys(&Keys::all(), &["z"]))] {
        let topic = unique("unsealed");
        let consumer = subscribe(&client, &topic, config_of(CryptoFailureAction::Fail)).await;
        let producer = client.create_producer(&topic, config.clone()).await.unwrap();
        let sent = producer.send("secret").await;
        assert!(matches!(&sent, Err(Error::Crypto(why)) if why.contains("no key z")), "{sent:?}");
        let mut open = config;
        open.encryption.as_mut().unwrap().failure_action = ProducerCryptoFailureAction::Send;
        let producer = client.create_producer(&topic, open).await.unwrap();
        producer.send("public").await.unwrap();
        let message = receive(&consumer).await;
        assert_eq!((message.payload(), message.encryption().is_none()), (&b"public"[..], true));
    }
    let unusable = EncryptionConfig::new(Keys::all().source(), Vec::<String>::new());
    let config = ProducerConfig { encryption: Some(unusable), ..ProducerConfig::default() };
    let refused = client.create_producer(&unique("unsealed"), config).await;
    assert!(matches!(refused, Err(Error::InvalidConfiguration(_))));
    client.close().await.unwrap();
}

fn config_of(crypto_failure_action: CryptoFailureAction) -> ConsumerConfig {
    ConsumerConfig { crypto_failure_action, ..config() }
}

#[tokio::test]
async fn what_cannot_be_decrypted_waits_is_dropped_or_comes_as_it_is() {
    for (action, left) in [
        (CryptoFailureAction::Fail, 10),
        (CryptoFailureAction::Discard, 0),
        (CryptoFailureAction::Consume, 10),
    ] {
        let (broker, client) = in_memory();
        let topic = unique("undecryptable");
        let config = ConsumerConfig { crypto_failure_action: action, ..with_keys(&Keys::new([None; 3])) };
        let consumer = subscribe(&client, &topic, config).await;
        send_numbers(&client, &topic, for_keys(&Keys::all(), &["a"]), 10).await;
        // A plain one behind it is not held up.
        send_numbers(&client, &topic, alone(ProducerConfig::default()), 1).await;
        if action == CryptoFailureAction::Consume {
            let batch = receive(&consumer).await;
            assert!(batch.encryption().unwrap().is_encrypted());
            assert_eq!((batch.id().batch_index, batch.encryption().unwrap().batch_size()), (-1, Some(10)));
        }
        let plain = receive(&consumer).await;
        assert_eq!((number(&plain), plain.encryption().is_none()), (0, true));
        consumer.acknowledge(&plain).unwrap();
        eventually(LONG, "the backlog", || backlog(&broker, &topic) == left).await;
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_for_a_key_comes_after_the_ack_timeout() {
    let (_broker, client) = in_memory();
    let topic = unique("late");
    let keys = Keys::all();
    let config = ConsumerConfig { ack_timeout: Some(Duration::from_secs(10)), ..with_keys(&keys) };
    let consumer = subscribe(&client, &topic, config).await;
    send_numbers(&client, &topic, for_keys(&keys, &["a"]), 3).await;
    assert!(receive_many(&consumer, 3).await.iter().map(number).eq(0..3));
    let consumer = client.subscribe(
        &topic,
        "late",
        ConsumerConfig { ack_timeout: Some(Duration::from_secs(10)), ..with_keys(&keys) },
    );
    keys.lock(true);
    let consumer = consumer.await.unwrap();
    eventually(LONG, "it is refused", || consumer.stats().discarded == 1).await;
    keys.lock(false);
    let message = tokio::time::timeout(Duration::from_secs(20), consumer.receive()).await.unwrap().unwrap();
    assert_eq!(number(&message), 0);
    client.close().await.unwrap();
}

/// Large messages in chunks that are encrypted one by one.
#[tokio::test]
async fn chunks_are_encrypted_and_put_together() {
    let limit = 10_000;
    let broker = TestBroker::start(Options { max_message_size: limit, ..Options::default() }).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    for compression in [None, Some(Compression::Zstd)] {
        let topic = unique("chunks");
        let keys = Keys::all();
        let consumer = subscribe(&client, &topic, with_keys(&keys)).await;
        let spy = client.subscribe(&topic, "spy", without_keys()).await.unwrap();
        let config = ProducerConfig { chunking: true, compression, ..for_keys(&keys, &["a", "b", "c"]) };
        let mut random = fastrand::Rng::with_seed(7);
        let payload: Vec<u8> = (0..50_000).map(|_| random.u8(..)).collect();
        let producer = client.create_producer(&topic, config).await.unwrap();
        producer.send(&payload[..]).await.unwrap();
        producer.send("small").await.unwrap();
        let message = receive(&consumer).await;
        assert_eq!(message.payload(), payload);
        assert!(!message.encryption().unwrap().is_encrypted());
        assert_eq!(receive(&consumer).await.payload(), b"small");
        // Who has no key gets each chunk by itself, with what it takes to open it.
        let chunk = receive(&spy).await;
        assert!(chunk.encryption().unwrap().is_encrypted() && chunk.payload().len() < limit);
        consumer.acknowledge(&message).unwrap();
    }
    client.close().await.unwrap();
}

/// A payload section as an encrypted message has it.
fn section(metadata: &MessageMetadata, body: &[u8]) -> Vec<u8> {
    let metadata = prost::Message::encode_to_vec(metadata);
    let mut covered = u32::try_from(metadata.len()).unwrap().to_be_bytes().to_vec();
    covered.extend_from_slice(&metadata);
    covered.extend_from_slice(body);
    let mut section = vec![0x0e, 0x01];
    section.extend_from_slice(&checksum::crc32c(&covered).to_be_bytes());
    section.extend_from_slice(&covered);
    section
}

/// The metadata of a message that came as it is.
fn metadata_of(message: &Message) -> MessageMetadata {
    let context = message.encryption().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let keys = context.keys().map(|key| EncryptionKeys {
        key: text(key.name),
        value: key.value.to_vec(),
        metadata: key
            .metadata
            .iter()
            .map(|(key, value)| KeyValue { key: text(key), value: text(value) })
            .collect(),
    });
    MessageMetadata {
        producer_name: "forger".into(),
        encryption_keys: keys.collect(),
        encryption_param: Some(context.param().to_vec()),
        ..MessageMetadata::default()
    }
}

#[tokio::test]
async fn what_was_altered_on_the_way_is_not_taken_for_the_message() {
    let (broker, client) = in_memory();
    let topic = unique("altered");
    let keys = Keys::all();
    let spy = client.subscribe(&topic, "spy", without_keys()).await.unwrap();
    send_numbers(&client, &topic, alone(for_keys(&keys, &["a"])), 1).await;
    let seen = receive(&spy).await;
    let (good, body) = (metadata_of(&seen), seen.payload().to_vec());
    let mut forgeries = Vec::new();
    for place in [0, body.len() / 2, body.len() - 1] {
        let mut body = body.clone();
        body[place] ^= 1;
        forgeries.push((good.clone(), body));
    }
    forgeries.push((good.clone(), body[..body.len() - 1].to_vec()));
    forgeries.push((good.clone(), Vec::new()));
    let mut other = good.clone();
    other.encryption_param.as_mut().unwrap()[0] ^= 1;
    forgeries.push((other, body.clone()));
    for param in [None, Some(vec![0; 16])] {
        forgeries.push((MessageMetadata { encryption_param: param, ..good.clone() }, body.clone()));
    }
    let changes: [fn(&mut EncryptionKeys); 2] = [|key| key.value[5] ^= 1, |key| key.value.clear()];
    for change in changes {
        let mut other = good.clone();
        change(&mut other.encryption_keys[0]);
        forgeries.push((other, body.clone()));
    }
    let forged = unique("forged");
    let discarding =
        ConsumerConfig { crypto_failure_action: CryptoFailureAction::Discard, ..with_keys(&keys) };
    let consumer = subscribe(&client, &forged, discarding).await;
    let taking = ConsumerConfig { crypto_failure_action: CryptoFailureAction::Consume, ..with_keys(&keys) };
    let taker = client.subscribe(&forged, "taker", taking).await.unwrap();
    let mut raw = RawProducer::create(&broker, &forged).await;
    for (metadata, body) in &forgeries {
        raw.send(1, &section(metadata, body)).await;
    }
    // What was recorded and sent again is a message: brokers tell duplicates apart, encryption does not.
    raw.send(1, &section(&good, &body)).await;
    let replayed = receive(&consumer).await;
    assert_eq!(number(&replayed), 0);
    consumer.acknowledge(&replayed).unwrap();
    assert_eq!(consumer.stats().discarded, forgeries.len() as u64);
    eventually(LONG, "all are acknowledged", || backlog(&broker, &forged) == 0).await;
    for (_, body) in &forgeries {
        let message = receive(&taker).await;
        assert!(message.encryption().unwrap().is_encrypted());
        assert_eq!(message.payload(), body);
    }
    assert_eq!(number(&receive(&taker).await), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn keys_stay_together_in_key_shared_subscriptions() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("keyshared");
    let keys = Keys::all();
    let config = || ConsumerConfig { subscription_type: SubscriptionType::KeyShared, ..with_keys(&keys) };
    let consumers = [subscribe(&client, &topic, config()).await, subscribe(&client, &topic, config()).await];
    let by_key = BatchingConfig { by_key: true, ..BatchingConfig::default() };
    let config = ProducerConfig { batching: Some(by_key), ..for_keys(&keys, &["a"]) };
    let producer = client.create_producer(&topic, config).await.unwrap();
    let mut sending = Vec::new();
    for number in 0..100_u32 {
        let key = (number % 10).to_string();
        let payload = number.to_be_bytes();
        sending.push(producer.send(OutgoingMessage {
            payload: &payload,
            partition_key: Some(key.as_bytes()),
            ..OutgoingMessage::default()
        }));
    }
    producer.flush().await.unwrap();
    let mut owners = [None; 10];
    let mut count = 0;
    while count < 100 {
        for (owner, consumer) in consumers.iter().enumerate() {
            let Ok(message) = tokio::time::timeout(Duration::from_millis(50), consumer.receive()).await
            else {
                continue;
            };
            let key = number(&message.unwrap()) as usize % 10;
            assert_eq!(*owners[key].get_or_insert(owner), owner);
            count += 1;
        }
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn readers_and_table_views_decrypt() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("views");
    let keys = Keys::all();
    let producer = client.create_producer(&topic, for_keys(&keys, &["c"])).await.unwrap();
    let message =
        OutgoingMessage { payload: b"value", partition_key: Some(b"key"), ..OutgoingMessage::default() };
    producer.send(message).await.unwrap();
    let config = ReaderConfig { key_source: Some(keys.source()), ..ReaderConfig::default() };
    let reader = client.create_reader(&topic, MessageId::EARLIEST, config).await.unwrap();
    assert_eq!(reader.read_next().await.unwrap().payload(), b"value");
    let config = TableViewConfig { key_source: Some(keys.source()), ..TableViewConfig::default() };
    let view = client.create_table_view(&topic, config).await.unwrap();
    assert_eq!(view.get(b"key").as_deref(), Some(&b"value"[..]));
    client.close().await.unwrap();
}

#[tokio::test]
async fn keys_that_nobody_gives_are_told_of() {
    let (broker, _) = in_memory();
    broker.create_topic("parts", 3).unwrap();
    let warnings = Arc::new(Warnings::default());
    let config = ClientConfig { logger: warnings.clone(), ..ClientConfig::default() };
    let client = Client::new(broker.url(), config).unwrap();
    for (count, topic) in ["t", "parts"].into_iter().enumerate() {
        client.create_producer(topic, ProducerConfig::default()).await.unwrap();
        assert_eq!(warnings.with("UNENCRYPTED"), count);
        let config = ProducerConfig { lacks_key_source: true, ..ProducerConfig::default() };
        client.create_producer(topic, config).await.unwrap();
        assert_eq!(warnings.with("UNENCRYPTED"), count + 1, "{:?}", warnings.0);
    }
    client.close().await.unwrap();
}
