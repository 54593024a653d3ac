//! Signals that the screen listens to.

use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that end the program, and the one that brings it back.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    resume: Signal,
}

/// What a signal asks for.
pub(super) enum Asked {
    End(i32),
    Redraw,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            resume: signal(SignalKind::from_raw(libc::SIGCONT))?,
        })
    }

    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::End(libc::SIGHUP),
            _ = self.terminate.recv() => Asked::End(libc::SIGTERM),
            _ = self.interrupt.recv() => Asked::End(libc::SIGINT),
            _ = self.resume.recv() => Asked::Redraw,
        }
    }

    /// Waits until the program is brought back, but no longer than `patience`.
    pub(super) async fn resumed(&mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.resume.recv()).await;
    }
}
