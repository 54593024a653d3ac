//! Captures in files.

use super::{Header, Tick};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Why a file cannot be read as a capture. Each text names what the file is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// It is something else; the text says what, where that is known.
    #[error("{path} is no capture of syscope: {what}")]
    NotACapture {
        /// The file.
        path: String,
        /// What it is, or what is missing.
        what: String,
    },
    /// It was written by a newer syscope.
    #[error("{path} has capture format {found}; this syscope reads up to {known}: use a newer one")]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// The newest version that is read.
        known: u32,
    },
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damage(pub String);

/// One frame of a file, before it is decoded.
#[derive(Clone, Debug)]
pub struct FrameInfo {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u32,
    /// Reading can start here.
    pub key: bool,
    /// One entry a batch.
    pub ticks: Vec<Tick>,
}

/// A capture in a file. Opening reads the header and what is in the clear of every frame; the frames
/// themselves are read when they are asked for.
#[derive(Debug)]
pub struct Capture {
    /// What it says about itself.
    pub header: Header,
    /// Its frames, in order.
    pub frames: Vec<FrameInfo>,
    /// Bytes at the end that are no whole frame: the recording was cut there. 0 when it is complete.
    pub cut_bytes: u64,
    /// The recording was ended in an orderly way.
    pub complete: bool,
    /// Stretches in between that are no frame, and frames whose clear part is damaged.
    pub damaged: u64,
    /// Bytes of those.
    pub damaged_bytes: u64,
}

impl Capture {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let _ = path;
        todo!()
    }

    /// Opens bytes in memory; `name` stands for the path in errors.
    pub fn from_bytes(name: &str, bytes: Arc<[u8]>) -> Result<Self, OpenError> {
        let _ = (name, bytes);
        todo!()
    }

    /// The bytes of a frame.
    pub fn read(&self, frame: usize) -> io::Result<Vec<u8>> {
        let _ = frame;
        todo!()
    }
}
