//! Lookups over HTTP. On a real broker, `PULSAR_HTTP` says where.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use pulsar_rs_testbroker::{Options, TestBroker};
use serde_json::{Value, json};

use crate::client::eventually;
use crate::target::{Target, topic};

/// Base of the target's URLs.
pub fn base(target: &Target) -> String {
    match target {
        Target::Own(broker) => broker.http_url().to_owned(),
        Target::Real(_) => std::env::var("PULSAR_HTTP").unwrap(),
    }
}

/// The status line, headers and body of an answer.
fn request(base: &str, method: &str, path: &str) -> (u16, String, String) {
    let address = base.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

/// Does something with a topic; gives the status.
pub fn administer(target: &Target, method: &str, topic: &str, action: &str) -> u16 {
    let path = format!("/admin/v2/{}{action}", topic.replace("://", "/"));
    request(&base(target), method, &path).0
}

/// Compacts a topic.
pub fn compact(target: &Target, topic: &str) {
    assert_eq!(administer(target, "PUT", topic, "/compaction"), 204);
    let path = format!("/admin/v2/{}/compaction", topic.replace("://", "/"));
    eventually("the compaction ends", || {
        get(&base(target), &path).1 == json!({ "status": "SUCCESS", "lastError": "" })
    });
}

pub fn get(base: &str, path: &str) -> (u16, Value) {
    let (status, _, body) = request(base, "GET", path);
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[test]
fn topics_are_served_here() {
    let target = Target::any();
    let base = base(&target);
    for path in [
        "/lookup/v2/topic/persistent/public/default/x",
        "/lookup/v2/topic/persistent/public/default/x%20y",
        "/lookup/v2/topic/persistent/public/default/a%2Fb",
        "/lookup/v2/destination/persistent/a/b/c/d",
    ] {
        let (status, answer) = get(&base, path);
        assert_eq!(status, 200, "{path}");
        assert_eq!(answer["brokerUrl"], json!(format!("pulsar://{}", target.address())));
        assert_eq!((&answer["httpUrl"], &answer["brokerUrlSsl"]), (&json!(base), &json!("")));
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let target = Target::any();
    let base = base(&target);
    for path in ["/lookup/v2/topic/persistent/public/nope/x", "/lookup/v2/topic/persistent/nope/nope/x"] {
        assert_eq!(get(&base, path), (404, json!({ "reason": "Namespace not found" })), "{path}");
    }
    let partitions = "/admin/v2/persistent/public/nope/x/partitions?checkAllowAutoCreation=true";
    assert_eq!(get(&base, partitions), (404, json!({ "reason": "Namespace not found" })));
    let topics = "/admin/v2/namespaces/public/nope/topics";
    assert_eq!(get(&base, topics), (404, json!({ "reason": "Namespace does not exist" })));
    for path in [
        "/",
        "/nothing/here",
        "/lookup/v2/topic/persistent/public/default",
        "/lookup/v2/topic/persistent/public/default/",
        "/lookup/v2/topic/persistent/public/default/a/b",
        "/lookup/v2/topic/persistent/a/b/c/d",
        "/admin/v2/persistent/public/default/a/b/partitions",
    ] {
        assert_eq!(get(&base, path).0, 404, "{path}");
    }
    assert_eq!(request(&base, "POST", "/lookup/v2/topic/persistent/public/default/x").0, 405);
}

#[test]
fn partitions_are_counted() {
    let broker = TestBroker::start(Options::default()).unwrap();
    broker.create_topic("p", 3).unwrap();
    let count = |name: &str, query: &str| {
        get(broker.http_url(), &format!("/admin/v2/persistent/public/default/{name}/partitions{query}"))
    };
    let creates = "?checkAllowAutoCreation=true";
    for (name, partitions) in [("p", 3), ("p-partition-1", 0), ("new", 0)] {
        assert_eq!(count(name, creates), (200, json!({ "partitions": partitions, "deleted": false })));
    }
    let not_found = |name| json!({ "reason": format!("Topic persistent://public/default/{name} not found") });
    assert_eq!(count("p-partition-3", creates), (404, not_found("p-partition-3")));
    assert_eq!(count("new", ""), (404, not_found("new")));
    let missing = get(broker.http_url(), "/lookup/v2/topic/persistent/public/default/p-partition-3");
    let reason = "Topic not found persistent://public/default/p-partition-3";
    assert_eq!(missing, (404, json!({ "reason": reason })));
    let old_form = get(broker.http_url(), &format!("/admin/persistent/a/b/c/d/partitions{creates}"));
    assert_eq!(old_form, (200, json!({ "partitions": 0, "deleted": false })));
}

#[test]
fn topics_of_a_namespace_are_listed() {
    let target = Target::any();
    let name = topic("http-list");
    target.client().produce(&name, 1);
    let (status, answer) = get(&base(&target), "/admin/v2/namespaces/public/default/topics?mode=PERSISTENT");
    assert_eq!(status, 200);
    assert!(answer.as_array().unwrap().contains(&json!(name)), "{answer}");
}

#[test]
fn faults_are_as_asked_for() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let base = broker.http_url();
    let path = "/lookup/v2/topic/persistent/public/default/x?a=b";
    broker.fail_next_http(503, 1);
    broker.fail_next_http(401, 1);
    broker.redirect_http_lookups("http://elsewhere:8080", 1);
    assert_eq!(get(base, path).0, 503);
    assert_eq!(get(base, path).0, 401);
    let (status, head, _) = request(base, "GET", path);
    assert_eq!(status, 307);
    assert!(head.contains(&format!("location: http://elsewhere:8080{path}\r\n")), "{head}");
    assert_eq!(get(base, path).0, 200);
    broker.fail_next_http(503, 9);
    broker.clear_failures();
    assert_eq!(get(base, path).0, 200);
    assert_eq!(broker.http_requests(), 5);
    broker.refuse_connections(true).unwrap();
    assert!(TcpStream::connect(base.strip_prefix("http://").unwrap()).is_err());
    broker.refuse_connections(false).unwrap();
    assert_eq!(get(base, path).0, 200);
}
