//! Where frames are: in a capture's file, or in the ring of a running source.

use super::Ring;
use crate::capture::Capture;
use crate::model::Watched;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;

/// One frame of a store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Number of its first tick.
    pub first: u64,
    /// Its ticks.
    pub ticks: u64,
    /// Reading can start here.
    pub key: bool,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// Where frames are.
pub trait Store: Debug + Send {
    /// What was watched.
    fn watched(&self) -> Watched;
    /// Number of the oldest tick that is kept.
    fn first(&self) -> u64;
    /// Number of the first tick of the last key at or before this tick; `None` where it is not kept.
    fn key_before(&self, tick: u64) -> Option<u64>;
    /// The frame with this tick in it; `None` where there is none.
    fn frame_of(&self, tick: u64) -> io::Result<Option<Stored>>;
}

/// A capture in a file, by tick.
#[derive(Debug)]
pub struct CaptureStore {
    capture: Arc<Capture>,
    /// Number of the first tick of each frame.
    firsts: Vec<u64>,
}

impl CaptureStore {
    /// Numbers the ticks of a capture.
    pub fn new(capture: Arc<Capture>) -> Self {
        let firsts = capture.frames.iter().scan(0, |next, frame| {
            let first = *next;
            *next += frame.ticks.len() as u64;
            Some(first)
        });
        Self { firsts: firsts.collect(), capture }
    }

    /// The last frame that begins at or before a tick.
    fn index_of(&self, tick: u64) -> Option<usize> {
        self.firsts.partition_point(|first| *first <= tick).checked_sub(1)
    }
}

impl Store for CaptureStore {
    fn watched(&self) -> Watched {
        self.capture.header.watched.clone()
    }

    fn first(&self) -> u64 {
        0
    }

    fn key_before(&self, tick: u64) -> Option<u64> {
        let last = self.index_of(tick)?;
        // Where the first frame is lost, reading starts with what there is.
        let key = (0..=last).rev().find(|index| self.capture.frames[*index].key).unwrap_or(0);
        Some(self.firsts[key])
    }

    fn frame_of(&self, tick: u64) -> io::Result<Option<Stored>> {
        let Some(index) = self.index_of(tick) else { return Ok(None) };
        let info = &self.capture.frames[index];
        let ticks = info.ticks.len() as u64;
        if tick >= self.firsts[index] + ticks {
            return Ok(None);
        }
        let bytes = self.capture.read(index)?.into();
        Ok(Some(Stored { first: self.firsts[index], ticks, key: info.key, bytes }))
    }
}

/// As a store, a ring answers for itself; what it is the history of says its owner.
impl Ring {
    /// The frame with this tick in it, for a [`Store`].
    pub fn stored(&self, tick: u64) -> Option<Stored> {
        let (first, frame) = self.frame_of(tick)?;
        let ticks = frame.ticks.len() as u64;
        Some(Stored { first, ticks, key: frame.key, bytes: Arc::clone(&frame.bytes) })
    }
}
