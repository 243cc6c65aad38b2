//! Flushing all partitions of a topic: done when the last of them is.

use std::sync::Arc;

use parking_lot::Mutex;

use super::shared::Shared;
use super::sink::SendSink;
use crate::Error;

/// Counts the partitions that are not flushed yet.
#[derive(Debug)]
pub(super) struct FlushAll<F>(Arc<Mutex<Waiting<F>>>);

#[derive(Debug)]
struct Waiting<F> {
    partitions: usize,
    result: Result<(), Error>,
    /// Absent: somebody takes care of it.
    done: Option<F>,
}

impl<F: FnOnce(Result<(), Error>) + Send + 'static> FlushAll<F> {
    /// Flushes all; `done` comes back when there was nothing to wait for.
    pub fn start<S: SendSink>(partitions: &[Arc<Shared<S>>], done: F) -> Option<(F, Result<(), Error>)> {
        // One more than there are: this call must not be overtaken by partitions that are quick.
        let waiting = Waiting { partitions: partitions.len() + 1, result: Ok(()), done: Some(done) };
        let all = FlushAll(Arc::new(Mutex::new(waiting)));
        for partition in partitions {
            let one = FlushAll(all.0.clone());
            let done = move |result| {
                if let Some((done, result)) = one.count_down(result) {
                    done(result);
                }
            };
            if let Some((_, result)) = partition.flush(done) {
                all.count_down(result);
            }
        }
        all.count_down(Ok(()))
    }

    /// The last one gets what is to be called.
    fn count_down(&self, result: Result<(), Error>) -> Option<(F, Result<(), Error>)> {
        let mut waiting = self.0.lock();
        if result.is_err() {
            waiting.result = result;
        }
        waiting.partitions -= 1;
        if waiting.partitions > 0 {
            return None;
        }
        let result = std::mem::replace(&mut waiting.result, Ok(()));
        waiting.done.take().map(|done| (done, result))
    }
}
