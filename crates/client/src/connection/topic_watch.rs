//! Being told by a broker when topics of a namespace come and go.

use std::sync::Arc;

use pulsar_rs_wire::extension::{CommandWatchTopicList, CommandWatchTopicListClose};
use tokio::sync::watch;

use super::Connection;
use crate::Error;

/// A list of topics that a broker watches over. Dropped, it is not told of any more.
#[derive(Debug)]
pub(crate) struct TopicWatch {
    connection: Arc<Connection>,
    number: u64,
    changes: watch::Receiver<()>,
}

impl Connection {
    /// Watches the topics of `namespace` that match `pattern`, under a number that nobody else uses; nothing when the
    /// broker cannot. What it says of the list is no more than that it changed.
    pub async fn watch_topics(
        self: Arc<Self>,
        number: u64,
        namespace: String,
        topics_pattern: String,
    ) -> Result<Option<TopicWatch>, Error> {
        if !self.has_topic_watchers {
            return Ok(None);
        }
        // Before it is asked for, so that no change is missed.
        let changes = self.channels.add_watcher(number)?;
        let watch = TopicWatch { connection: self, number, changes };
        let list = |request_id| CommandWatchTopicList {
            request_id,
            watcher_id: number,
            namespace,
            topics_pattern,
            topics_hash: None,
        };
        watch.connection.request(|request_id| list(request_id).into()).await?;
        Ok(Some(watch))
    }
}

impl TopicWatch {
    /// Waits for a change; false when there will be none: the connection is gone.
    pub async fn changed(&mut self) -> bool {
        self.changes.changed().await.is_ok()
    }
}

impl Drop for TopicWatch {
    fn drop(&mut self) {
        self.connection.channels.remove_watcher(self.number);
        let watcher_id = self.number;
        self.connection.post(|request_id| CommandWatchTopicListClose { request_id, watcher_id }.into());
    }
}
