//! Waiting for a ring buffer to ask for its reader.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Becomes ready when the programs behind a ring buffer wake its reader.
pub struct Waker(AsyncFd<OwnedFd>);

impl Waker {
    /// Watches a ring through a descriptor of its own, so that the reader stays free to read.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O.
    pub(super) fn new(ring: BorrowedFd<'_>) -> io::Result<Self> {
        let own = ring.try_clone_to_owned()?;
        // SAFETY: an `OwnedFd` names one open descriptor for as long as it lives, and the `AsyncFd`
        // owns it.
        let watched = unsafe { AsyncFd::register_with_interest(own, Interest::READABLE) };
        Ok(Self(watched.map_err(io::Error::from)?))
    }

    /// Waits until the ring asks to be read.
    pub async fn ready(&self) {
        match self.0.readable().await {
            Ok(mut guard) => guard.clear_ready(),
            // The runtime is shutting down: nobody is left to be woken.
            Err(_) => std::future::pending().await,
        }
    }
}
