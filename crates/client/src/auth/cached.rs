use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::Error;

/// A token is not used any more so long before it ends: it has to reach the broker, whose clock may be ahead.
const MARGIN: Duration = Duration::from_secs(60);

/// Of a token that ends soon, this part is given up instead.
const MARGIN_PART: u32 = 10;

/// A token that is good for longer is asked for again all the same: clocks do not go on for ever.
const MOST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A token so young is what a broker is given that asks again: several connections are asked at the same time.
const YOUNG: Duration = Duration::from_secs(1);

/// A token from elsewhere, kept until it ends. Whoever asks while it is being fetched waits for it.
#[derive(Default)]
pub(super) struct Cached {
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Zeroizing<String>,
    fetched: Instant,
    /// Until when it is given out.
    good_until: Option<Instant>,
}

/// What was fetched.
pub(super) struct Fetched {
    pub token: Zeroizing<String>,
    /// How long it is good, if that is known; else each connection has one fetched.
    pub lifetime: Option<Duration>,
}

impl Cached {
    /// The token. A broker that asks `again` for one wants another than it has.
    pub async fn get(
        &self,
        again: bool,
        fetch: impl Future<Output = Result<Fetched, Error>>,
    ) -> Result<Zeroizing<String>, Error> {
        let asked = Instant::now();
        let mut held = self.held.lock().await;
        // One that came while this one waited is new to whoever asks, even if nobody knows how long it is good.
        if let Some(held) = held.as_ref().filter(|held| held.fetched >= asked || held.is_good(again)) {
            return Ok(held.token.clone());
        }
        let fetched = Held::new(fetch.await?);
        Ok(held.insert(fetched).token.clone())
    }
}

impl Cached {
    /// The token was refused. One that is very young was not meant: others were asked for theirs at the same time.
    pub fn refused(&self) {
        // While another one is being fetched there is nothing to forget.
        if let Ok(mut held) = self.held.try_lock() {
            held.take_if(|held| held.fetched.elapsed() >= YOUNG);
        }
    }
}

impl Held {
    fn new(Fetched { token, lifetime }: Fetched) -> Self {
        let fetched = Instant::now();
        let kept = |lifetime: Duration| lifetime.saturating_sub(MARGIN.min(lifetime / MARGIN_PART));
        let good_until = lifetime.and_then(|lifetime| fetched.checked_add(kept(lifetime.min(MOST))));
        Held { token, fetched, good_until }
    }

    fn is_good(&self, again: bool) -> bool {
        let is_known = !again || self.fetched.elapsed() < YOUNG;
        is_known && self.good_until.is_some_and(|end| Instant::now() < end)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_token_is_fetched_again_before_it_ends() {
        let count = AtomicU32::new(0);
        let fetch = |lifetime| {
            let count = &count;
            async move {
                let token = Zeroizing::new(format!("{}", count.fetch_add(1, Ordering::Relaxed)));
                Ok(Fetched { token, lifetime })
            }
        };
        let long = Some(Duration::from_secs(3600));
        let cached = Cached::default();
        assert_eq!(*cached.get(false, fetch(None)).await.unwrap(), "0");
        assert_eq!(*cached.get(false, fetch(Some(Duration::ZERO))).await.unwrap(), "1", "its end is unknown");
        assert_eq!(*cached.get(false, fetch(long)).await.unwrap(), "2", "it has ended");
        for again in [false, true] {
            assert_eq!(*cached.get(again, fetch(long)).await.unwrap(), "2", "it is new");
        }
        tokio::time::sleep(YOUNG).await;
        assert_eq!(*cached.get(false, fetch(long)).await.unwrap(), "2");
        assert_eq!(*cached.get(true, fetch(long)).await.unwrap(), "3", "the broker wants another");
        cached.refused();
        assert_eq!(*cached.get(false, fetch(long)).await.unwrap(), "3", "it is too new to be meant");
        tokio::time::sleep(YOUNG).await;
        cached.refused();
        assert_eq!(*cached.get(false, fetch(long)).await.unwrap(), "4", "the last one was refused");
        let failed = Cached::default().get(false, async { Err(Error::Authentication("no".into())) }).await;
        assert!(failed.is_err());
    }

    #[test]
    fn the_margin_is_a_minute_or_a_tenth() {
        for (lifetime, kept) in [(3600, 3540), (100, 90), (u64::MAX, MOST.as_secs() - 60)] {
            let lifetime = Some(Duration::from_secs(lifetime));
            let held = Held::new(Fetched { token: Zeroizing::default(), lifetime });
            assert_eq!(held.good_until, Some(held.fetched + Duration::from_secs(kept)));
        }
    }
}
