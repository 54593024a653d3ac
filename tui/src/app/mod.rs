//! The live screen: its state, what changes it, and the loop around both.

mod boxes;
pub mod derive;
mod effects;
pub mod exporting;
pub mod keymap;
pub mod layout;
pub mod line;
mod mouse;
pub mod page;
pub mod pane;
mod refresh;
mod runtime;
pub mod state;
pub mod table;
pub mod terminal;
#[cfg(test)]
mod tests;
mod typing;
pub mod update;
pub mod wrap;

pub use state::App;

use crate::capture::Capture;
use crate::filter::Filter;
use crate::source::Handle;
use std::path::PathBuf;

/// Whether to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourChoice {
    /// Unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Not at all; bold, underlined and reversed text says the same.
    Never,
}

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
pub enum AppError {
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

impl AppError {
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
pub async fn run(handle: Handle, options: Options) -> Result<(), AppError> {
    runtime::run(handle, options).await
}

/// How a capture is shown.
#[derive(Clone, Debug, Default)]
pub struct ReplayOptions {
    /// How the screen starts; `inject_panic` says nothing here.
    pub screen: Options,
    /// How many times faster than it was time passes.
    pub speed: f64,
    /// Where to start, in ns from the start of the capture.
    pub at_ns: u64,
    /// Keys to press instead of opening a terminal.
    pub keys: Option<KeyScript>,
}

/// Keys that are pressed without a terminal; the screen after them goes to standard output.
#[derive(Clone, Debug, Default)]
pub struct KeyScript {
    /// The keys.
    pub keys: String,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
}

/// Shows a capture until the user has enough.
pub async fn replay(capture: Capture, options: ReplayOptions) -> Result<(), AppError> {
    let _ = (capture, options);
    todo!()
}
