//! Producers: from a message to its receipt.
//!
//! The sending thread writes the message into the open batch, under one short lock. A batch that is full,
//! or whose time has come, is sealed, encoded without the lock, and queued on the connection; it stays
//! pending until its receipt, over reconnects, until its timeout, or until the producer is closed.
//!
//! A topic's or partition's producer is [`shared::Shared`]; [`partitioned::Partitioned`] has one for each
//! partition and nothing on the way of a message but the choice among them.

mod chunks;
mod close;
mod compressors;
mod config;
mod connect;
mod counters;
mod entry;
mod flush;
mod future;
mod heading;
mod open;
mod partitioned;
mod pending;
mod receipt;
mod routing;
mod shared;
mod sink;
mod staged;
mod state;
mod timers;

pub use config::{AccessMode, BatchingConfig, ProducerConfig};
pub use future::{FutureSink, Sending};
pub use routing::{HashingScheme, RoutingMode};
pub use sink::{SendSink, SentEntry, Token, Tokens};

use std::sync::Arc;

use crate::client::ClientInner;
use crate::gate::Asker;
use crate::stats::ProducerStats;
use crate::{Error, OutgoingMessage, TopicName};
use flush::FlushAll;
use partitioned::Partitioned;
use shared::Shared;

/// Sends messages to one topic, which may have partitions.
///
/// Generic over the [`SendSink`] that takes the outcomes; with [`FutureSink`] they are futures. Dropping it
/// sends what is pending and then closes the producer, in the background.
#[derive(Debug)]
pub struct Producer<S: SendSink> {
    target: Target<S>,
}

#[derive(Debug)]
enum Target<S: SendSink> {
    Topic(Arc<Shared<S>>),
    Partitions(Arc<Partitioned<S>>),
}

/// What the call of an accepted message has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Wall clock in the metadata of its entry, milliseconds since 1970.
    pub publish_time: u64,
}

impl<S: SendSink> Producer<S> {
    /// Creates the producer on the broker, those of all partitions at once; within the operation timeout.
    pub(crate) async fn create(
        client: Arc<ClientInner>,
        topic: TopicName,
        config: ProducerConfig,
        sink: S,
    ) -> Result<Self, Error> {
        config.validate()?;
        let deadline = client.deadline();
        let count = client.partitions(&topic, deadline, Asker::Program).await?;
        let told = config.lacks_key_source.then(|| (client.log().clone(), topic.clone()));
        let target = if count == 0 {
            let shared = Shared::new(&client, topic, config, Arc::new(sink), None)?;
            shared.start(deadline).await?;
            Target::Topic(shared)
        } else {
            Target::Partitions(Partitioned::create(client, topic, config, sink, count, deadline).await?)
        };
        if let Some((log, topic)) = told {
            log.error(format_args!(
                "the producer on {topic}: encryption keys are set, but no key reader: messages are sent UNENCRYPTED"
            ));
        }
        Ok(Producer { target })
    }

    /// Accepts a message and returns; the outcome goes to the sink with `token`.
    ///
    /// At the limit of pending messages it waits or fails, as configured. On an error the message was not
    /// accepted and the token is not used.
    #[inline]
    pub fn send_with(&self, message: &OutgoingMessage<'_>, token: S::Token) -> Result<Accepted, Error> {
        match &self.target {
            Target::Topic(shared) => shared.send(message, token),
            Target::Partitions(partitioned) => partitioned.choose(message)?.send(message, token),
        }
    }

    /// Like [`Producer::send_with`], and sends it at once with all that is gathered: for those who wait for the
    /// outcome.
    pub fn send_at_once(&self, message: &OutgoingMessage<'_>, token: S::Token) -> Result<Accepted, Error> {
        match &self.target {
            Target::Topic(shared) => shared.send_at_once(message, token),
            Target::Partitions(partitioned) => partitioned.choose(message)?.send_at_once(message, token),
        }
    }

    /// Accepts messages one after the other, each with its token, and returns; cheaper than one call for each.
    ///
    /// It ends at the first that is not accepted: the error and how many were accepted before. The iterator must be
    /// short and must not call the producer: it runs with a lock of the producer held.
    pub fn send_many<'a>(
        &self,
        messages: impl Iterator<Item = (OutgoingMessage<'a>, S::Token)>,
    ) -> Result<usize, (usize, Error)> {
        match &self.target {
            Target::Topic(shared) => shared.send_many(messages),
            Target::Partitions(partitioned) => {
                let mut accepted = 0;
                for (message, token) in messages {
                    let sent = partitioned.choose(&message).and_then(|shared| shared.send(&message, token));
                    sent.map_err(|error| (accepted, error))?;
                    accepted += 1;
                }
                Ok(accepted)
            }
        }
    }

    /// Sends what is gathered, and does not wait for it.
    pub fn send_gathered(&self) {
        self.each(|shared| shared.send_gathered());
    }

    /// Sends what is gathered and calls `done` when everything accepted so far has its outcome: with the
    /// last error among them, if there was one.
    ///
    /// `done` must be short and must not call the producer. When there is nothing to wait for it is not
    /// called, but given back with the result.
    pub fn flush_with<F>(&self, done: F) -> Option<(F, Result<(), Error>)>
    where
        F: FnOnce(Result<(), Error>) + Send + 'static,
    {
        match &self.target {
            Target::Topic(shared) => shared.flush(done),
            Target::Partitions(partitioned) => FlushAll::start(&partitioned.all(), done),
        }
    }

    /// The topic's full name.
    pub fn topic(&self) -> &TopicName {
        match &self.target {
            Target::Topic(shared) => shared.topic(),
            Target::Partitions(partitioned) => partitioned.topic(),
        }
    }

    /// Partitions of the topic; 0 when it has none. It may grow.
    pub fn partitions(&self) -> usize {
        match &self.target {
            Target::Topic(_) => 0,
            Target::Partitions(partitioned) => partitioned.count(),
        }
    }

    /// The producer's name, as configured or as the broker gave it: for its first partition.
    pub fn name(&self) -> Arc<str> {
        match &self.target {
            Target::Topic(shared) => shared.name(),
            Target::Partitions(partitioned) => partitioned.name(),
        }
    }

    /// Highest sequence id that the broker stored, in any partition, or -1.
    pub fn last_sequence_id(&self) -> i64 {
        let mut last = -1;
        self.each(|shared| last = last.max(shared.last_sequence_id()));
        last
    }

    /// Whether a broker is connected right now, for every partition that was started.
    pub fn is_connected(&self) -> bool {
        let mut all = true;
        self.each(|shared| all &= !shared.is_started() || shared.is_connected());
        all
    }

    /// Whether the producer was closed, by itself or with its client.
    pub fn is_closed(&self) -> bool {
        let mut all = true;
        self.each(|shared| all &= shared.is_closed());
        all
    }

    /// What the producer did and is doing. Of a topic with partitions it is the sum, with each partition beside it.
    ///
    /// It takes the producer's lock for a moment, one partition after the other.
    pub fn stats(&self) -> ProducerStats {
        match &self.target {
            Target::Topic(shared) => shared.stats(),
            Target::Partitions(partitioned) => {
                let partitions = partitioned.all().iter().map(|shared| shared.stats()).collect();
                let sum = ProducerStats::sum(self.topic().shared(), self.name(), partitions);
                ProducerStats { is_connected: self.is_connected(), ..sum }
            }
        }
    }

    /// Where the outcomes go.
    pub fn sink(&self) -> &S {
        match &self.target {
            Target::Topic(shared) => shared.sink(),
            Target::Partitions(partitioned) => partitioned.sink(),
        }
    }

    /// Of the topic, or of each of its partitions.
    fn each(&self, mut look: impl FnMut(&Arc<Shared<S>>)) {
        match &self.target {
            Target::Topic(shared) => look(shared),
            Target::Partitions(partitioned) => partitioned.all().iter().for_each(look),
        }
    }
}
