//! The screen: the terminal, the loop around [`App`](crate::app::App), and what is done outside of it.

mod effects;
mod runtime;
mod terminal;

pub use crate::app::ColourChoice;

use crate::filter::Filter;
use crate::source::Handle;
use std::path::PathBuf;

/// How the screen starts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The filter at the start. The source is expected to apply it already.
    pub filter: Filter,
    /// Whether to use colours.
    pub colour: ColourChoice,
    /// Where flame graphs are written to; empty for the current folder.
    pub export_folder: PathBuf,
    /// Panic after the first frame: a test of what is left behind.
    pub inject_panic: bool,
}

/// Why the screen ended, if not because the user had enough.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The terminal does not do what it must.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
    /// The terminal is gone: nobody is there to be told.
    #[error("the terminal is gone")]
    TerminalGone,
    /// A signal with this number asked for the end.
    #[error("ended by signal {0}")]
    Signal(i32),
    /// The job could not be stopped.
    #[error("cannot be suspended: {0}")]
    Suspend(#[from] nix::Error),
    /// A thread panicked; its message has been written.
    #[error("a part of syscope panicked; the message above says where")]
    Panicked,
}

impl Error {
    /// The exit status, and whether there is something to be told that nobody has been told yet.
    pub fn exit(&self) -> (u8, bool) {
        match self {
            // As a shell reports a process that a signal ended.
            Self::Signal(number) => (128_u8.saturating_add(*number as u8), false),
            Self::TerminalGone => (128 + libc::SIGHUP as u8, false),
            Self::Panicked => (101, false),
            Self::Terminal(_) | Self::Suspend(_) => (1, true),
        }
    }
}

/// Shows what a source delivers until the user has enough. The terminal is as it was before when
/// this returns, and also after a panic.
pub async fn run(handle: Handle, options: Options) -> Result<(), Error> {
    runtime::run(handle, options).await
}
