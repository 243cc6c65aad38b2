//! What a client logs.

use parking_lot::Mutex;
use pulsar_rs_client::log::{Level, Logger, Record};

/// Log lines of all levels.
#[derive(Default)]
pub struct Lines(pub Mutex<Vec<String>>);

impl Logger for Lines {
    fn enabled(&self, _: Level) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().push(record.message.to_string());
    }
}
