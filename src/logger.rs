//! A C program's logger as the core's.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use pulsar_rs_client::log::{Level, Logger, Record};

use crate::dispatch::Dispatcher;
use crate::runtime;

/// Takes a level, a file, a line number and a text, if it wants them.
type LogFunction = dyn Fn(Level, &str, u32, &str) + Send + Sync;

/// Lines that may wait for the callback thread. Those beyond are dropped, and counted: a log must neither
/// fill the memory nor hold up I/O.
const WAITING: usize = 1000;

/// Passes lines on. Lines that come up on an I/O thread are handed over on the callback thread, because
/// user code must not hold up I/O; all others at once.
pub(crate) struct ForeignLogger {
    /// Lines below it are not even formatted.
    floor: Level,
    log: Arc<LogFunction>,
    callbacks: OnceLock<Weak<Dispatcher>>,
    waiting: Arc<Waiting>,
}

/// Lines on their way to the callback thread.
#[derive(Default)]
struct Waiting {
    lines: AtomicUsize,
    dropped: AtomicUsize,
}

impl ForeignLogger {
    pub fn new(floor: Level, log: impl Fn(Level, &str, u32, &str) + Send + Sync + 'static) -> Self {
        ForeignLogger { floor, log: Arc::new(log), callbacks: OnceLock::new(), waiting: Arc::default() }
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
        } else if let Some(callbacks) = self.callbacks.get().and_then(Weak::upgrade)
            && callbacks.start().is_ok()
            && self.waiting.enter()
        {
            let (log, waiting) = (self.log.clone(), self.waiting.clone());
            let tells_of_dropped = self.enabled(Level::Warn);
            callbacks.call(move || {
                log(level, file, line, &text);
                let dropped = waiting.leave();
                if dropped > 0 && tells_of_dropped {
                    let text = format!("{dropped} lines were dropped: the callback thread was busy");
                    log(Level::Warn, "logger.rs", 0, &text);
                }
            });
        }
    }
}

impl Waiting {
    /// False when too many wait; then the line counts as dropped.
    fn enter(&self) -> bool {
        // I/O threads that look at the same time may let in a few more.
        if self.lines.load(Ordering::Relaxed) >= WAITING {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.lines.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A line was passed on. Returns how many were dropped, once those that waited before them are through.
    fn leave(&self) -> usize {
        // In the middle, so that there is room again before the telling, and it happens under steady load, too.
        let left = self.lines.fetch_sub(1, Ordering::Relaxed) - 1;
        if left == 0 || left == WAITING / 2 { self.dropped.swap(0, Ordering::Relaxed) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::IoRuntime;
    use crossbeam_channel::bounded;
    use parking_lot::Mutex;

    #[test]
    fn lines_beyond_the_limit_are_dropped_and_counted() {
        let texts = Arc::new(Mutex::new(Vec::new()));
        let seen = texts.clone();
        let logger = ForeignLogger::new(Level::Debug, move |_, _, _, text| seen.lock().push(text.to_owned()));
        let callbacks = Arc::new(Dispatcher::new("test"));
        logger.attach(&callbacks);
        callbacks.start().unwrap();
        let (let_go, held) = bounded::<()>(0);
        callbacks.call(move || _ = held.recv());
        let runtime = IoRuntime::start(1).unwrap();
        let (done, logged) = bounded(1);
        runtime.handle().spawn(async move {
            for number in 0..WAITING + 50 {
                let message = format_args!("line {number}");
                logger.log(&Record { level: Level::Debug, file: "a.rs", line: 1, message });
            }
            let _ = done.send(());
        });
        logged.recv().unwrap();
        drop(let_go);
        callbacks.drain();
        let told: Vec<_> = texts.lock().iter().filter(|text| text.contains("dropped")).cloned().collect();
        assert_eq!(told, ["50 lines were dropped: the callback thread was busy"]);
        assert_eq!(texts.lock().len(), WAITING + 1);
        runtime.stop();
        callbacks.stop();
    }
}
