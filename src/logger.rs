//! A C program's logger as the core's.

use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};

use pulsar_rs_client::log::{Level, Logger, Record};

use crate::dispatch::Dispatcher;
use crate::runtime;

/// Takes a level, a file, a line number and a text, if it wants them.
type LogFunction = dyn Fn(Level, &str, u32, &str) + Send + Sync;

/// Passes lines on. Lines that come up on an I/O thread are handed over on the callback thread, because
/// user code must not hold up I/O; all others at once.
pub(crate) struct ForeignLogger {
    /// Lines below it are not even formatted.
    floor: Level,
    log: Arc<LogFunction>,
    callbacks: OnceLock<Weak<Dispatcher>>,
}

impl ForeignLogger {
    pub fn new(floor: Level, log: impl Fn(Level, &str, u32, &str) + Send + Sync + 'static) -> Self {
        ForeignLogger { floor, log: Arc::new(log), callbacks: OnceLock::new() }
    }

    /// Names the callback thread of the client that the logger is for.
    pub fn attach(&self, callbacks: &Arc<Dispatcher>) {
        let _ = self.callbacks.set(Arc::downgrade(callbacks));
    }
}

impl Logger for ForeignLogger {
    fn enabled(&self, level: Level) -> bool {
        level >= self.floor
    }

    fn log(&self, record: &Record<'_>) {
        let file = Path::new(record.file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (level, line, text) = (record.level, record.line, record.message.to_string());
        if !runtime::is_io_thread() {
            (self.log)(level, file, line, &text);
        } else if let Some(callbacks) = self.callbacks.get().and_then(Weak::upgrade) {
            let log = self.log.clone();
            callbacks.call(move || log(level, file, line, &text));
        }
    }
}
