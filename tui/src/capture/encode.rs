//! Batches to frames.

use super::Tick;
use crate::source::Batch;
use std::sync::Arc;

/// One frame, ready to be written: its bytes are the same in a file and in memory.
#[derive(Clone, Debug)]
pub struct Frame {
    /// All bytes, the frame's own header included.
    pub bytes: Arc<[u8]>,
    /// Reading can start here.
    pub key: bool,
    /// One entry a batch.
    pub ticks: Vec<Tick>,
    /// File opens that were left out, for the batch was larger than a frame may be.
    pub left_out: u64,
}

/// Makes frames of batches. What it needs to know of earlier batches (processes, stacks, waits) it
/// keeps itself; that is bounded by what lives and what was used lately.
#[derive(Debug)]
pub struct Encoder {}

impl Encoder {
    /// Starts with a key. `cmdlines`: whether command lines of processes are kept.
    pub fn new(cmdlines: bool) -> Self {
        let _ = cmdlines;
        todo!()
    }

    /// Takes a batch in, which must be the next one after those before. Gives a frame when one is
    /// complete: when it spans a second, or is large.
    pub fn push(&mut self, batch: &Batch) -> Option<Frame> {
        let _ = batch;
        todo!()
    }

    /// Makes a frame of the batches that wait for one; `None` when none do.
    pub fn flush(&mut self) -> Option<Frame> {
        todo!()
    }

    /// Makes the next frame a key, wherever the last one was. To be called when none waits (after
    /// [`Encoder::flush`]).
    pub fn begin_key(&mut self) {
        todo!()
    }
}
