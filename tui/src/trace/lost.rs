//! What happened and was not printed.

use super::Kind;
use crate::source::{Health, ProbeHealth};
use serde::Serialize;
use std::fmt;

/// Events that happened and were not printed, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The ring buffer was full.
    pub ring_full: u64,
    /// A map of the kernel was full.
    pub map_full: u64,
    /// Runs of a probe that the kernel skipped. Each may have been an event, or none.
    pub skipped_runs: u64,
    /// They were read, and thrown away: nobody took them from standard output in time.
    pub overrun: u64,
}

impl Lost {
    /// What the source has lost of a kind of events so far.
    pub fn of(kind: Kind, health: &Health) -> Self {
        let sum = |count: fn(&ProbeHealth) -> u64| {
            let probes = kind.probes().iter().filter_map(|name| health.probe(name));
            probes.map(count).sum()
        };
        Self {
            ring_full: sum(|probe| probe.ring_full),
            map_full: sum(|probe| probe.map_full),
            skipped_runs: sum(|probe| probe.skipped_runs),
            overrun: health.overrun,
        }
    }

    /// What has come since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        self.with(earlier, u64::saturating_sub)
    }

    /// The counts as they stand, `newer` being a later reading. Counters that could not be read are
    /// read as zeros: they do not take back what was lost.
    pub fn grown_to(&self, newer: &Self) -> Self {
        self.with(newer, u64::max)
    }

    fn with(&self, other: &Self, join: fn(u64, u64) -> u64) -> Self {
        Self {
            ring_full: join(self.ring_full, other.ring_full),
            map_full: join(self.map_full, other.map_full),
            skipped_runs: join(self.skipped_runs, other.skipped_runs),
            overrun: join(self.overrun, other.overrun),
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.ring_full + self.map_full + self.skipped_runs + self.overrun
    }
}

/// By reason, for people.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = [
            (self.overrun, "standard output was not read fast enough"),
            (self.ring_full, "the ring buffer was full"),
            (self.map_full, "a map of the kernel was full"),
            (self.skipped_runs, "the kernel skipped the probe, which was busy"),
        ];
        let mut first = true;
        for (count, reason) in reasons.into_iter().filter(|(count, _)| *count > 0) {
            let comma = if std::mem::take(&mut first) { "" } else { ", " };
            write!(f, "{comma}{count} because {reason}")?;
        }
        Ok(())
    }
}
