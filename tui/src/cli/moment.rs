//! Moments of a capture, and ranges of them, as people type them.

use super::values;
use jiff::civil;
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
    /// Reads `12`, `1m30s` or `12:03:10`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.contains(':') {
            return text.parse().ok().map(Self::At);
        }
        values::time(text).map(Self::After)
    }
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
