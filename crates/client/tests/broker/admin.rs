//! Calls of a real broker's REST interface, at the address that tests/pulsar/pulsar gives.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub async fn create_partitions(topic: &str, partitions: u32) {
    call("PUT", topic, partitions).await;
}

pub async fn change_partitions(topic: &str, partitions: u32) {
    call("POST", topic, partitions).await;
}

/// What the broker tells of a topic: JSON.
pub async fn stats(topic: &str) -> String {
    let path = format!("/admin/v2/persistent/{}/stats", below_persistent(topic));
    request("GET", &path, "").await
}

async fn call(method: &str, topic: &str, partitions: u32) {
    let path = format!("/admin/v2/persistent/{}/partitions", below_persistent(topic));
    request(method, &path, &partitions.to_string()).await;
}

fn below_persistent(topic: &str) -> String {
    topic.strip_prefix("persistent://").map_or(format!("public/default/{topic}"), str::to_owned)
}

async fn request(method: &str, path: &str, body: &str) -> String {
    let url = std::env::var("PULSAR_HTTP").unwrap();
    let host = url.strip_prefix("http://").unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 2"), "{method} of {path}: {answer}");
    answer
}
