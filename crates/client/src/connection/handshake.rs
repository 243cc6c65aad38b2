use bytes::BytesMut;
use pulsar_rs_wire::extension::{CommandConnect, CommandConnected, FeatureFlags};
use pulsar_rs_wire::{Command, FRAME_OVERHEAD, PROTOCOL_VERSION, WireError, command, frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Error;
use crate::tls::refused;

/// Room for the broker's first answer.
const FIRST_READ: usize = 4096;

/// Introduces us to the broker and returns its answer, with what it sent behind it already.
///
/// `proxy_to` names the broker that a proxy shall connect us to.
pub(super) async fn shake_hands(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy_to: Option<String>,
) -> Result<(CommandConnected, BytesMut), Error> {
    let mut out = Vec::new();
    Command::from(connect(proxy_to)).encode_frame(&mut out);
    // When that fails, the peer may have said why: what it thinks of our certificate it says after the TLS handshake.
    let written = async { socket.write_all(&out).await.and(socket.flush().await) }.await;

    let mut buffer = BytesMut::with_capacity(FIRST_READ);
    loop {
        if let Some((len, answer)) = first_command(&buffer).map_err(|error| broken(&error))? {
            let _ = buffer.split_to(len);
            return match answer {
                Command::Connected(connected) => Ok((connected, buffer)),
                Command::Error(error) => Err(Error::from_server(error.error, error.message)),
                Command::AuthChallenge(_) => {
                    Err(Error::Authentication("the broker wants authentication, which is not set".into()))
                }
                other => Err(broken(&format_args!("it answered with {:?}", other.kind()))),
            };
        }
        match socket.read_buf(&mut buffer).await {
            Ok(0) => {
                written.map_err(|error| broken(&error))?;
                return Err(broken(&"the broker closed the connection"));
            }
            Ok(_) => {}
            Err(error) => {
                return Err(match refused(&error) {
                    Some(why) => Error::Connect(format!("TLS handshake failed: {why}")),
                    None => broken(&error),
                });
            }
        }
    }
}

fn connect(proxy_to: Option<String>) -> CommandConnect {
    CommandConnect {
        client_version: concat!("pulsar_rs-v", env!("CARGO_PKG_VERSION")).to_owned(),
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
    }
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
