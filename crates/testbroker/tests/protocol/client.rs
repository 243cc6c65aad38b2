//! A client that speaks in frames.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pulsar_rs_wire::extension::{CommandConnect, CommandLookupTopic};
use pulsar_rs_wire::hot::{Ack, AckId, AckType, EntryId, Flow, Message, Send, SendReceipt};
use pulsar_rs_wire::metadata::{Metadata, SingleMetadata};
use pulsar_rs_wire::proto::command_subscribe::{InitialPosition, SubType};
use pulsar_rs_wire::proto::{
    CommandError, CommandGetLastMessageId, CommandPing, CommandPong, CommandProducer,
    CommandRedeliverUnacknowledgedMessages, CommandSubscribe, CommandSuccess, MessageIdData, ServerError,
};
use pulsar_rs_wire::{Command, Kind, batch, command, frame};

/// Whatever is waited for must come within this time.
const BOUND: Duration = Duration::from_secs(10);

/// How long a real broker gets to send what it should not.
const QUIET: Duration = Duration::from_millis(300);

/// One frame that came.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    Command(Box<Command>),
    Receipt(SendReceipt),
    SendError { sequence_id: u64, error: i32 },
    Message(Message, Vec<u8>),
}

/// What to publish.
#[derive(Debug, Clone, Copy, Default)]
pub struct Publish<'a> {
    pub producer: u64,
    pub sequence: u64,
    pub body: &'a [u8],
    /// Messages in the entry; 0 for one outside a batch.
    pub batch: u32,
    pub metadata: Metadata<'a>,
    pub highest: Option<u64>,
    pub is_chunk: bool,
}

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    requests: u64,
    /// A real broker dispatches when it pleases.
    patient: bool,
}

impl Client {
    /// Opens a connection and shakes hands.
    pub fn connect(address: &str, patient: bool) -> Client {
        let mut client = Client::open(address, patient);
        client.send(CommandConnect {
            client_version: "raw".into(),
            protocol_version: Some(20),
            ..CommandConnect::default()
        });
        let answer = client.command();
        assert!(matches!(answer, Command::Connected(_)), "{answer:?}");
        client
    }

    /// Opens a connection and says nothing.
    pub fn open(address: &str, patient: bool) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: Vec::new(), requests: 0, patient }
    }

    /// A request id that was not used yet.
    pub fn request_id(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    pub fn send(&mut self, command: impl Into<Command>) {
        let mut out = Vec::new();
        command.into().encode_frame(&mut out);
        self.write(&out);
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes, unless the broker closed the connection already.
    pub fn write_if_open(&mut self, bytes: &[u8]) {
        // A closed connection is what hostile bytes deserve.
        drop(self.stream.write_all(bytes));
    }

    /// The encoded command of the next frame, which crates/wire may not know.
    pub fn raw_command(&mut self) -> Vec<u8> {
        self.stream.set_read_timeout(Some(BOUND)).unwrap();
        let mut sizes = [0; 8];
        self.stream.read_exact(&mut sizes).unwrap();
        let len = u32::from_be_bytes(*sizes.last_chunk().unwrap());
        let mut command = vec![0; len.try_into().unwrap()];
        self.stream.read_exact(&mut command).unwrap();
        command
    }

    /// The next frame that is no ping or, where nothing comes before `deadline`, nothing.
    fn next(&mut self, deadline: Instant) -> Result<Option<Received>, ErrorKind> {
        loop {
            if let Some((len, received)) = parse(&self.buffer) {
                self.buffer.drain(..len);
                if received == command_received(CommandPing {}) {
                    self.send(CommandPong {});
                    continue;
                }
                return Ok(Some(received));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left)).unwrap();
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof),
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.kind()),
            }
        }
    }

    /// The next frame.
    pub fn receive(&mut self) -> Received {
        self.next(Instant::now() + BOUND).unwrap().expect("nothing came")
    }

    /// Opens the consumer again that the broker closed.
    pub fn closed_and_back(&mut self, topic: &str, sub_type: SubType) {
        let answer = self.command();
        assert!(matches!(&answer, Command::CloseConsumer(close) if close.consumer_id == 1), "{answer:?}");
        self.subscribe(topic, sub_type);
    }

    /// What the broker says of the last message, and how far the subscription acknowledged: ledger and entry, -1 for none.
    pub fn last_message(&mut self) -> ((i64, i64, i32), (i64, i64)) {
        let request_id = self.request_id();
        self.send(CommandGetLastMessageId { consumer_id: 1, request_id });
        let Command::GetLastMessageIdResponse(answer) = self.command() else { panic!("no last message") };
        let place = |id: &MessageIdData| (id.ledger_id.cast_signed(), id.entry_id.cast_signed());
        let (ledger, entry) = place(&answer.last_message_id);
        let acknowledged = place(&answer.consumer_mark_delete_position.unwrap());
        ((ledger, entry, answer.last_message_id.batch_index()), acknowledged)
    }

    /// The next frame, if one comes within this time.
    pub fn next_in(&mut self, time: Duration) -> Option<Received> {
        self.next(Instant::now() + time).unwrap()
    }

    /// The next frame, which is a command.
    pub fn command(&mut self) -> Command {
        match self.receive() {
            Received::Command(command) => *command,
            other => panic!("{other:?} instead of a command"),
        }
    }

    /// The next frame, which is a message.
    pub fn message(&mut self) -> Message {
        match self.receive() {
            Received::Message(message, _) => message,
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// Entry numbers of the next `count` messages.
    pub fn entries(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.message().entry.entry).collect()
    }

    /// Entries that are there now: the broker had the occasion to send more, and did not.
    pub fn available(&mut self) -> Vec<EntryId> {
        let mut entries = Vec::new();
        let mut pongs = 0;
        self.send(CommandPing {});
        while pongs < 2 {
            match self.receive() {
                Received::Message(message, _) => entries.push(message.entry),
                Received::Command(command) if *command == Command::from(CommandPong {}) => {
                    pongs += 1;
                    self.send(CommandPing {});
                }
                other => panic!("{other:?} instead of a message"),
            }
        }
        assert_eq!(self.receive(), command_received(CommandPong {}));
        while self.patient
            && let Some(received) = self.next(Instant::now() + QUIET).unwrap()
        {
            match received {
                Received::Message(message, _) => entries.push(message.entry),
                other => panic!("{other:?} instead of a message"),
            }
        }
        entries
    }

    /// Where the entry of the next receipt is; none for a duplicate.
    pub fn receipt(&mut self) -> Option<EntryId> {
        match self.receive() {
            Received::Receipt(receipt) => receipt.entry,
            other => panic!("{other:?} instead of a receipt"),
        }
    }

    /// The next frame is an error with this code.
    pub fn refused(&mut self, code: ServerError) {
        let answer = self.command();
        let Command::Error(CommandError { error, .. }) = answer else { panic!("{answer:?} is no error") };
        assert_eq!(ServerError::try_from(error), Ok(code), "{answer:?}");
    }

    /// The next frame is a success.
    pub fn succeeded(&mut self) {
        let answer = self.command();
        assert!(matches!(answer, Command::Success(CommandSuccess { .. })), "{answer:?}");
    }

    /// Nothing comes, although the broker had the occasion: it answered two pings in between.
    pub fn nothing(&mut self) {
        if self.patient {
            let came = self.next(Instant::now() + QUIET).unwrap();
            assert_eq!(came, None);
        }
        for _ in 0..2 {
            self.send(CommandPing {});
            assert_eq!(self.receive(), command_received(CommandPong {}));
        }
    }

    /// The broker ends the connection.
    pub fn closed(&mut self) {
        let outcome = self.next(Instant::now() + BOUND);
        assert!(outcome.is_err(), "{outcome:?} instead of an end");
    }

    fn lookup(&mut self, topic: &str) {
        let request_id = self.request_id();
        self.send(CommandLookupTopic { topic: topic.into(), request_id, ..CommandLookupTopic::default() });
        let answer = self.command();
        assert!(matches!(answer, Command::LookupResponse(_)), "{answer:?}");
    }

    /// Opens producer `id` and gives its name.
    pub fn produce(&mut self, topic: &str, id: u64) -> String {
        self.lookup(topic);
        match self.open_producer(CommandProducer {
            topic: topic.into(),
            producer_id: id,
            ..CommandProducer::default()
        }) {
            Command::ProducerSuccess(success) => success.producer_name,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for a producer and gives the answer.
    pub fn open_producer(&mut self, producer: CommandProducer) -> Command {
        self.lookup(&producer.topic);
        let request_id = self.request_id();
        self.send(CommandProducer { request_id, ..producer });
        self.command()
    }

    /// Asks for a consumer and gives the answer.
    pub fn open_consumer(&mut self, subscribe: CommandSubscribe) -> Command {
        self.lookup(&subscribe.topic);
        let request_id = self.request_id();
        self.send(CommandSubscribe { request_id, ..subscribe });
        self.command()
    }

    /// Opens consumer 1 of the subscription `s`, from the earliest message on.
    pub fn subscribe(&mut self, topic: &str, sub_type: SubType) {
        let answer = self.open_consumer(subscription(topic, sub_type));
        assert!(matches!(answer, Command::Success(_)), "{answer:?}");
    }

    /// Sends a message, or a batch of equal ones.
    pub fn publish(&mut self, publish: &Publish<'_>) {
        let frame = encode(publish);
        self.write(&frame);
    }

    /// Publishes `count` single messages through producer 0 and awaits their receipts.
    pub fn publish_many(&mut self, count: u64) {
        for sequence in 0..count {
            self.publish(&Publish { sequence, body: b"body", ..Publish::default() });
        }
        for _ in 0..count {
            assert!(self.receipt().is_some());
        }
    }

    /// Publishes one message with this key and awaits its receipt.
    pub fn publish_key(&mut self, key: &str) -> EntryId {
        let metadata = Metadata { partition_key: Some(key.as_bytes()), ..Metadata::default() };
        self.publish(&Publish { body: b"body", metadata, ..Publish::default() });
        self.receipt().unwrap()
    }

    /// Publishes a batch through producer 0 and awaits its receipt.
    pub fn publish_batch(&mut self, messages: u32) -> EntryId {
        self.publish(&Publish { body: b"body", batch: messages, ..Publish::default() });
        self.receipt().unwrap()
    }

    /// Publishes one message and receives all there is; where the message is.
    pub fn published_and_received(&mut self) -> EntryId {
        self.publish(&Publish { body: b"body", ..Publish::default() });
        let mut entry = None;
        let mut message = false;
        while entry.is_none() || !message {
            match self.receive() {
                Received::Receipt(receipt) => entry = receipt.entry,
                Received::Message(..) => message = true,
                other => panic!("{other:?}"),
            }
        }
        entry.unwrap()
    }

    pub fn flow(&mut self, permits: u32) {
        let mut out = Vec::new();
        Flow { consumer_id: 1, permits }.encode_frame(&mut out);
        self.write(&out);
    }

    /// Acknowledges and awaits the response.
    pub fn ack(&mut self, ack_type: AckType, ids: &[AckId<'_>]) {
        let request_id = Some(self.request_id());
        self.write_ack(Ack { consumer_id: 1, ack_type, ids, validation_error: None, request_id });
        let answer = self.command();
        assert!(matches!(&answer, Command::AckResponse(response) if response.error.is_none()), "{answer:?}");
    }

    pub fn write_ack(&mut self, ack: Ack<'_>) {
        let mut out = Vec::new();
        ack.encode_frame(&mut out);
        self.write(&out);
    }

    /// Acknowledges whole entries, each alone.
    pub fn ack_entries(&mut self, entries: &[EntryId]) {
        let ids: Vec<AckId<'_>> =
            entries.iter().map(|entry| AckId { entry: *entry, ack_set: &[], batch_size: None }).collect();
        self.ack(AckType::Individual, &ids);
    }

    pub fn redeliver(&mut self, entries: &[EntryId], consumer_epoch: Option<u64>) {
        let message_ids = entries.iter().map(|entry| message_id(*entry)).collect();
        self.send(CommandRedeliverUnacknowledgedMessages { consumer_id: 1, message_ids, consumer_epoch });
    }
}

/// Consumer 1 of the subscription `s`, from the earliest message on.
pub fn subscription(topic: &str, sub_type: SubType) -> CommandSubscribe {
    CommandSubscribe {
        topic: topic.into(),
        subscription: "s".into(),
        sub_type: sub_type.into(),
        consumer_id: 1,
        initial_position: Some(InitialPosition::Earliest.into()),
        ..CommandSubscribe::default()
    }
}

pub fn message_id(entry: EntryId) -> MessageIdData {
    MessageIdData { ledger_id: entry.ledger, entry_id: entry.entry, ..MessageIdData::default() }
}

pub fn encode(publish: &Publish<'_>) -> Vec<u8> {
    let mut metadata = Metadata { producer_name: b"raw", sequence_id: publish.sequence, ..publish.metadata };
    let mut body = publish.body.to_vec();
    if publish.batch > 0 {
        let payload_size = publish.body.len().try_into().unwrap();
        let single = SingleMetadata { payload_size, ..SingleMetadata::default() };
        body.clear();
        (0..publish.batch).for_each(|_| batch::push(&mut body, &single, publish.body));
        metadata.num_messages_in_batch = Some(publish.batch.try_into().unwrap());
    }
    let send = Send {
        producer_id: publish.producer,
        sequence_id: publish.sequence,
        num_messages: Some(publish.batch.max(1).try_into().unwrap()),
        highest_sequence_id: publish.highest,
        is_chunk: publish.is_chunk,
        ..Send::default()
    };
    let mut out = Vec::new();
    frame::encode_send(&mut out, &send, &metadata, &body);
    out.extend_from_slice(&body);
    out
}

fn parse(buffer: &[u8]) -> Option<(usize, Received)> {
    let frame = frame::peek(buffer, 1 << 30).unwrap()?;
    let (kind, body) = command::split(frame.command).unwrap();
    let received = match kind {
        Kind::SendReceipt => Received::Receipt(SendReceipt::decode(body).unwrap()),
        Kind::SendError => {
            let error = pulsar_rs_wire::hot::SendError::decode(body).unwrap();
            Received::SendError { sequence_id: error.sequence_id, error: error.error }
        }
        Kind::Message => Received::Message(Message::decode(body).unwrap(), frame.payload.to_vec()),
        kind => command_received(Command::decode(kind, body).unwrap()),
    };
    Some((frame.len, received))
}

pub fn command_received(command: impl Into<Command>) -> Received {
    Received::Command(Box::new(command.into()))
}

/// Waits until `condition` holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
