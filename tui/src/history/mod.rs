//! Going back in time: what was recorded, in memory or in a file, and models of any part of it.
//!
//! Ticks are numbered from 0, the first batch of the source (or of the file). A [`Span`] is a range of
//! them; the model of a span holds what happened in it, and knows the processes, stacks and waits from
//! before it.

use crate::capture::{Capture, Tick};
use crate::model::{Bounds, Model};
use std::collections::VecDeque;
use std::sync::Arc;

/// Ticks `start..end`, by number. The screen shows the counters of a span; its end is the position on
/// the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first tick in it.
    pub start: u64,
    /// The tick behind the last in it.
    pub end: u64,
}

/// What the timeline shows: one entry a tick, the oldest that is kept first.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    first: u64,
    ticks: VecDeque<Tick>,
}

impl Timeline {
    /// The timeline of these ticks, the first of which has number 0.
    pub fn new(ticks: impl IntoIterator<Item = Tick>) -> Self {
        Self { first: 0, ticks: ticks.into_iter().collect() }
    }

    /// Appends the next tick.
    pub fn push(&mut self, tick: Tick) {
        self.ticks.push_back(tick);
    }

    /// Drops all ticks with lower numbers: their batches are not kept any more.
    pub fn forget_before(&mut self, number: u64) {
        while self.first < number && self.ticks.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Number of the oldest tick that is kept.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the tick that comes next.
    pub fn end(&self) -> u64 {
        self.first + self.ticks.len() as u64
    }

    /// Whether no tick is kept.
    pub fn is_empty(&self) -> bool {
        self.ticks.is_empty()
    }

    /// The tick of a number.
    pub fn get(&self, number: u64) -> Option<&Tick> {
        self.ticks.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The ticks that are kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Tick> + ExactSizeIterator {
        self.ticks.iter()
    }

    /// Time at a boundary: the end of the tick before `number`, in ns; for the first boundary the start
    /// of the first tick.
    pub fn time_at(&self, number: u64) -> u64 {
        match number.checked_sub(1).and_then(|before| self.get(before)) {
            Some(tick) => tick.time_ns,
            None => {
                self.ticks.front().map_or(0, |tick| tick.time_ns.saturating_sub(tick.window_ns))
            }
        }
    }

    /// The boundary nearest to a time, in ns.
    pub fn boundary_at(&self, time_ns: u64) -> u64 {
        let after = self.ticks.partition_point(|tick| tick.time_ns < time_ns) as u64 + self.first;
        let (before_ns, after_ns) = (self.time_at(after), self.time_at(after + 1));
        let up = after < self.end() && after_ns.abs_diff(time_ns) < before_ns.abs_diff(time_ns);
        if up { after + 1 } else { after }
    }
}

/// Why there is no model of a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeekError {
    /// Its first ticks are not kept any more.
    #[error("that long ago is not kept any more")]
    Forgotten,
    /// The capture cannot be read.
    #[error("cannot read the capture: {0}")]
    Io(String),
}

/// Makes models of spans. Going on from the last span is cheap; another one costs folding it anew.
#[derive(Debug)]
pub struct Seeker {}

impl Seeker {
    /// Models of a capture's parts, with such bounds.
    pub fn of_capture(capture: Arc<Capture>, bounds: Bounds) -> Self {
        let _ = (capture, bounds);
        todo!()
    }

    /// The model of a span.
    pub fn model(&mut self, span: Span) -> Result<Arc<Model>, SeekError> {
        let _ = span;
        todo!()
    }
}
