//! Service URLs with `http`.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::time::{Duration, Instant};

use broker::{Broker, unique};
use pulsar_rs_client::{Client, ClientConfig, ConsumerConfig, Error, InitialPosition, ProducerConfig};
use pulsar_rs_testbroker::{Kind, Options, TestBroker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A port on which nothing listens.
const DEAD: &str = "127.0.0.1:1";

fn in_memory() -> TestBroker {
    TestBroker::start(Options::default()).unwrap()
}

fn client(url: &str) -> Client {
    let config = ClientConfig { operation_timeout: Duration::from_secs(2), ..ClientConfig::default() };
    Client::new(url, config).unwrap()
}

async fn create(client: &Client, topic: &str) -> Result<(), Error> {
    client.create_producer(topic, ProducerConfig::default()).await.map(drop)
}

/// A server that reads a request and answers it with `head`, then with `more` for ever. Its URL.
async fn server(head: &'static str, more: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(head.as_bytes()).await;
                while !more.is_empty() && socket.write_all(more.as_bytes()).await.is_ok() {}
            });
        }
    });
    url
}

#[tokio::test]
async fn messages_flow_over_brokers_that_http_names() {
    let broker = Broker::start().await;
    let listener_name = broker.is_real().then(|| "proxied".to_owned());
    let config = ClientConfig { listener_name, ..ClientConfig::default() };
    let client = Client::new(&broker.http_url(), config).unwrap();
    for name in [unique("http"), format!("{} %2F+ü?#", unique("http"))] {
        let producer = client.create_producer(&name, ProducerConfig::default()).await.unwrap();
        let config =
            ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
        let consumer = client.subscribe(&name, "s", config).await.unwrap();
        producer.send("before").await.unwrap();
        assert_eq!(consumer.receive().await.unwrap().payload(), b"before");
        assert!(broker.cut() > 0);
        producer.send("after").await.unwrap();
        loop {
            let message = consumer.receive().await.unwrap();
            if message.payload() == b"after" {
                break;
            }
        }
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let broker = Broker::start().await;
    let client = client(&broker.http_url());
    for topic in ["persistent://public/nowhere/t", "persistent://nobody/nowhere/t"] {
        let start = Instant::now();
        let outcome = create(&client, topic).await;
        assert!(
            matches!(&outcome, Err(Error::TopicNotFound(text)) if text.contains("Namespace not found")),
            "{outcome:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(1), "it was tried again and again");
    }
}

#[tokio::test]
async fn partitions_are_counted() {
    let broker = in_memory();
    broker.create_topic("many", 3).unwrap();
    let client = client(broker.http_url());
    assert_eq!(client.partitions("many").await.unwrap().len(), 3);
    assert_eq!(client.partitions("single").await.unwrap(), ["persistent://public/default/single"]);
    assert_eq!(client.partitions("persistent://a/b/c/d").await.unwrap(), ["persistent://a/b/c/d"]);
    let outcome = client.partitions("many-partition-7").await;
    assert!(matches!(outcome, Err(Error::TopicNotFound(_))), "{outcome:?}");
    client.create_producer("many", ProducerConfig::default()).await.unwrap();
    assert_eq!(broker.commands_received(Kind::Producer), 3);
    assert_eq!(broker.commands_received(Kind::Lookup), 0);
    assert_eq!(broker.commands_received(Kind::PartitionedMetadata), 0);
}

#[tokio::test]
async fn redirects_are_followed_and_bounded() {
    let (first, second) = (in_memory(), in_memory());
    first.redirect_http_lookups(second.http_url(), 1);
    let client = client(first.http_url());
    create(&client, "moved").await.unwrap();
    assert_eq!(second.commands_received(Kind::Producer), 1);
    assert_eq!(first.commands_received(Kind::Producer), 0);
    // Brokers that point at each other for ever.
    first.redirect_http_lookups(second.http_url(), u32::MAX);
    second.redirect_http_lookups(first.http_url(), u32::MAX);
    let outcome = create(&client, "circle").await;
    assert!(matches!(&outcome, Err(Error::Lookup(text)) if text.contains("20 redirects")), "{outcome:?}");
    first.redirect_http_lookups("ftp://elsewhere:8443", 1);
    let outcome = create(&client, "elsewhere").await;
    assert!(matches!(&outcome, Err(Error::Lookup(text)) if text.contains("elsewhere")), "{outcome:?}");
}

#[tokio::test]
async fn statuses_become_errors() {
    let broker = in_memory();
    let client = client(broker.http_url());
    // What may pass is tried again.
    for status in [500, 503, 429] {
        broker.fail_next_http(status, 2);
        create(&client, "t").await.unwrap();
    }
    for (status, expected) in [
        (401, Error::Authentication as fn(String) -> Error),
        (403, Error::Authorization),
        (404, Error::TopicNotFound),
        (412, Error::InvalidTopicName),
        (400, Error::Lookup),
        (302, Error::Lookup),
    ] {
        broker.fail_next_http(status, 1);
        let error = create(&client, "t").await.unwrap_err();
        assert_eq!(
            std::mem::discriminant(&error),
            std::mem::discriminant(&expected(String::new())),
            "{error}"
        );
    }
    broker.fail_next_http(503, u32::MAX);
    let outcome = create(&client, "t").await;
    assert!(matches!(&outcome, Err(Error::Timeout(text)) if text.contains("503")), "{outcome:?}");
    // Elsewhere it may go better.
    let other = in_memory();
    let both = format!("{},{}", broker.http_url(), other.http_url().trim_start_matches("http://"));
    create(&Client::new(&both, ClientConfig::default()).unwrap(), "t").await.unwrap();
    assert_eq!(other.commands_received(Kind::Producer), 1);
}

#[tokio::test]
async fn every_host_of_the_service_url_is_tried() {
    let broker = in_memory();
    let alive = broker.http_url().strip_prefix("http://").unwrap();
    for url in [format!("http://{DEAD},{alive}"), format!("http://no-such-host.invalid,{DEAD},{alive}")] {
        create(&client(&url), "t").await.unwrap();
    }
    let refused = create(&client(&format!("http://{DEAD}")), "t").await;
    assert!(matches!(&refused, Err(Error::Timeout(text)) if text.contains(DEAD)), "{refused:?}");
    let unknown = create(&client("http://no-such-host.invalid:8080"), "t").await;
    assert!(matches!(&unknown, Err(Error::Connect(text)) if text.contains("no-such-host")), "{unknown:?}");
    // One that takes connections and says nothing leaves time for the other.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    create(&client(&format!("http://{},{alive}", silent.local_addr().unwrap())), "t").await.unwrap();
}

#[tokio::test]
async fn answers_that_cannot_be_right_are_errors() {
    const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";
    for (head, more, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n{\"partitions\":", "", "not the JSON expected"),
        ("HTTP/1.1 200 OK\r\n\r\n[1]", "", "without a number"),
        ("HTTP/1.1 200 OK\r\n\r\n{\"partitions\":-1}", "", "without a number"),
        ("HTTP/1.1 200 OK\r\n\r\n{\"partitions\":4000000000}", "", "not believed"),
        (OK, "                                                                ", "more than 4194304 bytes"),
        ("+PONG\r\n", "", "does not answer in HTTP"),
        ("HTTP/1.1 307 Moved\r\n\r\n", "", "redirects to what is no URL"),
    ] {
        let url = server(head, more).await;
        let outcome = create(&client(&url), "t").await;
        assert!(matches!(&outcome, Err(Error::Lookup(text)) if text.contains(expected)), "{outcome:?}");
    }
    // It breaks off, which may pass.
    let url = server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "").await;
    let outcome = create(&client(&url), "t").await;
    assert!(matches!(&outcome, Err(Error::Timeout(text)) if text.contains("cannot get")), "{outcome:?}");
    // Its broker cannot be connected to without TLS.
    let url =
        server("HTTP/1.1 200 OK\r\n\r\n{\"partitions\":0,\"brokerUrl\":null,\"brokerUrlTls\":\"x\"}", "")
            .await;
    let outcome = create(&client(&url), "t").await;
    assert!(matches!(&outcome, Err(Error::Lookup(text)) if text.contains("without TLS")), "{outcome:?}");
}

#[tokio::test]
async fn namespaces_may_have_many_topics_but_not_any_number() {
    const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";
    // Names as long as can be expected.
    let names = (0..100_000).map(|number| format!("\"persistent://public/default/{number:0>90}\""));
    let long: Vec<_> = names.collect();
    let many = vec!["\"a\""; 1_000_001];
    for (list, more, expected) in [
        (format!("[{}]", long.join(",")), String::new(), None),
        (format!("[{}]", many.join(",")), String::new(), Some("more than 1000000 topics")),
        ("[1]".to_owned(), String::new(), Some("not the JSON expected")),
        ("[".to_owned(), " ".repeat(1 << 16), Some("more than 67108864 bytes")),
    ] {
        let url = server((OK.to_owned() + &list).leak(), more.leak()).await;
        let subscribed = client(&url).subscribe_pattern("none-.*", "s", ConsumerConfig::default()).await;
        match (subscribed.map(drop), expected) {
            (Ok(()), None) => {}
            (Err(Error::Lookup(text)), Some(expected)) => assert!(text.contains(expected), "{text}"),
            (other, expected) => panic!("{other:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn nothing_takes_longer_than_the_operation_timeout() {
    let broker = in_memory();
    let client = client(broker.http_url());
    broker.freeze(true);
    let start = Instant::now();
    let outcome = create(&client, "t").await;
    assert!(matches!(outcome, Err(Error::Timeout(_))), "{outcome:?}");
    assert!((2000..4000).contains(&start.elapsed().as_millis()), "after {:?}", start.elapsed());
    broker.freeze(false);
    create(&client, "t").await.unwrap();
}
