//! The screen: the terminal, the loop around [`App`](crate::app::App), and what is done outside of it.

mod ansi;
mod effects;
mod perform;
mod runtime;
mod scripted;
pub(crate) mod seeking;
mod signals;
mod terminal;

pub use crate::app::ColourChoice;
pub use scripted::scripted;

use crate::capture::Capture;
use crate::filter::Filter;
use crate::history::Timeline;
use crate::source::Handle;
use crate::source::record::Recorder;
use std::path::PathBuf;

/// How the screen starts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The filter at the start. The source is expected to apply it already.
    pub filter: Filter,
    /// Whether to use colours.
    pub colour: ColourChoice,
    /// Where flame graphs and captures are written to; empty for the current folder.
    pub export_folder: PathBuf,
    /// The recorder behind the source: without one there is no past and no recording.
    pub recorder: Option<Recorder>,
    /// Panic after the first frame: a test of what is left behind.
    pub inject_panic: bool,
}

/// How a replay starts.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Name of the capture, as the user knows it.
    pub name: String,
    /// Seconds of the capture that pass in one.
    pub speed: f64,
    /// Where to start, in ns from the start of the capture; `None`: the start (of a script: the end).
    pub at_ns: Option<u64>,
    /// The filter at the start.
    pub filter: Filter,
    /// Whether to use colours.
    pub colour: ColourChoice,
    /// Where flame graphs are written to; empty for the current folder.
    pub export_folder: PathBuf,
    /// Panic after the first frame: a test of what is left behind.
    pub inject_panic: bool,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            speed: 1.0,
            at_ns: None,
            filter: Filter::default(),
            colour: ColourChoice::default(),
            export_folder: PathBuf::new(),
            inject_panic: false,
        }
    }
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

/// Replays a capture until the user has enough; as [`run`] otherwise.
pub async fn replay(capture: Capture, options: ReplayOptions) -> Result<(), Error> {
    runtime::replay(capture, options).await
}

/// What happened when in a capture.
fn timeline(capture: &Capture) -> Timeline {
    Timeline::new(capture.frames.iter().flat_map(|frame| frame.ticks.iter().copied()))
}
