//! What happened over time, tick by tick.

use crate::capture::Tick;
use std::collections::VecDeque;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline {
        let tick = |time_ns, window_ns| Tick { time_ns, window_ns, ..Tick::default() };
        Timeline::new([tick(1_100, 100), tick(1_200, 100), tick(1_500, 300), tick(1_600, 100)])
    }

    #[test]
    fn a_boundary_is_the_end_of_the_tick_before() {
        let timeline = timeline();
        let times: Vec<_> = (0..=4).map(|number| timeline.time_at(number)).collect();
        assert_eq!(times, [1_000, 1_100, 1_200, 1_500, 1_600]);
    }

    #[test]
    fn the_nearest_boundary_is_found_from_both_sides() {
        let timeline = timeline();
        for (time, boundary) in [(0, 0), (1_000, 0), (1_049, 0), (1_051, 1), (1_320, 2), (1_380, 3)]
        {
            assert_eq!(timeline.boundary_at(time), boundary, "{time}");
        }
        assert_eq!(timeline.boundary_at(1_600), 4);
        assert_eq!(timeline.boundary_at(u64::MAX), 4);
    }

    #[test]
    fn what_is_forgotten_leaves_the_numbers_as_they_are() {
        let mut timeline = timeline();
        timeline.forget_before(2);
        assert_eq!((timeline.first(), timeline.end()), (2, 4));
        assert_eq!(timeline.get(1), None);
        assert_eq!(timeline.get(2).unwrap().time_ns, 1_500);
        assert_eq!(timeline.time_at(2), 1_200);
        assert_eq!(timeline.boundary_at(0), 2);
        assert_eq!(timeline.boundary_at(1_490), 3);
        timeline.forget_before(9);
        assert!(timeline.is_empty());
    }
}
