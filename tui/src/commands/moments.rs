//! Moments that people type, found in a capture.

use crate::cli::{Moment, MomentRange};
use crate::history::{Span, Timeline};
use crate::text;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned, civil};

/// What is so little outside of a capture counts as its end, or its start: nobody types times to the
/// nanosecond.
const SLACK_NS: u64 = 1_000_000_000;

/// When a capture was made.
#[derive(Debug)]
pub struct When<'a> {
    timeline: &'a Timeline,
    /// Wall-clock time of the start, in ns.
    start_ns: i64,
    zone: TimeZone,
}

impl<'a> When<'a> {
    /// `realtime_offset_ns`: `CLOCK_REALTIME` minus `CLOCK_MONOTONIC` of the capture, in ns.
    pub fn new(timeline: &'a Timeline, realtime_offset_ns: i64, zone: TimeZone) -> Self {
        let start_ns = realtime_offset_ns.saturating_add_unsigned(timeline.time_at(0));
        Self { timeline, start_ns, zone }
    }

    /// The ticks of a range.
    pub fn span(&self, range: &MomentRange) -> Result<Span, String> {
        let length = self.length_ns();
        let bound = |moment: Option<Moment>, without| {
            moment.map_or(Some(without), |moment| self.ns_after_start(moment))
        };
        // Of a range that reaches beyond the capture, what lies in it is meant.
        let (from, to) = (bound(range.from, 0), bound(range.to, length.cast_signed()));
        let within = |ns: i64| ns.clamp(0, length.cast_signed()).cast_unsigned();
        let (start, end) = match (from, to) {
            (Some(from), Some(to)) if to > 0 && from < length.cast_signed() => {
                (within(from), within(to))
            }
            _ => return Err(format!("the range lies outside; {}", self.spans())),
        };
        if start >= end {
            return Err(format!("the range ends before it begins; {}", self.spans()));
        }
        let first = self.timeline.time_at(0);
        // Several ticks may have the time of the end: what was found out late has that of the last one.
        let to_the_end = end == length;
        let span = Span {
            start: self.timeline.boundary_at(first + start),
            end: match to_the_end {
                true => self.timeline.end(),
                false => self.timeline.boundary_at(first + end),
            },
        };
        if span.start == span.end {
            let short = "the range is shorter than the time between two of its readings";
            return Err(format!("{short}; {}", self.spans()));
        }
        Ok(span)
    }

    /// A moment as time since the start, in ns.
    pub fn after_start(&self, moment: Moment) -> Result<u64, String> {
        let after_ns = self.ns_after_start(moment);
        let length = self.length_ns();
        let slack = SLACK_NS.cast_signed();
        match after_ns {
            Some(ns) if ns >= -slack && ns <= length.saturating_add(SLACK_NS).cast_signed() => {
                Ok(ns.max(0).cast_unsigned().min(length))
            }
            _ => Err(format!("{moment} lies outside: {}", self.spans())),
        }
    }

    /// A moment as ns since the start, wherever that is.
    fn ns_after_start(&self, moment: Moment) -> Option<i64> {
        match moment {
            Moment::After(time) => i64::try_from(time.as_nanos()).ok(),
            Moment::At(time) => self.at(time),
        }
    }

    /// A time of day as ns since the start: of the day on which it began, or of one after it.
    fn at(&self, time: civil::Time) -> Option<i64> {
        let start = self.zoned(0)?;
        let mut day = start.date();
        loop {
            let at = day.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
            let after = at.timestamp().duration_since(start.timestamp());
            if after >= -SignedDuration::from_nanos(SLACK_NS.cast_signed()) {
                return i64::try_from(after.as_nanos()).ok();
            }
            day = day.tomorrow().ok()?;
        }
    }

    /// What it spans, for an error.
    fn spans(&self) -> String {
        let length = text::duration(self.length_ns());
        match (self.zoned(0), self.zoned(self.length_ns())) {
            (Some(start), Some(end)) => format!(
                "the capture spans {length}, from {} to {}",
                start.strftime("%Y-%m-%d %H:%M:%S"),
                end.strftime("%H:%M:%S")
            ),
            _ => format!("the capture spans {length}"),
        }
    }

    /// Wall-clock time so long after the start.
    fn zoned(&self, after_ns: u64) -> Option<Zoned> {
        let ns = i128::from(self.start_ns) + i128::from(after_ns);
        Some(Timestamp::from_nanosecond(ns).ok()?.to_zoned(self.zone.clone()))
    }

    fn length_ns(&self) -> u64 {
        let timeline = self.timeline;
        timeline.time_at(timeline.end()).saturating_sub(timeline.time_at(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Tick;
    use std::time::Duration;

    const SECOND: u64 = 1_000_000_000;

    /// A minute, four ticks a second, that begins 100 s after the machine did.
    fn minute() -> Timeline {
        let tick = |n: u64| Tick {
            time_ns: 100 * SECOND + (n + 1) * SECOND / 4,
            window_ns: SECOND / 4,
            ..Tick::default()
        };
        Timeline::new((0..240).map(tick))
    }

    /// The minute began at this time of day, UTC.
    fn began_at(timeline: &Timeline, time: civil::Time) -> When<'_> {
        let at = civil::date(2026, 11, 20).to_datetime(time).to_zoned(TimeZone::UTC).unwrap();
        let offset = at.timestamp().as_nanosecond() as i64 - 100 * SECOND.cast_signed();
        When::new(timeline, offset, TimeZone::UTC)
    }

    fn after(seconds: f64) -> Option<Moment> {
        Some(Moment::After(Duration::from_secs_f64(seconds)))
    }

    fn at(hour: i8, minute: i8, second: i8) -> Option<Moment> {
        Some(Moment::At(civil::time(hour, minute, second, 0)))
    }

    #[test]
    fn ranges_become_ticks() {
        let timeline = minute();
        let when = began_at(&timeline, civil::time(12, 3, 0, 0));
        for (from, to, start, end) in [
            (after(10.0), after(20.0), 40, 80),
            (None, after(20.0), 0, 80),
            (after(10.1), None, 40, 240),
            (at(12, 3, 10), at(12, 3, 40), 40, 160),
            (at(12, 3, 10), after(11.0), 40, 44),
            (None, after(60.7), 0, 240),
            (after(50.0), after(90.0), 200, 240),
            (at(12, 3, 50), at(12, 9, 0), 200, 240),
        ] {
            let span = when.span(&MomentRange { from, to });
            assert_eq!(span, Ok(Span { start, end }), "{from:?}..{to:?}");
        }
    }

    #[test]
    fn a_range_to_the_end_has_what_was_found_out_late() {
        let mut timeline = minute();
        timeline.push(Tick { time_ns: 160 * SECOND, window_ns: 0, ..Tick::default() });
        let when = began_at(&timeline, civil::time(12, 3, 0, 0));
        for (to, end) in [(None, 241), (after(60.0), 241), (after(59.75), 239)] {
            let span = when.span(&MomentRange { from: None, to });
            assert_eq!(span, Ok(Span { start: 0, end }), "..{to:?}");
        }
    }

    #[test]
    fn what_lies_outside_is_told_what_the_capture_spans() {
        let timeline = minute();
        let when = began_at(&timeline, civil::time(12, 3, 0, 0));
        let spans = "the capture spans 1m00s, from 2026-11-20 12:03:00 to 12:04:00";
        for (from, to, wrong) in [
            (after(80.0), None, "the range lies outside; "),
            (after(60.0), after(90.0), "the range lies outside; "),
            (at(11, 0, 0), None, "the range lies outside; "),
            (after(30.0), at(12, 3, 20), "the range ends before it begins; "),
            (after(30.01), after(30.02), "shorter than the time between two of its readings; "),
        ] {
            let error = when.span(&MomentRange { from, to }).unwrap_err();
            assert!(error.contains(wrong) && error.contains(spans), "{from:?}..{to:?}: {error}");
        }
    }

    #[test]
    fn a_time_of_day_is_one_of_the_capture_even_past_midnight() {
        let timeline = minute();
        let when = began_at(&timeline, civil::time(23, 59, 50, 0));
        assert_eq!(when.after_start(Moment::At(civil::time(0, 0, 10, 0))), Ok(20 * SECOND));
        let when = began_at(&timeline, civil::time(12, 3, 10, 400_000_000));
        assert_eq!(when.after_start(Moment::At(civil::time(12, 3, 10, 0))), Ok(0));
    }

    #[test]
    fn a_capture_without_a_tick_has_no_range() {
        let timeline = Timeline::default();
        let when = When::new(&timeline, 0, TimeZone::UTC);
        assert!(when.span(&MomentRange { from: None, to: after(0.5) }).is_err());
    }
}
