//! How the stacks of the CPU profile ended: whether the flame graph is all of it.

use super::{Model, ProcKey};
use crate::source::{Frame, StackEnd, StackId};
use crate::sums::AddUp;
use std::sync::Arc;

/// Samples by how their user stacks ended. Samples of kernel threads, which have none, do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackEnds {
    /// All samples with a user stack.
    pub samples: u64,
    /// Samples by their end, in the order of [`StackEnd::ALL`].
    pub by_end: [u64; StackEnd::ALL.len()],
    /// Samples whose stack was lost, added up with others, or is still being looked up.
    pub unknown: u64,
}

/// What is known of the end of a user stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStack {
    /// There is no such stack.
    None,
    /// It was lost, or added up with others.
    Unknown,
    /// It is still being looked up.
    Pending,
    /// How it ended.
    Ended(StackEnd),
}

impl UserStack {
    /// Of the stack with this id and these frames.
    pub fn new(id: StackId, frames: &[Arc<Frame>]) -> Self {
        match id {
            StackId::NONE => Self::None,
            id if id < StackId::FIRST => Self::Unknown,
            _ if frames.iter().any(super::Stacks::is_pending) => Self::Pending,
            _ => Self::Ended(StackEnd::of(frames)),
        }
    }
}

impl StackEnds {
    /// Of the processes that `accepts` names.
    pub fn of(model: &Model, accepts: impl Fn(ProcKey) -> bool) -> Self {
        let mut ends = Self::default();
        for (_, samples) in model.profile.iter().filter(|(key, _)| accepts(*key)) {
            for (place, count) in &samples.places {
                ends.add(place.user_stack, model.stacks.frames(place.user_stack), *count);
            }
        }
        ends
    }

    fn add(&mut self, id: StackId, frames: &[Arc<Frame>], samples: u64) {
        self.count(UserStack::new(id, frames), samples);
    }

    /// Counts samples of such a user stack.
    pub fn count(&mut self, stack: UserStack, samples: u64) {
        let sum = match stack {
            UserStack::None => return,
            UserStack::Unknown | UserStack::Pending => &mut self.unknown,
            UserStack::Ended(end) => &mut self.by_end[end as usize],
        };
        sum.add_up(samples);
        self.samples.add_up(samples);
    }

    /// Adds other samples.
    pub fn add_all(&mut self, other: &Self) {
        self.samples.add_up(other.samples);
        self.unknown.add_up(other.unknown);
        for (sum, samples) in self.by_end.iter_mut().zip(other.by_end) {
            sum.add_up(samples);
        }
    }

    /// Samples whose stack ended so.
    pub fn ended(&self, end: StackEnd) -> u64 {
        self.by_end[end as usize]
    }

    /// Share of the samples whose stack is all there, from 0.0 to 1.0; `None` without samples.
    pub fn complete_share(&self) -> Option<f64> {
        let known = self.samples.saturating_sub(self.unknown);
        (known > 0).then(|| self.ended(StackEnd::Complete) as f64 / known as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_count_where_their_stacks_ended() {
        let code = Arc::new(Frame { kind: crate::source::FrameKind::User, ..Frame::note("main") });
        let broken = |end| vec![Arc::clone(&code), Arc::new(Frame::end(end).unwrap())];
        let mut ends = StackEnds::default();
        ends.add(StackId(7), std::slice::from_ref(&code), 90);
        ends.add(StackId(8), &broken(StackEnd::NotReady), 7);
        ends.add(StackId(9), &broken(StackEnd::Unreadable), 3);
        ends.add(StackId::NONE, &[], 50);
        ends.add(StackId::LOST, &[], 4);
        assert_eq!((ends.samples, ends.unknown), (104, 4));
        assert_eq!(ends.ended(StackEnd::NotReady), 7);
        assert_eq!(ends.complete_share(), Some(0.9));
        assert_eq!(StackEnds::default().complete_share(), None);
    }
}
