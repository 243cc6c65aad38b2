//! The C API of Apache Pulsar clients over [`pulsar_rs_client`].
//!
//! C programs see `include/`; this crate builds `libpulsar_rs.a` and `libpulsar_rs.so`. [`abi`] lists what
//! leaves the library, one file of `ffi` per header declares it, and the rest is what stands behind a
//! handle: clients, producers and consumers of the core, each client's I/O threads (`runtime`) and the
//! threads that run user code (`dispatch`).

#[cfg(not(target_os = "linux"))]
compile_error!("pulsar_rs supports Linux only, for now");

pub mod abi;
mod acknowledgements;
mod authentication;
mod backlog;
mod client;
mod client_configuration;
mod completion;
mod consumer;
mod consumer_configuration;
mod crypto;
mod dispatch;
mod event_listener;
mod ffi;
mod fork;
mod last_error;
mod listener;
mod logger;
mod message;
mod packed;
mod producer;
mod producer_configuration;
mod reader;
mod reader_configuration;
mod received;
mod receives;
mod recursion;
mod runtime;
mod sends;
mod session;
mod stats;
mod table_view;
mod table_view_configuration;
mod task;
mod waiters;

/// What the library allocates; the program keeps the allocator of its C library, from which comes, too, what it frees.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What sources import that a model checker compiles with atomics of its own.
mod sync {
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
}
