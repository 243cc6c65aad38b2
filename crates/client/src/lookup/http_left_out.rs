//! In place of lookups over HTTP, where the feature `http` is left out. Clients with such service URLs are refused when
//! they are made; this is what would be asked otherwise.

// The signatures are those of what they stand for.
#![allow(clippy::unused_async, clippy::unused_self)]

use std::time::Duration;

use super::{Addresses, LookupConfig, TopicQuery};
use crate::connection::Broker;
use crate::gate::Returning;
use crate::{Error, TopicName};

/// Nothing can be asked.
#[derive(Debug)]
pub(crate) struct HttpLookup {
    pub(super) tls: bool,
}

impl HttpLookup {
    pub(super) fn new(_: Addresses, tls: bool, _: &LookupConfig) -> Self {
        HttpLookup { tls }
    }

    pub async fn broker(&self, _: Option<&Returning>, _: &TopicName) -> Result<Broker, Error> {
        Err(left_out())
    }

    pub async fn partitions(&self, _: Option<&Returning>, _: &TopicName) -> Result<u32, Error> {
        Err(left_out())
    }

    pub async fn topics(&self, _: Option<&Returning>, _: &TopicQuery) -> Result<Vec<String>, Error> {
        Err(left_out())
    }

    pub async fn probe(&self, _: Duration) -> Result<(), Error> {
        Err(left_out())
    }
}

fn left_out() -> Error {
    Error::left_out("lookups over http:// and https://", "http")
}
