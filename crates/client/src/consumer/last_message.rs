//! What is at the end of the topic, and whether a consumer is there.

use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::{CommandGetLastMessageId, CommandGetLastMessageIdResponse};

use tokio::task::JoinSet;

use super::position::SeekTo;
use super::position::{Origin, Position};
use super::{Consumer, Parts, Phase, Shared, already_closed};
use crate::connection::Connection;
use crate::{Error, MessageId};

impl Consumer {
    /// Id of the last message in the topic; [`MessageId::EARLIEST`] when it is empty. Waits for a connection, at most the
    /// operation timeout. Of several topics there is none.
    pub async fn last_message_id(&self) -> Result<MessageId, Error> {
        match &self.parts {
            Parts::One(shared) => shared.last_message_id().await,
            Parts::Several(group) => {
                group.check_open()?;
                Err(Error::NotSupported("several topics have no last message".into()))
            }
        }
    }

    /// Ids of the last messages of all topics and partitions, each with its topic; [`MessageId::EARLIEST`] of one that
    /// is empty.
    pub async fn last_message_ids(&self) -> Result<Vec<MessageId>, Error> {
        let members = match &self.parts {
            Parts::One(shared) => vec![shared.clone()],
            Parts::Several(group) => {
                group.check_open()?;
                group.members()
            }
        };
        let mut asking = JoinSet::new();
        for member in members {
            let ask = async move {
                let last = member.last_message_id().await?;
                Ok(MessageId { topic: Some(member.topic.shared()), ..last })
            };
            asking.spawn_on(ask, self.client().runtime());
        }
        let mut last = Vec::with_capacity(asking.len());
        while let Some(answer) = asking.join_next().await {
            last.push(answer.unwrap_or_else(|_| Err(already_closed()))?);
        }
        Ok(last)
    }

    /// Whether there is a message to receive: one that was fetched, also if it waits for its key, or one in the topic behind
    /// the last that was received, or behind the place where the consumer began or was moved to.
    ///
    /// Asks the broker when none was fetched; waits for a connection, at most the operation timeout. Started at
    /// [`MessageId::LATEST`] with [`start_inclusive`](super::ConsumerConfig::start_inclusive), it moves the consumer
    /// to the last message that there is.
    pub async fn has_message_available(&self) -> Result<bool, Error> {
        match &self.parts {
            Parts::One(shared) => shared.has_message_available().await,
            Parts::Several(group) => {
                group.check_open()?;
                let members = group.members();
                if members.iter().any(|member| member.has_fetched()) {
                    return Ok(true);
                }
                // All brokers at the same time.
                let mut asking = JoinSet::new();
                for member in members {
                    let ask = async move { member.has_message_available().await };
                    asking.spawn_on(ask, self.client().runtime());
                }
                let mut is_available = false;
                while let Some(answer) = asking.join_next().await {
                    is_available |= answer.unwrap_or_else(|_| Err(already_closed()))?;
                }
                Ok(is_available)
            }
        }
    }
}

impl Shared {
    pub(super) async fn last_message_id(&self) -> Result<MessageId, Error> {
        // As the established clients answer.
        if self.check_open().is_err() {
            return Err(Error::NotConnected("the consumer is closed".into()));
        }
        Ok(MessageId::from_data(&self.ask_for_last().await?.last_message_id))
    }

    pub(super) async fn has_message_available(&self) -> Result<bool, Error> {
        self.check_open()?;
        if self.has_fetched() {
            return Ok(true);
        }
        let begins_at_last = self.inbox.position().is_none() && self.state.lock().start.at_last;
        let mut answer = self.ask_for_last().await?;
        if begins_at_last && MessageId::from_data(&answer.last_message_id).entry >= 0 {
            self.seek(SeekTo::Id(MessageId::from_data(&answer.last_message_id))).await?;
            answer = self.ask_for_last().await?;
        }
        let last = MessageId::from_data(&answer.last_message_id);
        let taken = self.inbox.position();
        let position = self.state.lock().start.position(taken);
        let is_behind = match position {
            Origin::At(place) => place.is_before(&last),
            Origin::Earliest => last.entry >= 0,
            // The broker knows: what is acknowledged, or was before the place it was asked for.
            Origin::Subscription | Origin::Latest | Origin::Time(_) => {
                place_found(&answer).is_some_and(|place| place.is_before(&last))
            }
        };
        Ok(is_behind || self.has_fetched())
    }

    /// Whether a message was fetched that was not taken, or an entry that waits for its key.
    fn has_fetched(&self) -> bool {
        // In the order in which entries go.
        let is_waiting = self.state.lock().locked.is_waiting();
        is_waiting || self.inbox.has_message()
    }

    async fn ask_for_last(&self) -> Result<CommandGetLastMessageIdResponse, Error> {
        let ask = || async {
            let connection = match &self.state.lock().phase {
                Phase::Ready(connection) => connection.clone(),
                Phase::Connecting => {
                    return Err(Error::NotConnected(format!(
                        "the consumer on {} has no connection",
                        self.topic
                    )));
                }
                Phase::Closed => return Err(already_closed()),
            };
            let answer = self.ask_on(&connection).await;
            // The broker closed it in between: it knows the consumer again when that is back.
            answer.map_err(|error| {
                if connection.has_consumer(self.id) { error } else { Error::NotConnected(error.to_string()) }
            })
        };
        self.client.attempt("get the last message id", self.client.deadline(), ask).await
    }

    async fn ask_on(&self, connection: &Connection) -> Result<CommandGetLastMessageIdResponse, Error> {
        let ask = |request_id| CommandGetLastMessageId { consumer_id: self.id, request_id }.into();
        match connection.request(ask).await? {
            Command::GetLastMessageIdResponse(answer) => Ok(answer),
            other => Err(Error::Unknown(format!("last message id answered with {:?}", other.kind()))),
        }
    }

    /// Where the broker begins, if it tells; it was not permitted to send anything yet.
    pub(super) async fn find_place(&self, connection: &Connection) -> Result<Option<Position>, Error> {
        match self.ask_on(connection).await {
            Ok(answer) => Ok(place_found(&answer)),
            Err(error) if error.is_transient() => Err(error),
            // Of a topic that is not stored it has nothing to tell.
            Err(_) => Ok(None),
        }
    }
}

/// The place behind what is acknowledged.
fn place_found(answer: &CommandGetLastMessageIdResponse) -> Option<Position> {
    let acknowledged = MessageId::from_data(answer.consumer_mark_delete_position.as_ref()?);
    Position::of(&acknowledged, false)
}
