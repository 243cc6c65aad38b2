//! Lookups over HTTP.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use hyper::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::{Addresses, LookupConfig, TopicQuery, believable, places, share};
use crate::auth::Identity;
use crate::blocking::ended;
use crate::connection::Broker;
use crate::error::legible;
use crate::gate::{Gate, Returning};
use crate::http::{HttpAnswer, HttpRequest, send};
use crate::service_url::Address;
use crate::tls::Connector;
use crate::{Error, TopicName};

/// Requests at the same time, whatever the configuration permits: each has a connection of its own.
const AT_ONCE: usize = 16;

/// Says whether a broker serves clients. Brokers that do not know it are up as well.
const HEALTH: &str = "/admin/v2/brokers/ready";

/// Bytes of a list of topics, at most: a namespace with 100,000 topics whose names are as long as can be expected, of some
/// hundred characters, has a quarter of it.
const MAX_TOPIC_LIST: usize = 64 << 20;

/// Topics of a namespace, at most. Each costs memory here, more than the characters of its name.
const MAX_TOPICS: usize = 1_000_000;

/// What does not stand for itself in a path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Asks the brokers' REST interface. The brokers that it names are connected to directly.
#[derive(Debug)]
pub(crate) struct HttpLookup {
    addresses: Addresses,
    /// TLS is spoken with the service, and with the brokers that it names.
    pub(super) tls: bool,
    connector: Connector,
    identity: Identity,
    redirects_keep_authorization: bool,
    listener_name: Option<String>,
    runtime: Handle,
    connect_timeout: Duration,
    /// For each address, so that one that does not answer leaves time for the others.
    patience: Duration,
    /// A place for each request at the same time.
    places: Semaphore,
    gate: Gate,
}

impl HttpLookup {
    pub(super) fn new(addresses: Addresses, tls: bool, config: &LookupConfig) -> Self {
        HttpLookup {
            patience: share(config.operation_timeout, &addresses),
            addresses,
            tls,
            connector: config.connector.clone(),
            identity: config.identity.clone(),
            redirects_keep_authorization: config.redirects_keep_authorization,
            listener_name: config.listener_name.clone(),
            runtime: config.runtime.clone(),
            connect_timeout: config.connect_timeout,
            places: places(config.concurrent.min(AT_ONCE)),
            gate: Gate::default(),
        }
    }

    /// The broker that serves `topic`, for one who comes back by himself, if it is one.
    pub async fn broker(&self, returning: Option<&Returning>, topic: &TopicName) -> Result<Broker, Error> {
        let parts = Parts::of(topic);
        let prefix = if parts.cluster.is_some() { "/lookup/v2/destination" } else { "/lookup/v2/topic" };
        let query = self.listener_name.as_deref().map(|name| format!("?listenerName={}", encoded(name)));
        let path = format!("{prefix}/{}{}", parts.path()?, query.unwrap_or_default());
        let answer = self.ask(topic, Question { returning, ..Question::new(path) }).await?;
        Ok(Broker::direct(broker_in(topic, &answer, self.tls)?))
    }

    /// Number of partitions of `topic`; 0 when it has none.
    pub async fn partitions(&self, returning: Option<&Returning>, topic: &TopicName) -> Result<u32, Error> {
        let parts = Parts::of(topic);
        let prefix = if parts.cluster.is_some() { "/admin" } else { "/admin/v2" };
        let path = format!("{prefix}/{}/partitions?checkAllowAutoCreation=true", parts.path()?);
        let question = Question { returning, ..Question::new(path) };
        partitions_in(topic, &self.ask(topic, question).await?)
    }

    /// Full names of the topics of a namespace.
    pub async fn topics(
        &self,
        returning: Option<&Returning>,
        query: &TopicQuery,
    ) -> Result<Vec<String>, Error> {
        let mode = match query.mode {
            Mode::Persistent => "PERSISTENT",
            Mode::NonPersistent => "NON_PERSISTENT",
            Mode::All => "ALL",
        };
        let namespace: Vec<_> = query.namespace.split('/').map(encoded).collect();
        let path = format!("/admin/v2/namespaces/{}/topics?mode={mode}", namespace.join("/"));
        let question = Question { max_answer: Some(MAX_TOPIC_LIST), returning, ..Question::new(path) };
        topics_in(&query.namespace, &self.ask(&query.namespace, question).await?)
    }

    /// A request to one of the addresses, answered with anything but a server error, also with a refusal.
    pub async fn probe(&self, patience: Duration) -> Result<(), Error> {
        let patience = share(patience, &self.addresses);
        let mut outcome = Err(Error::Connect("the service URL names no address".into()));
        for address in self.addresses.all() {
            outcome = self.ask_one(address, &Question::new(HEALTH.to_owned()), patience).await.map(drop);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// The answer to a question about a topic or namespace.
    async fn ask(
        &self,
        topic: &(impl fmt::Display + Sync),
        question: Question<'_>,
    ) -> Result<Vec<u8>, Error> {
        let (turn, place) = loop {
            // In this order: to pass the gate may take long.
            let turn = self.gate.pass(question.returning).await?;
            // The semaphore is never closed.
            let place = self.places.acquire().await;
            if turn.is_good() {
                break (turn, place);
            }
        };
        let answer = self.ask_with_place(topic, &question).await;
        self.gate.settle(answer.as_ref().err());
        drop((turn, place));
        if let (Err(error), Some(returning)) = (&answer, question.returning) {
            returning.failed(error);
        }
        answer
    }

    async fn ask_with_place(
        &self,
        topic: &(impl fmt::Display + Sync),
        question: &Question<'_>,
    ) -> Result<Vec<u8>, Error> {
        let body = body_in(topic, self.ask_any(question).await?);
        if matches!(body, Err(Error::Authentication(_))) {
            self.identity.refused();
        }
        body
    }

    /// The answer of the first address that has one.
    async fn ask_any(&self, question: &Question<'_>) -> Result<HttpAnswer, Error> {
        let mut round = self.addresses.round();
        while let Some(address) = round.next() {
            match self.ask_one(address, question, self.patience).await {
                Ok(answer) => {
                    round.succeeded();
                    return Ok(answer);
                }
                Err(error) => round.failed(error),
            }
        }
        Err(round.failure())
    }

    /// The answer of one address. It fails when there is none, and when the next address may have a better one.
    async fn ask_one(
        &self,
        address: &Address,
        question: &Question<'_>,
        patience: Duration,
    ) -> Result<HttpAnswer, Error> {
        let scheme = if address.tls { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{address}{}", question.path))
            .map_err(|error| Error::InvalidUrl(format!("{address}: {error}")))?;
        let (connector, connect_timeout) = (self.connector.clone(), self.connect_timeout.min(patience));
        let max_answer = question.max_answer;
        let (identity, redirects_keep_authorization) =
            (self.identity.clone(), self.redirects_keep_authorization);
        let asking = async move {
            let credentials = identity.http_headers().await?;
            let get = HttpRequest::get(url);
            let max_answer = max_answer.unwrap_or(get.max_answer);
            let request = HttpRequest { credentials, redirects_keep_authorization, max_answer, ..get };
            send(request, &connector, connect_timeout).await
        };
        let asking = timeout(patience, asking);
        // Ended when nobody waits any more.
        let mut task = JoinSet::new();
        task.spawn_on(asking, &self.runtime);
        let outcome = match task.join_next().await {
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) => return Err(ended("what asks over HTTP", &error)),
            // There is one.
            None => return Err(Error::Unknown("nothing was asked".into())),
        };
        let answer =
            outcome.map_err(|_| Error::Timeout(format!("{address}: no answer within {patience:?}")))??;
        if answer.status.is_server_error() {
            return Err(Error::ServiceUnitNotReady(format!("{address}: {}", describe(&answer))));
        }
        Ok(answer)
    }
}

/// What is asked for.
struct Question<'a> {
    /// With the query.
    path: String,
    /// Bytes of the answer, at most, if it may have more than most.
    max_answer: Option<usize>,
    /// Who asks, if nobody waits for him.
    returning: Option<&'a Returning>,
}

impl Question<'_> {
    fn new(path: String) -> Self {
        Question { path, max_answer: None, returning: None }
    }
}

/// The body of an answer, unless it is a refusal.
pub(super) fn body_in(topic: &impl fmt::Display, answer: HttpAnswer) -> Result<Vec<u8>, Error> {
    if answer.status.is_success() { Ok(answer.body) } else { Err(refusal(topic, &answer)) }
}

/// The broker that an answer names.
pub(super) fn broker_in(topic: &TopicName, answer: &[u8], tls: bool) -> Result<Address, Error> {
    let answer = json(topic, answer)?;
    // The second name is the one that older brokers have for it.
    let (names, how): (&[_], _) =
        if tls { (&["brokerUrlTls", "brokerUrlSsl"], "with") } else { (&["brokerUrl"], "without") };
    let mut urls = names.iter().filter_map(|name| answer.get(name)?.as_str());
    match urls.find(|url| !url.is_empty()) {
        Some(url) => Address::parse_broker_url(url, tls),
        None => Err(Error::Lookup(format!("{topic}: the answer names no broker {how} TLS"))),
    }
}

/// The number of partitions that an answer tells.
pub(super) fn partitions_in(topic: &TopicName, answer: &[u8]) -> Result<u32, Error> {
    let answer = json(topic, answer)?;
    let count = answer.get("partitions").and_then(Value::as_u64);
    believable(topic, count.ok_or_else(|| Error::Lookup(format!("{topic}: answered without a number")))?)
}

/// The topics that an answer lists.
pub(super) fn topics_in(namespace: &str, answer: &[u8]) -> Result<Vec<String>, Error> {
    // Each name stands between two quotes.
    if answer.split(|byte| *byte == b'"').count() / 2 > MAX_TOPICS {
        return Err(Error::Lookup(format!("{namespace}: the answer has more than {MAX_TOPICS} topics")));
    }
    serde_json::from_slice(answer).map_err(|error| not_expected(&namespace, &error))
}

fn json(topic: &impl fmt::Display, answer: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(answer).map_err(|error| not_expected(topic, &error))
}

fn not_expected(topic: &impl fmt::Display, error: &serde_json::Error) -> Error {
    Error::Lookup(format!("{topic}: the answer is not the JSON expected: {error}"))
}

/// The error for a status that will be the same the next time.
fn refusal(topic: &impl fmt::Display, answer: &HttpAnswer) -> Error {
    let text = format!("{topic}: {}", describe(answer));
    match answer.status {
        // So brokers say as well that a role may not do it. Only they give a reason: who is not known gets a page in HTML.
        StatusCode::UNAUTHORIZED if has_reason(answer) => Error::Authorization(text),
        // Not the topic's: whichever is asked for, the answer is the same.
        StatusCode::UNAUTHORIZED => Error::Authentication(describe(answer)),
        StatusCode::FORBIDDEN => Error::Authorization(text),
        StatusCode::NOT_FOUND => Error::TopicNotFound(text),
        // So brokers say that a name is malformed.
        StatusCode::PRECONDITION_FAILED => Error::InvalidTopicName(text),
        StatusCode::TOO_MANY_REQUESTS => Error::TooManyLookups(text),
        _ => Error::Lookup(text),
    }
}

fn has_reason(answer: &HttpAnswer) -> bool {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    json.is_some_and(|json| json.get("reason").is_some_and(Value::is_string))
}

/// The status and the reason that the broker gives.
fn describe(answer: &HttpAnswer) -> String {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let reason = json.as_ref().and_then(|json| json.get("reason")?.as_str()).unwrap_or_default();
    // In an unexpected error the message stands between a headline and the stack trace.
    let message = reason.split_once("Message: ").map_or(reason, |(_, message)| message);
    let line = message.trim_start().lines().next().unwrap_or_default();
    let line = legible(line);
    if line.is_empty() {
        format!("HTTP {}", answer.status)
    } else {
        format!("{line} (HTTP {})", answer.status)
    }
}

/// The parts of a topic's name that stand in paths.
struct Parts<'a> {
    domain: &'a str,
    tenant: &'a str,
    /// In names of the old form only.
    cluster: Option<&'a str>,
    namespace: &'a str,
    local: &'a str,
}

impl<'a> Parts<'a> {
    fn of(topic: &'a TopicName) -> Self {
        let (domain, rest) = topic.as_str().split_once("://").unwrap_or_default();
        let mut parts = rest.splitn(4, '/');
        let mut next = || parts.next().unwrap_or_default();
        let (tenant, second, third, fourth) = (next(), next(), next(), parts.next());
        match fourth {
            None => Parts { domain, tenant, cluster: None, namespace: second, local: third },
            Some(local) => Parts { domain, tenant, cluster: Some(second), namespace: third, local },
        }
    }

    fn path(&self) -> Result<String, Error> {
        let parts =
            [Some(self.domain), Some(self.tenant), self.cluster, Some(self.namespace), Some(self.local)];
        let mut path = Vec::new();
        for part in parts.into_iter().flatten() {
            // However it is written, that would lead to another place.
            if matches!(part, "." | "..") {
                return Err(Error::InvalidTopicName(format!("{part:?} cannot be asked for over HTTP")));
            }
            path.push(encoded(part));
        }
        Ok(path.join("/"))
    }
}

fn encoded(part: &str) -> Cow<'_, str> {
    utf8_percent_encode(part, ENCODED).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::MAX_LEGIBLE;

    #[test]
    fn names_become_paths() {
        for (name, path) in [
            ("t", "persistent/public/default/t"),
            ("non-persistent://a/b/c", "non-persistent/a/b/c"),
            ("x y+ü%2F?#", "persistent/public/default/x%20y%2B%C3%BC%252F%3F%23"),
            ("persistent://a/b/c/d/e", "persistent/a/b/c/d%2Fe"),
        ] {
            assert_eq!(Parts::of(&TopicName::parse(name).unwrap()).path().unwrap(), path);
        }
        for name in ["persistent://../../x", "persistent://public/default/..", "persistent://public/./x"] {
            let refused = Parts::of(&TopicName::parse(name).unwrap()).path();
            assert!(matches!(refused, Err(Error::InvalidTopicName(_))), "{refused:?}");
        }
    }

    #[test]
    fn who_is_not_known_is_told_from_who_may_not() {
        let refusal =
            |status: StatusCode, body: &str| refusal(&"t", &HttpAnswer { status, body: body.into() });
        let unknown = refusal(StatusCode::UNAUTHORIZED, "<html>Authentication required</html>");
        assert!(matches!(unknown, Error::Authentication(_)), "{unknown:?}");
        let forbidden = r#"{"reason":"Unauthorized to validateTopicOperation for operation [LOOKUP]"}"#;
        for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
            let refused = refusal(status, forbidden);
            assert!(matches!(refused, Error::Authorization(_)), "{refused:?}");
        }
    }

    #[test]
    fn reasons_are_one_line() {
        let describe =
            |body: &str| describe(&HttpAnswer { status: StatusCode::NOT_FOUND, body: body.into() });
        assert_eq!(
            describe(r#"{"reason":"Namespace not found"}"#),
            "Namespace not found (HTTP 404 Not Found)"
        );
        let unexpected =
            r#"{"reason":"\n --- An error ---\n\nMessage: no such listener\n\nStacktrace:\n\tat x"}"#;
        assert_eq!(describe(unexpected), "no such listener (HTTP 404 Not Found)");
        assert_eq!(describe("<html>"), "HTTP 404 Not Found");
        assert_eq!(describe(r#"{"reason":"a\rb\u001b[2J"}"#), "a b [2J (HTTP 404 Not Found)");
        let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(10_000));
        assert!(describe(&long).len() < MAX_LEGIBLE + 30);
    }
}
