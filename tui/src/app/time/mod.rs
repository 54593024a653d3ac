//! Where on the timeline the screen is, and what it shows of it: ticks `start..position`.
//!
//! Pure: what it wishes to see it says as a [`Span`]; somebody else makes the model of that.

mod actions;
mod marks;
mod place;
mod play;
mod range;
pub mod recording;
#[cfg(test)]
mod tests;
pub mod words;

pub use actions::Moment;
pub use marks::Marks;
pub use place::TimelineArea;
pub use play::Play;
pub use recording::{Recorded, told};

use crate::capture::{Capture, Header, Tick};
use crate::history::{Losses, SeekError, Span, Timeline};
use crate::model::Model;
use crate::source::record::Recording;
use crate::text;
use std::sync::Arc;

/// A jump goes so far, in ns.
const JUMP_NS: u64 = 10_000_000_000;

/// A capture that is replayed, as far as the screen tells of it.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Name of its file.
    pub name: String,
    /// What it says about itself.
    pub header: Header,
    /// It was ended in an orderly way.
    pub complete: bool,
    /// Bytes at its end that are no whole frame.
    pub cut_bytes: u64,
    /// Damaged stretches.
    pub damaged: u64,
    /// Their bytes.
    pub damaged_bytes: u64,
    /// File opens and other entries that were left out when it was recorded.
    pub left_out: u64,
    /// What could not be read so far.
    pub losses: Losses,
}

impl Replayed {
    /// What there is to tell of a capture.
    pub fn new(name: &str, capture: &Capture) -> Self {
        Self {
            name: name.to_owned(),
            header: capture.header.clone(),
            complete: capture.complete,
            cut_bytes: capture.cut_bytes,
            damaged: capture.damaged,
            damaged_bytes: capture.damaged_bytes,
            left_out: capture.left_out(),
            losses: Losses::default(),
        }
    }

    /// What is wrong with it, each in a word or two.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        match (self.cut_bytes, self.complete) {
            (1.., _) => wrong.push("CUT".to_owned()),
            (0, false) => wrong.push("NOT ENDED".to_owned()),
            (0, true) => {}
        }
        if self.damaged + self.losses.frames > 0 {
            wrong.push(format!("DAMAGED: {}", self.damaged + self.losses.frames));
        }
        if self.left_out > 0 {
            wrong.push(format!("LEFT OUT: {}", text::count(self.left_out)));
        }
        wrong
    }
}

/// The answer to a wish: the model of a span, or why there is none.
#[derive(Clone, Debug)]
pub struct Sought {
    /// What was wished for.
    pub span: Span,
    /// Its model.
    pub model: Result<Arc<Model>, SeekError>,
    /// What could not be read so far.
    pub losses: Losses,
}

/// A model that stands still.
#[derive(Clone, Debug)]
pub(super) struct Still {
    pub model: Arc<Model>,
    /// What it holds; `None` for the live model as it was when the screen was paused.
    pub span: Option<Span>,
}

/// Where on the timeline the screen is.
#[derive(Clone, Debug)]
pub struct Time {
    /// What happened when.
    pub timeline: Timeline,
    /// What is replayed; `None` on the live screen.
    pub replayed: Option<Box<Replayed>>,
    /// The marked range.
    pub marks: Marks,
    /// How it plays.
    pub play: Play,
    /// The file that is being recorded.
    pub recording: Option<Recording>,
    /// Boundary up to which the panes show what happened; `None`: now.
    position: Option<u64>,
    /// The position was chosen, it is not just where the screen was paused.
    chosen: bool,
    /// Where the counters of the live screen were last cleared.
    cleared: u64,
    /// What was asked for and has not come yet.
    asked: Option<Span>,
    /// That takes so long that it must be said.
    pub slow: bool,
}

impl Time {
    /// The live screen, at its start.
    pub fn live() -> Self {
        Self {
            timeline: Timeline::default(),
            replayed: None,
            marks: Marks::default(),
            play: Play::default(),
            recording: None,
            position: None,
            chosen: false,
            cleared: 0,
            asked: None,
            slow: false,
        }
    }

    /// A capture, at its start.
    pub fn replay(replayed: Replayed, timeline: Timeline) -> Self {
        let first = timeline.first();
        let mut time = Self { timeline, replayed: Some(Box::new(replayed)), ..Self::live() };
        time.set(first);
        time
    }

    /// Whether a capture is replayed.
    pub fn is_replay(&self) -> bool {
        self.replayed.is_some()
    }

    /// Up to which boundary the panes show what happened; `None`: now.
    pub fn position(&self) -> Option<u64> {
        self.position
    }

    /// The position, or where it would be: the newest tick on the live screen, the oldest where the
    /// position is not kept any more.
    pub(super) fn here(&self) -> u64 {
        self.position.unwrap_or(self.timeline.end()).max(self.timeline.first())
    }

    /// The ticks that are in a stretch of time, or the one that it is in: boundaries around them.
    pub(super) fn around(&self, from_ns: u64, to_ns: u64) -> (u64, u64) {
        let at_or_before = |time_ns| {
            let nearest = self.timeline.boundary_at(time_ns);
            let behind = u64::from(self.timeline.time_at(nearest) > time_ns);
            nearest.saturating_sub(behind).max(self.timeline.first())
        };
        let (start, end) = (at_or_before(from_ns), at_or_before(to_ns));
        (start, end.max(start + 1).min(self.timeline.end()))
    }

    /// Whether the position was chosen: a pause of the live screen stands where it came.
    pub fn is_chosen(&self) -> bool {
        self.position.is_some() && self.chosen
    }

    /// The lowest and the highest position that there is: those of the range, where one is marked.
    pub fn limits(&self) -> (u64, u64) {
        self.marks.within(self.timeline.first(), self.timeline.end())
    }

    /// What the panes are to show; `None`: what is live.
    pub fn wanted(&self) -> Option<Span> {
        let end = self.position?;
        let cleared = if self.cleared <= end && !self.is_replay() { self.cleared } else { 0 };
        let start = self.limits().0.max(cleared);
        Some(Span { start: start.min(end), end })
    }

    /// Whether something was asked for that has not come yet.
    pub fn is_seeking(&self) -> bool {
        self.asked.is_some()
    }

    /// Goes to a position, as near to it as the limits allow. The first tick is always shown: without
    /// it there is nothing to see.
    pub(super) fn go(&mut self, position: u64) {
        let (low, high) = self.limits();
        let here = self.here();
        let lowest = if here <= low && position <= low { low } else { low + 1 };
        self.set(position.clamp(lowest.min(high), high));
    }

    fn set(&mut self, position: u64) {
        self.position = Some(position);
        self.chosen = true;
        self.play.rewind(self.timeline.time_at(position));
    }

    /// Goes on or back by ticks.
    pub(super) fn step(&mut self, ticks: i64) {
        let here = self.here();
        self.go(here.saturating_add_signed(ticks));
    }

    /// Goes on or back by a jump; by one tick at least.
    pub(super) fn jump(&mut self, forward: bool) {
        let here = self.here();
        let here_ns = self.timeline.time_at(here);
        let there = match forward {
            true => self.timeline.boundary_at(here_ns.saturating_add(JUMP_NS)).max(here + 1),
            false => self
                .timeline
                .boundary_at(here_ns.saturating_sub(JUMP_NS))
                .min(here.saturating_sub(1)),
        };
        self.go(there);
    }

    /// Stands still at the newest tick, of which the screen has the model.
    pub(super) fn pause_live(&mut self) {
        self.position = Some(self.timeline.end());
        self.chosen = false;
    }

    /// Back to what is live.
    pub(super) fn return_live(&mut self) {
        self.position = None;
        self.chosen = false;
        self.marks = Marks::default();
        self.play.stop();
        self.forget_wish();
    }

    pub(super) fn clear_live(&mut self) {
        self.cleared = self.timeline.end();
    }

    /// The next batch has come.
    pub(super) fn push(&mut self, tick: Tick) {
        self.timeline.push(tick);
    }

    /// Ticks before this one are not kept any more.
    pub(super) fn forget_before(&mut self, number: u64) {
        self.timeline.forget_before(number);
        self.marks.forget_before(self.timeline.first());
    }

    /// What has to be asked for, now that this is shown: once, and only where that is not shown or
    /// asked for already.
    pub(super) fn wish(&mut self, shown: Option<Span>) -> Option<Span> {
        let wanted = self.wanted()?;
        if shown == Some(wanted) {
            self.forget_wish();
            return None;
        }
        if self.asked == Some(wanted) {
            return None;
        }
        self.asked = Some(wanted);
        Some(wanted)
    }

    /// Takes notice of an answer; whether it is to be shown. One that was overtaken by another wish
    /// is on the way to it, and better than nothing.
    pub(super) fn answered(&mut self, span: Span) -> bool {
        let awaited = self.asked.is_some();
        if self.asked == Some(span) {
            self.forget_wish();
        }
        awaited
    }

    fn forget_wish(&mut self) {
        self.asked = None;
        self.slow = false;
    }
}
