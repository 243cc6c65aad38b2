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
use crate::blocking::ended;

impl Connection {
    /// Answers a challenge, without holding up what else the broker sends. One at a time: to a broker that asks again
    /// before it has the answer, that is the answer. Where there is none the connection ends.
    pub(super) fn answer_challenge(self: &Arc<Self>, challenge: CommandAuthChallenge) {
        if self.answering.swap(true, Ordering::AcqRel) {
            return;
        }
        let connection = self.clone();
        tokio::spawn(async move {
            // In a task of its own: what answers may be the program's, and may panic.
            let answer = tokio::spawn(connection.clone().answer(challenge)).await;
            let answer = answer.unwrap_or_else(|error| Err(ended("what proves who the client is", &error)));
            connection.answering.store(false, Ordering::Release);
            match answer {
                Ok(answer) => connection.send_secret(answer),
                Err(error) => connection.close(&format!("cannot tell the broker again who we are: {error}")),
            }
        });
    }

    async fn answer(self: Arc<Self>, challenge: CommandAuthChallenge) -> Result<Command, Error> {
        let answering = response(&self.identity, &challenge);
        let late = |_| Error::Timeout(format!("no data within {:?}", self.operation_timeout));
        timeout(self.operation_timeout, answering).await.map_err(late)?
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
