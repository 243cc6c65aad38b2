//! What operators ask of topics, as far as tests need it of both this broker and a real one.

use hyper::{Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::answers::{Answer, known, reason, refused};
use crate::broker::{Broker, Undeletable};
use crate::refusal::Refusal;
use crate::topic_name::TopicName;

/// Answers a request that changes something.
pub(super) fn administer(
    broker: &mut Broker,
    method: &Method,
    uri: &Uri,
    path: &[&str],
    body: &str,
) -> Answer {
    let ["admin", "v2", domain, tenant, namespace, local, action @ ..] = path else {
        return Answer::Page(StatusCode::METHOD_NOT_ALLOWED);
    };
    let name = match known(broker, &format!("{domain}://{tenant}/{namespace}/{local}")) {
        Ok(name) => name,
        Err(refusal) => return refused(&refusal),
    };
    match (method.as_str(), action) {
        ("PUT", []) => create(broker, &name, 0),
        ("PUT", ["partitions"]) => with_number(body, |partitions| create(broker, &name, partitions)),
        ("POST", ["partitions"]) => with_number(body, |partitions| {
            let grows = broker.registry.grow(&name, partitions);
            broker.tell_watchers();
            if grows { Answer::Done } else { reason(StatusCode::CONFLICT, "The topic has as many, or none") }
        }),
        ("PUT", ["unload"]) => done(broker.unload(&name), &name),
        ("PUT", ["compaction"]) => done(broker.compact(&name), &name),
        ("DELETE", [] | ["partitions"]) => delete(broker, uri, &name),
        _ => Answer::Page(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn done(found: bool, name: &TopicName) -> Answer {
    if found { Answer::Done } else { missing(name) }
}

fn missing(name: &TopicName) -> Answer {
    reason(StatusCode::NOT_FOUND, &format!("Topic {} not found", name.full))
}

fn with_number(body: &str, act: impl FnOnce(u32) -> Answer) -> Answer {
    match body.trim().parse() {
        Ok(number) => act(number),
        Err(_) => Answer::Page(StatusCode::BAD_REQUEST),
    }
}

fn create(broker: &mut Broker, name: &TopicName, partitions: u32) -> Answer {
    if broker.registry.find(name).is_some() || broker.registry.partitions(name).is_some() {
        return reason(StatusCode::CONFLICT, "This topic already exists");
    }
    broker.registry.create(name, partitions);
    broker.tell_watchers();
    Answer::Done
}

fn delete(broker: &mut Broker, uri: &Uri, name: &TopicName) -> Answer {
    let force = uri.query().is_some_and(|query| query.split('&').any(|part| part == "force=true"));
    match broker.delete(name, force) {
        Ok(()) => Answer::Done,
        Err(Undeletable::Missing) => missing(name),
        Err(Undeletable::InUse) => {
            reason(StatusCode::PRECONDITION_FAILED, "Topic has active producers/subscriptions")
        }
    }
}

/// How the last compaction went: here it is over as soon as it is asked for.
pub(super) fn compaction(broker: &mut Broker, name: &str) -> Answer {
    answered(broker, name, |broker, name| {
        let compacted = broker.find_topic(&name.full).map(|(_, topic)| topic.compacted.is_some());
        let status = if compacted? { "SUCCESS" } else { "NOT_RUN" };
        Some(json!({ "status": status, "lastError": "" }))
    })
}

/// The part of a topic's statistics that says how its subscriptions stand.
pub(super) fn stats(broker: &mut Broker, name: &str) -> Answer {
    answered(broker, name, |broker, name| {
        let stats = broker.topic_stats(&name.full)?;
        let subscriptions: Map<String, Value> = stats
            .subscriptions
            .into_iter()
            .map(|subscription| {
                let consumers = subscription.consumers.into_iter().map(|consumer| {
                    let (permits, unacked) = (consumer.permits, consumer.unacked);
                    json!({
                        "consumerName": consumer.name,
                        "metadata": object(consumer.metadata),
                        "availablePermits": permits,
                        "unackedMessages": unacked,
                    })
                });
                let answer = json!({
                    "msgBacklog": subscription.backlog_entries,
                    "unackedMessages": subscription.unacked,
                    "type": subscription.kind,
                    "isDurable": subscription.durable,
                    "isReplicated": subscription.replicated,
                    "subscriptionProperties": object(subscription.properties),
                    "consumers": consumers.collect::<Vec<_>>(),
                });
                (subscription.name, answer)
            })
            .collect();
        Some(json!({ "subscriptions": subscriptions }))
    })
}

fn object(properties: Vec<(String, String)>) -> Map<String, Value> {
    properties.into_iter().map(|(key, value)| (key, Value::String(value))).collect()
}

fn answered(
    broker: &mut Broker,
    name: &str,
    answer: impl FnOnce(&mut Broker, &TopicName) -> Option<Value>,
) -> Answer {
    let found: Result<TopicName, Refusal> = known(broker, name);
    match found {
        Err(refusal) => refused(&refusal),
        Ok(name) => {
            answer(broker, &name).map_or_else(|| missing(&name), |json| Answer::Json(StatusCode::OK, json))
        }
    }
}
