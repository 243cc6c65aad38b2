//! The REST interface, as far as clients use it for lookups, and tests to unload, compact and delete topics.

mod admin;
mod answers;
mod caller;
mod server;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

pub(crate) use server::serve;

/// What tests ask of the REST interface, and what it counts for them.
#[derive(Debug, Default)]
pub(crate) struct Http {
    /// Base of its URLs: `http://host:port`.
    pub url: String,
    /// The same with TLS: `https://host:port`.
    pub tls_url: Option<String>,
    /// Requests received, failed ones included.
    pub requests: u64,
    /// Send this many lookups elsewhere first.
    pub redirects: u32,
    /// Base of the URLs there.
    pub redirect_url: String,
    /// Wakes requests that wait because the broker was frozen.
    pub thawed: Arc<Notify>,
    failing: VecDeque<Failing>,
}

/// The next requests that are answered with a status only.
#[derive(Debug)]
struct Failing {
    status: u16,
    times: u32,
}

impl Http {
    pub fn new(url: String) -> Self {
        Http { url, ..Http::default() }
    }

    /// Answers the next `times` requests with a status, after those that fail already.
    pub fn fail_next(&mut self, status: u16, times: u32) {
        if times > 0 {
            self.failing.push_back(Failing { status, times });
        }
    }

    /// Ends all failing.
    pub fn clear_failing(&mut self) {
        self.failing.clear();
    }

    /// The status for the next request, if it is to fail.
    fn take_failure(&mut self) -> Option<u16> {
        let first = self.failing.front_mut()?;
        first.times -= 1;
        let status = first.status;
        if first.times == 0 {
            self.failing.pop_front();
        }
        Some(status)
    }
}
