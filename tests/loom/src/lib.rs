//! Models of the places where a wake-up could be lost, or a send could end twice or never. Each compiles the library's
//! own source; what it imports comes from here.

#![cfg(test)]

/// What `arming` imports, here from the model checker.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
}

#[path = "../../../src/completion/arming.rs"]
mod arming;

#[allow(dead_code, reason = "the models need a part of it")]
#[path = "../../../crates/client/src/producer/pending.rs"]
mod pending;

mod bell;
mod producer;

// What `pending` imports; it does not look into these.
use stand_ins::{chunks, connection, entry, heading, sink};
#[allow(dead_code, reason = "the library fills fields that no model reads")]
mod stand_ins;

/// Why a send failed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Error {
    Timeout,
    TooBig,
    Closed,
}
