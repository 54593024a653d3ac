//! Captures in files.

use super::bytes::Bytes;
use super::container::{HEAD_LEN, MAGIC, START_LEN};
use super::scan::{self, Found};
use super::{Header, Tick, VERSION, header, identify};
use crate::sums;
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
    /// File opens and other entries that were left out when it was recorded.
    pub left_out: u64,
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
    bytes: Bytes,
}

impl Capture {
    /// File opens and other entries that its writer left out, for their batches were too large.
    pub fn left_out(&self) -> u64 {
        sums::sum(self.frames.iter().map(|frame| frame.left_out))
    }

    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        match Bytes::of_file(path) {
            Ok(bytes) => Self::of(&name, bytes),
            Err(error) => Err(OpenError::Io { path: name, error }),
        }
    }

    /// Opens bytes in memory; `name` stands for the path in errors.
    pub fn from_bytes(name: &str, bytes: Arc<[u8]>) -> Result<Self, OpenError> {
        Self::of(name, Bytes::of_memory(bytes))
    }

    /// The bytes of a frame.
    pub fn read(&self, frame: usize) -> io::Result<Vec<u8>> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "the capture has no such frame");
        let info = self.frames.get(frame).ok_or_else(gone)?;
        self.bytes.read_exact(info.offset, info.len as usize)
    }

    fn of(name: &str, bytes: Bytes) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io { path: name.to_owned(), error };
        let other =
            |what: &str| OpenError::NotACapture { path: name.to_owned(), what: what.to_owned() };
        let start = bytes.read_up_to(0, identify::ENOUGH).map_err(io)?;
        if !start.starts_with(&MAGIC) {
            return Err(other(&identify::what(&start, bytes.len())));
        }
        let Some(version) = version(&start) else { return Err(other(identify::CUT)) };
        if version > VERSION {
            return Err(OpenError::Newer { path: name.to_owned(), found: version, known: VERSION });
        }
        let (header, offset) = read_header(&bytes).map_err(io)?.map_err(other)?;
        let Found { frames, cut_bytes, complete, damaged, damaged_bytes } =
            scan::frames(&bytes, offset).map_err(io)?;
        Ok(Self { header, frames, cut_bytes, complete, damaged, damaged_bytes, bytes })
    }
}

/// The version that the first bytes name; `None` when they are not whole.
fn version(start: &[u8]) -> Option<u32> {
    let (named, crc) = start.get(..START_LEN)?.split_at(START_LEN - 4);
    let whole = crc32fast::hash(named).to_le_bytes() == crc;
    whole.then(|| u32::from_le_bytes([8, 9, 10, 11].map(|index| named[index])))
}

/// The header, and where the first frame behind it begins; or what is wrong with it.
fn read_header(bytes: &Bytes) -> io::Result<Result<(Header, u64), &'static str>> {
    let at = START_LEN as u64;
    let Some((head, clear)) = scan::head_and_clear(bytes, at)? else {
        let cut = bytes.len() < at + HEAD_LEN as u64;
        return Ok(Err(if cut { identify::CUT } else { identify::HEADER_DAMAGED }));
    };
    let Some(clear) = clear else {
        let cut = bytes.len() < at + u64::from(head.len());
        return Ok(Err(if cut { identify::CUT } else { identify::HEADER_DAMAGED }));
    };
    let header = header::read(&clear).map_err(|_| identify::HEADER_DAMAGED);
    Ok(header.map(|header| (header, at + u64::from(head.len()))))
}
