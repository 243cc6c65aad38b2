//! What stands behind a consumer handle.

use std::ffi::{CString, c_char};
use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use pulsar_rs_client::{BulkLimits, Consumer as Core, Error, Message as Received, MessageId, SchemaInfo};

use crate::completion::{CompletionQueue, Slot};
use crate::consumer_configuration::ConsumerConfiguration;
use crate::dispatch::Dispatcher;
use crate::event_listener::Events;
use crate::ffi::consumer::pulsar_consumer_t;
use crate::ffi::text::c_string;
use crate::last_error::LastError;
use crate::listener::{self, Gate};
use crate::message::Message;
use crate::reader::{Target, Targets};
use crate::received::Received as List;
use crate::receives::{Receiver, Receives, Wanted, begin};
use crate::session::Session;

/// A consumer of a C program.
#[derive(Debug)]
pub(crate) struct Consumer {
    core: Arc<Core>,
    session: Arc<Session>,
    topic: CString,
    subscription: CString,
    /// Present with a listener.
    gate: Option<Arc<Gate>>,
    /// Present with an event listener.
    events: Option<Events>,
    /// Where outcomes of queued operations go; set once, if at all.
    queue: OnceCell<Arc<CompletionQueue>>,
    receives: Receives,
    /// Acknowledging waits for the broker.
    pub(crate) has_ack_receipts: bool,
    pub last_error: LastError,
}

impl Consumer {
    pub fn new(
        core: Core,
        session: Arc<Session>,
        configuration: &ConsumerConfiguration,
        events: Option<Events>,
    ) -> Result<Arc<Self>, Error> {
        let gate = configuration.listener.map(|_| session.gate(configuration.start_paused));
        let consumer = Arc::new(Consumer {
            topic: c_string(core.topic()),
            subscription: c_string(core.subscription()),
            core: Arc::new(core),
            session,
            gate,
            events,
            queue: OnceCell::new(),
            receives: Receives::default(),
            has_ack_receipts: configuration.ack_receipt_enabled,
            last_error: LastError::default(),
        });
        if let (Some(listener), Some(gate)) = (configuration.listener, &consumer.gate) {
            let source = consumer.core.clone();
            listener::start::<pulsar_consumer_t>(
                &consumer.session,
                consumer.clone(),
                source,
                gate.clone(),
                listener,
            )?;
        }
        // The client may have been closed before the gate was known to it.
        consumer.end_listener_if_closed();
        Ok(consumer)
    }

    fn end_listener_if_closed(&self) {
        if self.core.is_closed() {
            self.gate.as_ref().inspect(|gate| gate.end());
            self.events.as_ref().inspect(|events| events.end());
        }
    }

    pub fn topic(&self) -> *const c_char {
        self.topic.as_ptr()
    }

    pub fn subscription(&self) -> *const c_char {
        self.subscription.as_ptr()
    }

    pub fn is_connected(&self) -> bool {
        self.core.is_connected()
    }

    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Messages of a consumer with a listener are the listener's.
    #[inline]
    fn check_no_listener(&self) -> Result<(), Error> {
        match self.gate {
            None => Ok(()),
            Some(_) => Err(Error::InvalidConfiguration("the consumer has a listener".into())),
        }
    }

    #[inline]
    pub fn receive(&self, timeout: Option<Duration>) -> Result<Message, Error> {
        self.check_no_listener()?;
        self.core.receive_blocking(timeout).map(Message::received)
    }

    /// `done` gets the next message: at once when one is there, else on the callback thread.
    pub fn receive_async(&self, done: impl FnOnce(Result<Message, Error>) + Send + 'static) {
        match self.check_no_listener().and_then(|()| self.core.try_receive()) {
            Ok(Some(message)) => done(Ok(Message::received(message))),
            Ok(None) => {
                if let Err(error) = self.session.callbacks().start() {
                    return done(Err(error));
                }
                let core = self.core.clone();
                self.session.run_on_callbacks(async move {
                    let result = core.receive().await;
                    done(result.map(Message::received));
                });
            }
            Err(error) => done(Err(error)),
        }
    }

    /// Fills a list with the messages that are there; waits for the first, at most `timeout`.
    pub fn receive_bulk(
        &self,
        list: &mut List,
        limits: BulkLimits,
        timeout: Option<Duration>,
    ) -> Result<(), Error> {
        self.check_no_listener()?;
        let (bulk, make) = list.fill();
        self.core.receive_bulk_blocking(bulk, limits, timeout, make)?;
        list.finish();
        Ok(())
    }

    pub fn batch_receive(&self) -> Result<Vec<Received>, Error> {
        self.check_no_listener()?;
        self.core.batch_receive_blocking()
    }

    /// `done` is called on the callback thread; at once, with an error, when nothing can be received.
    pub fn batch_receive_async(&self, done: impl FnOnce(Result<Vec<Received>, Error>) + Send + 'static) {
        let ready = self.check_no_listener().and_then(|()| self.session.callbacks().start());
        if let Err(error) = ready {
            return done(Err(error));
        }
        let core = self.core.clone();
        self.session.run_on_callbacks(async move { done(core.batch_receive().await) });
    }

    /// Has outcomes of queued operations go to `queue`, from now on and for ever.
    pub fn set_completion_queue(&self, queue: Arc<CompletionQueue>) -> Result<(), Error> {
        let refused = |_| Error::InvalidConfiguration("the consumer has a completion queue already".into());
        self.queue.set(queue).map_err(refused)
    }

    fn queue(&self) -> Result<&Arc<CompletionQueue>, Error> {
        let missing = || Error::InvalidConfiguration("the consumer has no completion queue".into());
        self.queue.get().ok_or_else(missing)
    }

    /// A place in the completion queue, for one operation.
    pub fn take_slot(&self) -> Result<Slot, Error> {
        Slot::take(self.queue()?, false)
    }

    /// Receives; the outcome goes to the completion queue.
    pub fn receive_queued(self: &Arc<Self>, wanted: Wanted, token: u64) -> Result<(), Error> {
        begin(self, self.queue()?, &self.session, (wanted, token), || self.check_no_listener())
    }

    pub fn pause_listener(&self) -> Result<(), Error> {
        self.gate()?.pause();
        Ok(())
    }

    pub fn resume_listener(&self) -> Result<(), Error> {
        self.gate()?.resume();
        Ok(())
    }

    fn gate(&self) -> Result<&Gate, Error> {
        let missing = || Error::InvalidConfiguration("the consumer has no listener".into());
        self.gate.as_deref().ok_or_else(missing)
    }

    pub fn last_message_id(&self) -> Result<MessageId, Error> {
        let core = self.core.clone();
        self.session.wait(async move { core.last_message_id().await })
    }

    pub fn schema(&self, version: Option<Vec<u8>>) -> Result<Arc<SchemaInfo>, Error> {
        let core = self.core.clone();
        self.session.wait(async move { core.schema(version.as_deref()).await })
    }

    /// `done` is called on the callback thread.
    pub fn schema_async(
        &self,
        version: Option<Vec<u8>>,
        done: impl FnOnce(Result<Arc<SchemaInfo>, Error>) + Send + 'static,
    ) {
        let core = self.core.clone();
        self.session.then(async move { core.schema(version.as_deref()).await }, done);
    }

    /// The schema that a message was written with, if it was with one.
    pub fn schema_of(&self, message: Received) -> Result<Option<Arc<SchemaInfo>>, Error> {
        let core = self.core.clone();
        self.session.wait(async move { core.schema_of(&message).await })
    }

    pub fn seek(&self, to: Target) -> Result<(), Error> {
        self.session.wait(seek(self.core.clone(), to))
    }

    /// Seeks in the topics that are named.
    pub fn seek_each(&self, targets: Targets) -> Result<(), Error> {
        let core = self.core.clone();
        self.session.wait(async move { core.seek_with(|topic| targets.get(topic).cloned()).await })
    }

    /// `done` is called on the callback thread.
    pub fn seek_async(&self, to: Target, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.session.then(seek(self.core.clone(), to), done);
    }

    pub fn unsubscribe(self: &Arc<Self>) -> Result<(), Error> {
        let consumer = self.clone();
        self.session.wait(async move { consumer.end(consumer.core.unsubscribe()).await })
    }

    /// `done` is called on the callback thread.
    pub fn unsubscribe_async(self: &Arc<Self>, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let consumer = self.clone();
        self.session.then(async move { consumer.end(consumer.core.unsubscribe()).await }, done);
    }

    /// `done` is called on the callback thread.
    pub fn unsubscribe_by_force_async(
        self: &Arc<Self>,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        let consumer = self.clone();
        self.session.then(async move { consumer.end(consumer.core.unsubscribe_by_force()).await }, done);
    }

    /// `done` is called on the callback thread.
    pub fn last_message_ids_async(&self, done: impl FnOnce(Result<Vec<MessageId>, Error>) + Send + 'static) {
        let core = self.core.clone();
        self.session.then(async move { core.last_message_ids().await }, done);
    }

    pub fn close(self: &Arc<Self>) -> Result<(), Error> {
        let consumer = self.clone();
        self.session.wait(async move { consumer.end(consumer.core.close()).await })
    }

    /// `done` is called on the callback thread; at once when the consumer is closed.
    pub fn close_async(self: &Arc<Self>, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        if self.core.is_closed() {
            return done(Ok(()));
        }
        let consumer = self.clone();
        self.session.then(async move { consumer.end(consumer.core.close()).await }, done);
    }

    /// Runs what closes the consumer; a paused listener ends with it.
    async fn end(&self, closing: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let result = closing.await;
        self.end_listener_if_closed();
        result
    }

    /// The program's handle goes: the consumer is closed in the background.
    pub fn dispose(&self) {
        self.core.close_with(drop);
        self.end_listener_if_closed();
    }

    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The thread for callbacks.
    pub fn callbacks(&self) -> &Arc<Dispatcher> {
        self.session.callbacks()
    }
}

impl Receiver for Consumer {
    fn try_take(&self) -> Result<Option<Received>, Error> {
        self.core.try_receive()
    }

    fn take(&self) -> impl Future<Output = Result<Received, Error>> + Send {
        self.core.receive()
    }

    fn take_many(&self) -> impl Future<Output = Result<Vec<Received>, Error>> + Send {
        self.core.batch_receive()
    }

    async fn take_bulk(&self, limits: BulkLimits) -> Result<List, Error> {
        let mut list = List::default();
        let (bulk, make) = list.fill();
        self.core.receive_bulk(bulk, limits, make).await?;
        list.finish();
        Ok(list)
    }

    fn put_back_all(&self, messages: &List) {
        self.core.negative_acknowledge_bulk(messages.bulk(), 0..messages.bulk().len());
    }

    fn put_back(&self, message: &Received) {
        self.core.negative_acknowledge(message);
    }

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

async fn seek(core: Arc<Core>, to: Target) -> Result<(), Error> {
    match to {
        Target::Id(id) => core.seek(&id).await,
        Target::Time(time) => core.seek_by_time(time).await,
    }
}
