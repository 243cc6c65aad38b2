use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Error;
use crate::service_url::{Address, ServiceUrl};

/// The addresses of a service, and which is tried first: the one that worked last.
#[derive(Debug)]
pub(super) struct Addresses {
    service: ServiceUrl,
    preferred: AtomicUsize,
}

impl Addresses {
    pub fn new(service: ServiceUrl) -> Self {
        Addresses { service, preferred: AtomicUsize::new(0) }
    }

    pub fn all(&self) -> &[Address] {
        self.service.addresses()
    }

    /// Begins to try one after the other.
    pub fn round(&self) -> Round<'_> {
        let first = self.preferred.load(Ordering::Relaxed);
        Round { addresses: self, first, tried: 0, trying: None, failure: None }
    }
}

/// One attempt after the other, until one succeeds. Dropped in the middle of one, it has the next round begin behind
/// an address that takes all the time there is.
pub(super) struct Round<'a> {
    addresses: &'a Addresses,
    first: usize,
    tried: usize,
    /// Number of the address that is tried now.
    trying: Option<usize>,
    failure: Option<Error>,
}

impl<'a> Round<'a> {
    /// The next address to try; none when all were.
    pub fn next(&mut self) -> Option<&'a Address> {
        let all = self.addresses.all();
        if self.tried >= all.len() {
            return None;
        }
        let index = (self.first + self.tried) % all.len();
        self.tried += 1;
        self.trying = Some(index);
        Some(&all[index])
    }

    /// The address that is tried now is the one for the next round.
    pub fn succeeded(mut self) {
        if let Some(index) = self.trying.take() {
            self.addresses.preferred.store(index, Ordering::Relaxed);
        }
    }

    /// The address that is tried now failed. The others serve the same cluster: who is refused by one is not let in by
    /// the next, and they are not tried.
    pub fn failed(&mut self, error: Error) {
        self.rotate();
        if matches!(error, Error::Authentication(_)) {
            self.tried = self.addresses.all().len();
            self.failure = Some(error);
            return;
        }
        // What may pass is the better reason: the caller then tries again.
        if error.is_transient() {
            self.failure = Some(error);
        } else {
            self.failure.get_or_insert(error);
        }
    }

    /// Why none succeeded.
    pub fn failure(mut self) -> Error {
        let failure = self.failure.take();
        failure.unwrap_or_else(|| Error::Connect("the service URL names no address".into()))
    }

    fn rotate(&mut self) {
        if let Some(index) = self.trying.take() {
            let next = (index + 1) % self.addresses.all().len();
            self.addresses.preferred.store(next, Ordering::Relaxed);
        }
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        self.rotate();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Addresses {
        Addresses::new(ServiceUrl::parse("pulsar://a,b,c").unwrap())
    }

    #[test]
    fn the_one_that_worked_is_tried_first() {
        let addresses = addresses();
        let mut round = addresses.round();
        assert_eq!(round.next().unwrap().host, "a");
        round.failed(Error::Connect("a".into()));
        assert_eq!(round.next().unwrap().host, "b");
        round.succeeded();
        assert_eq!(addresses.round().next().unwrap().host, "b");
        // That round was given up in the middle.
        assert_eq!(addresses.round().next().unwrap().host, "c");
    }

    #[test]
    fn all_are_tried_and_what_may_pass_is_the_reason() {
        let addresses = addresses();
        let mut round = addresses.round();
        for error in [Error::Connect("1".into()), Error::Disconnected("2".into()), Error::Connect("3".into())]
        {
            round.next().unwrap();
            round.failed(error);
        }
        assert!(round.next().is_none());
        assert_eq!(round.failure(), Error::Disconnected("2".into()));
    }

    #[test]
    fn who_is_refused_by_one_does_not_ask_the_others() {
        let addresses = addresses();
        let mut round = addresses.round();
        round.next().unwrap();
        round.failed(Error::Disconnected("1".into()));
        round.next().unwrap();
        round.failed(Error::Authentication("2".into()));
        assert!(round.next().is_none());
        assert_eq!(round.failure(), Error::Authentication("2".into()));
    }
}
