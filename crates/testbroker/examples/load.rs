//! Measures how fast the test broker takes messages in and gives them out, with clients that do next to
//! nothing: they write frames encoded beforehand and read no more of what comes than its length.
//!
//! `cargo run --release -p pulsar_rs_testbroker --example load [SECONDS [SHAPE]]`, where SHAPE is a part of the
//! name of what to send, for example `1 KB`.
#![forbid(unsafe_code)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pulsar_rs_testbroker::{Options, TestBroker};
use pulsar_rs_wire::extension::CommandConnect;
use pulsar_rs_wire::hot::{Ack, AckId, AckType, Flow, Message, Send};
use pulsar_rs_wire::metadata::{Metadata, SingleMetadata};
use pulsar_rs_wire::proto::command_subscribe::{InitialPosition, SubType};
use pulsar_rs_wire::proto::{CommandProducer, CommandSubscribe};
use pulsar_rs_wire::{Command, Kind, batch, command, frame};

type Outcome<T> = Result<T, Box<dyn std::error::Error + std::marker::Send + Sync>>;

/// Entries that are on their way to the broker without a receipt, at most.
const WINDOW: u64 = 200;
/// Messages that a consumer permits ahead.
const PERMITS: u32 = 100_000;
/// Bytes of frames that are written at a time.
const BLOCK: usize = 128 * 1024;

/// What is sent.
#[derive(Debug, Clone, Copy)]
struct Shape {
    name: &'static str,
    /// Messages in an entry.
    batch: u32,
    /// Bytes of a message.
    size: usize,
    sub_type: SubType,
}

const SHAPES: [Shape; 3] = [
    Shape { name: "64 B, 1000 a batch", batch: 1000, size: 64, sub_type: SubType::Exclusive },
    Shape { name: "1 KB, unbatched", batch: 1, size: 1024, sub_type: SubType::Exclusive },
    Shape { name: "1 KB, unbatched, Shared", batch: 1, size: 1024, sub_type: SubType::Shared },
];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let wanted = arguments.next().unwrap_or_default();
    let time = Duration::from_secs(seconds);
    println!("{:<26} {:<10} {:>12} {:>12} {:>14}", "", "", "in, msg/s", "out, msg/s", "broker, ns/msg");
    for shape in SHAPES.into_iter().filter(|shape| shape.name.contains(&wanted)) {
        measure(shape, time, true, false)?;
        measure(shape, time, true, true)?;
        measure(shape, time, false, true)?;
    }
    Ok(())
}

/// Publishes and consumes, or one of both; consuming alone starts with a backlog of one second.
fn measure(shape: Shape, time: Duration, publish: bool, consume: bool) -> Outcome<()> {
    // Without a subscription entries may go as soon as they are over this.
    let broker = TestBroker::start(Options { retention: 32 << 20, ..Options::default() })?;
    let (port, stop) = (broker.port(), Arc::new(AtomicBool::new(false)));
    let (received, sent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let consumer = consume.then(|| Client::subscribe(port, shape)).transpose()?;
    if !publish {
        run_producer(port, shape, &sent, &AtomicBool::new(false), Duration::from_secs(1))?;
    }
    let backlog = sent.swap(0, Ordering::Relaxed);
    let (begin, cpu) = (Instant::now(), broker_cpu());
    let consuming = consumer.map(|consumer| {
        let (stop, received) = (Arc::clone(&stop), Arc::clone(&received));
        thread::spawn(move || consumer.consume(shape, &received, &stop))
    });
    if publish {
        run_producer(port, shape, &sent, &stop, time)?;
    } else {
        while received.load(Ordering::Relaxed) < backlog {
            thread::sleep(Duration::from_micros(200));
        }
    }
    let (took, cpu) = (begin.elapsed(), broker_cpu().saturating_sub(cpu));
    stop.store(true, Ordering::Relaxed);
    broker.stop();
    if let Some(consuming) = consuming {
        consuming.join().map_err(|_| "the consumer panicked")??;
    }
    let (sent, received) = (sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed));
    let rate = |count: u64| u128::from(count) * 1_000_000_000 / took.as_nanos().max(1);
    let what = match (publish, consume) {
        (true, true) => "both",
        (true, false) => "in",
        _ => "out",
    };
    let handled = u128::from(sent + received).max(1);
    let (inward, outward, cost) = (rate(sent), rate(received), cpu.as_nanos() / handled);
    println!("{:<26} {what:<10} {inward:>12} {outward:>12} {cost:>14}", shape.name);
    Ok(())
}

/// Processor time of the broker's thread so far: 10 ms exact, as the kernel gives it.
fn broker_cpu() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let stat = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat")).ok();
    let ticks = |stat: String| {
        // Fields 14 and 15 are user and system time; the name, in brackets, is the second.
        let (name, rest) = stat.rsplit_once(") ")?;
        let mut times = rest.split(' ').skip(11).map_while(|field| field.parse::<u64>().ok());
        name.contains("(pulsar-testbro").then_some(times.next()? + times.next()?)
    };
    let ticks: u64 = tasks.filter_map(Result::ok).filter_map(stat).filter_map(ticks).sum();
    Duration::from_millis(ticks * 10)
}

fn run_producer(
    port: u16,
    shape: Shape,
    sent: &Arc<AtomicU64>,
    stop: &AtomicBool,
    time: Duration,
) -> Outcome<()> {
    let mut client = Client::connect(port)?;
    let producer = CommandProducer { topic: "load".into(), ..CommandProducer::default() };
    client.request(&producer.into())?;
    let (block, entries) = encode_block(shape)?;
    let receipts = Arc::new(AtomicU64::new(0));
    let mut reader = Client::new(client.stream.try_clone()?);
    let counted = Arc::clone(&receipts);
    let counting = thread::spawn(move || {
        while let Ok(frames) = reader.read_frames() {
            let count = frames.iter().filter(|(kind, _)| *kind == Kind::SendReceipt).count();
            counted.fetch_add(count as u64, Ordering::Relaxed);
        }
    });
    let (begin, mut written) = (Instant::now(), 0);
    while begin.elapsed() < time && !stop.load(Ordering::Relaxed) {
        if written - receipts.load(Ordering::Relaxed) > WINDOW {
            // Others have better use for the processor.
            thread::sleep(Duration::from_micros(20));
            continue;
        }
        client.stream.write_all(&block)?;
        written += entries;
    }
    while receipts.load(Ordering::Relaxed) < written {
        thread::sleep(Duration::from_micros(20));
    }
    sent.fetch_add(written * u64::from(shape.batch), Ordering::Relaxed);
    client.stream.shutdown(std::net::Shutdown::Both)?;
    counting.join().map_err(|_| "the reader of receipts panicked".into())
}

/// Frames to write over and over, and how many they are.
fn encode_block(shape: Shape) -> Outcome<(Vec<u8>, u64)> {
    let payload = vec![b'x'; shape.size];
    let mut body = payload.clone();
    let mut metadata = Metadata { producer_name: b"load", publish_time: 1, ..Metadata::default() };
    if shape.batch > 1 {
        let single = SingleMetadata { payload_size: shape.size.try_into()?, ..SingleMetadata::default() };
        body.clear();
        for _ in 0..shape.batch {
            batch::push(&mut body, &single, &payload);
        }
        metadata.num_messages_in_batch = Some(shape.batch.try_into()?);
    }
    let send = Send { num_messages: Some(shape.batch.try_into()?), ..Send::default() };
    let (mut block, mut entries) = (Vec::new(), 0);
    while block.len() < BLOCK {
        frame::encode_send(&mut block, &send, &metadata, &body);
        block.extend_from_slice(&body);
        entries += 1;
    }
    Ok((block, entries))
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes at the start of `buffer` that were received and not looked at.
    filled: usize,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        Client { stream, buffer: vec![0; 1 << 20], filled: 0 }
    }

    fn connect(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        let mut client = Client::new(stream);
        client.request(&CommandConnect { protocol_version: Some(20), ..CommandConnect::default() }.into())?;
        Ok(client)
    }

    fn subscribe(port: u16, shape: Shape) -> Outcome<Self> {
        let mut client = Client::connect(port)?;
        let subscribe = CommandSubscribe {
            topic: "load".into(),
            subscription: "s".into(),
            sub_type: shape.sub_type.into(),
            initial_position: Some(InitialPosition::Earliest.into()),
            ..CommandSubscribe::default()
        };
        client.request(&subscribe.into())?;
        Ok(client)
    }

    fn request(&mut self, command: &Command) -> Outcome<()> {
        let mut frame = Vec::new();
        command.encode_frame(&mut frame);
        self.stream.write_all(&frame)?;
        self.read_frames().map(|_| ())
    }

    /// Kinds of the frames that one read brought, and the bodies of their commands.
    fn read_frames(&mut self) -> Outcome<Vec<(Kind, Vec<u8>)>> {
        let mut found = Vec::new();
        while found.is_empty() {
            let read = self.stream.read(&mut self.buffer[self.filled..])?;
            self.filled += read;
            if read == 0 {
                return Err("the connection ended".into());
            }
            let mut at = 0;
            while let Some(frame) = frame::peek(&self.buffer[at..self.filled], 1 << 30)? {
                let (kind, body) = command::split(frame.command)?;
                // Bodies of receipts are not looked at.
                found.push((kind, if kind == Kind::Message { body.to_vec() } else { Vec::new() }));
                at += frame.len;
            }
            self.buffer.copy_within(at..self.filled, 0);
            self.filled -= at;
        }
        Ok(found)
    }

    /// Receives and acknowledges until told to stop, which the broker may do first.
    fn consume(mut self, shape: Shape, received: &AtomicU64, stop: &AtomicBool) -> Outcome<()> {
        let outcome = self.receive_until(shape, received, stop);
        if stop.load(Ordering::Relaxed) { Ok(()) } else { outcome }
    }

    fn receive_until(&mut self, shape: Shape, received: &AtomicU64, stop: &AtomicBool) -> Outcome<()> {
        self.flow(PERMITS)?;
        let mut used = 0;
        while !stop.load(Ordering::Relaxed) {
            let frames = self.read_frames()?;
            let messages: Vec<Message> =
                frames.iter().filter_map(|(_, body)| Message::decode(body).ok()).collect();
            let count = shape.batch * u32::try_from(messages.len())?;
            received.fetch_add(count.into(), Ordering::Relaxed);
            self.acknowledge(shape, &messages)?;
            used += count;
            if used > PERMITS / 2 {
                self.flow(std::mem::take(&mut used))?;
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, shape: Shape, messages: &[Message]) -> Outcome<()> {
        let ids: Vec<AckId<'_>> = messages
            .iter()
            .map(|message| AckId { entry: message.entry, ack_set: &[], batch_size: None })
            .collect();
        let cumulative = shape.sub_type == SubType::Exclusive;
        let (ack_type, ids) = match ids.last() {
            Some(_) if cumulative => (AckType::Cumulative, &ids[ids.len() - 1..]),
            Some(_) => (AckType::Individual, &ids[..]),
            None => return Ok(()),
        };
        let mut frame = Vec::new();
        Ack { consumer_id: 0, ack_type, ids, validation_error: None, request_id: None }
            .encode_frame(&mut frame);
        Ok(self.stream.write_all(&frame)?)
    }

    fn flow(&mut self, permits: u32) -> Outcome<()> {
        let mut frame = Vec::new();
        Flow { consumer_id: 0, permits }.encode_frame(&mut frame);
        Ok(self.stream.write_all(&frame)?)
    }
}
