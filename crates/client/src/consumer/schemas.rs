//! The schemas of a topic, as its broker knows them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::CommandGetSchema;

use super::{Consumer, Message, Parts, Shared};
use crate::{Error, Schema, SchemaInfo};

/// Versions that are kept; a topic has few.
const MAX_KEPT: usize = 1000;

/// Schemas that were asked for, by their versions: one version never changes.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    by_version: Mutex<HashMap<Vec<u8>, Arc<SchemaInfo>>>,
}

impl Schemas {
    fn find(&self, version: &[u8]) -> Option<Arc<SchemaInfo>> {
        self.by_version.lock().get(version).cloned()
    }

    fn keep(&self, schema: &Arc<SchemaInfo>) {
        let mut by_version = self.by_version.lock();
        if by_version.len() >= MAX_KEPT {
            by_version.clear();
        }
        by_version.insert(schema.version.clone(), schema.clone());
    }
}

impl Consumer {
    /// A schema of the topic: that of a version, such as [`Message::schema_version`] tells, or the newest. The broker is
    /// asked once for each version, within the operation timeout.
    ///
    /// Fails with [`Error::TopicNotFound`] when there is no such schema, and with [`Error::NotSupported`] when the
    /// consumer has several topics: [`Consumer::schema_of`] tells the schema of a message.
    pub async fn schema(&self, version: Option<&[u8]>) -> Result<Arc<SchemaInfo>, Error> {
        match &self.parts {
            Parts::One(shared) => shared.schema(version).await,
            Parts::Several(group) => {
                group.check_open()?;
                let members = group.members();
                let Some((first, rest)) = members.split_first() else {
                    return Err(Error::NotConnected("the consumer has no topic yet".into()));
                };
                let topic = first.topic.without_partition();
                if rest.iter().any(|member| member.topic.without_partition() != topic) {
                    let text =
                        "the topics of this consumer have schemas of their own; ask for that of a message";
                    return Err(Error::NotSupported(text.into()));
                }
                first.schema(version).await
            }
        }
    }

    /// The schema that a message of this consumer was written with; none when it was written without.
    pub async fn schema_of(&self, message: &Message) -> Result<Option<Arc<SchemaInfo>>, Error> {
        let Some(version) = message.schema_version() else {
            return Ok(None);
        };
        let member = match &self.parts {
            Parts::One(shared) => shared.clone(),
            Parts::Several(group) => group.member(message.topic())?,
        };
        member.schema(Some(version)).await.map(Some)
    }
}

impl Shared {
    async fn schema(&self, version: Option<&[u8]>) -> Result<Arc<SchemaInfo>, Error> {
        self.check_open()?;
        if let Some(known) = version.and_then(|version| self.schemas.find(version)) {
            return Ok(known);
        }
        let ask = || async {
            self.check_open()?;
            self.ask_for_schema(version).await
        };
        let found = Arc::new(self.client.attempt("get the schema", self.client.deadline(), ask).await?);
        self.schemas.keep(&found);
        Ok(found)
    }

    async fn ask_for_schema(&self, version: Option<&[u8]>) -> Result<SchemaInfo, Error> {
        let ask = |request_id| CommandGetSchema {
            request_id,
            topic: self.topic.as_str().to_owned(),
            schema_version: version.map(<[u8]>::to_vec),
        };
        let answer = self.connected()?.request(|request_id| ask(request_id).into()).await?;
        let Command::GetSchemaResponse(answer) = answer else {
            return Err(Error::Unknown(format!("the schema answered with {:?}", answer.kind())));
        };
        let missing = || Error::TopicNotFound(format!("{} has no such schema", self.topic.as_str()));
        let schema = Schema::from_wire(answer.schema.ok_or_else(missing)?)?;
        let version = answer.schema_version.or_else(|| version.map(<[u8]>::to_vec)).unwrap_or_default();
        Ok(SchemaInfo { schema, version })
    }
}
