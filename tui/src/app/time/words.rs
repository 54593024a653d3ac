//! Times in words.

use crate::app::App;
use jiff::Timestamp;

const SECOND: u64 = 1_000_000_000;

/// A time of the recording or the watch, in ns of `CLOCK_MONOTONIC`, as a time of day: formatted as
/// `strftime` does.
pub fn moment(app: &App, monotonic_ns: u64, format: &str) -> String {
    let offset = app.model().watched.realtime_offset_ns;
    let real = i128::from(monotonic_ns) + i128::from(offset);
    match Timestamp::from_nanosecond(real) {
        Ok(time) => time.to_zoned(app.time_zone.clone()).strftime(format).to_string(),
        Err(_) => "?".to_owned(),
    }
}

/// A time of day, to the second.
pub fn time_of_day(app: &App, monotonic_ns: u64) -> String {
    moment(app, monotonic_ns, "%H:%M:%S")
}

/// How far that reaches of which nothing is shown: words that end a sentence.
pub fn so_far(app: &App) -> &'static str {
    let time = &app.time;
    match time.position().filter(|_| time.is_chosen()) {
        None if app.ended => "",
        None => " yet",
        Some(_) if !time.marks.is_empty() => " in this range",
        Some(position) if time.is_replay() && position >= time.timeline.end() => {
            " in this recording"
        }
        Some(_) => " up to here",
    }
}

/// A span as a clock shows it: `00:12`, `1:02:03`.
pub fn clock(ns: u64) -> String {
    let seconds = ns / SECOND;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A sum of windows as a clock shows it, to the nearest second: windows of a second are a little
/// shorter or longer, and whole seconds would be told as 1, 1, 3.
pub fn clock_of_windows(ns: u64) -> String {
    clock(ns.saturating_add(SECOND / 2))
}

/// A speed: `×2`, `×1/4`, `×1.5`.
pub fn speed(speed: f64) -> String {
    let inverse = 1.0 / speed;
    match speed < 1.0 && inverse.fract() == 0.0 {
        true => format!("×1/{inverse}"),
        false => format!("×{speed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_speeds() {
        let clocks = [0, 12, 3_599, 3_600, 90_061].map(|seconds| clock(seconds * SECOND));
        assert_eq!(clocks, ["00:00", "00:12", "59:59", "1:00:00", "25:01:01"]);
        let windows = [1_000_300_000, 1_999_800_000, 3_000_100_000].map(clock_of_windows);
        assert_eq!(windows, ["00:01", "00:02", "00:03"]);
        assert_eq!([0.25, 0.75, 1.5, 16.0].map(speed), ["×1/4", "×0.75", "×1.5", "×16"]);
    }
}
