//! The one table of probes. Help, doctor, docs and tests iterate it.

use syscope_shared::health::ProbeId;

/// One probe: BPF programs, their maps, and the pane that shows what they collect.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Index in the kernel's `HEALTH` map.
    pub id: ProbeId,
    /// Stem: the name of its files in every layer.
    pub name: &'static str,
    /// Title of its pane; empty for a probe without one.
    pub title: &'static str,
    /// One line for help and doctor.
    pub about: &'static str,
    /// BPF programs it needs, by the name of their function.
    pub programs: &'static [&'static str],
    /// What they are attached to, for people.
    pub attach: &'static [&'static str],
    /// Oldest kernel it runs on: (major, minor).
    pub min_kernel: (u16, u16),
}

/// All probes, in the order of their panes (keys 1 to 4); probes without a pane come last.
pub const PROBES: &[Probe] = &[
    Probe {
        id: ProbeId::Syscalls,
        name: "syscalls",
        title: "Syscalls",
        about: "system calls: counts, errors, latency per process and call",
        programs: &["sys_enter", "sys_exit"],
        attach: &["raw_tracepoint:sys_enter", "raw_tracepoint:sys_exit"],
        min_kernel: (5, 8),
    },
    Probe {
        id: ProbeId::Opens,
        name: "opens",
        title: "File opens",
        about: "the stream of file opens: path, result, duration",
        programs: &["sys_enter", "sys_exit"],
        attach: &["raw_tracepoint:sys_enter", "raw_tracepoint:sys_exit"],
        min_kernel: (5, 8),
    },
    Probe {
        id: ProbeId::Offcpu,
        name: "offcpu",
        title: "Off-CPU",
        about: "time blocked and time waiting for a CPU, with the stack where it began",
        programs: &["sched_switch", "sched_wakeup", "sched_wakeup_new"],
        attach: &[
            "raw_tracepoint:sched_switch",
            "raw_tracepoint:sched_wakeup",
            "raw_tracepoint:sched_wakeup_new",
        ],
        min_kernel: (5, 8),
    },
    Probe {
        id: ProbeId::Profile,
        name: "profile",
        title: "CPU profile",
        about: "samples of what every CPU runs, as a flame graph",
        programs: &["cpu_sample"],
        attach: &["perf_event:cpu-clock"],
        min_kernel: (5, 8),
    },
    Probe {
        id: ProbeId::Lifecycle,
        name: "lifecycle",
        title: "",
        about: "process starts, execs and exits: names and command lines",
        programs: &["process_fork", "process_exec", "process_exit"],
        attach: &[
            "raw_tracepoint:sched_process_fork",
            "raw_tracepoint:sched_process_exec",
            "raw_tracepoint:sched_process_exit",
        ],
        min_kernel: (5, 8),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_health_map() {
        for (index, probe) in PROBES.iter().enumerate() {
            assert_eq!(probe.id as usize, index, "{}", probe.name);
        }
        assert_eq!(PROBES.len(), syscope_shared::health::PROBES as usize);
    }
}
