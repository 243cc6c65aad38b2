//! Table views: the newest value of each key of a topic, kept up to date.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use crate::client::Client;
use crate::consumer::Message;
use crate::reader::{Reader, ReaderConfig};
use crate::{CryptoFailureAction, Error, KeySource, MessageId, Schema};

/// Updates that wait for one listener, at most. The view waits for a listener that does not take them.
const MAX_WAITING_UPDATES: usize = 1000;

/// Messages that are read in a row before other tasks have their turn.
const TURN: usize = 100;

/// How long to wait for a message that the topic has before asking again whether it has one: it may be one that cannot be
/// read.
const PATIENCE: Duration = Duration::from_millis(200);

/// How a table view behaves.
#[derive(Debug, Clone, Default)]
pub struct TableViewConfig {
    /// Name of the subscription, which ends with the view; absent: a random one that begins with `reader-`.
    pub subscription: Option<String>,
    /// Schema of the messages, see [`ConsumerConfig::schema`](crate::ConsumerConfig::schema).
    pub schema: Option<Schema>,
    /// Where the private keys come from that decrypt messages, see
    /// [`ConsumerConfig::key_source`](crate::ConsumerConfig::key_source).
    pub key_source: Option<KeySource>,
    /// What becomes of messages that are encrypted and cannot be decrypted. Default: they are not read.
    pub crypto_failure_action: CryptoFailureAction,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableUpdate {
    /// The key.
    pub key: Bytes,
    /// Its value now; absent: it was deleted.
    pub value: Option<Bytes>,
}

/// The updates behind a [snapshot](TableView::listen), in the order of their messages. Dropping it ends them.
#[derive(Debug)]
pub struct TableUpdates {
    updates: mpsc::Receiver<TableUpdate>,
    closed: watch::Receiver<bool>,
}

impl TableUpdates {
    /// Waits for the next update; nothing when the view is closed, whatever waited.
    pub async fn next(&mut self) -> Option<TableUpdate> {
        tokio::select! {
            biased;
            _ = self.closed.wait_for(|closed| *closed) => None,
            update = self.updates.recv() => update,
        }
    }
}

impl Client {
    /// Creates a view of the topic's newest values, which has to be a stored one: with partitions or without, compacted or
    /// not. Waits until everything that is there is read, however long that takes.
    pub async fn create_table_view(&self, topic: &str, config: TableViewConfig) -> Result<TableView, Error> {
        let config = ReaderConfig {
            subscription: config.subscription,
            schema: config.schema,
            read_compacted: true,
            key_source: config.key_source.clone(),
            crypto_failure_action: config.crypto_failure_action,
            ..ReaderConfig::default()
        };
        let reader = self.create_reader(topic, MessageId::EARLIEST, config).await?;
        let view = TableView {
            shared: Arc::new(Shared { reader, table: Mutex::default(), closed: watch::Sender::new(false) }),
        };
        view.shared.read_what_is_there().await?;
        self.spawn(view.shared.clone().follow());
        Ok(view)
    }
}

/// The newest value of each key of a topic. Messages without a key do not count; an empty value, or none, deletes the key.
///
/// It holds keys and values, nothing else of their messages. Dropping it closes it in the background.
#[derive(Debug)]
pub struct TableView {
    shared: Arc<Shared>,
}

/// The view as its task sees it.
#[derive(Debug)]
struct Shared {
    reader: Reader,
    table: Mutex<Table>,
    closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Table {
    values: HashMap<Bytes, Bytes>,
    listeners: Vec<mpsc::Sender<TableUpdate>>,
}

impl TableView {
    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.shared.table.lock().values.get(key).cloned()
    }

    /// Takes a key out of the view, until a message brings it back. Returns its value. The topic keeps it.
    pub fn remove(&self, key: &[u8]) -> Option<Bytes> {
        self.shared.table.lock().values.remove(key)
    }

    /// Whether the key has a value.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.shared.table.lock().values.contains_key(key)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.shared.table.lock().values.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys and values as they are now, in no order. They share their memory with the view.
    pub fn snapshot(&self) -> Vec<(Bytes, Bytes)> {
        self.shared.table.lock().snapshot()
    }

    /// All keys and values as they are now, and what becomes of them from then on, without a gap between.
    ///
    /// Up to 1000 updates wait for whoever takes them; then the view waits, and shows nothing new to anybody.
    pub fn listen(&self) -> (Vec<(Bytes, Bytes)>, TableUpdates) {
        let (sender, updates) = mpsc::channel(MAX_WAITING_UPDATES);
        let closed = self.shared.closed.subscribe();
        let mut table = self.shared.table.lock();
        if !*closed.borrow() {
            table.listeners.push(sender);
        }
        (table.snapshot(), TableUpdates { updates, closed })
    }

    /// The topic's full name.
    pub fn topic(&self) -> &str {
        self.shared.reader.topic()
    }

    /// Whether the view was closed, by itself or with its client.
    pub fn is_closed(&self) -> bool {
        self.shared.reader.is_closed()
    }

    /// Ends the updates. What was read stays. Closing twice does no harm.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.end();
        self.shared.reader.close().await
    }

    /// Closes the view in the background; `done` is called by the client's runtime.
    pub fn close_with(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.shared.end();
        self.shared.reader.close_with(done);
    }
}

impl Drop for TableView {
    fn drop(&mut self) {
        self.close_with(drop);
    }
}

impl Table {
    fn snapshot(&self) -> Vec<(Bytes, Bytes)> {
        self.values.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Applies an update. Returns who has to hear of it.
    fn apply(&mut self, update: &TableUpdate) -> Vec<mpsc::Sender<TableUpdate>> {
        match &update.value {
            Some(value) => _ = self.values.insert(update.key.clone(), value.clone()),
            None => _ = self.values.remove(&update.key),
        }
        self.listeners.retain(|listener| !listener.is_closed());
        self.listeners.clone()
    }
}

impl Shared {
    /// Nobody hears anything any more.
    fn end(&self) {
        let mut table = self.table.lock();
        self.closed.send_replace(true);
        table.listeners.clear();
    }

    async fn read_what_is_there(&self) -> Result<(), Error> {
        // What comes later is not waited for: it may never end.
        let mut last = self.reader.last_message_ids().await?;
        last.retain(|last| last.entry >= 0);
        let mut in_a_row = 0;
        while !last.is_empty() && self.reader.has_message_available().await? {
            if let Ok(message) = tokio::time::timeout(PATIENCE, self.reader.read_next()).await {
                let message = message?;
                last.retain(|last| last.topic.as_deref() != Some(message.topic()) || message.id() < *last);
                self.add(&message).await;
            }
            take_turns(&mut in_a_row).await;
        }
        Ok(())
    }

    /// Reads on until the view is closed.
    async fn follow(self: Arc<Self>) {
        let mut in_a_row = 0;
        while let Ok(message) = self.reader.read_next().await {
            self.add(&message).await;
            take_turns(&mut in_a_row).await;
        }
        self.end();
    }

    async fn add(&self, message: &Message) {
        let Some(update) = update_of(message) else {
            return;
        };
        let listeners = self.table.lock().apply(&update);
        if listeners.is_empty() {
            return;
        }
        let mut closed = self.closed.subscribe();
        let tell = async {
            for listener in &listeners {
                let _ = listener.send(update.clone()).await;
            }
        };
        tokio::select! {
            () = tell => {}
            _ = closed.wait_for(|closed| *closed) => {}
        }
    }
}

/// Copied, so that a value does not keep the batch alive that it came in.
fn update_of(message: &Message) -> Option<TableUpdate> {
    let key = Bytes::copy_from_slice(message.partition_key()?);
    let payload = message.payload();
    let value = (!payload.is_empty()).then(|| Bytes::copy_from_slice(payload));
    Some(TableUpdate { key, value })
}

/// Lets other tasks go on now and then: messages that were fetched are there without waiting.
async fn take_turns(in_a_row: &mut usize) {
    *in_a_row += 1;
    if in_a_row.is_multiple_of(TURN) {
        tokio::task::yield_now().await;
    }
}
