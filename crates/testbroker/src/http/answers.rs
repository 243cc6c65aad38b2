//! What a Pulsar standalone answers.

use hyper::{Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use pulsar_rs_wire::proto::ServerError;
use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;
use serde_json::{Value, json};

use super::admin::{administer, compaction, stats};
use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::topic_name::TopicName;

/// An answer before it is HTTP.
pub(super) enum Answer {
    Json(StatusCode, Value),
    /// The same at another broker.
    Redirect(String),
    /// Nothing but a status.
    Page(StatusCode),
    /// It is done.
    Done,
}

/// Answers a request.
pub(super) fn answer(broker: &mut Broker, method: &Method, uri: &Uri, body: &str) -> Answer {
    let missing = Answer::Page(StatusCode::NOT_FOUND);
    let mut parts = Vec::new();
    for part in uri.path().split('/').skip(1) {
        match percent_decode_str(part).decode_utf8() {
            Ok(part) if !part.is_empty() => parts.push(part.into_owned()),
            Ok(_) | Err(_) => return missing,
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if *method != Method::GET {
        return administer(broker, method, uri, &parts, body);
    }
    match parts[..] {
        // Names of the old form have a cluster, and paths of their own.
        ["lookup", "v2", "topic", domain, tenant, namespace, local] => {
            lookup(broker, uri, &format!("{domain}://{tenant}/{namespace}/{local}"))
        }
        ["lookup", "v2", "destination", domain, tenant, cluster, namespace, local] => {
            lookup(broker, uri, &format!("{domain}://{tenant}/{cluster}/{namespace}/{local}"))
        }
        ["admin", "v2", "namespaces", tenant, namespace, "topics"] => {
            topics(broker, &format!("{tenant}/{namespace}"))
        }
        ["admin", "v2", domain, tenant, namespace, local, "compaction"] => {
            compaction(broker, &format!("{domain}://{tenant}/{namespace}/{local}"))
        }
        ["admin", "v2", domain, tenant, namespace, local, "stats"] => {
            stats(broker, &format!("{domain}://{tenant}/{namespace}/{local}"))
        }
        ["admin", "v2", domain, tenant, namespace, local, "partitions"] => {
            partitions(broker, uri, &format!("{domain}://{tenant}/{namespace}/{local}"))
        }
        ["admin", domain, tenant, cluster, namespace, local, "partitions"] => {
            partitions(broker, uri, &format!("{domain}://{tenant}/{cluster}/{namespace}/{local}"))
        }
        _ => missing,
    }
}

/// As over the binary protocol, with two differences that a real broker makes, too: a partition that its topic does not
/// have is not found, and nobody is told to keep to the service URL.
fn lookup(broker: &mut Broker, uri: &Uri, name: &str) -> Answer {
    let name = match known(broker, name) {
        Ok(name) => name,
        Err(refusal) => return refused(&refusal),
    };
    if broker.registry.is_missing_partition(&name) {
        return reason(StatusCode::NOT_FOUND, &format!("Topic not found {}", name.full));
    }
    if broker.http.redirects > 0 {
        broker.http.redirects -= 1;
        return Answer::Redirect(format!("{}{uri}", broker.http.redirect_url));
    }
    let answer = json!({
        "brokerUrl": broker.url,
        "httpUrl": broker.http.url,
        "httpUrlTls": broker.http.tls_url,
        "nativeUrl": broker.url,
        "brokerUrlTls": broker.tls_url,
        "brokerUrlSsl": broker.tls_url.as_deref().unwrap_or_default(),
    });
    Answer::Json(StatusCode::OK, answer)
}

fn partitions(broker: &Broker, uri: &Uri, name: &str) -> Answer {
    let name = match known(broker, name) {
        Ok(name) => name,
        Err(refusal) => return refused(&refusal),
    };
    let registry = &broker.registry;
    let partitions = registry.partitions(&name);
    let creates = uri.query().is_some_and(|query| query.contains("checkAllowAutoCreation=true"));
    let missing = partitions.is_none() && registry.find(&name).is_none() && !creates;
    if missing || registry.is_missing_partition(&name) {
        return reason(StatusCode::NOT_FOUND, &format!("Topic {} not found", name.full));
    }
    Answer::Json(StatusCode::OK, json!({ "partitions": partitions.unwrap_or(0), "deleted": false }))
}

fn topics(broker: &Broker, namespace: &str) -> Answer {
    if !broker.registry.has_namespace(namespace) {
        return reason(StatusCode::NOT_FOUND, "Namespace does not exist");
    }
    Answer::Json(StatusCode::OK, broker.registry.names_in(namespace, Mode::Persistent).into())
}

/// A topic whose namespace is there.
pub(super) fn known(broker: &Broker, name: &str) -> Result<TopicName, Refusal> {
    let name = TopicName::parse(name)?;
    broker.registry.check_namespace(&name)?;
    Ok(name)
}

pub(super) fn refused(refusal: &Refusal) -> Answer {
    let status = if refusal.code == i32::from(ServerError::TopicNotFound) {
        StatusCode::NOT_FOUND
    } else if refusal.code == i32::from(ServerError::InvalidTopicName) {
        StatusCode::PRECONDITION_FAILED
    } else {
        StatusCode::METHOD_NOT_ALLOWED
    };
    reason(status, &refusal.message)
}

pub(super) fn reason(status: StatusCode, text: &str) -> Answer {
    Answer::Json(status, json!({ "reason": text }))
}
