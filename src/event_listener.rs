//! Telling programs which consumer of a failover subscription is served.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use parking_lot::Mutex;
use pulsar_rs_client::{ActiveChange, Error, EventListener};

use crate::dispatch::Dispatcher;
use crate::ffi::handle::Context;
use crate::ffi::text::c_string;
use crate::listener::Gate;

/// The program's function.
pub(crate) type EventFunction =
    extern "C" fn(topic: *const c_char, partition: c_int, is_active: c_int, ctx: *mut c_void);

/// Has the program told on the callback thread, until it ends or is dropped.
#[derive(Debug)]
pub(crate) struct Events(Arc<Telling>);

#[derive(Debug)]
struct Telling {
    function: EventFunction,
    context: Context,
    callbacks: Arc<Dispatcher>,
    gate: Gate,
    /// What the program was not told yet: the last change of each topic, which is what bounds it.
    waiting: Mutex<Vec<ActiveChange>>,
}

impl Events {
    /// What tells of the end, and the listener for the consumer.
    pub fn start(
        function: EventFunction,
        context: Context,
        callbacks: &Arc<Dispatcher>,
    ) -> Result<(Self, EventListener), Error> {
        callbacks.start()?;
        let telling = Arc::new(Telling {
            function,
            context,
            callbacks: callbacks.clone(),
            gate: Gate::new(false),
            waiting: Mutex::default(),
        });
        let events = Events(telling.clone());
        Ok((events, EventListener::new(move |change| telling.add(change))))
    }

    /// Nothing is told from now on.
    pub fn end(&self) {
        self.0.gate.end();
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.end();
    }
}

impl Telling {
    fn add(self: &Arc<Self>, change: ActiveChange) {
        let mut waiting = self.waiting.lock();
        if let Some(older) = waiting.iter_mut().find(|older| older.topic == change.topic) {
            *older = change;
            return;
        }
        waiting.push(change);
        if waiting.len() == 1 {
            let telling = self.clone();
            self.callbacks.call(move || telling.tell());
        }
    }

    fn tell(&self) {
        let changes = std::mem::take(&mut *self.waiting.lock());
        for ActiveChange { topic, partition, is_active } in changes {
            self.gate.run_now(|| {
                let topic = c_string(topic.as_bytes());
                (self.function)(topic.as_ptr(), partition, is_active.into(), self.context.ptr());
            });
        }
    }
}
