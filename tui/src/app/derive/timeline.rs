//! The timeline as it is drawn: each column a stretch of time, with the highest rates in it.

use crate::app::pane::Pane;
use crate::capture::Tick;
use crate::history::Timeline;
use crate::model::Watched;
use crate::text;

/// What happened in one column's stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Column {
    /// The highest rates, by pane; `None` where nothing was recorded.
    pub rates: Option<[f64; 4]>,
    /// Something was lost in it.
    pub lost: bool,
    /// A part of it was not recorded.
    pub gap: bool,
}

/// The timeline, as wide as the screen has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strip {
    /// From left to right.
    pub columns: Vec<Column>,
    /// The highest rate of all, by pane.
    pub maxima: [f64; 4],
    /// When it starts, in ns.
    pub start_ns: u64,
    /// When it ends, in ns.
    pub end_ns: u64,
    made_of: (u64, u64, usize),
}

impl Strip {
    /// Makes the strip anew where what it is made of has changed.
    pub fn update(&mut self, timeline: &Timeline, watched: &Watched, columns: u16) {
        let made_of = (timeline.first(), timeline.end(), usize::from(columns));
        if self.made_of != made_of {
            *self = Self::derive(timeline, watched, columns);
            self.made_of = made_of;
        }
    }

    fn derive(timeline: &Timeline, watched: &Watched, columns: u16) -> Self {
        let mut strip = Self {
            columns: vec![Column::default(); columns.into()],
            start_ns: timeline.time_at(timeline.first()),
            end_ns: timeline.time_at(timeline.end()),
            ..Self::default()
        };
        if columns == 0 {
            return strip;
        }
        let mut before_ns = strip.start_ns;
        // What was lost before the first tick that is kept is not known.
        let mut lost = if timeline.first() == 0 { Some(0) } else { None };
        for tick in timeline.iter() {
            strip.add(tick, watched, before_ns, lost);
            (before_ns, lost) = (tick.time_ns, Some(tick.lost));
        }
        strip
    }

    fn add(&mut self, tick: &Tick, watched: &Watched, before_ns: u64, lost: Option<u64>) {
        let rates = rates(tick, watched);
        for (maximum, rate) in self.maxima.iter_mut().zip(rates) {
            *maximum = maximum.max(rate);
        }
        let begins_ns = tick.time_ns.saturating_sub(tick.window_ns).max(self.start_ns);
        let (first, last) = (self.column_of(begins_ns), self.column_before(tick.time_ns));
        for column in &mut self.columns[first.min(last)..=last] {
            let highest = column.rates.get_or_insert([0.0; 4]);
            for (highest, rate) in highest.iter_mut().zip(rates) {
                *highest = highest.max(rate);
            }
        }
        self.columns[last].lost |= lost.is_some_and(|lost| tick.lost > lost);
        // Windows meet but for rounding.
        if begins_ns > before_ns.saturating_add(tick.window_ns / 2) {
            let (first, last) = (self.column_of(before_ns), self.column_before(begins_ns));
            self.columns[first.min(last)..=last].iter_mut().for_each(|column| column.gap = true);
        }
    }

    /// The column that a time is in.
    fn column_of(&self, time_ns: u64) -> usize {
        let span = u128::from(self.end_ns.saturating_sub(self.start_ns).max(1));
        let at = u128::from(time_ns.saturating_sub(self.start_ns));
        let column = (at * self.columns.len() as u128 / span) as usize;
        column.min(self.columns.len().saturating_sub(1))
    }

    /// The column that a time ends: at the border of two, the left one.
    pub fn column_before(&self, time_ns: u64) -> usize {
        self.column_of(time_ns.saturating_sub(1))
    }

    /// When a column begins, in ns; behind the last one, when that ends.
    pub fn time_of(&self, column: usize) -> u64 {
        let span = u128::from(self.end_ns.saturating_sub(self.start_ns));
        let count = self.columns.len().max(1) as u128;
        self.start_ns + (column as u128 * span / count) as u64
    }

    /// How high a rate stands in its row, of 8; what is more than nothing is 1 at least.
    pub fn level(&self, pane: Pane, rate: f64) -> usize {
        let full = match pane {
            // Of an idle machine the load must not look like much.
            Pane::Profile => self.maxima[pane.index()].max(1.0),
            _ => self.maxima[pane.index()],
        };
        if rate <= 0.0 || full <= 0.0 {
            return 0;
        }
        ((rate / full * 8.0).ceil() as usize).clamp(1, 8)
    }
}

/// What happened a second, by pane: calls, opens, seconds blocked, and the load of all CPUs (1.0 is
/// all).
fn rates(tick: &Tick, watched: &Watched) -> [f64; 4] {
    let seconds = tick.window_ns as f64 / 1e9;
    if seconds <= 0.0 {
        return [0.0; 4];
    }
    let samples = (watched.frequency_hz as f64 * watched.cpus as f64 * seconds).max(1.0);
    [
        tick.calls as f64 / seconds,
        tick.opens as f64 / seconds,
        tick.blocked_ns as f64 / 1e9 / seconds,
        tick.samples as f64 / samples,
    ]
}

/// Name of a pane's series, shorter than so many columns; where the panes show a part of what was
/// recorded, it says that the series is of all.
pub fn name(pane: Pane, of_all: bool, columns: u16) -> &'static str {
    match (pane, of_all, columns) {
        (Pane::Syscalls, false, _) => "syscalls",
        (Pane::Opens, false, _) => "opens",
        (Pane::Offcpu, false, _) => "blocked",
        (Pane::Profile, false, _) => "CPU load",
        (Pane::Syscalls, true, ..16) => "all calls",
        (Pane::Opens, true, ..16) => "all opens",
        (Pane::Offcpu, true, ..16) => "all waits",
        (Pane::Profile, true, ..16) => "all CPUs",
        (Pane::Syscalls, true, _) => "syscalls (all)",
        (Pane::Opens, true, _) => "opens (all)",
        (Pane::Offcpu, true, _) => "blocked (all)",
        (Pane::Profile, true, _) => "CPU load (all)",
    }
}

/// A rate of a pane's series.
pub fn value(pane: Pane, rate: f64) -> String {
    match pane {
        Pane::Syscalls | Pane::Opens => text::rate(rate),
        Pane::Offcpu => format!("{}/s", text::duration((rate * 1e9) as u64)),
        Pane::Profile => text::percent(rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn watched() -> Watched {
        Watched { cpus: 2, frequency_hz: 100, ..Watched::default() }
    }

    /// Ticks of a second each, with so many calls.
    fn timeline(calls: &[u64]) -> Timeline {
        Timeline::new(calls.iter().zip(1..).map(|(calls, second)| Tick {
            time_ns: second * SECOND,
            window_ns: SECOND,
            calls: *calls,
            ..Tick::default()
        }))
    }

    fn strip(timeline: &Timeline, columns: u16) -> Strip {
        Strip::derive(timeline, &watched(), columns)
    }

    fn calls(strip: &Strip) -> Vec<Option<f64>> {
        strip.columns.iter().map(|column| column.rates.map(|rates| rates[0])).collect()
    }

    #[test]
    fn a_spike_is_never_averaged_away() {
        let mut ticks = vec![1; 10_000];
        ticks[7_777] = 1_000;
        let strip = strip(&timeline(&ticks), 50);
        let high: Vec<_> = (0..50).filter(|c| calls(&strip)[*c] == Some(1_000.0)).collect();
        assert_eq!(high, [38]);
        assert_eq!(strip.maxima[0], 1_000.0);
        assert_eq!((strip.level(Pane::Syscalls, 1.0), strip.level(Pane::Syscalls, 1e3)), (1, 8));
    }

    #[test]
    fn fewer_ticks_than_columns_leave_no_hole() {
        let strip = strip(&timeline(&[4, 8]), 6);
        let two = |low: f64, high: f64| vec![Some(low), Some(low), Some(low), Some(high)];
        assert_eq!(calls(&strip)[..4], two(4.0, 8.0));
        assert!(strip.columns.iter().all(|column| !column.gap && !column.lost));
    }

    #[test]
    fn what_was_not_recorded_is_a_gap() {
        let at =
            |second: u64| Tick { time_ns: second * SECOND, window_ns: SECOND, ..Tick::default() };
        let strip = strip(&Timeline::new([at(1), at(2), at(9), at(10)]), 10);
        let recorded: Vec<_> = strip.columns.iter().map(|c| c.rates.is_some()).collect();
        let gaps: Vec<_> = strip.columns.iter().map(|c| c.gap).collect();
        let expected = [true, true, false, false, false, false, false, false, true, true];
        assert_eq!(recorded, expected);
        assert_eq!(gaps, expected.map(|recorded| !recorded));
        // One that is narrower than a column is marked too.
        let narrow = Strip::derive(&Timeline::new([at(1), at(3), at(4)]), &watched(), 2);
        assert_eq!(narrow.columns.iter().map(|c| c.gap).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn losses_are_marked_where_they_happened() {
        let at = |second: u64, lost| Tick {
            time_ns: second * SECOND,
            window_ns: SECOND,
            lost,
            ..Tick::default()
        };
        let mut timeline = Timeline::new([at(1, 0), at(2, 5), at(3, 5), at(4, 6)]);
        let lost = |strip: &Strip| strip.columns.iter().map(|c| c.lost).collect::<Vec<_>>();
        assert_eq!(lost(&strip(&timeline, 4)), [false, true, false, true]);
        timeline.forget_before(2);
        assert_eq!(lost(&strip(&timeline, 2)), [false, true], "the old total is no loss");
    }

    #[test]
    fn the_load_is_a_share_of_all_cpus() {
        let tick = Tick {
            time_ns: SECOND,
            window_ns: SECOND / 2,
            samples: 50,
            blocked_ns: SECOND,
            ..Tick::default()
        };
        let strip = strip(&Timeline::new([tick]), 3);
        assert_eq!(strip.maxima, [0.0, 0.0, 2.0, 0.5]);
        assert_eq!(strip.level(Pane::Profile, 0.5), 4, "half of what there is");
        assert_eq!(value(Pane::Profile, 0.5), "50.0%");
        assert_eq!(value(Pane::Offcpu, 2.0), "2.00s/s");
    }

    proptest! {
        #[test]
        fn every_tick_is_somewhere(
            ticks in prop::collection::vec((1_u64..5_000, 0_u64..9_000, 0_u64..100), 0..60),
            columns in 0_u16..90,
        ) {
            let mut now = 7 * SECOND;
            let ticks: Vec<_> = ticks.into_iter().map(|(window_ms, gap_ms, calls)| {
                now += (window_ms + gap_ms / 3) * 1_000_000;
                Tick { time_ns: now, window_ns: window_ms * 1_000_000, calls, ..Tick::default() }
            }).collect();
            let timeline = Timeline::new(ticks.clone());
            let strip = strip(&timeline, columns);
            prop_assert_eq!(strip.columns.len(), usize::from(columns));
            for tick in ticks.iter().filter(|_| columns > 0) {
                let column = strip.columns[strip.column_before(tick.time_ns)];
                prop_assert!(column.rates.unwrap()[0] >= rates(tick, &watched())[0]);
            }
            let highest = strip.columns.iter().flat_map(|c| c.rates).map(|r| r[0]);
            if columns > 0 {
                prop_assert_eq!(highest.fold(0.0, f64::max), strip.maxima[0]);
            }
        }
    }
}
