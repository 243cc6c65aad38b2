//! Sends ten messages and receives them: `cargo run -p pulsar_rs_client --example produce_consume -- URL`.

use std::time::Instant;

use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig, InitialPosition, ProducerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), pulsar_rs_client::Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "pulsar://localhost:6650".into());
    let topic = format!("example-{}", std::process::id());
    let client = Client::new(&url, ClientConfig::default())?;
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    let consumer = client.subscribe(&topic, "example", config).await?;
    let producer = client.create_producer(&topic, ProducerConfig::default()).await?;

    let start = Instant::now();
    // All are accepted first and travel in one batch; then their receipts are awaited.
    let sending: Vec<_> = (0..10).map(|number| producer.send(format!("order {number}").as_str())).collect();
    for sending in sending {
        println!("stored as {}", sending.await?);
    }
    for _ in 0..10 {
        let message = consumer.receive().await?;
        println!("received {} {}", message.id(), String::from_utf8_lossy(message.payload()));
        consumer.acknowledge(&message)?;
    }
    println!("done in {:?}", start.elapsed());
    client.close().await
}
