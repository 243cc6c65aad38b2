//! Calls of a real broker's REST interface, at the address that tests/pulsar/pulsar gives.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub async fn create_partitions(topic: &str, partitions: u32) {
    call("PUT", topic, "partitions", &partitions.to_string()).await;
}

pub async fn change_partitions(topic: &str, partitions: u32) {
    call("POST", topic, "partitions", &partitions.to_string()).await;
}

/// What the broker tells of a topic: JSON.
pub async fn stats(topic: &str) -> String {
    call("GET", topic, "stats", "").await
}

/// Closes the topic; with the next one who uses it, it begins a new ledger.
pub async fn unload(topic: &str) {
    call("PUT", topic, "unload", "").await;
}

/// Compacts the topic, and waits until that is done.
pub async fn compact(topic: &str) {
    call("PUT", topic, "compaction", "").await;
    let start = Instant::now();
    while !call("GET", topic, "compaction", "").await.contains("SUCCESS") {
        assert!(start.elapsed() < Duration::from_secs(30), "{topic} is not compacted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn call(method: &str, topic: &str, what: &str, body: &str) -> String {
    let topic = topic.strip_prefix("persistent://").map_or(format!("public/default/{topic}"), str::to_owned);
    let url = std::env::var("PULSAR_HTTP").unwrap();
    let host = url.strip_prefix("http://").unwrap();
    let request = format!(
        "{method} /admin/v2/persistent/{topic}/{what} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 2"), "{method} {what} of {topic}: {answer}");
    answer
}
