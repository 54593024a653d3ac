//! The history in memory: the last frames, as they would be in a file.

use crate::capture::Frame;
use std::collections::VecDeque;

/// How much history is kept. Whole stretches from key to key are dropped, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Never more than so many bytes.
    pub bytes: u64,
    /// No more than this many bytes either, except to keep [`Bound::least_ns`].
    pub usual_bytes: u64,
    /// So much time is kept where [`Bound::bytes`] allows it, in ns.
    pub least_ns: u64,
    /// Never more time than this, in ns.
    pub most_ns: u64,
}

impl Bound {
    /// Of the live screen: an hour, but no more than 32 MiB; the last ten minutes also take more than
    /// that, up to 256 MiB.
    pub const LIVE: Self = Self {
        bytes: 256 << 20,
        usual_bytes: 32 << 20,
        least_ns: 600_000_000_000,
        most_ns: 3_600_000_000_000,
    };
}

/// The last frames. The first of them is a key.
#[derive(Debug)]
pub struct Ring {
    bound: Bound,
    frames: VecDeque<(u64, Frame)>,
    bytes: u64,
    end: u64,
}

impl Ring {
    /// An empty one.
    pub fn new(bound: Bound) -> Self {
        Self { bound, frames: VecDeque::new(), bytes: 0, end: 0 }
    }

    /// Appends the next frame.
    pub fn push(&mut self, frame: Frame) {
        let first = self.end;
        self.end += frame.ticks.len() as u64;
        self.bytes += frame.bytes.len() as u64;
        self.frames.push_back((first, frame));
        while self.is_over_bound() && self.drop_stretch() {}
    }

    /// Number of the oldest tick that is kept.
    pub fn first(&self) -> u64 {
        self.frames.front().map_or(self.end, |(first, _)| *first)
    }

    /// Number of the tick that comes next.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The frame with this tick in it, with the number of its first tick.
    pub fn frame_of(&self, tick: u64) -> Option<(u64, &Frame)> {
        let after = self.frames.partition_point(|(first, _)| *first <= tick);
        let (first, frame) = self.frames.get(after.checked_sub(1)?)?;
        (tick < first + frame.ticks.len() as u64).then_some((*first, frame))
    }

    /// Number of the first tick of the last key that begins at or before this tick.
    pub fn key_before(&self, tick: u64) -> Option<u64> {
        let until = self.frames.partition_point(|(first, _)| *first <= tick);
        let keys = self.frames.iter().take(until).rev().find(|(_, frame)| frame.key);
        keys.map(|(first, _)| *first)
    }

    /// The frames, oldest first.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter().map(|(_, frame)| frame)
    }

    fn is_over_bound(&self) -> bool {
        // What would be left is what counts: ten minutes must be left, not only have been there.
        let left_ns = self.second_key().map_or(0, |at| self.span_from(at));
        self.bytes > self.bound.bytes
            || (self.bytes > self.bound.usual_bytes && left_ns >= self.bound.least_ns)
            || left_ns >= self.bound.most_ns
    }

    /// Where the second stretch begins.
    fn second_key(&self) -> Option<usize> {
        (1..self.frames.len()).find(|at| self.frames[*at].1.key)
    }

    /// Time from the start of a frame to the end of the last one, in ns.
    fn span_from(&self, at: usize) -> u64 {
        let start =
            self.frames[at].1.ticks.first().map_or(0, |t| t.time_ns.saturating_sub(t.window_ns));
        let last = self.frames.back().and_then(|(_, frame)| frame.ticks.last());
        last.map_or(0, |tick| tick.time_ns.saturating_sub(start))
    }

    /// Drops the oldest stretch; the last one stays.
    fn drop_stretch(&mut self) -> bool {
        let Some(second) = self.second_key() else { return false };
        for (_, frame) in self.frames.drain(..second) {
            self.bytes -= frame.bytes.len() as u64;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Tick;

    const SECOND: u64 = 1_000_000_000;

    fn frame(second: u64, bytes: usize) -> Frame {
        let tick = |part| Tick {
            time_ns: second * SECOND + part * SECOND / 4,
            window_ns: SECOND / 4,
            ..Tick::default()
        };
        let ticks = (1..=4).map(tick).collect();
        Frame { bytes: vec![0; bytes].into(), key: second.is_multiple_of(30), ticks, left_out: 0 }
    }

    fn ring(seconds: u64, bytes_each: usize) -> Ring {
        let bound = Bound {
            bytes: 1_000_000,
            usual_bytes: 100_000,
            least_ns: 600 * SECOND,
            most_ns: 3_600 * SECOND,
        };
        let mut ring = Ring::new(bound);
        (0..seconds).for_each(|second| ring.push(frame(second, bytes_each)));
        ring
    }

    #[test]
    fn an_hour_is_kept_where_little_happens() {
        let ring = ring(5_000, 10);
        let kept = (ring.end() - ring.first()) / 4;
        assert!((3_600..3_632).contains(&kept), "{kept} s");
        assert!(ring.frames().next().unwrap().key);
        assert_eq!(ring.bytes(), kept * 10);
    }

    #[test]
    fn ten_minutes_are_kept_where_much_happens() {
        let ring = ring(2_000, 1_000);
        let kept = (ring.end() - ring.first()) / 4;
        assert!((600..632).contains(&kept), "{kept} s");
    }

    #[test]
    fn the_bytes_are_bounded_whatever_happens() {
        let ring = ring(2_000, 10_000);
        assert!(ring.bytes() <= 1_000_000, "{}", ring.bytes());
        assert!(ring.frames().next().unwrap().key);
    }

    #[test]
    fn frames_and_keys_are_found_by_tick() {
        let ring = ring(100, 10);
        assert_eq!(ring.frame_of(7).unwrap().0, 4);
        assert_eq!(ring.key_before(121), Some(120));
        assert_eq!(ring.key_before(119), Some(0));
        assert!(ring.frame_of(400).is_none());
    }
}
