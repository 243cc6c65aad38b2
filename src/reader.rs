//! What stands behind a reader handle.

use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use pulsar_rs_client::{
    BulkLimits, Error, Message as Received, MessageId, Reader as Core, SeekTo, TopicName,
};

use crate::completion::{CompletionQueue, Slot};
use crate::ffi::reader::pulsar_reader_t;
use crate::ffi::text::c_string;
use crate::last_error::LastError;
use crate::listener::{self, Gate};
use crate::message::Message;
use crate::reader_configuration::ReaderConfiguration;
use crate::received::Received as List;
use crate::receives::{Receiver, Receives, Wanted, begin};
use crate::session::Session;

/// A reader of a C program.
#[derive(Debug)]
pub(crate) struct Reader {
    core: Arc<Core>,
    session: Arc<Session>,
    topic: CString,
    /// Present with a listener.
    gate: Option<Arc<Gate>>,
    /// Where outcomes of queued operations go; set once, if at all.
    queue: OnceCell<Arc<CompletionQueue>>,
    receives: Receives,
    pub last_error: LastError,
}

impl Reader {
    pub fn new(
        core: Core,
        session: Arc<Session>,
        configuration: &ReaderConfiguration,
    ) -> Result<Arc<Self>, Error> {
        let gate = configuration.listener.map(|_| session.gate(false));
        let topic = c_string(core.topic());
        let reader = Arc::new(Reader {
            core: Arc::new(core),
            session,
            topic,
            gate,
            queue: OnceCell::new(),
            receives: Receives::default(),
            last_error: LastError::default(),
        });
        if let (Some(listener), Some(gate)) = (configuration.listener, &reader.gate) {
            let source = reader.core.clone();
            listener::start::<pulsar_reader_t>(
                &reader.session,
                reader.clone(),
                source,
                gate.clone(),
                listener,
            )?;
        }
        // The client may have been closed before the gate was known to it.
        reader.end_listener_if_closed();
        Ok(reader)
    }

    fn end_listener_if_closed(&self) {
        if self.core.is_closed() {
            self.gate.as_ref().inspect(|gate| gate.end());
        }
    }

    pub fn topic(&self) -> *const c_char {
        self.topic.as_ptr()
    }

    pub fn is_connected(&self) -> bool {
        self.core.is_connected()
    }

    /// Messages of a reader with a listener are the listener's.
    fn check_no_listener(&self) -> Result<(), Error> {
        match self.gate {
            None => Ok(()),
            Some(_) => Err(Error::InvalidConfiguration("the reader has a listener".into())),
        }
    }

    pub fn read_next(&self, timeout: Option<Duration>) -> Result<Message, Error> {
        self.check_no_listener()?;
        self.core.read_next_blocking(timeout).map(Message::received)
    }

    /// Fills a list with the messages that are there; waits for the first, at most `timeout`.
    pub fn read_bulk(
        &self,
        list: &mut List,
        limits: BulkLimits,
        timeout: Option<Duration>,
    ) -> Result<(), Error> {
        self.check_no_listener()?;
        let (bulk, make) = list.fill();
        self.core.read_bulk_blocking(bulk, limits, timeout, make)?;
        list.finish();
        Ok(())
    }

    /// Has outcomes of queued operations go to `queue`, from now on and for ever.
    pub fn set_completion_queue(&self, queue: Arc<CompletionQueue>) -> Result<(), Error> {
        let refused = |_| Error::InvalidConfiguration("the reader has a completion queue already".into());
        self.queue.set(queue).map_err(refused)
    }

    fn queue(&self) -> Result<&Arc<CompletionQueue>, Error> {
        let missing = || Error::InvalidConfiguration("the reader has no completion queue".into());
        self.queue.get().ok_or_else(missing)
    }

    /// A place in the completion queue, for one operation.
    pub fn take_slot(&self) -> Result<Slot, Error> {
        Slot::take(self.queue()?, false)
    }

    /// Reads; the outcome goes to the completion queue.
    pub fn read_queued(self: &Arc<Self>, wanted: Wanted, token: u64) -> Result<(), Error> {
        begin(self, self.queue()?, &self.session, (wanted, token), || self.check_no_listener())
    }

    /// `done` is called on the callback thread.
    pub fn has_message_available_async(&self, done: impl FnOnce(Result<bool, Error>) + Send + 'static) {
        let core = self.core.clone();
        self.session.then(async move { core.has_message_available().await }, done);
    }

    /// `done` is called on the callback thread.
    pub fn last_message_ids_async(&self, done: impl FnOnce(Result<Vec<MessageId>, Error>) + Send + 'static) {
        let core = self.core.clone();
        self.session.then(async move { core.last_message_ids().await }, done);
    }

    pub fn has_message_available(&self) -> Result<bool, Error> {
        let core = self.core.clone();
        self.session.wait(async move { core.has_message_available().await })
    }

    pub fn last_message_id(&self) -> Result<MessageId, Error> {
        let core = self.core.clone();
        self.session.wait(async move { core.last_message_id().await })
    }

    pub fn core(&self) -> &Core {
        &self.core
    }

    pub fn seek(&self, to: Target) -> Result<(), Error> {
        self.session.wait(seek(self.core.clone(), to))
    }

    /// `done` is called on the callback thread.
    pub fn seek_async(&self, to: Target, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.session.then(seek(self.core.clone(), to), done);
    }

    pub fn close(self: &Arc<Self>) -> Result<(), Error> {
        self.session.wait(self.clone().end())
    }

    /// `done` is called on the callback thread; at once when the reader is closed.
    pub fn close_async(self: &Arc<Self>, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        if self.core.is_closed() {
            return done(Ok(()));
        }
        self.session.then(self.clone().end(), done);
    }

    /// Closes it; its listener ends with it.
    async fn end(self: Arc<Self>) -> Result<(), Error> {
        let result = self.core.close().await;
        self.end_listener_if_closed();
        result
    }

    /// The program's handle goes: the reader is closed in the background.
    pub fn dispose(&self) {
        self.core.close_with(drop);
        self.end_listener_if_closed();
    }
}

impl Receiver for Reader {
    fn try_take(&self) -> Result<Option<Received>, Error> {
        self.core.try_read_next()
    }

    fn take(&self) -> impl Future<Output = Result<Received, Error>> + Send {
        self.core.read_next()
    }

    async fn take_many(&self) -> Result<Vec<Received>, Error> {
        Err(Error::NotSupported("readers have no batch receive policy".into()))
    }

    async fn take_bulk(&self, limits: BulkLimits) -> Result<List, Error> {
        let mut list = List::default();
        let (bulk, make) = list.fill();
        self.core.read_bulk(bulk, limits, make).await?;
        list.finish();
        Ok(list)
    }

    fn put_back_all(&self, _: &List) {}

    /// Nothing is acknowledged, so nothing comes again.
    fn put_back(&self, _: &Received) {}

    fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    fn receives(&self) -> &Receives {
        &self.receives
    }

    fn last_error(&self) -> &LastError {
        &self.last_error
    }
}

/// Where to read on, topic by topic.
pub(crate) type Targets = HashMap<TopicName, SeekTo>;

/// Where to read on.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Id(MessageId),
    /// Milliseconds since 1970.
    Time(u64),
}

async fn seek(core: Arc<Core>, to: Target) -> Result<(), Error> {
    match to {
        Target::Id(id) => core.seek(&id).await,
        Target::Time(time) => core.seek_by_time(time).await,
    }
}
