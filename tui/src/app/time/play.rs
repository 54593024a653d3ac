//! Playing: the position moves on as time passes.

use crate::history::Timeline;

/// Speeds that there are; each step doubles or halves.
const SLOWEST: f64 = 0.125;
const FASTEST: f64 = 64.0;
/// Nobody waits through a longer stretch in which nothing was recorded, in ns.
const LONGEST_GAP_NS: u64 = 2_000_000_000;

/// How the timeline is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Play {
    on: bool,
    speed: f64,
    /// How far it has come, in ns of the recorded time.
    at_ns: u64,
}

impl Default for Play {
    fn default() -> Self {
        Self { on: false, speed: 1.0, at_ns: 0 }
    }
}

impl Play {
    /// Whether it plays.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Seconds of the recording that pass in one.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Plays so fast from now on; what is no speed is brought to the nearest.
    pub fn set_speed(&mut self, speed: f64) {
        let speed = if speed.is_nan() { 1.0 } else { speed };
        self.speed = speed.clamp(SLOWEST, FASTEST);
    }

    pub(super) fn start(&mut self) {
        self.on = true;
    }

    pub(super) fn stop(&mut self) {
        self.on = false;
    }

    pub(super) fn rewind(&mut self, at_ns: u64) {
        self.at_ns = at_ns;
    }

    /// So many ms pass. Gives the last boundary that is reached by then.
    pub(super) fn advance(&mut self, timeline: &Timeline, from: u64, ms: u64) -> u64 {
        self.at_ns = self.at_ns.saturating_add((ms as f64 * 1e6 * self.speed) as u64);
        let mut position = from;
        while let Some(next) = timeline.get(position) {
            let begins_ns = next.time_ns.saturating_sub(next.window_ns);
            if begins_ns > timeline.time_at(position).saturating_add(LONGEST_GAP_NS) {
                self.at_ns = self.at_ns.max(begins_ns);
            }
            if next.time_ns > self.at_ns {
                break;
            }
            position += 1;
        }
        position
    }
}
