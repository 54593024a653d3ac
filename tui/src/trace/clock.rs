//! The time of day of events.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Tells the time of day of `CLOCK_MONOTONIC` times. Thousands of events share a second: its text is
/// made once.
pub struct Clock {
    realtime_offset_ns: i64,
    zone: TimeZone,
    second: Option<(i64, String)>,
}

impl Clock {
    /// `realtime_offset_ns`: wall-clock time (since 1970) minus monotonic time.
    pub fn new(realtime_offset_ns: i64, zone: TimeZone) -> Self {
        Self { realtime_offset_ns, zone, second: None }
    }

    /// Nanoseconds since 1970.
    pub fn real_ns(&self, monotonic_ns: u64) -> i64 {
        self.realtime_offset_ns.saturating_add_unsigned(monotonic_ns)
    }

    /// Local time of day, to the second, and the microseconds of the second.
    pub fn time_of_day(&mut self, monotonic_ns: u64) -> (&str, u32) {
        let real = self.real_ns(monotonic_ns);
        let (second, nanos) = (real.div_euclid(1_000_000_000), real.rem_euclid(1_000_000_000));
        if self.second.as_ref().is_none_or(|(of, _)| *of != second) {
            self.second = Some((second, text(second, &self.zone)));
        }
        let text = self.second.as_ref().map_or("", |(_, text)| text);
        (text, (nanos / 1_000) as u32)
    }
}

fn text(second: i64, zone: &TimeZone) -> String {
    match Timestamp::from_second(second) {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
        Err(_) => "--:--:--".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_follow_the_seconds() {
        let mut clock = Clock::new(1_000_000_000_000_000_000, TimeZone::UTC);
        assert_eq!(clock.time_of_day(999_999_999), ("01:46:40", 999_999));
        assert_eq!(clock.time_of_day(1_000_001_000), ("01:46:41", 1));
        assert_eq!(clock.time_of_day(999_999_999), ("01:46:40", 999_999));
        assert_eq!(clock.real_ns(5), 1_000_000_000_000_000_005);
        // Before 1970, on a machine without a clock of its own.
        let mut clock = Clock::new(-1, TimeZone::UTC);
        assert_eq!(clock.time_of_day(0), ("23:59:59", 999_999));
    }
}
