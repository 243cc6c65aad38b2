//! What stands behind a client handle.

use std::sync::Arc;
use std::time::Duration;

use pulsar_rs_client::{Client as Core, Error, MessageId, TableViewConfig, TopicName};

use crate::client_configuration::ClientConfiguration;
use crate::consumer::Consumer;
use crate::consumer_configuration::ConsumerConfiguration;
use crate::event_listener::Events;
use crate::ffi::message_router::ForeignRouter;
use crate::last_error::LastError;
use crate::producer::Producer;
use crate::producer_configuration::ProducerConfiguration;
use crate::reader::Reader;
use crate::reader_configuration::ReaderConfiguration;
use crate::sends::CallbackSink;
use crate::session::Session;
use crate::stats::Snapshot;
use crate::table_view::TableView;
use crate::table_view_configuration::TableViewConfiguration;

/// How long freeing a client that was not closed waits for the brokers to be told.
const FAREWELL: Duration = Duration::from_secs(1);

/// A client of a C program.
#[derive(Debug)]
pub(crate) struct Client {
    /// Or why there is none: a client with a wrong URL fails in every call, not in its creation, because
    /// programs do not check that.
    parts: Result<Parts, Error>,
    pub last_error: LastError,
}

/// What a consumer subscribes to.
#[derive(Debug)]
pub(crate) enum Topics {
    One(String),
    Several(Vec<String>),
    /// A regular expression.
    Matching(String),
}

#[derive(Debug, Clone)]
struct Parts {
    core: Core,
    session: Arc<Session>,
}

impl Client {
    pub fn new(service_url: Result<String, Error>, configuration: &ClientConfiguration) -> Self {
        let parts = service_url.and_then(|url| Parts::new(&url, configuration));
        let last_error = LastError::default();
        last_error.note(&parts);
        Client { parts, last_error }
    }

    fn parts(&self) -> Result<Parts, Error> {
        self.parts.clone()
    }

    /// The service URL that is used now; none of a client that cannot be used.
    pub fn service_url(&self) -> Option<String> {
        self.parts().ok().map(|parts| parts.core.service_url().to_owned())
    }

    /// Creates a producer and blocks until it is there.
    pub fn create_producer(
        &self,
        topic: Result<String, Error>,
        configuration: &ProducerConfiguration,
    ) -> Result<Arc<Producer>, Error> {
        let parts = self.parts()?;
        let (topic, config) = (topic?, configuration.to_core()?);
        let creating = parts.create_producer(topic, config, configuration.router);
        parts.session.clone().wait(creating)
    }

    /// `done` is called on the callback thread; at once, with an error, when the arguments are wrong.
    pub fn create_producer_async(
        &self,
        topic: Result<String, Error>,
        configuration: &ProducerConfiguration,
        done: impl FnOnce(Result<Arc<Producer>, Error>) + Send + 'static,
    ) {
        let prepared = self.parts().and_then(|parts| {
            let topic = topic.and_then(checked_topic)?;
            Ok((parts, topic, configuration.to_core()?))
        });
        match prepared {
            Ok((parts, topic, config)) => {
                let creating = parts.create_producer(topic, config, configuration.router);
                parts.session.then(creating, done);
            }
            Err(error) => done(Err(error)),
        }
    }

    /// Subscribes and blocks until that is done.
    pub fn subscribe(
        &self,
        topics: Result<Topics, Error>,
        subscription: Result<String, Error>,
        configuration: &ConsumerConfiguration,
    ) -> Result<Arc<Consumer>, Error> {
        let parts = self.parts()?;
        let (topics, subscription) = (topics?, subscription?);
        parts.session.clone().wait(parts.subscribe(topics, subscription, configuration.clone())?)
    }

    /// `done` is called on the callback thread; at once, with an error, when the arguments are wrong.
    pub fn subscribe_async(
        &self,
        topics: Result<Topics, Error>,
        subscription: Result<String, Error>,
        configuration: &ConsumerConfiguration,
        done: impl FnOnce(Result<Arc<Consumer>, Error>) + Send + 'static,
    ) {
        let prepared = self.parts().and_then(|parts| {
            let topics = topics.and_then(Topics::checked)?;
            Ok((parts.subscribe(topics, subscription?, configuration.clone())?, parts.session))
        });
        match prepared {
            Ok((subscribing, session)) => session.then(subscribing, done),
            Err(error) => done(Err(error)),
        }
    }

    /// Creates a reader and blocks until it is there.
    pub fn create_reader(
        &self,
        topic: Result<String, Error>,
        start: Result<MessageId, Error>,
        configuration: &ReaderConfiguration,
    ) -> Result<Arc<Reader>, Error> {
        let parts = self.parts()?;
        let (topic, start) = (topic?, start?);
        parts.session.clone().wait(parts.create_reader(topic, start, configuration.clone())?)
    }

    /// `done` is called on the callback thread; at once, with an error, when the arguments are wrong.
    pub fn create_reader_async(
        &self,
        topic: Result<String, Error>,
        start: Result<MessageId, Error>,
        configuration: &ReaderConfiguration,
        done: impl FnOnce(Result<Arc<Reader>, Error>) + Send + 'static,
    ) {
        let prepared = self.parts().and_then(|parts| {
            let topic = topic.and_then(checked_topic)?;
            Ok((parts.create_reader(topic, start?, configuration.clone())?, parts.session))
        });
        match prepared {
            Ok((creating, session)) => session.then(creating, done),
            Err(error) => done(Err(error)),
        }
    }

    /// Creates a table view and blocks until it has all that is there.
    pub fn create_table_view(
        &self,
        topic: Result<String, Error>,
        configuration: &TableViewConfiguration,
    ) -> Result<Arc<TableView>, Error> {
        let parts = self.parts()?;
        let (topic, config) = (topic?, configuration.to_core()?);
        parts.session.clone().wait(parts.create_table_view(topic, config))
    }

    /// `done` is called on the callback thread; at once, with an error, when the arguments are wrong.
    pub fn create_table_view_async(
        &self,
        topic: Result<String, Error>,
        configuration: &TableViewConfiguration,
        done: impl FnOnce(Result<Arc<TableView>, Error>) + Send + 'static,
    ) {
        let prepared = self.parts().and_then(|parts| {
            let topic = topic.and_then(checked_topic)?;
            Ok((parts, topic, configuration.to_core()?))
        });
        match prepared {
            Ok((parts, topic, config)) => {
                parts.session.clone().then(parts.create_table_view(topic, config), done);
            }
            Err(error) => done(Err(error)),
        }
    }

    /// Full names of a topic's partitions; the topic's own when it has none.
    pub fn partitions(&self, topic: Result<String, Error>) -> Result<Vec<String>, Error> {
        let parts = self.parts()?;
        let topic = topic?;
        parts.session.clone().wait(async move { parts.core.partitions(&topic).await })
    }

    /// `done` is called on the callback thread; at once, with an error, when the arguments are wrong.
    pub fn partitions_async(
        &self,
        topic: Result<String, Error>,
        done: impl FnOnce(Result<Vec<String>, Error>) + Send + 'static,
    ) {
        match self.parts().and_then(|parts| Ok((parts, topic.and_then(checked_topic)?))) {
            Ok((parts, topic)) => {
                parts.session.clone().then(async move { parts.core.partitions(&topic).await }, done);
            }
            Err(error) => done(Err(error)),
        }
    }

    /// What the client, its producers and its consumers counted.
    pub fn stats(&self) -> Result<Snapshot, Error> {
        let core = self.parts()?.core;
        if core.is_closed() {
            return Err(Error::AlreadyClosed("the client is closed".into()));
        }
        Ok(core.stats().into())
    }

    /// Closes everything; callbacks of what was pending have run when this returns.
    pub fn close(&self) -> Result<(), Error> {
        let parts = self.parts()?;
        let session = parts.session.clone();
        let result = session.clone().wait(parts.close());
        session.drain_callbacks();
        result
    }

    /// `done` is called on the callback thread.
    pub fn close_async(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        match self.parts() {
            Ok(parts) => parts.session.clone().then(parts.close(), done),
            Err(error) => done(Err(error)),
        }
    }

    /// The end: closes what is open and ends the threads. No callback runs afterwards; called inside one,
    /// those that are due run after it.
    pub fn dispose(&self) {
        let Ok(parts) = self.parts() else {
            return;
        };
        let core = parts.core.clone();
        if !core.is_closed() {
            let farewell = async move {
                // Everything ends on our side in any case; the brokers get a moment to be told.
                let _ = tokio::time::timeout(FAREWELL, core.close()).await;
                core.abandon();
                Ok(())
            };
            let _ = parts.session.wait(farewell);
        }
        parts.session.end_listeners();
        parts.session.stop();
    }
}

impl Parts {
    fn new(service_url: &str, configuration: &ClientConfiguration) -> Result<Self, Error> {
        let logger = configuration.logger.as_ref().map(|make| Arc::new(make()));
        let config = configuration.to_core(logger.clone())?;
        let session = Session::start(configuration.io_threads(), configuration.listener_threads())
            .map_err(|error| Error::Unknown(format!("cannot start the client's threads: {error}")))?;
        if let Some(logger) = logger {
            logger.attach(session.callbacks());
        }
        match Core::with_runtime(service_url, config, session.runtime()) {
            Ok(core) => Ok(Parts { core, session: Arc::new(session) }),
            Err(error) => {
                session.stop();
                Err(error)
            }
        }
    }

    /// Closes everything.
    async fn close(self) -> Result<(), Error> {
        let result = self.core.close().await;
        self.session.end_listeners();
        result
    }

    fn create_producer(
        &self,
        topic: String,
        config: pulsar_rs_client::ProducerConfig,
        router: Option<ForeignRouter>,
    ) -> impl Future<Output = Result<Arc<Producer>, Error>> + Send + use<> {
        let Parts { core, session } = self.clone();
        async move {
            let callbacks = session.callbacks().clone();
            // Now: without the thread, the outcome of a send could only be dropped.
            callbacks.start()?;
            let sink = CallbackSink::new(callbacks);
            let created = core.create_producer_with(&topic, config.clone(), sink).await?;
            Ok(Arc::new(Producer::new(created, session, router, &config)))
        }
    }

    fn subscribe(
        &self,
        topics: Topics,
        subscription: String,
        configuration: ConsumerConfiguration,
    ) -> Result<impl Future<Output = Result<Arc<Consumer>, Error>> + Send + use<>, Error> {
        let mut config = configuration.to_core()?;
        let parts = self.clone();
        let events = match configuration.event_listener {
            None => None,
            Some((function, context)) => {
                let (events, listener) = Events::start(function, context, parts.session.callbacks())?;
                config.event_listener = Some(listener);
                Some(events)
            }
        };
        Ok(async move {
            let core = match topics {
                Topics::One(topic) => parts.core.subscribe(&topic, &subscription, config).await?,
                Topics::Several(topics) => {
                    parts.core.subscribe_topics(&topics, &subscription, config).await?
                }
                Topics::Matching(pattern) => {
                    parts.core.subscribe_pattern(&pattern, &subscription, config).await?
                }
            };
            Consumer::new(core, parts.session, &configuration, events)
        })
    }

    fn create_reader(
        &self,
        topic: String,
        start: MessageId,
        configuration: ReaderConfiguration,
    ) -> Result<impl Future<Output = Result<Arc<Reader>, Error>> + Send + use<>, Error> {
        let config = configuration.to_core()?;
        let parts = self.clone();
        Ok(async move {
            let core = parts.core.create_reader(&topic, start, config).await?;
            Reader::new(core, parts.session, &configuration)
        })
    }

    async fn create_table_view(
        self,
        topic: String,
        config: TableViewConfig,
    ) -> Result<Arc<TableView>, Error> {
        let core = self.core.create_table_view(&topic, config).await?;
        Ok(TableView::new(core, self.session))
    }
}

impl Topics {
    /// With names that are well-formed, so that a wrong one fails before the call returns.
    fn checked(self) -> Result<Self, Error> {
        match &self {
            Topics::One(topic) | Topics::Matching(topic) => _ = TopicName::parse(topic)?,
            Topics::Several(topics) => {
                for topic in topics {
                    TopicName::parse(topic)?;
                }
            }
        }
        Ok(self)
    }
}

/// A topic whose name is well-formed, so that a wrong one fails before the call returns.
fn checked_topic(topic: String) -> Result<String, Error> {
    TopicName::parse(&topic)?;
    Ok(topic)
}
