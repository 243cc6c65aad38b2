//! Permits of entries that are not delivered: outdated, damaged, hostile.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use broker::numbers::{
    LONG, SHORT, backlog, config, in_memory, number, receive, receive_many, rest, send_batches, send_singles,
    subscribe,
};
use broker::{eventually, unique};
use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig};
use pulsar_rs_testbroker::TestBroker;
use pulsar_rs_wire::extension::CommandConnect;
use pulsar_rs_wire::hot::Send;
use pulsar_rs_wire::metadata::Metadata;
use pulsar_rs_wire::proto::CommandProducer;
use pulsar_rs_wire::{Command, Kind, PROTOCOL_VERSION, command, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Frames of these tests are below.
const LIMIT: usize = 1 << 24;

fn permits(broker: &TestBroker, topic: &str) -> i64 {
    broker.topic_stats(topic).unwrap().subscription("sub").unwrap().permits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outdated_entries_give_back_the_permits_they_took() {
    const QUEUE: i64 = 200;
    let (broker, client) = in_memory();
    let topic = unique("outdated");
    let config = ConsumerConfig { batch_index_ack: true, receiver_queue_size: 200, ..config() };
    let consumer = subscribe(&client, &topic, config).await;
    send_batches(&client, &topic, 0..1000, 100).await;
    for message in receive_many(&consumer, 1000).await {
        if !number(&message).is_multiple_of(100) {
            consumer.acknowledge(&message).unwrap();
        }
    }
    for _ in 0..300 {
        consumer.redeliver_unacknowledged();
        std::thread::sleep(Duration::from_micros(fastrand::u64(..1000)));
    }
    assert_eq!(rest(&consumer).await.len(), 10);
    // All that came was taken; the permits of up to half a queue wait to be given back together.
    let permits = permits(&broker, &topic);
    assert!((QUEUE / 2..=QUEUE).contains(&permits), "{permits} permits");
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_entry_damaged_on_the_way_costs_no_permits() {
    let (broker, client) = in_memory();
    let topic = unique("damaged");
    let damage = Arc::new(AtomicBool::new(true));
    let url = damaging_proxy(&broker, damage.clone()).await;
    let behind = Client::new(&url, ClientConfig::default()).unwrap();
    let consumer = subscribe(&behind, &topic, config()).await;
    send_batches(&client, &topic, 0..1000, 1000).await;
    eventually(LONG, "the batch is damaged", || !damage.load(Ordering::SeqCst)).await;
    send_singles(&client, &topic, 1500, 4).await;
    for expected in 0..1500 {
        assert_eq!(number(&receive(&consumer).await), expected);
    }
    assert_eq!(consumer.stats().discarded, 1);
    // What cannot be read is acknowledged, or it would come for ever.
    eventually(LONG, "it is acknowledged", || backlog(&broker, &topic) == 1500).await;
    behind.close().await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_entry_that_nobody_can_read_costs_no_permits() {
    let (broker, client) = in_memory();
    let topic = unique("unreadable");
    let consumer = subscribe(&client, &topic, config()).await;
    let mut raw = RawProducer::create(&broker, &topic).await;
    // The broker believes the command; the metadata lacks all that it must have.
    raw.send(1000, &[0, 0, 0, 1, 0xff]).await;
    send_singles(&client, &topic, 1500, 4).await;
    for expected in 0..1500 {
        assert_eq!(number(&receive(&consumer).await), expected);
    }
    eventually(LONG, "it is acknowledged", || backlog(&broker, &topic) == 1500).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn hostile_batch_sizes_do_not_overflow() {
    let (broker, client) = in_memory();
    let topic = unique("sizes");
    let consumer = subscribe(&client, &topic, config()).await;
    let mut raw = RawProducer::create(&broker, &topic).await;
    let metadata =
        Metadata { producer_name: b"raw", num_messages_in_batch: Some(i32::MAX), ..Metadata::default() };
    let mut section = Vec::new();
    frame::encode_payload_head(&mut section, &metadata, b"few");
    section.extend_from_slice(b"few");
    for _ in 0..3 {
        raw.send(1, &section).await;
    }
    // All three wait in the inbox.
    eventually(LONG, "they were sent", || permits(&broker, &topic) == 997).await;
    tokio::time::sleep(SHORT).await;
    consumer.redeliver_unacknowledged();
    send_singles(&client, &topic, 1, 4).await;
    assert_eq!(number(&receive(&consumer).await), 0);
    eventually(LONG, "the others are acknowledged", || backlog(&broker, &topic) == 1).await;
    client.close().await.unwrap();
}

/// Passes everything on, but while `damage` is set, flips a bit of the next entry that the broker sends.
async fn damaging_proxy(broker: &TestBroker, damage: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("pulsar://{}", listener.local_addr().unwrap());
    let port = broker.port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let damage = damage.clone();
            tokio::spawn(async move {
                let broker = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_broker, mut to_broker) = broker.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_broker).await });
                while let Some(mut frame) = read_frame(&mut from_broker).await {
                    if kind(&frame) == Kind::Message && damage.swap(false, Ordering::SeqCst) {
                        *frame.last_mut().unwrap() ^= 1;
                    }
                    to_client.write_all(&frame).await.unwrap();
                }
            });
        }
    });
    url
}

async fn read_frame(socket: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let len = socket.read_u32().await.ok()?;
    let mut frame = len.to_be_bytes().to_vec();
    frame.resize(4 + len as usize, 0);
    socket.read_exact(&mut frame[4..]).await.ok()?;
    Some(frame)
}

fn kind(frame: &[u8]) -> Kind {
    let frame = frame::peek(frame, LIMIT).unwrap().unwrap();
    command::split(frame.command).unwrap().0
}

/// A producer that sends what no client would.
struct RawProducer {
    socket: TcpStream,
}

impl RawProducer {
    async fn create(broker: &TestBroker, topic: &str) -> Self {
        let mut raw = RawProducer { socket: TcpStream::connect(("127.0.0.1", broker.port())).await.unwrap() };
        let connect = CommandConnect {
            client_version: "raw".into(),
            protocol_version: Some(PROTOCOL_VERSION),
            ..CommandConnect::default()
        };
        raw.ask(connect.into(), Kind::Connected).await;
        let topic = format!("persistent://public/default/{topic}");
        let producer = CommandProducer { topic, producer_id: 1, request_id: 1, ..CommandProducer::default() };
        raw.ask(producer.into(), Kind::ProducerSuccess).await;
        raw
    }

    async fn ask(&mut self, command: Command, answer: Kind) {
        let mut out = Vec::new();
        command.encode_frame(&mut out);
        self.write(&out, answer).await;
    }

    /// Sends a payload section as it is.
    async fn send(&mut self, num_messages: i32, section: &[u8]) {
        let send = Send { producer_id: 1, num_messages: Some(num_messages), ..Send::default() };
        let mut usual = Vec::new();
        frame::encode_send(&mut usual, &send, &Metadata::default(), b"");
        let command = frame::peek(&usual, LIMIT).unwrap().unwrap().command;
        let sizes = [4 + command.len() + section.len(), command.len()];
        let mut out: Vec<u8> =
            sizes.iter().flat_map(|size| u32::try_from(*size).unwrap().to_be_bytes()).collect();
        out.extend_from_slice(command);
        out.extend_from_slice(section);
        self.write(&out, Kind::SendReceipt).await;
    }

    async fn write(&mut self, frame: &[u8], answer: Kind) {
        self.socket.write_all(frame).await.unwrap();
        while kind(&read_frame(&mut self.socket).await.unwrap()) != answer {}
    }
}
