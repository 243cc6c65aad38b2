use pulsar_rs_wire::proto::{
    CommandError, CommandProducer, CommandProducerSuccess, ProducerAccessMode, ServerError,
};

use crate::auth::Operation;
use crate::broker::Broker;
use crate::connection::{ConnectionId, ProducerState};
use crate::refusal::{Handled, Refusal};
use crate::topic::{Place, Producer, ProducerKey, TopicId};
use crate::topic_name::TopicName;

/// `Producer`: opens a producer on a topic, which is created if need be.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, wanted: &CommandProducer) -> Handled {
    let topic_name = TopicName::parse(&wanted.topic)?;
    broker.check_permission(id, Operation::Produce)?;
    if answer_known(broker, id, wanted)? {
        return Ok(());
    }
    let topic_id = find_topic(broker, &topic_name)?;
    let key = ProducerKey { connection: id, producer_id: wanted.producer_id };
    if broker.turn_producer_away(topic_id, key) {
        return Ok(());
    }
    let name = match wanted.producer_name.as_deref() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => broker.name_producer(),
    };
    let Some(topic) = broker.topic(topic_id) else { return Err(super::vanished().into()) };
    if topic.terminated {
        return Err(Refusal::new(ServerError::TopicTerminatedError, "Topic was already terminated").into());
    }
    let schema_version = match &wanted.schema {
        Some(schema) => topic.schemas.register(schema)?,
        None => Vec::new(),
    };
    let producer = Producer {
        key,
        name,
        mode: wanted.producer_access_mode(),
        topic_epoch: wanted.topic_epoch,
        request_id: wanted.request_id,
    };
    topic.producers.check_access(&producer)?;
    // Who fences the others out gets their names too.
    let fences = producer.mode == ProducerAccessMode::ExclusiveWithFencing;
    if let Some(holder) = topic.producers.named(&producer.name).filter(|_| !fences) {
        let holder = holder.key.connection;
        if holder == id {
            let (name, topic) = (&producer.name, &wanted.topic);
            let message = format!("Producer with name '{name}' is already connected to topic '{topic}'");
            return Err(Refusal::new(ServerError::ProducerBusy, message).into());
        }
        set_state(broker, id, wanted.producer_id, ProducerState::Pending);
        broker.claim(holder, id, wanted.clone().into());
        return Ok(());
    }
    create_initial_subscription(broker, topic_id, wanted);
    admit(broker, topic_id, producer, schema_version);
    Ok(())
}

/// Answers for a producer that the connection has already; true if that is all.
fn answer_known(broker: &mut Broker, id: ConnectionId, wanted: &CommandProducer) -> Result<bool, Refusal> {
    let Some(connection) = broker.connections.get_mut(id) else { return Ok(true) };
    connection.closed_producers.remove(&wanted.producer_id);
    let (topic_id, name) = match connection.producers.get(&wanted.producer_id) {
        None => return Ok(false),
        Some(ProducerState::Ready { topic, name }) => (*topic, name.clone()),
        Some(_) => {
            let message = "Producer is already present on the connection";
            return Err(Refusal::new(ServerError::ServiceNotReady, message));
        }
    };
    succeed(broker, topic_id, id, wanted.request_id, name, Vec::new());
    Ok(true)
}

fn find_topic(broker: &mut Broker, name: &TopicName) -> Result<TopicId, Refusal> {
    // Clients look topics up first, and learn there that the namespace is missing; a real broker then has
    // nothing better to say than that it does not serve the topic.
    if broker.registry.check_namespace(name).is_err() {
        let message = format!("Namespace of {} is not served by this broker", name.full);
        return Err(Refusal::new(ServerError::ServiceNotReady, message));
    }
    if broker.registry.is_missing_partition(name) {
        return Err(Refusal::new(ServerError::TopicNotFound, format!("Topic not found {}", name.full)));
    }
    Ok(broker.registry.find_or_create(name))
}

fn create_initial_subscription(broker: &mut Broker, topic_id: TopicId, wanted: &CommandProducer) {
    let Some(topic) = broker.topic(topic_id) else { return };
    let name = wanted.initial_subscription_name().to_owned();
    if topic.persistent && !name.is_empty() && topic.find_subscription(&name).is_none() {
        topic.create_subscription(name, true, Place::Earliest);
    }
}

fn admit(broker: &mut Broker, topic_id: TopicId, producer: Producer, schema_version: Vec<u8>) {
    let Some(topic) = broker.topic(topic_id) else { return };
    let Producer { key, name, request_id, .. } = producer.clone();
    let admitted = topic.producers.admit(producer);
    for turned_away in admitted.turned_away {
        forget(broker, turned_away.key);
        let message = "Fenced out".to_owned();
        let error = ServerError::ProducerFenced.into();
        let request_id = turned_away.request_id;
        broker.send(turned_away.key.connection, CommandError { request_id, error, message });
    }
    // As with a real broker, a producer learns that it was fenced when it sends, by a closed connection,
    // and then when it is opened again.
    for fenced in admitted.fenced {
        forget(broker, fenced);
    }
    let (id, producer_id) = (key.connection, key.producer_id);
    if admitted.queued {
        set_state(broker, id, producer_id, ProducerState::Queued { topic: topic_id, name: name.clone() });
        let waiting = CommandProducerSuccess {
            request_id,
            producer_name: name,
            last_sequence_id: Some(-1),
            schema_version: Some(schema_version),
            topic_epoch: None,
            producer_ready: Some(false),
        };
        broker.send(id, waiting);
    } else {
        set_state(broker, id, producer_id, ProducerState::Ready { topic: topic_id, name: name.clone() });
        succeed(broker, topic_id, id, request_id, name, schema_version);
    }
}

fn succeed(
    broker: &mut Broker,
    topic_id: TopicId,
    id: ConnectionId,
    request_id: u64,
    name: String,
    schema_version: Vec<u8>,
) {
    let deduplication = broker.deduplication;
    let Some(topic) = broker.topic(topic_id) else { return };
    let newest = if deduplication { topic.dedup.newest(&name) } else { None };
    let success = CommandProducerSuccess {
        request_id,
        last_sequence_id: Some(super::last_sequence_id(newest)),
        producer_name: name,
        schema_version: Some(schema_version),
        topic_epoch: topic.producers.epoch(),
        producer_ready: Some(true),
    };
    broker.send(id, success);
}

fn set_state(broker: &mut Broker, id: ConnectionId, producer_id: u64, state: ProducerState) {
    if let Some(connection) = broker.connections.get_mut(id) {
        connection.producers.insert(producer_id, state);
    }
}

fn forget(broker: &mut Broker, key: ProducerKey) {
    if let Some(connection) = broker.connections.get_mut(key.connection) {
        connection.producers.remove(&key.producer_id);
    }
}
