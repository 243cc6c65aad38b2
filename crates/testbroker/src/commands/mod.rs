//! The commands that the broker serves, one file each.

// All handlers have the same signature, those that cannot fail too.
#![allow(clippy::unnecessary_wraps)]

mod ack;
mod auth_response;
mod close_consumer;
mod close_producer;
mod connect;
mod consumer_stats;
mod flow;
mod get_last_message_id;
mod get_or_create_schema;
mod get_schema;
mod get_topics;
mod lookup;
mod partitioned_metadata;
mod producer;
mod redeliver;
mod refuse;
mod seek;
mod send;
mod subscribe;
mod unsubscribe;
mod unsupported;
mod watch_topics;

use bytes::Bytes;
use pulsar_rs_wire::command::split;
use pulsar_rs_wire::frame::Frame;
use pulsar_rs_wire::proto::{CommandPong, ServerError};
use pulsar_rs_wire::{Command, Kind, WireError};

use crate::broker::Broker;
use crate::connection::{ConnectionId, ConsumerState};
use crate::refusal::{Failure, Handled, Refusal};
use crate::topic::{SubscriptionId, TopicId};

pub(crate) use connect::SERVER_VERSION;
pub(crate) use refuse::refuse;

/// Handles one frame. An error ends the connection.
pub(crate) fn handle(
    broker: &mut Broker,
    id: ConnectionId,
    frame: &Frame<'_>,
    frames: &Bytes,
) -> Result<(), String> {
    let (kind, body) = match split(frame.command) {
        Ok(found) => found,
        Err(WireError::UnknownCommand(number)) => {
            return unsupported::unknown(broker, id, number, frame.command);
        }
        Err(error) => return Err(error.to_string()),
    };
    broker.faults.count(kind);
    let connection = broker.connections.get(id).ok_or("connection is gone")?;
    if connection.connected == (kind == Kind::Connect) {
        return Err(format!("{kind:?} does not belong here"));
    }
    let handled = match kind {
        Kind::Send => send::handle(broker, id, body, frame.payload, frames),
        Kind::Ack => ack::handle(broker, id, body),
        Kind::Flow => flow::handle(broker, id, body),
        _ => {
            let command = Command::decode(kind, body).map_err(|error| error.to_string())?;
            // Credentials are nothing for a log.
            broker.trace(id, || {
                let secret = matches!(kind, Kind::Connect | Kind::AuthResponse);
                if secret { format!("> {kind:?}") } else { format!("> {command:?}") }
            });
            return answer(broker, id, &command);
        }
    };
    match handled {
        Ok(()) => Ok(()),
        Err(Failure::Refused(refusal)) => Err(refusal.message),
        Err(Failure::Close(why)) => Err(why),
    }
}

/// Handles a command once more, whose claim on an older connection was granted.
pub(crate) fn handle_again(broker: &mut Broker, id: ConnectionId, command: &Command) {
    if let Err(why) = serve(broker, id, command) {
        broker.trace(id, || why);
        broker.close_connection(id);
    }
}

/// Handles a command, unless it is to fail.
fn answer(broker: &mut Broker, id: ConnectionId, command: &Command) -> Result<(), String> {
    if let Some(refusal) = broker.faults.take(command.kind()) {
        refuse(broker, id, command, &refusal);
        return Ok(());
    }
    serve(broker, id, command)
}

fn serve(broker: &mut Broker, id: ConnectionId, command: &Command) -> Result<(), String> {
    match run(broker, id, command) {
        Ok(()) => Ok(()),
        Err(Failure::Close(why)) => Err(why),
        Err(Failure::Refused(refusal)) => {
            refuse(broker, id, command, &refusal);
            Ok(())
        }
    }
}

fn run(broker: &mut Broker, id: ConnectionId, command: &Command) -> Handled {
    match command {
        Command::Connect(connect) => connect::handle(broker, id, connect),
        Command::Ping(_) => {
            broker.send(id, CommandPong {});
            Ok(())
        }
        // It has done its work by arriving.
        Command::Pong(_) => Ok(()),
        Command::AuthResponse(response) => auth_response::handle(broker, id, response),
        Command::Lookup(lookup) => lookup::handle(broker, id, lookup),
        Command::PartitionedMetadata(asked) => partitioned_metadata::handle(broker, id, asked),
        Command::Producer(producer) => producer::handle(broker, id, producer),
        Command::CloseProducer(close) => close_producer::handle(broker, id, close),
        Command::Subscribe(subscribe) => subscribe::handle(broker, id, subscribe),
        Command::CloseConsumer(close) => close_consumer::handle(broker, id, close),
        Command::Unsubscribe(unsubscribe) => unsubscribe::handle(broker, id, unsubscribe),
        Command::RedeliverUnacknowledgedMessages(redeliver) => redeliver::handle(broker, id, redeliver),
        Command::Seek(seek) => seek::handle(broker, id, seek),
        Command::GetLastMessageId(asked) => get_last_message_id::handle(broker, id, asked),
        Command::ConsumerStats(asked) => consumer_stats::handle(broker, id, asked),
        Command::GetTopicsOfNamespace(asked) => get_topics::handle(broker, id, asked),
        Command::GetSchema(asked) => get_schema::handle(broker, id, asked),
        Command::GetOrCreateSchema(asked) => get_or_create_schema::handle(broker, id, asked),
        Command::WatchTopicList(wanted) => watch_topics::handle(broker, id, wanted),
        Command::WatchTopicListClose(close) => watch_topics::close(broker, id, close),
        answer => Err(Failure::Close(format!("{:?} is not for brokers", answer.kind()))),
    }
}

/// Where a consumer of a connection belongs; refused where there is no such consumer.
fn consumer_place(
    broker: &Broker,
    id: ConnectionId,
    consumer_id: u64,
) -> Result<(TopicId, SubscriptionId), Refusal> {
    let state = broker.connections.get(id).and_then(|connection| connection.consumers.get(&consumer_id));
    match state {
        Some(ConsumerState::Ready { topic, subscription }) => Ok((*topic, *subscription)),
        _ => Err(Refusal::new(ServerError::MetadataError, "Consumer not found")),
    }
}

/// A newest sequence id as commands carry it: -1 for none.
pub(crate) fn last_sequence_id(newest: Option<u64>) -> i64 {
    newest.map_or(-1, |newest| i64::try_from(newest).unwrap_or(i64::MAX))
}

/// Where a topic, consumer or the like was found a moment ago and is not now.
fn vanished() -> Refusal {
    Refusal::new(ServerError::UnknownError, "The topic or subscription is gone")
}
