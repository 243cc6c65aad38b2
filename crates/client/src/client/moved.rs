//! Topics that were moved to another cluster while they were used (blue-green deployments).

use std::sync::Arc;

use parking_lot::Mutex;

use crate::Error;
use crate::log::Log;
use crate::lookup::{Lookup, LookupConfig};
use crate::service_url::ServiceUrl;

/// Clusters that brokers may name, at most: no deployment has as many, and each takes memory here.
const MAX_CLUSTERS: usize = 64;

/// The cluster that the topic of one producer or consumer was moved to, if it was.
#[derive(Debug, Default)]
pub(crate) struct MovedTo(Mutex<Option<Move>>);

#[derive(Debug, Clone)]
pub(super) struct Move {
    /// The cluster that the broker belongs to which said so, as the client counts those it used by its configuration.
    pub from: u64,
    pub url: String,
}

impl MovedTo {
    /// A broker of the cluster `from` said that the topic is at `url` now. For the log, `who` asked for it.
    pub fn set(&self, from: u64, url: Option<String>, who: &str, log: &Log) {
        let Some(url) = url else {
            return log.warn(format_args!(
                "{who}: the topic moved to a cluster that has no service URL with TLS, or without it, as this one"
            ));
        };
        log.info(format_args!("{who}: the topic moved to {url}"));
        *self.0.lock() = Some(Move { from, url });
    }

    pub(super) fn get(&self) -> Option<Move> {
        self.0.lock().clone()
    }
}

/// What finds topics in the clusters that brokers named.
#[derive(Debug)]
pub(super) struct MovedLookups {
    config: LookupConfig,
    all: Mutex<Vec<(String, Arc<Lookup>)>>,
}

impl MovedLookups {
    pub fn new(config: LookupConfig) -> Self {
        MovedLookups { config, all: Mutex::default() }
    }

    /// Lookups at a service URL, with the number of the cluster among those that brokers named, from 1.
    pub fn at(&self, url: &str) -> Result<(u32, Arc<Lookup>), Error> {
        let mut all = self.all.lock();
        let place = match all.iter().position(|(known, _)| known == url) {
            Some(place) => place,
            None if all.len() == MAX_CLUSTERS => {
                return Err(Error::Lookup(format!(
                    "a broker names {url}, and {MAX_CLUSTERS} clusters before"
                )));
            }
            None => {
                let lookup = Lookup::new(ServiceUrl::parse_broker_url(url)?, &self.config);
                all.push((url.to_owned(), Arc::new(lookup)));
                all.len() - 1
            }
        };
        // It is small.
        Ok((u32::try_from(place + 1).unwrap_or(u32::MAX), all[place].1.clone()))
    }
}
