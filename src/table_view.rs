//! What stands behind a table view handle.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pulsar_rs_client::{Error, TableUpdate, TableView as Core};

use crate::dispatch::TURN;
use crate::ffi::handle::Context;
use crate::ffi::table_view::Action;
use crate::ffi::text::c_string;
use crate::last_error::LastError;
use crate::listener::Gate;
use crate::session::Session;
use crate::task::{Task, yield_now};

/// A table view of a C program.
#[derive(Debug)]
pub(crate) struct TableView {
    core: Arc<Core>,
    session: Arc<Session>,
    /// The program closed it.
    closed: AtomicBool,
    /// Of its listeners.
    gates: Mutex<Vec<Weak<Gate>>>,
    pub last_error: LastError,
}

impl TableView {
    pub fn new(core: Core, session: Arc<Session>) -> Arc<Self> {
        Arc::new(TableView {
            core: Arc::new(core),
            session,
            closed: AtomicBool::new(false),
            gates: Mutex::default(),
            last_error: LastError::default(),
        })
    }

    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Calls `action` for each key that there is, on this thread, with no lock held.
    pub fn for_each(&self, action: Action, context: Context) {
        for (key, value) in self.core.snapshot() {
            call(action, context, &c_string(&key[..]), &value);
        }
    }

    /// The same, and from then on for each update, on a listener thread of the client.
    pub fn for_each_and_listen(&self, action: Action, context: Context) -> Result<(), Error> {
        let thread = self.session.listener_thread()?;
        let gate = self.session.gate(false);
        self.add_gate(&gate);
        let (entries, mut updates) = self.core.listen();
        for (key, value) in entries {
            call(action, context, &c_string(&key[..]), &value);
        }
        let listen = async move {
            let mut in_a_row = 0;
            while let Some(TableUpdate { key, value }) = updates.next().await {
                let tell = || call(action, context, &c_string(&key[..]), &value.unwrap_or_default());
                if !gate.run(tell).await {
                    return;
                }
                in_a_row += 1;
                if in_a_row == TURN {
                    in_a_row = 0;
                    yield_now().await;
                }
            }
        };
        Task::spawn(thread, self.session.runtime(), listen);
        Ok(())
    }

    pub fn close(&self) -> Result<(), Error> {
        self.begin_close()?;
        let core = self.core.clone();
        self.session.wait(async move { core.close().await })
    }

    /// `done` is called on the callback thread; at once when the view is closed.
    pub fn close_async(&self, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        if let Err(error) = self.begin_close() {
            return done(Err(error));
        }
        let core = self.core.clone();
        self.session.then(async move { core.close().await }, done);
    }

    /// A gate for one more listener. One that comes behind the close is ended at once.
    fn add_gate(&self, gate: &Arc<Gate>) {
        let mut gates = self.gates.lock();
        gates.retain(|gate| gate.strong_count() > 0);
        gates.push(Arc::downgrade(gate));
        drop(gates);
        if self.closed.load(Ordering::Acquire) {
            gate.end();
        }
    }

    /// No listener is called any more.
    fn end_listeners(&self) {
        for gate in std::mem::take(&mut *self.gates.lock()) {
            gate.upgrade().inspect(|gate| gate.end());
        }
    }

    fn begin_close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::AcqRel) {
            // As the established client answers.
            return Err(Error::ConsumerNotInitialized("the table view is closed".into()));
        }
        self.end_listeners();
        Ok(())
    }

    /// The program's handle goes: the view is closed in the background.
    pub fn dispose(&self) {
        self.end_listeners();
        self.core.close_with(drop);
    }
}

fn call(action: Action, context: Context, key: &CString, value: &[u8]) {
    // A value of no bytes has no place in memory; C programs get a pointer all the same.
    action(key.as_ptr(), value.as_ptr().cast(), value.len(), context.ptr());
}
