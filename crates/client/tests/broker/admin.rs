//! Calls of a broker's REST interface, which a real one and the one in memory have both.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub async fn create_partitions(base: &str, topic: &str, partitions: u32) {
    change(base, "PUT", &format!("{}/partitions", path(topic)), &partitions.to_string()).await;
}

pub async fn change_partitions(base: &str, topic: &str, partitions: u32) {
    change(base, "POST", &format!("{}/partitions", path(topic)), &partitions.to_string()).await;
}

/// Unloads a topic: its producers and consumers are closed and come back.
pub async fn unload(base: &str, topic: &str) {
    change(base, "PUT", &format!("{}/unload", path(topic)), "").await;
}

/// What the broker tells of a topic: JSON.
pub async fn stats(base: &str, topic: &str) -> String {
    call(base, "GET", &format!("{}/stats", path(topic)), "").await
}

/// Compacts the topic, and waits until that is done.
pub async fn compact(base: &str, topic: &str) {
    let path = format!("{}/compaction", path(topic));
    change(base, "PUT", &path, "").await;
    let start = Instant::now();
    while !call(base, "GET", &path, "").await.contains("SUCCESS") {
        assert!(start.elapsed() < Duration::from_secs(30), "{topic} is not compacted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Entries of a subscription that are not acknowledged.
pub async fn backlog(base: &str, topic: &str, subscription: &str) -> u64 {
    let answer = stats(base, topic).await;
    let subscription = answer.split_once(&format!("\"{subscription}\":")).map(|(_, rest)| rest);
    let backlog = subscription.and_then(|rest| rest.split_once("\"msgBacklog\":")).map(|(_, rest)| rest);
    let digits = backlog.and_then(|rest| rest.split(|other: char| !other.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no backlog in {answer}"))
}

fn path(topic: &str) -> String {
    match topic.split_once("://") {
        Some((domain, rest)) => format!("/admin/v2/{domain}/{rest}"),
        None => format!("/admin/v2/persistent/public/default/{topic}"),
    }
}

async fn change(base: &str, method: &str, path: &str, body: &str) {
    let answer = call(base, method, path, body).await;
    assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
}

async fn call(base: &str, method: &str, path: &str, body: &str) -> String {
    let host = base.strip_prefix("http://").unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
