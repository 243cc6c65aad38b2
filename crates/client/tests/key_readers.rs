//! Where keys come from: files and programs, which may be slow, hang, or fail.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use broker::encrypted::{alone, for_keys, send_numbers, with_keys, without_keys};
use broker::keys::{Keys, private_pem, public_pem};
use broker::numbers::{LONG, backlog, config, in_memory, number, receive, receive_many, subscribe};
use broker::{Broker, eventually, unique};
use pulsar_rs_client::{
    Client, ClientConfig, ConsumerConfig, CryptoFailureAction, EncryptionConfig, Error, FileKeyReader,
    FutureSink, KeyInfo, KeyReader, KeySource, MessageId, Producer, ProducerConfig, Property,
};
use pulsar_rs_testbroker::{Options, TestBroker};

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

/// Tells much about its public keys.
struct Talkative(Keys);

impl KeyReader for Talkative {
    fn public_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        let key = self.0.public_key(name, metadata)?;
        Ok(KeyInfo { metadata: vec![(b"about".to_vec(), vec![b'x'; 5000])], ..key })
    }

    fn private_key(&self, name: &str, metadata: &[Property]) -> Result<KeyInfo, Error> {
        self.0.private_key(name, metadata)
    }
}

#[tokio::test]
async fn batches_leave_room_for_what_is_told_about_keys() {
    let broker = TestBroker::start(Options { max_message_size: 20_000, ..Options::default() }).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    let encryption = EncryptionConfig::new(KeySource::new(Talkative(Keys::all())), ["a"]);
    let config = ProducerConfig { encryption: Some(encryption), ..ProducerConfig::default() };
    let producer = client.create_producer("t", config).await.unwrap();
    producer.send("now the key is known").await.unwrap();
    let sending: Vec<_> = (0..100).map(|_| producer.send(&[7; 1000][..])).collect();
    producer.flush().await.unwrap();
    for sent in sending {
        sent.await.unwrap();
    }
    assert!(broker.topic_stats("t").unwrap().entries_stored < 20, "they were batched");
    client.close().await.unwrap();
}
