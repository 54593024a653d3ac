//! Captures: batches in a file, or in memory in the same form.
//!
//! A capture is a header and a sequence of frames. A frame holds the batches of about a second,
//! compressed, with a checksum; before that, in the clear, what the timeline shows of each of them.
//! Now and then a frame is a *key*: it begins with all that is needed to start reading there
//! (processes, waits), and what comes after it refers to nothing before it. So a part of a capture
//! can be read alone, an old part can be dropped, and what damage can take with it is bounded.
//!
//! `docs/capture-format.md` describes the bytes.

mod budget;
mod bytes;
mod clear;
mod column;
mod container;
mod decode;
mod encode;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod header;
mod identify;
mod kinds;
mod known;
mod limits;
mod measure;
mod memory;
mod messages;
mod reader;
mod scan;
mod tell;
mod writer;

#[cfg(test)]
mod tests;

pub use decode::{Decoded, Decoder};
pub use encode::{Encoder, Frame};
pub use reader::{Capture, Damage, FrameInfo, OpenError};
pub use writer::Writer;

use crate::model::Watched;
use crate::source::{Batch, ProbeStatus};
use crate::sums::sum;

/// Version of the format that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// What a capture says about itself, before its first frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// What was watched. Times in the frames are its `CLOCK_MONOTONIC`, in ns.
    pub watched: Watched,
    /// Version of the syscope that recorded.
    pub recorder: String,
    /// How it was called, arguments as they were given; empty where command lines are left out.
    pub called: Vec<String>,
    /// The probes and whether they ran, at the start.
    pub probes: Vec<(String, ProbeStatus)>,
    /// Time between two batches that was asked for, in ns.
    pub interval_ns: u64,
    /// The filter at the start, as it was typed; empty: none. A later one is in
    /// [`crate::source::Health::filter`] of the batches.
    pub filter: String,
    /// Command lines of processes are in it.
    pub cmdlines: bool,
}

/// What the timeline shows of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tick {
    /// When the batch ended, in ns of `CLOCK_MONOTONIC`.
    pub time_ns: u64,
    /// Time that it spans, in ns.
    pub window_ns: u64,
    /// System calls.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
    /// File opens.
    pub opens: u64,
    /// Time that threads were blocked in waits that ended, in ns; idle kernel threads left out. A wait
    /// counts with no more than the window: one that began long ago belongs to the time before, too.
    pub blocked_ns: u64,
    /// Time that threads waited for a CPU in waits that ended, in ns.
    pub runqueue_ns: u64,
    /// Samples of the CPU profile.
    pub samples: u64,
    /// Processes that were born.
    pub forks: u64,
    /// Events lost since the start, all probes ([`crate::source::Health::lost_events`]).
    pub lost: u64,
}

impl Tick {
    /// Sums a batch up.
    pub fn of(batch: &Batch) -> Self {
        use crate::source::{ProcessEvent, WaitState};
        let blocking = batch.offcpu.iter().filter(|delta| delta.state != WaitState::Idle);
        let within = |ns: u64, waits: u64| ns.min(waits.saturating_mul(batch.window_ns));
        let born = |event: &&ProcessEvent| matches!(event, ProcessEvent::Fork { .. });
        Self {
            time_ns: batch.time_ns,
            window_ns: batch.window_ns,
            calls: sum(batch.syscalls.iter().map(|delta| delta.calls)),
            errors: sum(batch.syscalls.iter().map(|delta| delta.errors)),
            opens: batch.opens.len() as u64,
            blocked_ns: sum(blocking.map(|wait| within(wait.blocked_ns, wait.waits))),
            runqueue_ns: sum(batch.offcpu.iter().map(|delta| delta.runqueue_ns)),
            samples: sum(batch.profile.iter().map(|delta| delta.samples)),
            forks: batch.processes.iter().filter(born).count() as u64,
            lost: batch.health.lost_events(),
        }
    }
}
