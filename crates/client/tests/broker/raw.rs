//! Frames without a client.

use pulsar_rs_testbroker::TestBroker;
use pulsar_rs_wire::extension::CommandConnect;
use pulsar_rs_wire::hot::Send;
use pulsar_rs_wire::metadata::Metadata;
use pulsar_rs_wire::proto::CommandProducer;
use pulsar_rs_wire::{Command, Kind, PROTOCOL_VERSION, command, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Frames of these tests are below.
pub const LIMIT: usize = 1 << 24;

/// The next frame of a socket; nothing at its end.
pub async fn read_frame(socket: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let len = socket.read_u32().await.ok()?;
    let mut frame = len.to_be_bytes().to_vec();
    frame.resize(4 + len as usize, 0);
    socket.read_exact(&mut frame[4..]).await.ok()?;
    Some(frame)
}

/// Type of the command in a frame.
pub fn kind(frame: &[u8]) -> Kind {
    let frame = frame::peek(frame, LIMIT).unwrap().unwrap();
    command::split(frame.command).unwrap().0
}

/// A producer that sends what no client would.
pub struct RawProducer {
    socket: TcpStream,
}

/// Payload section of one chunk of a message whose chunks are equally long: number and count of them.
pub fn chunk(uuid: &[u8], (number, count): (i32, i32), body: &[u8]) -> Vec<u8> {
    let metadata = Metadata {
        producer_name: b"raw",
        uuid: Some(uuid),
        chunk_id: Some(number),
        num_chunks_from_msg: Some(count),
        total_chunk_msg_size: Some(count * i32::try_from(body.len()).unwrap()),
        ..Metadata::default()
    };
    let mut section = Vec::new();
    frame::encode_payload_head(&mut section, &metadata, body);
    section.extend_from_slice(body);
    section
}

impl RawProducer {
    pub async fn create(broker: &TestBroker, topic: &str) -> Self {
        let mut raw = RawProducer { socket: TcpStream::connect(("127.0.0.1", broker.port())).await.unwrap() };
        let connect = CommandConnect {
            client_version: "raw".into(),
            protocol_version: Some(PROTOCOL_VERSION),
            ..CommandConnect::default()
        };
        raw.ask(connect.into(), Kind::Connected).await;
        let topic = format!("persistent://public/default/{topic}");
        let producer = CommandProducer { topic, producer_id: 1, request_id: 1, ..CommandProducer::default() };
        raw.ask(producer.into(), Kind::ProducerSuccess).await;
        raw
    }

    async fn ask(&mut self, command: Command, answer: Kind) {
        let mut out = Vec::new();
        command.encode_frame(&mut out);
        self.write(&out, answer).await;
    }

    /// Sends a payload section as it is.
    pub async fn send(&mut self, num_messages: i32, section: &[u8]) {
        let send = Send { producer_id: 1, num_messages: Some(num_messages), ..Send::default() };
        let mut usual = Vec::new();
        frame::encode_send(&mut usual, &send, &Metadata::default(), b"");
        let command = frame::peek(&usual, LIMIT).unwrap().unwrap().command;
        let sizes = [4 + command.len() + section.len(), command.len()];
        let mut out: Vec<u8> =
            sizes.iter().flat_map(|size| u32::try_from(*size).unwrap().to_be_bytes()).collect();
        out.extend_from_slice(command);
        out.extend_from_slice(section);
        self.write(&out, Kind::SendReceipt).await;
    }

    async fn write(&mut self, frame: &[u8], answer: Kind) {
        self.socket.write_all(frame).await.unwrap();
        while kind(&read_frame(&mut self.socket).await.unwrap()) != answer {}
    }
}
