//! Where log lines go. Each client has its own logger; none is global.

use std::fmt;
use std::io::Write;
use std::panic::Location;
use std::sync::Arc;

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who debug this library.
    Debug,
    /// Normal life: connected, created, closed.
    Info,
    /// Trouble that the library deals with: reconnects, redeliveries.
    Warn,
    /// Trouble that an operation reports as its error, or that costs data.
    Error,
}

/// One log line.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// How serious it is.
    pub level: Level,
    /// Source file that wrote it.
    pub file: &'static str,
    /// Line in that file.
    pub line: u32,
    /// The text, formatted when displayed.
    pub message: fmt::Arguments<'a>,
}

/// Receives log lines. Called on any thread, never with a lock of the library held.
pub trait Logger: Send + Sync + 'static {
    /// Whether lines of this level are wanted; others are not even formatted.
    fn enabled(&self, level: Level) -> bool;
    /// Takes one line.
    fn log(&self, record: &Record<'_>);
}

/// Writes warnings and errors to standard error: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct StderrLogger;

impl Logger for StderrLogger {
    fn enabled(&self, level: Level) -> bool {
        level >= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        let Record { level, file, line, message } = record;
        let text = format!("pulsar_rs {level:?} {file}:{line} {message}\n");
        // Whoever reads it may be gone, which is no reason to end anything here.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// A client's logger, as the parts of the client hold it.
#[derive(Clone)]
pub(crate) struct Log(Arc<dyn Logger>);

impl fmt::Debug for Log {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Log")
    }
}

impl Log {
    pub fn new(logger: Arc<dyn Logger>) -> Self {
        Log(logger)
    }

    #[track_caller]
    pub fn debug(&self, message: fmt::Arguments<'_>) {
        self.write(Level::Debug, message);
    }

    #[track_caller]
    pub fn info(&self, message: fmt::Arguments<'_>) {
        self.write(Level::Info, message);
    }

    #[track_caller]
    pub fn warn(&self, message: fmt::Arguments<'_>) {
        self.write(Level::Warn, message);
    }

    #[track_caller]
    pub fn error(&self, message: fmt::Arguments<'_>) {
        self.write(Level::Error, message);
    }

    #[track_caller]
    fn write(&self, level: Level, message: fmt::Arguments<'_>) {
        if self.0.enabled(level) {
            let place = Location::caller();
            self.0.log(&Record { level, file: place.file(), line: place.line(), message });
        }
    }
}
