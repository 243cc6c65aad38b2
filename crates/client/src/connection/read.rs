use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use pulsar_rs_wire::extension::CommandTopicMigrated;
use pulsar_rs_wire::hot::{Message, SendError, SendReceipt};
use pulsar_rs_wire::proto::{self, CommandPong};
use pulsar_rs_wire::{Command, FRAME_OVERHEAD, Kind, WireError, command, frame};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::read_memory::ReadMemory;
use super::{Assigned, ChannelClosed, Connection, ConsumerChannel};
use crate::Error;
use crate::service_url::ServiceUrl;

/// Receivers are told of what came after so many bytes or entries, if more comes all the time.
const TELL_AFTER: usize = 512 * 1024;
const TELL_AFTER_ENTRIES: usize = 256;

/// A connection that has nothing to read for so long gives the memory back that it reads into.
const QUIET: Duration = Duration::from_secs(1);

/// Reads and handles frames until the socket ends or the broker sends what cannot be understood.
pub(super) async fn read_frames(
    connection: &Arc<Connection>,
    mut socket: impl AsyncRead + Unpin,
    mut buffer: BytesMut,
) -> Error {
    let limit = connection.max_message_size + FRAME_OVERHEAD;
    let mut memory = ReadMemory::default();
    let mut arrivals = Arrivals::default();
    loop {
        if let Err(error) = handle_frames(connection, &mut buffer, limit, &mut arrivals) {
            return Error::Disconnected(format!("the broker sent what is not the protocol: {error}"));
        }
        let frame = frame::frame_len(&buffer, limit).ok().flatten().unwrap_or(0);
        let missing = frame.saturating_sub(buffer.len());
        let room = memory.make_room(&mut buffer, missing);
        let into = (&mut buffer).limit(room);
        match read(&mut socket, into, &mut memory, &mut arrivals).await {
            Ok(0) => return Error::Disconnected("the broker closed the connection".into()),
            Ok(count) => {
                connection.mark_heard();
                memory.was_read(count, room);
                arrivals.count(count);
            }
            Err(error) => return Error::Disconnected(format!("read failed: {error}")),
        }
    }
}

/// Reads what is there; before it waits, it wakes the receivers of what came.
async fn read(
    socket: &mut (impl AsyncRead + Unpin),
    mut into: impl BufMut,
    memory: &mut ReadMemory,
    arrivals: &mut Arrivals,
) -> io::Result<usize> {
    let mut reading = pin!(socket.read_buf(&mut into));
    let at_once = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
    if let Poll::Ready(outcome) = at_once {
        return outcome;
    }
    arrivals.tell();
    if memory.is_worth_releasing() {
        match timeout(QUIET, reading.as_mut()).await {
            Ok(outcome) => return outcome,
            Err(_) => memory.release(),
        }
    }
    reading.await
}

/// Consumers for which entries came that their receivers were not woken for: one is woken for many.
#[derive(Default)]
struct Arrivals {
    consumers: Vec<Arc<dyn ConsumerChannel>>,
    entries: usize,
    bytes: usize,
}

impl Arrivals {
    /// An entry came; its consumer, if its receivers do not know of others that came before.
    fn add(&mut self, untold: Option<Arc<dyn ConsumerChannel>>) {
        self.consumers.extend(untold);
        self.entries += 1;
        if self.entries >= TELL_AFTER_ENTRIES {
            self.tell();
        }
    }

    /// Counts what was read.
    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= TELL_AFTER {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.entries = 0;
        self.bytes = 0;
        self.consumers.drain(..).for_each(|consumer| consumer.tell_receivers());
    }
}

/// Also when the connection ends.
impl Drop for Arrivals {
    fn drop(&mut self) {
        self.tell();
    }
}

fn handle_frames(
    connection: &Arc<Connection>,
    buffer: &mut BytesMut,
    limit: usize,
    arrivals: &mut Arrivals,
) -> Result<(), WireError> {
    while let Some(frame) = frame::peek(buffer, limit)? {
        let len = frame.len;
        match command::split(frame.command) {
            Ok((Kind::Message, body)) => {
                let message = Message::decode(body)?;
                let head = len - frame.payload.len();
                let mut payload = buffer.split_to(len);
                payload.advance(head);
                if let Some(consumer) = connection.channels.consumer(message.consumer_id) {
                    let is_untold = consumer.message(connection, message, payload.freeze());
                    arrivals.add(is_untold.then_some(consumer));
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
        let text = String::from_utf8_lossy(error.message);
        producer.send_error(connection, error.sequence_id, Error::from_server(error.error, &text));
    }
}

fn handle_command(connection: &Arc<Connection>, command: Command) {
    let requests = &connection.requests;
    match command {
        Command::Ping(_) => connection.send(&CommandPong {}.into()),
        Command::Error(error) if is_farewell(&error) => {
            connection
                .close(&format!("the broker ends it: {}", Error::from_server(error.error, &error.message)));
        }
        Command::AuthChallenge(challenge) => connection.answer_challenge(challenge),
        Command::Error(error) => {
            requests.answer(error.request_id, Err(Error::from_server(error.error, &error.message)));
        }
        Command::CloseProducer(close) => {
            if let Some(producer) = connection.channels.remove_producer(close.producer_id) {
                let assigned = assigned(
                    connection,
                    close.assigned_broker_service_url,
                    close.assigned_broker_service_url_tls,
                );
                producer.closed(connection, ChannelClosed::ByBroker { assigned });
            }
        }
        Command::CloseConsumer(close) => {
            if let Some(consumer) = connection.channels.remove_consumer(close.consumer_id) {
                let assigned = assigned(
                    connection,
                    close.assigned_broker_service_url,
                    close.assigned_broker_service_url_tls,
                );
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
                Some(code) => Err(Error::from_server(code, &answer.message.unwrap_or_default())),
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

/// The broker refuses who we are, after it accepted us once; it closes the connection then.
fn is_farewell(error: &proto::CommandError) -> bool {
    const NO_REQUEST: u64 = u64::MAX;
    error.request_id == NO_REQUEST && error.error() == proto::ServerError::AuthenticationError
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
    Err(Error::from_server(code, message.as_deref().unwrap_or_default()))
}

fn assigned(connection: &Connection, plain: Option<String>, tls: Option<String>) -> Option<Assigned> {
    let url = if connection.tls { tls } else { plain };
    url.map(|url| Assigned { url, cluster: connection.cluster() })
}

/// The topic of a producer or consumer was moved to another cluster.
fn topic_moved(connection: &Arc<Connection>, moved: CommandTopicMigrated) {
    const PRODUCER: i32 = 0;
    let id = moved.resource_id;
    let url = if connection.tls { moved.broker_service_url_tls } else { moved.broker_service_url };
    // One that leads nowhere is as good as none, and nobody talks a client out of TLS.
    let is_usable = |url: &ServiceUrl| url.tls() || !connection.tls;
    let url = url.filter(|url| ServiceUrl::parse_broker_url(url).is_ok_and(|url| is_usable(&url)));
    if moved.resource_type == PRODUCER {
        if let Some(producer) = connection.channels.producer(id) {
            producer.moved(connection, url);
        }
    } else if let Some(consumer) = connection.channels.consumer(id) {
        consumer.moved(connection, url);
    }
}
