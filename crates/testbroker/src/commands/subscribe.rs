use pulsar_rs_wire::proto::command_subscribe::{InitialPosition, SubType};
use pulsar_rs_wire::proto::{CommandSubscribe, CommandSuccess, KeySharedMode, KeyValue, Schema, ServerError};

use crate::auth::Operation;
use crate::broker::{Broker, milliseconds};
use crate::connection::{ConnectionId, ConsumerState};
use crate::refusal::{Failure, Handled, Refusal};
use crate::subscription::{Consumer, ConsumerKey, KeyPolicy, Objection};
use crate::topic::{Place, SubscriptionId, Topic, TopicId};
use crate::topic_name::TopicName;

/// Type of a schema that stands for all: `Schema.Type.AutoConsume`, newer than the generated messages.
const AUTO_CONSUME: i32 = 21;

/// `Subscribe`: opens a consumer. Topic and subscription are created if need be.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, wanted: &CommandSubscribe) -> Handled {
    let name = TopicName::parse(&wanted.topic)?;
    broker.check_permission(id, Operation::Consume)?;
    if wanted.subscription.trim().is_empty() {
        // The code is the one that a real broker gives.
        return Err(Refusal::new(ServerError::ProducerBusy, "Empty subscription name").into());
    }
    if answer_known(broker, id, wanted)? {
        return Ok(());
    }
    let topic_id = find_topic(broker, &name, wanted)?;
    let key = ConsumerKey { connection: id, consumer_id: wanted.consumer_id };
    if broker.turn_consumer_away(topic_id, key) {
        return Ok(());
    }
    let Some(topic) = broker.topic(topic_id) else { return Err(super::vanished().into()) };
    // Who takes any schema brings none.
    let brings = |schema: &&Schema| schema.r#type != AUTO_CONSUME;
    if let Some(schema) = wanted.schema.as_ref().filter(brings) {
        topic.schemas.register(schema)?;
    }
    check_compacted(topic, wanted)?;
    let policy = key_policy(wanted);
    let subscription_id = match topic.find_subscription(&wanted.subscription) {
        Some(found) => {
            match check(topic, found, wanted, &policy) {
                Ok(()) => {}
                Err(Objection::Refused(refusal)) => return Err(refusal.into()),
                Err(Objection::HeldBy(holder)) => return claim(broker, id, wanted, holder),
            }
            found
        }
        None => create(topic, wanted, &policy)?,
    };
    add(broker, id, wanted, (topic_id, subscription_id), policy);
    Ok(())
}

/// Answers for a consumer that the connection has already; true if that is all.
fn answer_known(broker: &mut Broker, id: ConnectionId, wanted: &CommandSubscribe) -> Result<bool, Refusal> {
    let connection = broker.connections.get(id);
    match connection.and_then(|connection| connection.consumers.get(&wanted.consumer_id)) {
        None => Ok(false),
        Some(ConsumerState::Ready { .. }) => {
            broker.send(id, CommandSuccess { request_id: wanted.request_id, schema: None });
            Ok(true)
        }
        Some(ConsumerState::Pending) => {
            let message = "Consumer is already present on the connection";
            Err(Refusal::new(ServerError::ServiceNotReady, message))
        }
    }
}

fn find_topic(broker: &mut Broker, name: &TopicName, wanted: &CommandSubscribe) -> Result<TopicId, Refusal> {
    let registry = &mut broker.registry;
    if registry.check_namespace(name).is_err() {
        let message = format!("Namespace of {} is not served by this broker", name.full);
        return Err(Refusal::new(ServerError::ServiceNotReady, message));
    }
    let creates = wanted.force_topic_creation() && !registry.is_missing_partition(name);
    match registry.find(name) {
        Some(found) => Ok(found),
        None if creates => Ok(registry.find_or_create(name)),
        None => {
            let message = format!("Topic {} does not exist", name.full);
            Err(Refusal::new(ServerError::TopicNotFound, message))
        }
    }
}

/// Only who reads alone, from messages that are stored, can read them compacted.
fn check_compacted(topic: &Topic, wanted: &CommandSubscribe) -> Result<(), Refusal> {
    let message = match wanted.sub_type() {
        _ if !wanted.read_compacted() => return Ok(()),
        _ if !topic.persistent => "readCompacted only valid on persistent topics",
        SubType::Exclusive | SubType::Failover => return Ok(()),
        SubType::Shared | SubType::KeyShared => {
            "readCompacted only allowed on failover or exclusive subscriptions"
        }
    };
    Err(Refusal::new(ServerError::NotAllowedError, message))
}

fn key_policy(wanted: &CommandSubscribe) -> KeyPolicy {
    let Some(meta) = &wanted.key_shared_meta else { return KeyPolicy::default() };
    let ranges = || meta.hash_ranges.iter().map(|range| (range.start, range.end)).collect();
    KeyPolicy {
        sticky: (meta.key_shared_mode() == KeySharedMode::Sticky).then(ranges),
        out_of_order: meta.allow_out_of_order_delivery(),
    }
}

fn check(
    topic: &mut Topic,
    id: SubscriptionId,
    wanted: &CommandSubscribe,
    policy: &KeyPolicy,
) -> Result<(), Objection> {
    let Some(subscription) = topic.subscription(id) else { return Err(super::vanished().into()) };
    if subscription.durable != wanted.durable() {
        let kind = if subscription.durable { "Durable" } else { "NonDurable" };
        let message = format!("{kind} subscription with the same name already exists.");
        return Err(Refusal::new(ServerError::NotAllowedError, message).into());
    }
    subscription.check(wanted.sub_type(), policy)
}

fn claim(broker: &mut Broker, id: ConnectionId, wanted: &CommandSubscribe, holder: ConnectionId) -> Handled {
    if holder == id {
        let message = "Exclusive consumer is already connected";
        return Err(Refusal::new(ServerError::ConsumerBusy, message).into());
    }
    if let Some(connection) = broker.connections.get_mut(id) {
        connection.consumers.insert(wanted.consumer_id, ConsumerState::Pending);
    }
    broker.claim(holder, id, wanted.clone().into());
    Ok(())
}

fn create(
    topic: &mut Topic,
    wanted: &CommandSubscribe,
    policy: &KeyPolicy,
) -> Result<SubscriptionId, Failure> {
    let (name, durable) = (wanted.subscription.clone(), wanted.durable());
    let place = starting_place(topic, wanted);
    let id = topic.create_subscription(name, durable, place);
    if place == Place::Earliest && wanted.read_compacted() {
        topic.start_compacted(id);
    }
    if let Some(subscription) = topic.subscription_mut(id) {
        subscription.properties = pairs(&wanted.subscription_properties);
        subscription.replicated = wanted.replicate_subscription_state();
    }
    match check(topic, id, wanted, policy) {
        Ok(()) => Ok(id),
        Err(Objection::HeldBy(_)) => Err(super::vanished().into()),
        Err(Objection::Refused(refusal)) => {
            topic.remove_subscription(id);
            Err(refusal.into())
        }
    }
}

fn pairs(properties: &[KeyValue]) -> Vec<(String, String)> {
    properties.iter().map(|property| (property.key.clone(), property.value.clone())).collect()
}

/// Where a new subscription starts. As with a real broker, only one that is not durable looks at the start
/// message id, and where that is far behind all entries the initial position decides.
fn starting_place(topic: &Topic, wanted: &CommandSubscribe) -> Place {
    if let Some(start) = wanted.start_message_id.as_ref().filter(|_| !wanted.durable()) {
        match topic.ledgers.place_of(start) {
            Place::Latest => {}
            Place::Entry(number) if number > topic.log.end() => {}
            place => return place,
        }
    }
    match wanted.start_message_rollback_duration_sec.filter(|seconds| *seconds > 0) {
        Some(seconds) => {
            let time = milliseconds().saturating_sub(seconds.saturating_mul(1000));
            Place::Entry(topic.log.first_published_at(time))
        }
        None if wanted.initial_position() == InitialPosition::Earliest => Place::Earliest,
        None => Place::Latest,
    }
}

fn add(
    broker: &mut Broker,
    id: ConnectionId,
    wanted: &CommandSubscribe,
    (topic_id, subscription_id): (TopicId, SubscriptionId),
    policy: KeyPolicy,
) {
    let Some(topic) = broker.registry.get_mut(topic_id) else { return };
    let Some(subscription) = topic.subscription_mut(subscription_id) else { return };
    let key = ConsumerKey { connection: id, consumer_id: wanted.consumer_id };
    let consumer = Consumer {
        epoch: wanted.consumer_epoch,
        keys: policy,
        read_compacted: wanted.read_compacted(),
        metadata: pairs(&wanted.metadata),
        ..Consumer::new(key, wanted.consumer_name().to_owned(), wanted.priority_level())
    };
    subscription.add(consumer, wanted.sub_type(), &mut broker.connections);
    if let Some(connection) = broker.connections.get_mut(id) {
        let state = ConsumerState::Ready { topic: topic_id, subscription: subscription_id };
        connection.consumers.insert(wanted.consumer_id, state);
    }
    broker.send(id, CommandSuccess { request_id: wanted.request_id, schema: None });
    broker.mark_dirty(topic_id, subscription_id);
}
