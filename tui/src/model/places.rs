//! How many places of waits and samples are kept apart.
//!
//! A process that waits at ever new stacks must not fill memory. Where there are too many places, the
//! lighter half of them is added up in one, under [`crate::source::StackId::OTHER`]: no count is lost,
//! and what weighs most stays apart. Half at once, so that it is done seldom.

/// How many places are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceBounds {
    /// Of one process. A few more may stay: the places where others are added up, and those of waits
    /// that counters were cleared in.
    pub of_process: usize,
    /// Of all processes; every process keeps the places where its others are added up.
    pub of_all: usize,
}

/// Decides when the places of all processes are too many. Where folding them does not help much, for
/// there are many processes with few places each, the next time comes when they have grown by half.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    folded_to: usize,
}

impl Crowd {
    pub(super) fn is_too_large(self, places: usize, bound: usize) -> bool {
        places > bound.max(self.folded_to.saturating_add(self.folded_to / 2))
    }

    pub(super) fn was_folded_to(&mut self, places: usize) {
        self.folded_to = places;
    }
}

/// The `count` smallest of these, in no order: the same ones whatever order they come in, for no two
/// are equal.
pub(super) fn lightest<T: Ord>(mut all: Vec<T>, count: usize) -> Vec<T> {
    if count < all.len() {
        all.select_nth_unstable(count);
        all.truncate(count);
    }
    all
}
