//! The health of the probes as a table: what each saw, what came of it, what it costs.

use super::{count, percent};
use crate::source::{Health, ProbeHealth, ProbeStatus};

/// What names the columns behind the probe.
pub const HEALTH_HEAD: &str = "    seen filtered delivered     lost  CPU time  fullest map";

/// A line for each probe: its name, and its numbers under [`HEALTH_HEAD`].
pub fn health_rows(health: &Health) -> Vec<(&'static str, String)> {
    health.probes.iter().map(|probe| (probe.name, row(probe))).collect()
}

fn row(probe: &ProbeHealth) -> String {
    if let ProbeStatus::Off(_) = probe.status {
        return format!("{:>8}", "off");
    }
    let numbers = [probe.seen(), probe.filtered, probe.delivered(), probe.lost()];
    let [seen, filtered, delivered, lost] = numbers.map(count);
    let cpu = probe.cpu.map_or("-".to_owned(), |share| percent(share.into()));
    let fill = percent(probe.fill.into());
    format!("{seen:>8} {filtered:>8} {delivered:>9} {lost:>8} {cpu:>9} {fill:>12}")
}
