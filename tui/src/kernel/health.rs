//! Reads the health counters.

use super::map::TypedMap;
use super::sys;
use crate::probes::PROBES;
use crate::source::{Health, ProbeHealth, ProbeStatus};
use std::os::fd::{AsFd, OwnedFd};
use syscope_shared::health::Counters;

/// Reads the `HEALTH` map, and what the kernel says of the programs.
pub struct Reader {
    counters: TypedMap<u32, Counters>,
    /// Program descriptors by probe, in the order of [`PROBES`].
    programs: Vec<Vec<OwnedFd>>,
}

impl Reader {
    pub fn new(counters: TypedMap<u32, Counters>, programs: Vec<Vec<OwnedFd>>) -> Self {
        Self { counters, programs }
    }

    /// The counters as they stand; `listed`: PIDs the kernel lets through.
    pub fn read(&self, statuses: &[ProbeStatus], listed: Option<usize>) -> Health {
        let probes = PROBES.iter().zip(statuses).enumerate();
        // Zeros that stand for counters nobody could read would say that nothing was lost.
        let unread = (0..PROBES.len()).filter(|i| self.counters.get_all(&(*i as u32)).is_err());
        Health {
            probes: probes
                .map(|(index, (probe, status))| self.probe(index, probe.name, status.clone()))
                .collect(),
            read_errors: unread.count() as u64,
            pushed_down: listed,
            ..Health::default()
        }
    }

    fn probe(&self, index: usize, name: &'static str, status: ProbeStatus) -> ProbeHealth {
        let per_cpu = self.counters.get_all(&(index as u32)).unwrap_or_default();
        let sum = |field: fn(&Counters) -> u64| per_cpu.iter().map(field).sum::<u64>();
        let skipped_runs: u64 = self.programs[index]
            .iter()
            .filter_map(|program| sys::program_counts(program.as_fd()).ok())
            .map(|counts| counts.missed)
            .sum();
        ProbeHealth {
            name,
            status,
            events: sum(|c| c.events),
            ring_full: sum(|c| c.ring_full),
            map_full: sum(|c| c.map_full),
            skipped_runs,
            filtered: sum(|c| c.filtered),
            spared: sum(|c| c.spared),
            stack_errors: sum(|c| c.stack_errors),
            unreadable: sum(|c| c.unreadable),
            unseen_ends: sum(|c| c.unseen_ends),
            unseen_waits: sum(|c| c.unseen_waits),
            ..ProbeHealth::default()
        }
    }
}
