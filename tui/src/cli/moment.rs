//! Moments of a capture, and ranges of them, as people type them.

use super::values;
use crate::text;
use jiff::civil;
use std::fmt;
use std::time::Duration;

/// A moment of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long after its start.
    After(Duration),
    /// The time of day on the machine that reads it.
    At(civil::Time),
}

/// From one moment to another; without one, from the start or to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MomentRange {
    /// Where it begins.
    pub from: Option<Moment>,
    /// Where it ends.
    pub to: Option<Moment>,
}

impl Moment {
    /// Reads `12`, `1m30s` and `01:30` since the start, and `12:03:10` as a time of day.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.split(':').collect::<Vec<_>>()[..] {
            [_] => values::time(text).map(Self::After),
            // As the screen shows how far it is.
            [minutes, seconds] => clock(minutes, seconds).map(Self::After),
            _ => text.parse().ok().map(Self::At),
        }
    }
}

/// As it was typed, or nearly so.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => {
                f.write_str(&text::duration(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
            }
            Self::At(time) => time.fmt(f),
        }
    }
}

impl fmt::Display for MomentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
        write!(
            f,
            "{}..{}",
            shown(self.from).unwrap_or_default(),
            shown(self.to).unwrap_or_default()
        )
    }
}

/// Minutes and seconds: `01:30`.
fn clock(minutes: &str, seconds: &str) -> Option<Duration> {
    let minutes: u32 = minutes.parse().ok()?;
    let seconds: u32 = seconds.parse().ok().filter(|seconds| *seconds < 60)?;
    Some(Duration::from_secs(u64::from(minutes) * 60 + u64::from(seconds)))
}

impl MomentRange {
    /// Reads `10s..20s`, `..20s`, `10s..`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once("..")?;
        let moment = |text: &str| match text.trim() {
            "" => Some(None),
            text => Moment::parse(text).map(Some),
        };
        let range = Self { from: moment(from)?, to: moment(to)? };
        (range.from.is_some() || range.to.is_some()).then_some(range)
    }
}
