//! Messages that brokers cannot read.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use broker::keys::{Keys, private_pem, public_pem};
use broker::numbers::{LONG, backlog, config, in_memory, number, receive, receive_many, rest, subscribe};
use broker::raw::RawProducer;
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, ClientConfig, Compression, Consumer, ConsumerConfig, CryptoFailureAction,
    DeadLetterPolicy, EncryptionConfig, Error, FileKeyReader, FutureSink, InitialPosition, KeyInfo,
    KeyReader, KeySource, Message, MessageId, OutgoingMessage, Producer, ProducerConfig,
    ProducerCryptoFailureAction, Property, ReaderConfig, SubscriptionType, TableViewConfig,
};
use pulsar_rs_testbroker::{Options, TestBroker};
use pulsar_rs_wire::checksum;
use pulsar_rs_wire::proto::{EncryptionKeys, KeyValue, MessageMetadata};

fn for_keys(keys: &Keys, names: &[&str]) -> ProducerConfig {
    let encryption = EncryptionConfig::new(keys.source(), names.iter().copied());
    ProducerConfig { encryption: Some(encryption), ..ProducerConfig::default() }
}

fn alone(config: ProducerConfig) -> ProducerConfig {
    ProducerConfig { batching: None, ..config }
}

fn with_keys(keys: &Keys) -> ConsumerConfig {
    ConsumerConfig { key_source: Some(keys.source()), ..config() }
}

/// What sees messages as they are.
fn without_keys() -> ConsumerConfig {
    ConsumerConfig { crypto_failure_action: CryptoFailureAction::Consume, ..config() }
}

async fn send_numbers(client: &Client, topic: &str, config: ProducerConfig, count: u32) {
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
fn shows_plain_text(message: &Message, number: u32) -> bool {
    message.payload().windows(8).any(|bytes| bytes == [number.to_be_bytes(); 2].as_flattened())
}

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
            assert!(compression.is_none() || context.uncompressed_size() >= 400);
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
async fn data_keys_are_renewed() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("renewed");
    let keys = Keys::all();
    let consumer = subscribe(&client, &topic, with_keys(&keys)).await;
    let spy = client.subscribe(&topic, "spy", without_keys()).await.unwrap();
    let mut config = alone(for_keys(&keys, &["a"]));
    config.encryption.as_mut().unwrap().data_key_lifetime = Duration::ZERO;
    send_numbers(&client, &topic, config, 5).await;
    assert!(receive_many(&consumer, 5).await.iter().map(number).eq(0..5));
    assert_eq!(keys.asked(), (5, 5));
    let mut wrapped = Vec::new();
    for message in receive_many(&spy, 5).await {
        wrapped.push(message.encryption().unwrap().keys().next().unwrap().value.to_vec());
    }
    wrapped.sort();
    wrapped.dedup();
    assert_eq!(wrapped.len(), 5);
    client.close().await.unwrap();
}

#[tokio::test]
async fn files_hold_keys_for_every_name() {
    let (_broker, client) = in_memory();
    let folder = std::env::temp_dir().join(unique("pulsar_rs-keys"));
    std::fs::create_dir(&folder).unwrap();
    let (public_key_file, private_key_file) = (folder.join("public.pem"), folder.join("private.pem"));
    let reader = FileKeyReader { public_key_file, private_key_file };
    let topic = unique("files");
    let encryption = EncryptionConfig::new(KeySource::new(reader.clone()), ["any"]);
    let sealed = ProducerConfig { encryption: Some(encryption), ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, sealed).await.unwrap();
    // There are no files yet.
    let failed = producer.send("early").await;
    assert!(matches!(&failed, Err(Error::Crypto(why)) if why.contains("public.pem")), "{failed:?}");
    std::fs::write(&reader.public_key_file, public_pem(0)).unwrap();
    std::fs::write(&reader.private_key_file, private_pem(0)).unwrap();
    eventually_sent(&producer).await;
    let config = ConsumerConfig { key_source: Some(KeySource::new(reader)), ..config() };
    let consumer = subscribe(&client, &topic, config).await;
    assert_eq!(number(&receive(&consumer).await), 0);
    client.close().await.unwrap();
    std::fs::remove_dir_all(folder).unwrap();
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

#[tokio::test]
async fn a_key_reader_that_panics_has_no_keys_and_holds_nothing_up() {
    let (broker, client) = in_memory();
    let topic = unique("panic");
    let keys = Keys::all();
    let config =
        ConsumerConfig { crypto_failure_action: CryptoFailureAction::Discard, ..with_keys(&Keys::all()) };
    let reader = Keys::all();
    reader.panic(true);
    let consumer =
        subscribe(&client, &topic, ConsumerConfig { key_source: Some(reader.source()), ..config }).await;
    for config in [for_keys(&keys, &["a"]), alone(for_keys(&keys, &["a"]))] {
        let producer = client.create_producer(&topic, config).await.unwrap();
        keys.panic(true);
        let sent = producer.send(&0_u32.to_be_bytes()[..]).await;
        assert!(matches!(&sent, Err(Error::Crypto(why)) if why.contains("panicked")), "{sent:?}");
        keys.panic(false);
        eventually_sent(&producer).await;
    }
    // Whoever has no keys sees the plain one behind those that are discarded.
    send_numbers(&client, &topic, alone(ProducerConfig::default()), 1).await;
    let plain = receive(&consumer).await;
    assert!(plain.encryption().is_none());
    consumer.acknowledge(&plain).unwrap();
    eventually(LONG, "the backlog", || backlog(&broker, &topic) == 0).await;
    client.close().await.unwrap();
}

/// Sends until there are keys: that there were none is remembered for a moment.
async fn eventually_sent(producer: &Producer<FutureSink>) {
    let sending = async {
        while producer.send(&0_u32.to_be_bytes()[..]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, sending).await.unwrap();
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

/// Does not give the second private key that it is asked for.
struct NotTheSecond(Keys);

impl KeyReader for NotTheSecond {
    fn public_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        self.0.public_key(name, metadata)
    }

    fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        let key = self.0.private_key(name, metadata)?;
        if self.0.asked().1 == 2 { Err(Error::Unknown("not now".into())) } else { Ok(key) }
    }
}

#[tokio::test]
async fn a_message_with_a_chunk_that_waits_for_a_key_comes_again_as_a_whole() {
    let limit = 10_000;
    let broker = TestBroker::start(Options { max_message_size: limit, ..Options::default() }).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    let topic = unique("late_chunks");
    let config = ConsumerConfig {
        key_source: Some(KeySource::new(NotTheSecond(Keys::all()))),
        ack_timeout: Some(Duration::from_secs(10)),
        chunk_expiry: Some(Duration::from_millis(500)),
        ..config()
    };
    let consumer = subscribe(&client, &topic, config).await;
    let mut config = ProducerConfig { chunking: true, ..alone(for_keys(&Keys::all(), &["a"])) };
    // A data key for each chunk.
    config.encryption.as_mut().unwrap().data_key_lifetime = Duration::ZERO;
    let payload = vec![7; 30_000];
    let producer = client.create_producer(&topic, config).await.unwrap();
    producer.send(&payload[..]).await.unwrap();
    let message = tokio::time::timeout(Duration::from_secs(20), consumer.receive()).await.unwrap().unwrap();
    assert!(message.payload() == payload && consumer.stats().discarded == 1);
    consumer.acknowledge(&message).unwrap();
    eventually(LONG, "the backlog", || backlog(&broker, &topic) == 0).await;
    client.close().await.unwrap();
}

/// Gives private keys when it may.
struct Slow {
    keys: Keys,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl KeyReader for Slow {
    fn public_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        self.keys.public_key(name, metadata)
    }

    fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        let key = self.keys.private_key(name, metadata);
        self.go_on.lock().unwrap().recv().unwrap();
        key
    }
}

/// A client has few threads for all that blocks.
#[test]
fn key_readers_that_hang_leave_threads_to_others() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let (may_go_on, go_on) = mpsc::channel();
    let keys = Keys::all();
    runtime.block_on(async {
        let (_broker, client) = in_memory();
        let source = KeySource::new(Slow { keys: keys.clone(), go_on: Mutex::new(go_on) });
        let mut consumers = Vec::new();
        for _ in 0..6 {
            let topic = unique("hanging");
            let config = ConsumerConfig { key_source: Some(source.clone()), ..config() };
            consumers.push(subscribe(&client, &topic, config).await);
            send_numbers(&client, &topic, alone(for_keys(&Keys::all(), &["a"])), 1).await;
        }
        eventually(LONG, "two are asked for", || keys.asked().1 == 2).await;
        eventually(LONG, "all have come", || consumers.iter().all(|one| one.stats().entries == 1)).await;
        tokio::time::timeout(LONG, tokio::task::spawn_blocking(|| {})).await.unwrap().unwrap();
        assert_eq!(keys.asked().1, 2);
        for _ in 0..6 {
            may_go_on.send(()).unwrap();
        }
        for consumer in &consumers {
            assert_eq!(number(&receive(consumer).await), 0);
        }
        client.close().await.unwrap();
    });
}

/// The broker has no last message of such a topic.
#[tokio::test]
async fn what_waits_for_its_key_is_available() {
    let (_broker, client) = in_memory();
    let topics =
        [unique("slow"), unique("slow")].map(|name| format!("non-persistent://public/default/{name}"));
    for several in [false, true] {
        let keys = Keys::all();
        let (may_go_on, go_on) = mpsc::channel();
        let slow = Slow { keys: keys.clone(), go_on: Mutex::new(go_on) };
        let config = ConsumerConfig { key_source: Some(KeySource::new(slow)), ..config() };
        let consumer = if several {
            client.subscribe_topics(&topics, "several", config).await.unwrap()
        } else {
            client.subscribe(&topics[0], "one", config).await.unwrap()
        };
        send_numbers(&client, &topics[0], alone(for_keys(&Keys::all(), &["a"])), 1).await;
        eventually(LONG, "it is asked", || keys.asked().1 == 1).await;
        assert!(consumer.has_message_available().await.unwrap());
        may_go_on.send(()).unwrap();
        assert_eq!(number(&receive(&consumer).await), 0);
        consumer.close().await.unwrap();
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
async fn order_is_kept_while_keys_are_looked_for() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("order");
    let keys = Keys::all();
    let consumer = subscribe(&client, &topic, with_keys(&keys)).await;
    let mut first = alone(for_keys(&keys, &["a"]));
    first.encryption.as_mut().unwrap().data_key_lifetime = Duration::ZERO;
    let sealed = client.create_producer(&topic, first).await.unwrap();
    let plain = client.create_producer(&topic, alone(ProducerConfig::default())).await.unwrap();
    for number in 0..100_u32 {
        let producer = if number % 3 == 0 { &plain } else { &sealed };
        producer.send(&number.to_be_bytes()[..]).await.unwrap();
    }
    let other = client.subscribe(&topic, "other", with_keys(&Keys::all())).await.unwrap();
    for consumer in [&consumer, &other] {
        assert!(receive_many(consumer, 100).await.iter().map(number).eq(0..100));
    }
    // Also when everything comes once more in the middle.
    let again = client.subscribe(&topic, "again", with_keys(&Keys::all())).await.unwrap();
    for round in 0..3 {
        assert_eq!(number(&receive(&again).await), 0, "round {round}");
        again.redeliver_unacknowledged();
    }
    assert!(receive_many(&again, 100).await.iter().map(number).eq(0..100));
    broker.cut();
    again.seek(&MessageId::EARLIEST).await.unwrap();
    assert!(receive_many(&again, 100).await.iter().map(number).eq(0..100));
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

fn letters(keys: &Keys) -> ConsumerConfig {
    let policy = DeadLetterPolicy {
        max_redeliveries: 1,
        initial_subscription: Some("sub".into()),
        ..DeadLetterPolicy::default()
    };
    ConsumerConfig {
        subscription_type: SubscriptionType::Shared,
        negative_ack_delay: Duration::from_millis(50),
        dead_letter: Some(policy),
        retry: true,
        ..with_keys(keys)
    }
}

async fn refuse_twice(consumer: &Consumer) {
    for _ in 0..2 {
        let message = receive(consumer).await;
        assert_eq!(number(&message), 0);
        consumer.negative_acknowledge(&message);
    }
}

#[tokio::test]
async fn letters_are_for_whom_their_messages_were() {
    let broker = Broker::start().await;
    let client = broker.client();
    let topic = unique("letters");
    let keys = Keys::all();
    let consumer = subscribe(&client, &topic, letters(&keys)).await;
    send_numbers(&client, &topic, alone(for_keys(&keys, &["b", "a"])), 1).await;
    let retry = format!("{topic}-sub-RETRY");
    let spy_on_retry = client.subscribe(&retry, "spy", without_keys()).await.unwrap();
    let message = receive(&consumer).await;
    consumer.reconsume_later(&message, Duration::from_millis(10), &[]).await.unwrap();
    let seen = receive(&spy_on_retry).await;
    assert!(seen.encryption().unwrap().is_encrypted() && !shows_plain_text(&seen, 0));
    refuse_twice(&consumer).await;
    let dead = format!("{topic}-sub-DLQ");
    let from_now_on = ConsumerConfig { initial_position: InitialPosition::Latest, ..without_keys() };
    eventually(LONG, "it is buried", || consumer.stats().dead_letters == 1).await;
    let spy = client.subscribe(&dead, "sub", from_now_on).await.unwrap();
    let seen = receive(&spy).await;
    assert!(seen.encryption().unwrap().is_encrypted() && !shows_plain_text(&seen, 0));
    let names: Vec<_> = seen.encryption().unwrap().keys().map(|key| key.name.to_vec()).collect();
    assert_eq!(names, [b"b", b"a"]);
    spy.close().await.unwrap();
    let reader = client.subscribe(&dead, "sub", with_keys(&keys)).await.unwrap();
    assert_eq!(number(&receive(&reader).await), 0);
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_still_encrypted_is_no_letter() {
    let (broker, client) = in_memory();
    let topic = unique("sealed");
    let config = ConsumerConfig {
        crypto_failure_action: CryptoFailureAction::Consume,
        ..letters(&Keys::new([None; 3]))
    };
    let consumer = subscribe(&client, &topic, config).await;
    send_numbers(&client, &topic, alone(for_keys(&Keys::all(), &["a"])), 1).await;
    // Twice are the deliveries that other messages have.
    for delivery in 0..4 {
        let message = receive(&consumer).await;
        assert!(message.encryption().unwrap().is_encrypted() && message.redelivery_count() == delivery);
        let refused = consumer.reconsume_later(&message, Duration::ZERO, &[]).await;
        assert!(
            matches!(&refused, Err(Error::Crypto(why)) if why.contains("still encrypted")),
            "{refused:?}"
        );
        consumer.negative_acknowledge(&message);
    }
    assert_eq!((consumer.stats().dead_letters, backlog(&broker, &topic)), (0, 1));
    client.close().await.unwrap();
}

#[tokio::test]
async fn letters_wait_until_they_can_be_encrypted() {
    let (broker, client) = in_memory();
    let topic = unique("waiting");
    let keys = Keys::all();
    let consumer = subscribe(&client, &topic, letters(&keys)).await;
    send_numbers(&client, &topic, alone(for_keys(&keys, &["a"])), 1).await;
    let first = receive(&consumer).await;
    consumer.negative_acknowledge(&first);
    // Its own key is known by now, but none is given for the letter.
    let second = receive(&consumer).await;
    keys.lock(true);
    consumer.negative_acknowledge(&second);
    let before = keys.asked().0;
    eventually(LONG, "a letter was tried", || keys.asked().0 > before).await;
    assert_eq!(consumer.stats().dead_letters, 0);
    assert_eq!(backlog(&broker, &topic), 1);
    keys.lock(false);
    eventually(LONG, "it is buried", || consumer.stats().dead_letters == 1).await;
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
