//! Messages of topics that store nothing.

use super::delivery::{Feed, Outlet};
use super::{Dispatch, Subscription, key_hash};
use crate::topic::Entry;

impl Subscription {
    /// Sends an entry to a consumer that can take it now. Where there is none, it is lost.
    pub fn pass_on(&mut self, entry: &Entry, feed: &Feed<'_>, outlet: &mut impl Outlet) {
        let consumers = &mut self.consumers;
        let chosen = match &mut self.dispatch {
            Dispatch::Single(single) => {
                consumers.iter().position(|consumer| Some(consumer.key) == single.active())
            }
            Dispatch::Shared(shared) => shared.next_consumer(consumers, feed, outlet),
            Dispatch::KeyShared(key_shared) => key_shared.owner(key_hash::of(entry), consumers),
        };
        if let Some(index) = chosen.filter(|index| feed.may_send(&consumers[*index], outlet)) {
            feed.send((0, entry), &self.cursor, &mut consumers[index], 0, outlet);
        }
    }
}
