//! Answers to brokers that ask again who we are.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pulsar_rs_wire::proto::{AuthData, CommandAuthChallenge, CommandAuthResponse};
use pulsar_rs_wire::{Command, PROTOCOL_VERSION};
use tokio::time::timeout;

use super::Connection;
use super::handshake::CLIENT_VERSION;
use crate::Error;
use crate::auth::Identity;

impl Connection {
    /// Answers a challenge, without holding up what else the broker sends. One at a time: to a broker that asks again
    /// before it has the answer, that is the answer. Where there is none the connection ends.
    pub(super) fn answer_challenge(self: &Arc<Self>, challenge: CommandAuthChallenge) {
        if self.answering.swap(true, Ordering::AcqRel) {
            return;
        }
        let connection = self.clone();
        tokio::spawn(async move {
            let answering = response(&connection.identity, &challenge);
            let answer = match timeout(connection.operation_timeout, answering).await {
                Ok(answer) => answer,
                Err(_) => Err(Error::Timeout(format!("no data within {:?}", connection.operation_timeout))),
            };
            connection.answering.store(false, Ordering::Release);
            match answer {
                Ok(answer) => connection.send(&answer),
                Err(error) => connection.close(&format!("cannot tell the broker again who we are: {error}")),
            }
        });
    }
}

/// The answer to a challenge.
pub(super) async fn response(
    identity: &Identity,
    challenge: &CommandAuthChallenge,
) -> Result<Command, Error> {
    let asked = challenge.challenge.as_ref().and_then(|challenge| challenge.auth_data.as_deref());
    let mut data = identity.answer(asked.unwrap_or_default()).await?;
    let response = AuthData {
        auth_method_name: Some(identity.method().to_owned()),
        auth_data: Some(std::mem::take(&mut *data)),
    };
    Ok(CommandAuthResponse {
        client_version: Some(CLIENT_VERSION.to_owned()),
        response: Some(response),
        protocol_version: Some(PROTOCOL_VERSION),
    }
    .into())
}
