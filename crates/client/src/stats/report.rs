//! The lines that a client logs about its producers and consumers from time to time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Weak;
use std::time::{Duration, Instant};

use super::{ConsumerStats, LatencyHistogram, MemberStats, ProducerStats};
use crate::client::ClientInner;
use crate::log::Log;

/// Logs what every producer and consumer did, once each `interval`, as long as the client lives.
pub(crate) async fn run_reports(client: Weak<ClientInner>, interval: Duration) {
    let mut reporter = Reporter::default();
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(interval).await;
        let Some(client) = client.upgrade() else {
            return;
        };
        let now = Instant::now();
        reporter.report(client.member_stats(), now - last, client.log()).await;
        last = now;
    }
}

/// Knows what was reported before.
#[derive(Debug, Default)]
struct Reporter {
    before: HashMap<u64, MemberStats>,
}

impl Reporter {
    /// Writes a line for each that did something, or still has something to do. Connections get their turn in between:
    /// there may be thousands.
    async fn report(&mut self, members: Vec<(u64, MemberStats)>, elapsed: Duration, log: &Log) {
        for (id, now) in &members {
            match (now, self.before.get(id)) {
                (MemberStats::Producer(now), Some(MemberStats::Producer(before))) => {
                    report_producer(now, Some(before), elapsed, log);
                }
                (MemberStats::Producer(now), _) => report_producer(now, None, elapsed, log),
                (MemberStats::Consumer(now), Some(MemberStats::Consumer(before))) => {
                    report_consumer(now, Some(before), elapsed, log);
                }
                (MemberStats::Consumer(now), _) => report_consumer(now, None, elapsed, log),
            }
            tokio::task::yield_now().await;
        }
        // Those that are gone go from here, too.
        self.before = members.into_iter().collect();
    }
}

fn report_producer(now: &ProducerStats, before: Option<&ProducerStats>, elapsed: Duration, log: &Log) {
    let since = |count: fn(&ProducerStats) -> u64| count(now) - before.map_or(0, count);
    let messages = since(|stats| stats.messages);
    let (acknowledged, failed) = (since(|stats| stats.acknowledged), since(|stats| stats.failed));
    if messages + acknowledged + failed + now.pending_messages == 0 {
        return;
    }
    let latency = before.map_or_else(|| now.latency.clone(), |before| now.latency.since(&before.latency));
    let ProducerStats { name, topic, .. } = now;
    log.info(format_args!(
        "statistics of producer {name} on {topic} for {:.0} s: {messages} messages ({}), {} entries, \
         {acknowledged} acknowledged, {failed} failed ({} timed out), {} pending, {} reconnects; {}; \
         in all: {} messages, {} bytes, {} acknowledged, {} failed",
        elapsed.as_secs_f64(),
        Rate { messages, bytes: since(|stats| stats.bytes), elapsed },
        since(|stats| stats.entries),
        since(|stats| stats.timed_out),
        now.pending_messages,
        since(|stats| stats.reconnects),
        Quantiles(&latency),
        now.messages,
        now.bytes,
        now.acknowledged,
        now.failed,
    ));
}

fn report_consumer(now: &ConsumerStats, before: Option<&ConsumerStats>, elapsed: Duration, log: &Log) {
    let since = |count: fn(&ConsumerStats) -> u64| count(now) - before.map_or(0, count);
    let messages = since(|stats| stats.messages);
    let acks = since(|stats| stats.acknowledged) + since(|stats| stats.cumulative_acks);
    let failed = since(|stats| stats.acks_failed);
    let (refused, late) = (since(|stats| stats.negative_acks), since(|stats| stats.ack_timeouts));
    let discarded = since(|stats| stats.discarded);
    if messages + acks + failed + refused + late + discarded == 0 {
        return;
    }
    let ConsumerStats { name, subscription, topic, .. } = now;
    log.info(format_args!(
        "statistics of consumer {name} of {subscription} on {topic} for {:.0} s: {messages} messages ({}), \
         {acks} acknowledged, {failed} failed to be, {refused} negatively, {late} not in time, \
         {discarded} entries discarded, {} waiting, {} reconnects; \
         in all: {} messages, {} bytes, {} acknowledged",
        elapsed.as_secs_f64(),
        Rate { messages, bytes: since(|stats| stats.bytes), elapsed },
        now.queued_messages,
        since(|stats| stats.reconnects),
        now.messages,
        now.bytes,
        now.acknowledged + now.cumulative_acks,
    ));
}

/// Throughput: messages and megabits (of 1024 * 1024 bits, as in the Java client) a second.
struct Rate {
    messages: u64,
    bytes: u64,
    elapsed: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[allow(clippy::cast_precision_loss)] // for people to read
        let per_second = |count: u64| count as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON);
        let megabits = per_second(self.bytes) * 8.0 / (1024.0 * 1024.0);
        write!(out, "{:.2} a second, {megabits:.2} Mbit/s", per_second(self.messages))
    }
}

struct Quantiles<'a>(&'a LatencyHistogram);

impl fmt::Display for Quantiles<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |quantile| self.0.quantile(quantile).map(|time| time.as_secs_f64() * 1e3);
        match (millis(0.5), millis(0.95), millis(0.99), millis(0.999)) {
            (Some(median), Some(p95), Some(p99), Some(p999)) => write!(
                out,
                "latency 50 % {median:.3} ms, 95 % {p95:.3} ms, 99 % {p99:.3} ms, 99.9 % {p999:.3} ms"
            ),
            _ => out.write_str("no latency"),
        }
    }
}
