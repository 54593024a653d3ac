//! Going back in time: what was recorded, in memory or in a file, and models of any part of it.
//!
//! Ticks are numbered from 0, the first batch of the source (or of the file). A [`Span`] is a range of
//! them; the model of a span holds what happened in it, and knows the processes, stacks and waits from
//! before it.

mod ring;
mod seek;
mod store;
mod timeline;

pub use ring::{Bound, Ring};
pub use seek::{LOOK_AHEAD, Losses, SeekError, Seeker};
pub use store::{Store, Stored};
pub use timeline::Timeline;

/// Ticks `start..end`, by number. The screen shows the counters of a span; its end is the position on
/// the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first tick in it.
    pub start: u64,
    /// The tick behind the last in it.
    pub end: u64,
}

#[cfg(test)]
mod tests;
