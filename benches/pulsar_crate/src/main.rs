//! The same work as `benches/c/bench.c`, done with the crate `pulsar` through its own API:
//! `produce|paced|prepare|consume URL TOPIC COUNT SIZE [PER_MS]`. Prints one line of JSON.

#![allow(clippy::large_futures, reason = "the futures are as large as the measured crate makes them")]

use std::error::Error;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use pulsar::consumer::InitialPosition;
use pulsar::{
    Consumer, ConsumerOptions, DeserializeMessage, Payload, ProducerOptions, Pulsar, SubType, TokioExecutor,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Messages under way, as `max_pending_messages` of the other programs.
const PENDING: usize = 10_000;
const BATCH: u32 = 1000;
const DELAY: Duration = Duration::from_millis(1);

/// A payload as it came.
struct Bytes(Vec<u8>);

impl DeserializeMessage for Bytes {
    type Output = Bytes;

    fn deserialize_message(payload: &Payload) -> Bytes {
        Bytes(payload.data.clone())
    }
}

/// What to do, from the command line.
struct Job {
    mode: String,
    topic: String,
    count: u64,
    size: usize,
    per_ms: u64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).cloned().unwrap_or_default();
    let job = Job {
        mode: argument(1),
        topic: argument(3),
        count: argument(4).parse()?,
        size: argument(5).parse()?,
        per_ms: argument(6).parse().unwrap_or(0),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (wall, threads) = runtime.block_on(run(&job, argument(2)))?;
    report(wall, threads, job.count);
    Ok(())
}

async fn run(job: &Job, url: String) -> Result<(Duration, usize)> {
    let client = Pulsar::builder(url, TokioExecutor).build().await?;
    if job.mode == "consume" {
        return consume(&client, job).await;
    }
    if job.mode == "prepare" {
        subscribe(&client, &job.topic).await?.close().await?;
    }
    produce(&client, job).await
}

async fn produce(client: &Pulsar<TokioExecutor>, job: &Job) -> Result<(Duration, usize)> {
    let options = ProducerOptions {
        batch_size: Some(BATCH),
        batch_timeout: Some(DELAY),
        block_queue_if_full: true,
        ..ProducerOptions::default()
    };
    let mut producer = client.producer().with_topic(&job.topic).with_options(options).build().await?;
    let content = vec![b'x'; job.size];
    let start = Instant::now();
    let mut pending = futures::stream::FuturesUnordered::new();
    let mut threads = 0;
    for number in 0..job.count {
        if job.per_ms > 0 && number % job.per_ms == 0 {
            let due = start + Duration::from_millis(number / job.per_ms);
            tokio::time::sleep_until(due.into()).await;
        }
        pending.push(producer.send_non_blocking(content.clone()).await?);
        while pending.len() >= PENDING {
            pending.next().await.transpose()?;
        }
        if number == job.count / 2 {
            threads = thread_count();
        }
    }
    producer.send_batch().await?;
    while pending.next().await.transpose()?.is_some() {}
    let wall = start.elapsed();
    producer.close().await?;
    Ok((wall, threads))
}

async fn subscribe(client: &Pulsar<TokioExecutor>, topic: &str) -> Result<Consumer<Bytes, TokioExecutor>> {
    let options = ConsumerOptions::default().with_initial_position(InitialPosition::Earliest);
    let builder = client.consumer().with_topic(topic).with_subscription("bench").with_batch_size(10_000);
    Ok(builder.with_subscription_type(SubType::Exclusive).with_options(options).build().await?)
}

async fn consume(client: &Pulsar<TokioExecutor>, job: &Job) -> Result<(Duration, usize)> {
    let mut consumer = subscribe(client, &job.topic).await?;
    let start = Instant::now();
    let mut threads = 0;
    for number in 0..job.count {
        let next = tokio::time::timeout(Duration::from_secs(30), consumer.try_next()).await??;
        let message = next.ok_or("the stream ended")?;
        let Bytes(content) = message.deserialize();
        if content.len() != job.size || content.last() != Some(&b'x') {
            return Err(format!("message {number} is not what was sent").into());
        }
        consumer.ack(&message).await?;
        if number == job.count / 2 {
            threads = thread_count();
        }
    }
    let wall = start.elapsed();
    consumer.close().await?;
    Ok((wall, threads))
}

fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Peak of the resident memory of this program. `ru_maxrss` would include that of the program that started it.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

fn report(wall: Duration, threads: usize, count: u64) {
    // SAFETY: rusage is plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a rusage that may be written.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    let nanoseconds = |time: libc::timeval| {
        time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_usec.unsigned_abs() * 1_000
    };
    let (user, system) = (nanoseconds(usage.ru_utime), nanoseconds(usage.ru_stime));
    let wall = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
    println!(
        "{{\"wall_ns\": {}, \"cpu_ns\": {}, \"system_ns\": {}, \"rss_kb\": {}, \"threads\": {threads}, \"switches\": {}}}",
        wall / count,
        (user + system) / count,
        system / count,
        peak_kilobytes(),
        usage.ru_nvcsw + usage.ru_nivcsw,
    );
}
