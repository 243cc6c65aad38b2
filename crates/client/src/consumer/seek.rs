//! Moving a consumer to another place of its topic.
//!
//! The broker closes the consumer for it, so that messages from before and from behind the seek come on different
//! connections, or at least for different consumers. What came before is dropped in one step with the move.

use std::sync::Arc;

use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::CommandSeek;
use tokio::sync::oneshot;

use super::position::{SeekTo, seek_id};
use super::{Consumer, Parts, Phase, Shared, already_closed, void};
use crate::connection::{Assigned, ChannelClosed, Connection};
use crate::reconnect::{Reconnect, reconnect};
use crate::{Error, MessageId, TopicName};

/// A seek that is under way.
#[derive(Debug, Default)]
pub(super) struct Seeking {
    /// The broker was asked: that it closes the consumer is part of the seek.
    asked: bool,
    /// It closed the consumer, for that or for another reason, or the connection ended.
    cut: Option<ChannelClosed>,
}

impl Seeking {
    /// Whether the seek takes care of a consumer that was closed.
    pub fn takes(&mut self, why: &ChannelClosed) -> bool {
        if self.asked {
            self.cut = Some(why.clone());
        }
        self.asked
    }

    pub fn is_asked(&self) -> bool {
        self.asked
    }
}

impl Consumer {
    /// Reads on behind the message with this id, or with
    /// [`start_inclusive`](super::ConsumerConfig::start_inclusive) at it; [`MessageId::EARLIEST`] and
    /// [`MessageId::LATEST`] are the ends of the topic.
    ///
    /// It moves the subscription, for all its consumers. Messages from before, and acknowledgements of them, count no
    /// more. Whoever waits for a message goes on waiting. Within the operation timeout; fails with
    /// [`Error::NotAllowed`] while another seek is under way. One that fails changes nothing.
    ///
    /// Of several topics, the one that the message is of is moved; to their ends all are. If one fails, others may have
    /// been moved.
    pub async fn seek(&self, id: &MessageId) -> Result<(), Error> {
        let to = SeekTo::Id(id.clone());
        match &self.parts {
            Parts::One(shared) => shared.seek(to).await,
            Parts::Several(_) if id.is_end() => self.seek_with(|_| Some(to.clone())).await,
            Parts::Several(group) => group.member_of(id)?.seek(to).await,
        }
    }

    /// The number of the current reading of a topic, or partition, of this consumer. It rises with each seek, and when the
    /// client moves to another cluster: messages of an earlier one count no more.
    pub fn reading(&self, topic: &str) -> Result<u64, Error> {
        match &self.parts {
            Parts::One(shared) if topic == shared.topic.as_str() => Ok(shared.state.lock().reading),
            Parts::One(shared) => {
                Err(Error::InvalidMessage(format!("the consumer is on {}, and not on {topic}", shared.topic)))
            }
            Parts::Several(group) => Ok(group.member(topic)?.state.lock().reading),
        }
    }

    /// Reads on at the first message that was published at or after `time`, milliseconds since 1970. For the rest see
    /// [`Consumer::seek`].
    pub async fn seek_by_time(&self, time: u64) -> Result<(), Error> {
        self.seek_with(|_| Some(SeekTo::Time(time))).await
    }

    /// Asks `to`, for each topic that the consumer reads, where to read on; what it names nothing for stays where it is.
    /// For the rest see [`Consumer::seek`].
    pub async fn seek_with(&self, to: impl Fn(&TopicName) -> Option<SeekTo>) -> Result<(), Error> {
        match &self.parts {
            Parts::One(shared) => match to(&shared.topic) {
                Some(to) => shared.seek(to).await,
                None => shared.check_open(),
            },
            Parts::Several(group) => {
                group.check_open()?;
                let seek = |member: Arc<Shared>| {
                    let to = to(&member.topic);
                    async move {
                        match to {
                            Some(to) => member.seek(to).await,
                            None => Ok(()),
                        }
                    }
                };
                group.for_each(seek).await
            }
        }
    }
}

impl Shared {
    /// Moves the subscription. Goes on in the background when the future is dropped.
    pub(super) async fn seek(&self, to: SeekTo) -> Result<(), Error> {
        self.check_open()?;
        let me = self.me.upgrade().ok_or_else(already_closed)?;
        {
            let mut state = self.state.lock();
            if state.seeking.is_some() {
                return Err(Error::NotAllowed(format!("another seek on {} is under way", self.topic)));
            }
            state.seeking = Some(Seeking::default());
        }
        let (done, outcome) = oneshot::channel();
        self.client.spawn(async move {
            let deadline = me.client.deadline();
            let attempt = || me.try_seek(&to);
            let result = me.client.attempt("seek", deadline, attempt).await;
            me.end_seek(None);
            let _ = done.send(result);
        });
        outcome.await.unwrap_or_else(|_| Err(already_closed()))
    }

    async fn try_seek(self: &Arc<Self>, to: &SeekTo) -> Result<(), Error> {
        let connection = self.begin_seek()?;
        // So that a deadline that passes leaves the consumer connected, or connecting.
        let mut attempt = Attempt { shared: self, asked: true };
        let answer = connection.request(|request_id| self.seek_command(request_id, to)).await;
        match answer {
            Ok(Command::Success(_)) => {}
            Ok(other) => return Err(Error::Unknown(format!("seek answered with {:?}", other.kind()))),
            Err(error) => return Err(error),
        }
        attempt.asked = false;
        let assigned = self.moved(to)?;
        let mut reconnecting = Reconnecting(Some(self));
        // Brokers close the consumer before they answer.
        if connection.has_consumer(self.id) {
            connection.remove_consumer(self.id);
            let _ = connection.request(|request_id| self.close_command(request_id)).await;
        }
        match self.connect(assigned, None).await {
            Ok(()) => {
                reconnecting.0 = None;
                Ok(())
            }
            // It goes on there by itself.
            Err(_) if self.state.lock().start.is_kept() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// From here on the seek takes care of the consumer being closed.
    fn begin_seek(&self) -> Result<Arc<Connection>, Error> {
        let mut state = self.state.lock();
        let connection = match &state.phase {
            Phase::Ready(connection) => connection.clone(),
            Phase::Connecting => return Err(Error::NotConnected("the consumer has no connection".into())),
            Phase::Closed => return Err(already_closed()),
        };
        // They are of what was read before: the broker must not take them for what comes.
        self.send_acks(&mut state);
        state.seeking = Some(Seeking { asked: true, cut: None });
        Ok(connection)
    }

    /// The broker moved the subscription: drops everything from before. Returns the broker to connect to, if one was named.
    fn moved(&self, to: &SeekTo) -> Result<Option<Assigned>, Error> {
        let held = self.inbox.hold();
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Closed) {
            return Err(already_closed());
        }
        held.forget();
        state.phase = Phase::Connecting;
        state.reading += 1;
        state.start.moved(to);
        let dropped = state.acks.clear(&void());
        self.tell_later(dropped);
        state.acks_due = None;
        state.chunks.clear();
        state.locked.clear();
        state.negative_acks.clear();
        state.last_chances.clear();
        if let Some(unacked) = &mut state.unacked {
            unacked.clear();
        }
        let cut = state.seeking.replace(Seeking::default()).and_then(|seeking| seeking.cut);
        drop(state);
        match cut {
            Some(ChannelClosed::ByBroker { assigned }) => Ok(assigned),
            _ => Ok(None),
        }
    }

    /// A seek ended, or failed and `asked` the broker: then what it held back goes on.
    fn end_seek(&self, next: Option<Seeking>) {
        let mut state = self.state.lock();
        let ended = std::mem::replace(&mut state.seeking, next).unwrap_or_default();
        if !ended.asked {
            return;
        }
        if matches!(state.phase, Phase::Closed) {
            return;
        }
        self.send_acks(&mut state);
        drop(state);
        if let (Some(why), Some(me)) = (ended.cut, self.me.upgrade()) {
            self.client.spawn(reconnect(me, why));
        }
    }

    fn seek_command(&self, request_id: u64, to: &SeekTo) -> Command {
        let seek = CommandSeek { consumer_id: self.id, request_id, ..CommandSeek::default() };
        match to {
            SeekTo::Id(id) => {
                CommandSeek { message_id: Some(seek_id(id, self.config.start_inclusive)), ..seek }.into()
            }
            SeekTo::Time(time) => CommandSeek { message_publish_time: Some(*time), ..seek }.into(),
        }
    }
}

/// The broker is being asked. Given up, it leaves the consumer as it was.
struct Attempt<'a> {
    shared: &'a Shared,
    asked: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.asked {
            self.shared.end_seek(Some(Seeking::default()));
        }
    }
}

/// A consumer that was moved and has no connection yet. Given up, it connects in the background.
struct Reconnecting<'a>(Option<&'a Arc<Shared>>);

impl Drop for Reconnecting<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            let why = ChannelClosed::Disconnected(Error::Disconnected("it was moved".into()));
            shared.client.spawn(reconnect(shared.clone(), why));
        }
    }
}
