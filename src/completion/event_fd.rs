//! A file descriptor that is readable while something waits.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// An eventfd. It never blocks.
#[derive(Debug)]
pub(super) struct EventFd(OwnedFd);

impl EventFd {
    pub fn new() -> io::Result<Self> {
        // SAFETY: it takes two numbers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is new, open, and nobody else's.
        Ok(EventFd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn as_raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Makes it readable.
    pub fn ring(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes are read. It can only fail when it is readable already.
        unsafe { libc::write(self.as_raw(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it not readable any more.
    pub fn silence(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes are written. It can only fail when it was not readable.
        unsafe { libc::read(self.as_raw(), count.as_mut_ptr().cast(), count.len()) };
    }

    /// Waits until it is readable, at most `timeout`; for ever without one.
    pub fn wait(&self, timeout: Option<Duration>) {
        let millis = timeout
            .map_or(-1, |timeout| libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX));
        let mut watched = libc::pollfd { fd: self.as_raw(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one struct is read and written. Interrupted, it returns early, which the caller expects.
        unsafe { libc::poll(&raw mut watched, 1, millis) };
    }
}
