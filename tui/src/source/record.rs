//! A tee between a source and what is above it: every batch goes into the history, and into a file
//! while one is being recorded.

use super::Handle;
use crate::capture::Header;
use crate::history::Seeker;
use std::io;
use std::path::{Path, PathBuf};

/// A file that is being recorded, or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// The file.
    pub path: PathBuf,
    /// Time it spans so far, in ns.
    pub span_ns: u64,
    /// Batches in it.
    pub batches: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Events and stacks that were lost while it was recorded.
    pub lost: u64,
    /// Why it ended early: the disk is full, and the like. What was written before is whole.
    pub error: Option<String>,
}

/// What the recorder does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Number of the oldest tick of the history.
    pub kept_from: u64,
    /// Bytes of the history.
    pub kept_bytes: u64,
    /// The file that is being recorded.
    pub recording: Option<Recording>,
}

/// The history of a running source, and the file that is recorded. Clones are the same recorder.
#[derive(Clone, Debug)]
pub struct Recorder {}

/// Puts a recorder behind a source. The history keeps what fits in `history_bytes`; 0 keeps none.
pub fn tee(handle: Handle, header: Header, history_bytes: u64) -> (Handle, Recorder) {
    let _ = (header, history_bytes);
    (handle, Recorder {})
}

impl Recorder {
    /// What it does now.
    pub fn status(&self) -> Status {
        todo!()
    }

    /// Starts to record to a new file, from the next batch on.
    ///
    /// # Errors
    ///
    /// When the file exists or cannot be created, or one is being recorded already.
    pub fn start(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        todo!()
    }

    /// Ends the recording and says what it holds; `None` when there is none.
    pub fn stop(&self) -> Option<Recording> {
        todo!()
    }

    /// Writes the history to a new file. Blocks; not to be called where a screen waits.
    ///
    /// # Errors
    ///
    /// When the file exists or cannot be written; then there is none.
    pub fn save(&self, path: &Path) -> io::Result<Recording> {
        let _ = path;
        todo!()
    }

    /// Models of the history. Blocks; not to be called where a screen waits.
    pub fn seeker(&self) -> Seeker {
        todo!()
    }
}
