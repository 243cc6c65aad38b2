use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::moved::MovedLookups;
use crate::Error;
use crate::lookup::{Lookup, LookupConfig};
use crate::service_url::ServiceUrl;

/// The clusters that a client may use, the primary first, and which it uses now.
#[derive(Debug)]
pub(super) struct Services {
    all: Vec<Service>,
    current: AtomicUsize,
    /// Tells those that wait for a better time that it came.
    switches: watch::Sender<()>,
    moved: MovedLookups,
}

#[derive(Debug)]
struct Service {
    url: String,
    lookup: Lookup,
}

impl Services {
    pub fn new<'a>(urls: impl IntoIterator<Item = &'a str>, lookups: &LookupConfig) -> Result<Self, Error> {
        let service = |url: &str| {
            let parsed = ServiceUrl::parse(url)?;
            lookups.connector.check(&parsed)?;
            let lookup = Lookup::new(parsed, lookups);
            Ok(Service { url: url.to_owned(), lookup })
        };
        let all = urls.into_iter().map(service).collect::<Result<_, Error>>()?;
        Ok(Services {
            all,
            current: AtomicUsize::new(0),
            switches: watch::Sender::default(),
            moved: MovedLookups::new(lookups.clone()),
        })
    }

    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Number of the service that is used now; 0 is the primary.
    pub fn current(&self) -> usize {
        self.current.load(Ordering::Acquire)
    }

    /// What finds topics now.
    pub fn lookup(&self) -> &Lookup {
        self.lookup_at(self.current())
    }

    pub fn lookup_at(&self, number: usize) -> &Lookup {
        &self.all[number].lookup
    }

    /// What finds topics in a cluster that a broker named.
    pub fn moved(&self) -> &MovedLookups {
        &self.moved
    }

    pub fn url_at(&self, number: usize) -> &str {
        &self.all[number].url
    }

    /// From now on another service is used. `leave` ends what was connected to the old one.
    pub fn switch(&self, number: usize, leave: impl FnOnce()) {
        self.current.store(number, Ordering::Release);
        leave();
        self.switches.send_replace(());
    }

    /// Tells of the switches from now on.
    pub fn switches(&self) -> watch::Receiver<()> {
        self.switches.subscribe()
    }
}
