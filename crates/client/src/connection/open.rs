use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use pulsar_rs_wire::extension::CommandConnected;
use pulsar_rs_wire::proto::CommandPing;
use pulsar_rs_wire::{Command, DEFAULT_MAX_MESSAGE_SIZE};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::channels::Channels;
use super::handshake::{HandshakeError, shake_hands};
use super::outbound::Outbound;
use super::pool::Opening;
use super::read::read_frames;
use super::requests::Requests;
use super::socket::Writer;
use super::write::write_frames;
use super::{Connection, NEXT_ID};
use crate::Error;
use crate::auth::Identity;
use crate::log::Log;
use crate::resolve::resolve;
use crate::service_url::Address;
use crate::tls::{Connector, Stream};

/// What all connections of a client have in common.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionConfig {
    /// Where connections live, whoever asks for them.
    pub runtime: Handle,
    /// For TCP and handshake together.
    pub connect_timeout: Duration,
    /// For each request.
    pub operation_timeout: Duration,
    /// How often an idle peer is asked whether it lives; zero: never.
    pub keep_alive: Duration,
    /// Who connects.
    pub identity: Identity,
    pub connector: Connector,
    pub log: Log,
}

impl Connection {
    /// Connects, introduces us, and starts the connection's task. To be called on the runtime of the configuration.
    pub(super) async fn open(config: ConnectionConfig, opening: Opening) -> Result<Arc<Self>, Error> {
        let Opening { address, proxy_to, cluster } = opening;
        let (stream, (connected, rest)) =
            enter(&config.connector, &address, proxy_to, &config.identity, config.connect_timeout)
                .await
                .map_err(HandshakeError::into_error)?;
        let max_message_size = connected
            .max_message_size
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size > 0)
            .unwrap_or(DEFAULT_MAX_MESSAGE_SIZE);
        let features = connected.feature_flags.clone().unwrap_or_default();
        let has_topic_watchers = features.supports_topic_watchers.unwrap_or_default();
        let local = stream.local_addr().map_or_else(|_| "?".into(), |local| local.to_string());
        let connection = Arc::new(Connection {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            cluster,
            name: format!("[{local} -> {address}]"),
            tls: address.tls,
            max_message_size,
            has_topic_watchers,
            protocol_version: connected.protocol_version.unwrap_or_default(),
            operation_timeout: config.operation_timeout,
            log: config.log.clone(),
            identity: config.identity,
            outbound: Outbound::default(),
            requests: Requests::default(),
            channels: Channels::default(),
            heard: AtomicBool::new(true),
            close_requested: tokio::sync::Notify::new(),
            closing: OnceLock::new(),
            answering: AtomicBool::new(false),
        });
        config.log.info(format_args!("{} connected to {}", connection.name, connected.server_version));
        tokio::spawn(run(connection.clone(), stream, rest, config.keep_alive));
        Ok(connection)
    }
}

/// Connects and introduces us, in no more than `patience`. What the broker answered, and sent behind it.
pub(crate) async fn enter(
    connector: &Connector,
    address: &Address,
    proxy_to: Option<String>,
    identity: &Identity,
    patience: Duration,
) -> Result<(Stream, (CommandConnected, BytesMut)), HandshakeError> {
    let attempt = async {
        let mut stream = connector.connect_to_broker(address, patience).await?;
        let answer = shake_hands(&mut stream, proxy_to, identity, connector.has_certificate()).await?;
        Ok((stream, answer))
    };
    timeout(patience, attempt)
        .await
        .map_err(|_| Error::Disconnected(format!("no connection to {address} within {patience:?}")))?
}

/// Tries every address that the name resolves to.
pub(crate) async fn connect_tcp(address: &Address, patience: Duration) -> Result<TcpStream, Error> {
    let resolved = resolve(address.bare_host(), address.port)
        .await
        .map_err(|error| Error::Connect(format!("cannot resolve {address}: {error}")))?;
    // One that does not answer must leave time for the others.
    let patience = patience / u32::try_from(resolved.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = Error::Connect(format!("{address} resolves to no address"));
    for target in resolved {
        match timeout(patience, TcpStream::connect(target)).await {
            Err(_) => failure = Error::Disconnected(format!("no answer from {target} within {patience:?}")),
            Ok(Ok(socket)) => {
                socket
                    .set_nodelay(true)
                    .map_err(|error| Error::Disconnected(format!("{target}: {error}")))?;
                return Ok(socket);
            }
            Ok(Err(error)) => failure = Error::Disconnected(format!("cannot connect to {target}: {error}")),
        }
    }
    Err(failure)
}

/// The connection's task: everything that reads or writes the socket, until one part ends.
async fn run(connection: Arc<Connection>, stream: Stream, rest: BytesMut, keep_alive: Duration) {
    // Also when something here panics: a connection that nobody serves must not look alive.
    let mut ending = Ending { connection: &connection, why: None };
    let why = match stream {
        Stream::Plain(socket) => {
            let (reader, writer) = socket.into_split();
            let writer = Writer::new(writer);
            connection.outbound.share(writer.clone());
            serve(&connection, reader, writer, rest, keep_alive).await
        }
        // Threads that wait do not write in the task's place: they would have to encrypt under its lock.
        Stream::Tls(stream) => {
            let (reader, writer) = tokio::io::split(*stream);
            serve(&connection, reader, writer, rest, keep_alive).await
        }
    };
    connection.log.info(format_args!("{} ended: {why}", connection.name));
    ending.why = Some(why);
}

async fn serve(
    connection: &Arc<Connection>,
    reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    rest: BytesMut,
    keep_alive: Duration,
) -> Error {
    let why = tokio::select! {
        why = read_frames(connection, reader, rest) => why,
        why = write_frames(connection, &mut writer) => why,
        why = stay_alive(connection, keep_alive) => why,
        () = connection.close_requested.notified() => connection.why_closed(),
    };
    // With TLS the end is announced, if the socket takes that at once: else it might be an attacker's doing.
    poll_fn(|context| {
        let _ = Pin::new(&mut writer).poll_shutdown(context);
        Poll::Ready(())
    })
    .await;
    why
}

/// Tears the connection down when it is dropped.
struct Ending<'a> {
    connection: &'a Arc<Connection>,
    why: Option<Error>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let aborted = || Error::Disconnected("the connection's task was ended".into());
        self.connection.tear_down(&self.why.take().unwrap_or_else(aborted));
    }
}

/// Pings the peer, and gives it up when nothing came since the last ping: at most twice the interval after it fell
/// silent.
async fn stay_alive(connection: &Connection, every: Duration) -> Error {
    if every.is_zero() {
        return std::future::pending().await;
    }
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut asked = false;
    loop {
        ticks.tick().await;
        if !connection.heard.swap(false, Ordering::Relaxed) && asked {
            return Error::Disconnected(format!("nothing heard for {every:?}"));
        }
        asked = true;
        connection.send(&Command::from(CommandPing {}));
    }
}
