use bytes::BytesMut;
use pulsar_rs_wire::extension::{CommandConnect, CommandConnected, FeatureFlags};
use pulsar_rs_wire::{Command, FRAME_OVERHEAD, PROTOCOL_VERSION, WireError, command, frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::{Zeroize, Zeroizing};

use super::challenge::response;
use crate::Error;
use crate::auth::Identity;
use crate::tls::refused;

/// Challenges that are answered before the broker has to know.
const MAX_CHALLENGES: usize = 10;

/// Room for the broker's first answer.
const FIRST_READ: usize = 4096;

/// Bytes of an introduction, at most, unless a token is huge.
const ROOM: usize = 32 * 1024;

/// What we call ourselves.
pub(super) const CLIENT_VERSION: &str = concat!("pulsar_rs-v", env!("CARGO_PKG_VERSION"));

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct HandshakeError {
    error: Error,
    /// The broker said so.
    is_answer: bool,
}

impl HandshakeError {
    pub fn into_error(self) -> Error {
        self.error
    }

    /// Whether the broker lives, and does not let this client in.
    pub fn is_refusal(&self) -> bool {
        self.is_answer && matches!(self.error, Error::Authentication(_) | Error::Authorization(_))
    }
}

impl From<Error> for HandshakeError {
    fn from(error: Error) -> Self {
        HandshakeError { error, is_answer: false }
    }
}

/// Introduces us to the broker, answers its challenges, and returns its answer, with what it sent behind it already.
///
/// `proxy_to` names the broker that a proxy shall connect us to; `has_certificate` says whether TLS showed one of ours.
pub(super) async fn shake_hands(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy_to: Option<String>,
    identity: &Identity,
    has_certificate: bool,
) -> Result<(CommandConnected, BytesMut), HandshakeError> {
    let introduction = connect(proxy_to, identity).await?.into();
    // When that fails, the peer may have said why: what it thinks of our certificate it says after the TLS handshake.
    let written = send(socket, introduction).await;

    let mut buffer = BytesMut::with_capacity(FIRST_READ);
    let mut challenges = 0;
    loop {
        if let Some((len, answer)) = first_command(&buffer).map_err(|error| broken(&error))? {
            let _ = buffer.split_to(len);
            match answer {
                Command::Connected(connected) => return Ok((connected, buffer)),
                Command::Error(error) => {
                    let error = Error::from_server(error.error, &error.message);
                    if matches!(error, Error::Authentication(_)) {
                        identity.refused();
                    }
                    return Err(HandshakeError { error, is_answer: true });
                }
                Command::AuthChallenge(asked) => {
                    challenges += 1;
                    if challenges > MAX_CHALLENGES {
                        return Err(broken(&"the broker asks who the client is, again and again").into());
                    }
                    send(socket, response(identity, &asked).await?).await?;
                    continue;
                }
                other => return Err(broken(&format_args!("it answered with {:?}", other.kind())).into()),
            }
        }
        match socket.read_buf(&mut buffer).await {
            Ok(0) => {
                written?;
                return Err(broken(&"the broker closed the connection").into());
            }
            Ok(_) => {}
            Err(error) => {
                return Err(match refused(&error, has_certificate) {
                    Some(why) => Error::Connect(format!("TLS handshake failed: {why}")),
                    None => broken(&error),
                }
                .into());
            }
        }
    }
}

/// Sends a command that may hold secrets.
async fn send(socket: &mut (impl AsyncWrite + Unpin), command: Command) -> Result<(), Error> {
    let out = encode_secret(command);
    let written = async { socket.write_all(&out).await.and(socket.flush().await) }.await;
    written.map_err(|error| broken(&error))
}

/// The frame of a command that may hold secrets, which are overwritten in the command itself.
pub(super) fn encode_secret(mut command: Command) -> Zeroizing<Vec<u8>> {
    // Large enough not to grow, which would leave copies behind.
    let mut out = Zeroizing::new(Vec::with_capacity(ROOM));
    command.encode_frame(&mut out);
    match &mut command {
        Command::Connect(connect) => connect.auth_data.zeroize(),
        Command::AuthResponse(answer) => answer.response.iter_mut().for_each(|data| data.auth_data.zeroize()),
        _ => {}
    }
    out
}

async fn connect(proxy_to: Option<String>, identity: &Identity) -> Result<CommandConnect, Error> {
    let data = identity.introduction().await?;
    let data = data.map(|mut data| std::mem::take(&mut *data));
    Ok(CommandConnect {
        client_version: CLIENT_VERSION.to_owned(),
        auth_method_name: Some(identity.method().to_owned()),
        auth_data: data,
        protocol_version: Some(PROTOCOL_VERSION),
        proxy_to_broker_url: proxy_to,
        feature_flags: Some(FeatureFlags {
            supports_auth_refresh: Some(true),
            supports_broker_entry_metadata: Some(true),
            supports_partial_producer: Some(true),
            supports_topic_watchers: Some(true),
            ..FeatureFlags::default()
        }),
        ..CommandConnect::default()
    })
}

fn first_command(buffer: &[u8]) -> Result<Option<(usize, Command)>, WireError> {
    let Some(found) = frame::peek(buffer, FRAME_OVERHEAD)? else {
        return Ok(None);
    };
    let (kind, body) = command::split(found.command)?;
    Ok(Some((found.len, Command::decode(kind, body)?)))
}

fn broken(why: &dyn std::fmt::Display) -> Error {
    Error::Disconnected(format!("handshake failed: {why}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use pulsar_rs_wire::proto::{AuthData, CommandAuthChallenge};
    use tokio::io::DuplexStream;

    use super::*;
    use crate::auth::{Answering, Authentication, Network, Secret};
    use crate::log::{Log, StderrLogger};
    use crate::tls::Connector;

    /// Answers with what it is asked.
    #[derive(Debug)]
    struct Echo;

    impl Authentication for Echo {
        fn method(&self) -> &'static str {
            "echo"
        }

        fn answer<'a>(&'a self, challenge: Option<&'a [u8]>, _: &'a Network) -> Answering<'a, Secret> {
            Box::pin(async move { Ok(Zeroizing::new(challenge.unwrap_or(b"hello").to_vec())) })
        }
    }

    fn identity(authentication: Option<Arc<dyn Authentication>>) -> Identity {
        let connector =
            Connector::new(crate::TlsConfig::default(), None, None, Log::new(Arc::new(StderrLogger)))
                .unwrap();
        Identity::new(authentication, Network::new(connector, Duration::ZERO, Duration::ZERO))
    }

    async fn receive(broker: &mut DuplexStream) -> Command {
        let mut buffer = BytesMut::new();
        loop {
            if let Some((_, command)) = first_command(&buffer).unwrap() {
                return command;
            }
            assert_ne!(broker.read_buf(&mut buffer).await.unwrap(), 0);
        }
    }

    fn challenge(data: &[u8]) -> Command {
        let challenge = AuthData { auth_method_name: Some("echo".into()), auth_data: Some(data.to_vec()) };
        CommandAuthChallenge { challenge: Some(challenge), ..CommandAuthChallenge::default() }.into()
    }

    #[tokio::test]
    async fn every_challenge_is_answered_until_the_broker_is_content() {
        let (mut client, mut broker) = tokio::io::duplex(4096);
        let identity = identity(Some(Arc::new(Echo)));
        let shaking = tokio::spawn(async move { shake_hands(&mut client, None, &identity, false).await });
        let Command::Connect(connect) = receive(&mut broker).await else { panic!("no Connect") };
        assert_eq!(connect.auth_method_name(), "echo");
        assert_eq!(connect.auth_data(), b"hello");
        for data in [b"first", b"again"] {
            send(&mut broker, challenge(data)).await.unwrap();
            let Command::AuthResponse(answer) = receive(&mut broker).await else { panic!("no answer") };
            let answer = answer.response.unwrap();
            assert_eq!((answer.auth_method_name(), answer.auth_data()), ("echo", data.as_slice()));
        }
        let content = CommandConnected { server_version: "test".into(), ..CommandConnected::default() };
        send(&mut broker, content.into()).await.unwrap();
        assert_eq!(shaking.await.unwrap().unwrap().0.server_version, "test");
    }

    #[tokio::test]
    async fn who_has_no_answer_says_so() {
        let (mut client, mut broker) = tokio::io::duplex(4096);
        let identity = identity(None);
        let shaking = tokio::spawn(async move { shake_hands(&mut client, None, &identity, false).await });
        let Command::Connect(connect) = receive(&mut broker).await else { panic!("no Connect") };
        assert_eq!(connect.auth_method_name(), "none");
        assert_eq!(connect.auth_data, None);
        send(&mut broker, challenge(b"who")).await.unwrap();
        assert!(matches!(
            shaking.await.unwrap().map_err(HandshakeError::into_error),
            Err(Error::Authentication(_))
        ));
    }
}
