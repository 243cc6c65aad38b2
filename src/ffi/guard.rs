use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an exported function. A panic ends here: it is a defect of this library, and the caller
/// gets `fallback` instead of an unwinding stack, which C cannot take.
pub(crate) fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    // The state behind handles stays usable: locks do not poison, and invariants are restored before
    // anything that can panic.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}
