//! What a client logs.

use parking_lot::Mutex;
use pulsar_rs_client::log::{Level, Logger, Record};

/// Warnings and errors.
#[derive(Default)]
pub struct Warnings(pub Mutex<Vec<String>>);

impl Warnings {
    /// How many have `text`.
    pub fn with(&self, text: &str) -> usize {
        self.0.lock().iter().filter(|line| line.contains(text)).count()
    }
}

impl Logger for Warnings {
    fn enabled(&self, level: Level) -> bool {
        level >= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().push(record.message.to_string());
    }
}

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
