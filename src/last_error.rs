use parking_lot::Mutex;
use pulsar_rs_client::Error;

/// Text of the last failure on a handle.
#[derive(Debug, Default)]
pub(crate) struct LastError(Mutex<Option<String>>);

impl LastError {
    /// Keeps the text of a failure. A success leaves the older one.
    #[inline]
    pub fn note<T>(&self, outcome: &Result<T, Error>) {
        if let Err(error) = outcome {
            self.keep(error);
        }
    }

    #[cold]
    fn keep(&self, error: &Error) {
        *self.0.lock() = Some(error.to_string());
    }

    /// The same, with the topic that the operation was about.
    pub fn note_about<T>(&self, topic: &str, outcome: &Result<T, Error>) {
        if let Err(error) = outcome {
            *self.0.lock() = Some(format!("{topic}: {error}"));
        }
    }

    /// The text, if anything failed so far.
    pub fn text(&self) -> Option<String> {
        self.0.lock().clone()
    }
}
