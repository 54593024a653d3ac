//! Values of options: one clear error for each that is wrong, with what would be right.

use super::moment::{Moment, MomentRange};
use super::probes::Budget;
use crate::filter::Filter;
use jiff::SignedDuration;
use std::time::Duration;

/// A PID.
pub(super) fn pid(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("a PID is a number from 1; for a name, use --comm {text}")),
        Ok(pid) => Ok(pid),
    }
}

/// A process name.
pub(super) fn comm(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("a name is needed, as in --comm nginx".into())
    } else {
        Ok(text.into())
    }
}

/// A filter.
pub(super) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| {
        let pointed = error.pointed(text);
        let place: Vec<_> = pointed.lines().take(2).map(|line| format!("    {line}")).collect();
        format!("{error}\n{}", place.join("\n"))
    })
}

/// A number of rows.
pub(super) fn top(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number from 1 is needed, as in --top 20".into()),
        Ok(top) => Ok(top),
    }
}

/// How long to watch.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    within(text, Duration::from_millis(1), Duration::from_secs(24 * 3_600), "1ms to 24h")
}

/// Time between two readings.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    within(text, Duration::from_millis(50), Duration::from_secs(60), "50ms to 1m")
}

/// A share of the machine's CPU time.
pub(super) fn budget(text: &str) -> Result<Budget, String> {
    let help = "a budget is a part of the machine's CPU time, as in 5% or 0.5%, or it is off";
    if text == "off" {
        return Ok(Budget(None));
    }
    let percent: f64 = text.strip_suffix('%').unwrap_or(text).trim().parse().map_err(|_| help)?;
    let possible = (0.1..=100.0).contains(&percent);
    if possible { Ok(Budget(Some(percent / 100.0))) } else { Err("it must be 0.1% to 100%".into()) }
}

fn within(text: &str, min: Duration, max: Duration, range: &str) -> Result<Duration, String> {
    let time = time(text).ok_or("a time is a number of seconds, or has units: 5, 250ms, 1m30s")?;
    if (min..=max).contains(&time) { Ok(time) } else { Err(format!("it must be {range}")) }
}

/// `5` and `2.5` are seconds; else as jiff reads it: `250ms`, `1m30s`, `2 hours`.
pub(super) fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let with_unit = if seconds { format!("{text}s") } else { text.to_owned() };
    let time: SignedDuration = with_unit.parse().ok()?;
    Duration::try_from(time).ok()
}

/// A moment of a capture.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let help = "a moment is a time since the start (12s, 1m30s, 01:30) or a time of day (12:03:10)";
    Moment::parse(text).ok_or_else(|| help.to_owned())
}

/// A part of a capture.
pub(super) fn range(text: &str) -> Result<MomentRange, String> {
    let help = "a range is two moments with dots between, one may be left out: 10s..20s, ..01:30, \
                12:03:10..12:03:40";
    let range = MomentRange::parse(text).ok_or(help)?;
    match (range.from, range.to) {
        (Some(Moment::After(from)), Some(Moment::After(to))) if from >= to => {
            Err("it must end after it begins".into())
        }
        _ => Ok(range),
    }
}

/// How fast a capture is replayed.
pub(super) fn speed(text: &str) -> Result<f64, String> {
    let speed = text.trim().trim_end_matches('x').parse().ok();
    let speed = speed.filter(|speed| (0.1..=100.0).contains(speed));
    speed.ok_or_else(|| "it must be a number from 0.1 to 100, as in --speed 2".into())
}

/// Columns and rows of a screen.
pub(super) fn size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = text.split_once('x').ok_or("columns and rows, as in 120x40")?;
    match (columns.parse(), rows.parse()) {
        (Ok(columns @ 1..=500), Ok(rows @ 1..=500)) => Ok((columns, rows)),
        _ => Err("1x1 to 500x500".into()),
    }
}
