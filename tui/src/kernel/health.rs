//! Reads the health counters.

use super::map::TypedMap;
use super::sys;
use crate::probes::PROBES;
use crate::source::{Health, ProbeHealth, ProbeStatus};
use std::os::fd::{AsFd, OwnedFd};
use syscope_shared::health::{Counters, ProbeId};

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

    /// How often the programs of a probe have written to maps that are read only then: see [`Counters::written`] and
    /// [`Counters::errnos_written`]. `None` where that cannot be read.
    pub fn written(&self, probe: ProbeId) -> [Option<u64>; 2] {
        let Ok(per_cpu) = self.counters.get_all(&(probe as u32)) else { return [None; 2] };
        let sum = |field: fn(&Counters) -> u64| Some(per_cpu.iter().map(field).sum());
        [sum(|c| c.written), sum(|c| c.errnos_written)]
    }

    /// The counters as they stand; `listed`: PIDs the kernel lets through.
    pub fn read(&self, statuses: &[ProbeStatus], listed: Option<usize>) -> Health {
        let counters: Vec<_> =
            (0..PROBES.len()).map(|index| self.counters.get_all(&(index as u32))).collect();
        // Zeros that stand for counters nobody could read would say that nothing was lost.
        let unread = counters.iter().filter(|counters| counters.is_err()).count();
        let probes = PROBES.iter().zip(statuses).zip(counters).enumerate();
        Health {
            probes: probes
                .map(|(index, ((probe, status), per_cpu))| {
                    self.probe(index, probe.name, status.clone(), &per_cpu.unwrap_or_default())
                })
                .collect(),
            read_errors: unread as u64,
            pushed_down: listed,
            ..Health::default()
        }
    }

    fn probe(
        &self,
        index: usize,
        name: &'static str,
        status: ProbeStatus,
        per_cpu: &[Counters],
    ) -> ProbeHealth {
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
