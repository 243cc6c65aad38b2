//! Fault control over standard input: a command a line, an answer a line.

use std::io::BufRead as _;
use std::str::FromStr;
use std::time::Duration;

use pulsar_rs_testbroker::TestBroker;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What `--help` says of the commands.
pub const HELP: &str = "\
Commands on standard input with --control; each is answered with `ok`, `ok NUMBER` or `error TEXT`:

  drop-connections                    end all connections as a crash does
  refuse-connections on|off           as a broker that is down
  freeze on|off                       read and answer nothing, with connections open
  delay-receipts MILLISECONDS
  deduplication on|off
  close-producers TOPIC               from the broker's side, as when a topic moves
  close-consumers TOPIC SUBSCRIPTION
  unload TOPIC                        as when it moves; what comes then lies in another ledger
  compact TOPIC                       keep the newest message of each key for those who read compacted
  delete-topic TOPIC                  whoever uses it
  create-topic TOPIC PARTITIONS       0: not partitioned
  add-partitions TOPIC PARTITIONS     so many in all
  backlog TOPIC SUBSCRIPTION          messages that are not acknowledged
";

/// The lines of standard input, read on a thread of their own, which nothing waits for.
pub fn lines() -> std::io::Result<UnboundedReceiver<String>> {
    let (sender, receiver) = unbounded_channel();
    std::thread::Builder::new().name("control".to_owned()).spawn(move || {
        // What is no UTF-8 is no command, and is answered like one that nobody knows.
        let lines = std::io::stdin().lock().split(b'\n').map_while(Result::ok);
        let mut lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
        // Fails when the broker ends.
        lines.all(|line| sender.send(line).is_ok())
    })?;
    Ok(receiver)
}

/// Does what one line says; returns the answer.
pub fn obey(broker: &TestBroker, line: &str) -> String {
    match attempt(broker, line) {
        Ok(None) => "ok".to_owned(),
        Ok(Some(number)) => format!("ok {number}"),
        Err(why) => format!("error {why}"),
    }
}

fn attempt(broker: &TestBroker, line: &str) -> Result<Option<u64>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let failed = |error: std::io::Error| error.to_string();
    match words[..] {
        ["drop-connections"] => return Ok(Some(broker.drop_connections() as u64)),
        ["refuse-connections", switch] => broker.refuse_connections(on(switch)?).map_err(failed)?,
        ["freeze", switch] => broker.freeze(on(switch)?),
        ["delay-receipts", millis] => broker.delay_receipts(Duration::from_millis(number(millis)?)),
        ["deduplication", switch] => broker.deduplication(on(switch)?),
        ["close-producers", topic] => return Ok(Some(broker.close_producer(topic, None) as u64)),
        ["close-consumers", topic, subscription] => {
            return Ok(Some(broker.close_consumer(topic, subscription, None) as u64));
        }
        ["unload", topic] => found(broker.unload(topic))?,
        ["compact", topic] => found(broker.compact(topic))?,
        ["delete-topic", topic] => found(broker.delete_topic(topic))?,
        ["create-topic", topic, partitions] => {
            broker.create_topic(topic, number(partitions)?).map_err(failed)?;
        }
        ["add-partitions", topic, partitions] => {
            broker.add_partitions(topic, number(partitions)?).map_err(failed)?;
        }
        ["backlog", topic, subscription] => return backlog(broker, topic, subscription).map(Some),
        _ => return Err(format!("there is no command {line:?}")),
    }
    Ok(None)
}

fn backlog(broker: &TestBroker, topic: &str, subscription: &str) -> Result<u64, String> {
    let stats = broker.topic_stats(topic).ok_or("there is no such topic")?;
    let found = stats.subscription(subscription).ok_or("there is no such subscription")?;
    Ok(found.backlog)
}

fn found(topic: bool) -> Result<(), String> {
    if topic { Ok(()) } else { Err("there is no such topic".to_owned()) }
}

fn on(switch: &str) -> Result<bool, String> {
    match switch {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("{other:?} is neither on nor off")),
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}
