//! Rates over the last second or so.

use crate::sums::{self, AddUp};

/// Ticks a rate looks back on.
const SLOTS: usize = 4;

/// Counts ticks and remembers how long the last ones were.
#[derive(Clone, Debug, Default)]
pub struct Ticks {
    number: u64,
    windows: [u64; SLOTS],
}

impl Ticks {
    /// Begins the tick that a batch of `window_ns` stands for.
    pub fn advance(&mut self, window_ns: u64) {
        self.number += 1;
        self.windows[(self.number % SLOTS as u64) as usize] = window_ns;
    }

    /// Ticks so far.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Time the last ticks span together, in ns.
    fn span_ns(&self) -> u64 {
        sums::sum(self.windows.iter().copied())
    }
}

/// Counts the events of the last four ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    tick: u64,
    slots: [u64; SLOTS],
}

impl Rate {
    /// Adds `count` events to the current tick.
    pub fn add(&mut self, count: u64, ticks: &Ticks) {
        let stale = (ticks.number - self.tick).min(SLOTS as u64);
        for back in 0..stale {
            self.slots[((ticks.number - back) % SLOTS as u64) as usize] = 0;
        }
        self.tick = ticks.number;
        self.slots[(ticks.number % SLOTS as u64) as usize].add_up(count);
    }

    /// Events a second over the last ticks.
    pub fn per_second(&self, ticks: &Ticks) -> f64 {
        let span = ticks.span_ns();
        let age = ticks.number - self.tick;
        if span == 0 || age >= SLOTS as u64 {
            return 0.0;
        }
        // The slots of the ticks since the last event are stale: leave them out.
        let slots = (age..SLOTS as u64)
            .filter_map(|back| ticks.number.checked_sub(back))
            .map(|number| self.slots[(number % SLOTS as u64) as usize]);
        let events = sums::sum(slots);
        events as f64 * 1e9 / span as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_events_over_the_last_ticks_and_falls_to_zero() {
        let (mut ticks, mut rate) = (Ticks::default(), Rate::default());
        for _ in 0..8 {
            ticks.advance(250_000_000);
            rate.add(25, &ticks);
        }
        assert_eq!(rate.per_second(&ticks), 100.0);
        ticks.advance(250_000_000);
        assert_eq!(rate.per_second(&ticks), 75.0);
        ticks.advance(250_000_000);
        ticks.advance(250_000_000);
        assert_eq!(rate.per_second(&ticks), 25.0);
        ticks.advance(250_000_000);
        assert_eq!(rate.per_second(&ticks), 0.0);
        rate.add(50, &ticks);
        assert_eq!(rate.per_second(&ticks), 50.0);
    }

    #[test]
    fn the_first_tick_has_a_rate_already() {
        let (mut ticks, mut rate) = (Ticks::default(), Rate::default());
        ticks.advance(500_000_000);
        rate.add(10, &ticks);
        assert_eq!(rate.per_second(&ticks), 20.0);
    }
}
