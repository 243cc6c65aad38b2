//! Compressed batches and messages, with each codec.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::Duration;

use broker::{Broker, unique};
use pulsar_rs_client::{
    BatchingConfig, Client, ClientConfig, Compression, Consumer, ConsumerConfig, Error, InitialPosition,
    ProducerConfig,
};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};

const ALL: [Compression; 4] = [Compression::Lz4, Compression::Zlib, Compression::Zstd, Compression::Snappy];

fn compressed(codec: Compression, batching: Option<BatchingConfig>) -> ProducerConfig {
    ProducerConfig { compression: Some(codec), batching, ..ProducerConfig::default() }
}

fn delay(millis: u64) -> BatchingConfig {
    BatchingConfig { max_delay: Duration::from_millis(millis), ..BatchingConfig::default() }
}

async fn subscribe(client: &Client, topic: &str) -> Consumer {
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    client.subscribe(topic, "all", config).await.unwrap()
}

/// Bytes that no codec can shrink.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    std::iter::repeat_with(next).flatten().take(len).collect()
}

#[tokio::test]
async fn what_is_compressed_comes_back() {
    let broker = Broker::start().await;
    let client = broker.client();
    for codec in ALL {
        // Sealed by flush, by the clock, and not batched at all.
        for batching in [Some(delay(60_000)), Some(delay(5)), None] {
            let topic = unique("compressed");
            let consumer = subscribe(&client, &topic).await;
            let config = compressed(codec, batching.clone());
            let producer = client.create_producer(&topic, config).await.unwrap();
            let payloads: Vec<Vec<u8>> =
                (0..20).map(|number| format!("number {number} ").repeat(number * 10).into_bytes()).collect();
            let sending: Vec<_> = payloads.iter().map(|payload| producer.send(&payload[..])).collect();
            if batching.is_some_and(|batching| batching.max_delay.as_secs() > 0) {
                producer.flush().await.unwrap();
            }
            for sending in sending {
                sending.await.unwrap();
            }
            for payload in &payloads {
                let message = consumer.receive().await.unwrap();
                assert_eq!(message.payload(), payload, "{codec:?}");
                consumer.acknowledge(&message).unwrap();
            }
        }
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_brokers_limit_is_for_the_compressed_size() {
    let broker = TestBroker::start(Options { max_message_size: 102_400, ..Options::default() }).unwrap();
    let client = Client::new(broker.url(), ClientConfig::default()).unwrap();
    let (shrinks, stays) = (vec![b'x'; 1_000_000], noise(150_000));
    for codec in ALL {
        for batching in [Some(delay(60_000)), None] {
            let topic = unique("limit");
            let consumer = subscribe(&client, &topic).await;
            let producer = client.create_producer(&topic, compressed(codec, batching)).await.unwrap();
            let payloads = [&b"before"[..], &shrinks, &stays, b"behind"];
            let sending = payloads.map(|payload| producer.send(payload));
            let flushed = producer.flush().await;
            let mut outcomes = Vec::new();
            for sending in sending {
                outcomes.push(sending.await);
            }
            assert!(matches!(outcomes[2], Err(Error::MessageTooBig(_))), "{codec:?}: {:?}", outcomes[2]);
            outcomes.retain(Result::is_ok);
            assert_eq!(outcomes.len(), 3, "{codec:?}");
            // Outside a batch the size is known before the message is accepted.
            assert!(matches!(flushed, Ok(()) | Err(Error::MessageTooBig(_))), "{flushed:?}");
            for payload in [payloads[0], payloads[1], payloads[3]] {
                assert_eq!(consumer.receive().await.unwrap().payload(), payload, "{codec:?}");
            }
        }
    }
    assert_eq!(broker.commands_received(Kind::Connect), 1, "the broker refused something");
    client.close().await.unwrap();
}
