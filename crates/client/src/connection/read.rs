use std::sync::Arc;

use bytes::{Buf, BytesMut};
use pulsar_rs_wire::extension::CommandTopicMigrated;
use pulsar_rs_wire::hot::{Message, SendError, SendReceipt};
use pulsar_rs_wire::proto::{self, CommandPong};
use pulsar_rs_wire::{Command, FRAME_OVERHEAD, Kind, WireError, command, frame};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Assigned, ChannelClosed, Connection};
use crate::Error;

/// Read buffers are of this size: several batches a read, little enough that a message which is kept does
/// not hold much more than itself.
const CHUNK: usize = 128 * 1024;

/// With less room than this a new buffer is taken.
const MIN_ROOM: usize = 16 * 1024;

/// Reads and handles frames until the socket ends or the broker sends what cannot be understood.
pub(super) async fn read_frames(
    connection: &Arc<Connection>,
    mut socket: impl AsyncRead + Unpin,
    mut buffer: BytesMut,
) -> Error {
    let limit = connection.max_message_size + FRAME_OVERHEAD;
    loop {
        if let Err(error) = handle_frames(connection, &mut buffer, limit) {
            return Error::Disconnected(format!("the broker sent what is not the protocol: {error}"));
        }
        make_room(&mut buffer, limit);
        match socket.read_buf(&mut buffer).await {
            Ok(0) => return Error::Disconnected("the broker closed the connection".into()),
            Ok(_) => connection.mark_heard(),
            Err(error) => return Error::Disconnected(format!("read failed: {error}")),
        }
    }
}

/// Makes room for the rest of the frame that has begun, and no less than is worth a read. Memory for a large one is
/// taken as its bytes come: announcing it costs a broker nothing.
fn make_room(buffer: &mut BytesMut, limit: usize) {
    let frame = frame::frame_len(buffer, limit).ok().flatten().unwrap_or(0);
    let missing = frame.saturating_sub(buffer.len());
    let room = buffer.capacity() - buffer.len();
    if room < missing.clamp(MIN_ROOM, CHUNK) {
        buffer.reserve(missing.min(buffer.len()).max(CHUNK));
    }
}

fn handle_frames(connection: &Arc<Connection>, buffer: &mut BytesMut, limit: usize) -> Result<(), WireError> {
    while let Some(frame) = frame::peek(buffer, limit)? {
        let len = frame.len;
        match command::split(frame.command) {
            Ok((Kind::Message, body)) => {
                let message = Message::decode(body)?;
                let head = len - frame.payload.len();
                let mut payload = buffer.split_to(len);
                payload.advance(head);
                if let Some(consumer) = connection.channels.consumer(message.consumer_id) {
                    consumer.message(connection, message, payload.freeze());
                }
                continue;
            }
            Ok((Kind::SendReceipt, body)) => {
                let receipt = SendReceipt::decode(body)?;
                if let Some(producer) = connection.channels.producer(receipt.producer_id) {
                    producer.receipt(connection, &receipt);
                }
            }
            Ok((Kind::SendError, body)) => handle_send_error(connection, &SendError::decode(body)?),
            Ok((kind, body)) => handle_command(connection, Command::decode(kind, body)?),
            // A newer broker may tell us things that we do not know; they are not meant to harm.
            Err(WireError::UnknownCommand(number)) => {
                connection.log.info(format_args!("{} ignoring command {number}", connection.name));
            }
            Err(error) => return Err(error),
        }
        buffer.advance(len);
    }
    Ok(())
}

fn handle_send_error(connection: &Arc<Connection>, error: &SendError<'_>) {
    if let Some(producer) = connection.channels.producer(error.producer_id) {
        let text = String::from_utf8_lossy(error.message).into_owned();
        producer.send_error(connection, error.sequence_id, Error::from_server(error.error, text));
    }
}

fn handle_command(connection: &Arc<Connection>, command: Command) {
    let requests = &connection.requests;
    match command {
        Command::Ping(_) => connection.send(&CommandPong {}.into()),
        Command::Error(error) => {
            requests.answer(error.request_id, Err(Error::from_server(error.error, error.message)));
        }
        Command::CloseProducer(close) => {
            if let Some(producer) = connection.channels.remove_producer(close.producer_id) {
                let assigned = assigned(connection, close.assigned_broker_service_url);
                producer.closed(connection, ChannelClosed::ByBroker { assigned });
            }
        }
        Command::CloseConsumer(close) => {
            if let Some(consumer) = connection.channels.remove_consumer(close.consumer_id) {
                let assigned = assigned(connection, close.assigned_broker_service_url);
                consumer.closed(connection, ChannelClosed::ByBroker { assigned });
            }
        }
        Command::TopicMigrated(moved) => topic_moved(connection, moved),
        Command::ReachedEndOfTopic(end) => {
            if let Some(consumer) = connection.channels.consumer(end.consumer_id) {
                consumer.reached_end_of_topic();
            }
        }
        Command::WatchTopicUpdate(update) => connection.channels.tell_watcher(update.watcher_id),
        Command::ActiveConsumerChange(change) => {
            if let Some(consumer) = connection.channels.consumer(change.consumer_id) {
                consumer.active_changed(change.is_active());
            }
        }
        // Another producer has the topic for itself; this one waits until that goes.
        Command::ProducerSuccess(success) if success.producer_ready == Some(false) => {
            requests.queue(success.request_id);
        }
        Command::AckResponse(answer) => {
            let outcome = match answer.error {
                None => Ok(()),
                Some(code) => Err(Error::from_server(code, answer.message.unwrap_or_default())),
            };
            let consumer = connection.channels.consumer(answer.consumer_id);
            if let (Some(consumer), Some(id)) = (consumer, answer.request_id) {
                consumer.ack_answered(connection, id, outcome);
            }
        }
        other => match answered_request(&other) {
            Some(id) => {
                requests.answer(id, answer_of(other));
            }
            None => connection.log.debug(format_args!("{} ignoring {:?}", connection.name, other.kind())),
        },
    }
}

/// Number of the request that a command answers.
fn answered_request(command: &Command) -> Option<u64> {
    match command {
        Command::Success(answer) => Some(answer.request_id),
        Command::ProducerSuccess(answer) => Some(answer.request_id),
        Command::PartitionedMetadataResponse(answer) => Some(answer.request_id),
        Command::LookupResponse(answer) => Some(answer.request_id),
        Command::GetLastMessageIdResponse(answer) => Some(answer.request_id),
        Command::GetTopicsOfNamespaceResponse(answer) => Some(answer.request_id),
        Command::GetSchemaResponse(answer) => Some(answer.request_id),
        Command::GetOrCreateSchemaResponse(answer) => Some(answer.request_id),
        Command::ConsumerStatsResponse(answer) => Some(answer.request_id),
        Command::WatchTopicListSuccess(answer) => Some(answer.request_id),
        _ => None,
    }
}

/// Some answers carry their error inside.
fn answer_of(command: Command) -> Result<Command, Error> {
    use proto::command_lookup_topic_response::LookupType as Lookup;
    use proto::command_partitioned_topic_metadata_response::LookupType as Metadata;
    let (code, message) = match &command {
        Command::LookupResponse(answer) if answer.response == Some(Lookup::Failed.into()) => {
            (answer.error.unwrap_or_default(), &answer.message)
        }
        Command::PartitionedMetadataResponse(answer) if answer.response == Some(Metadata::Failed.into()) => {
            (answer.error.unwrap_or_default(), &answer.message)
        }
        Command::GetSchemaResponse(answer) if answer.error_code.is_some() => {
            (answer.error_code.unwrap_or_default(), &answer.error_message)
        }
        Command::GetOrCreateSchemaResponse(answer) if answer.error_code.is_some() => {
            (answer.error_code.unwrap_or_default(), &answer.error_message)
        }
        _ => return Ok(command),
    };
    Err(Error::from_server(code, message.clone().unwrap_or_default()))
}

fn assigned(connection: &Connection, url: Option<String>) -> Option<Assigned> {
    url.map(|url| Assigned { url, cluster: connection.cluster() })
}

/// The topic of a producer or consumer was moved to another cluster.
fn topic_moved(connection: &Arc<Connection>, moved: CommandTopicMigrated) {
    const PRODUCER: i32 = 0;
    let id = moved.resource_id;
    let url = moved.broker_service_url;
    if moved.resource_type == PRODUCER {
        if let Some(producer) = connection.channels.producer(id) {
            producer.moved(connection, url);
        }
    } else if let Some(consumer) = connection.channels.consumer(id) {
        consumer.moved(connection, url);
    }
}
