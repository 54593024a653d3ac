//! Which probes are attached.

use crate::probes::Probe;
use syscope_shared::health::ProbeId;

const OFFCPU_MAPS: &[&str] = &[
    "OFFCPU_0",
    "OFFCPU_1",
    "WAITERS",
    "WAITER_OWNERS",
    "WAITERS_MORE",
    "WAITERS_TAKEN",
    "SEEDED",
    "REMEMBERED",
    "REMEMBERED_KERNEL",
];
const PROFILE_MAPS: &[&str] = &["PROFILE_0", "PROFILE_1"];

const STACK_MAPS: &[&str] = &["SEEN", "STACKS", "ASKED", "COPIES", "PROCESSES", "RULES"];

/// Which probes are attached, and what they collect. Whatever is left out costs nothing. Starts, execs
/// and exits of processes are always watched: without them no process has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A bit for each probe: `1 << ProbeId`.
    probes: u32,
    failed_calls: bool,
    /// Whether panes show it, and what watching costs beside it: measuring that costs, too.
    shown: bool,
}

const fn bit(probe: ProbeId) -> u32 {
    1 << probe as u32
}

impl Wanted {
    /// What the four panes show.
    pub const PANES: Self = Self {
        probes: bit(ProbeId::Syscalls)
            | bit(ProbeId::Opens)
            | bit(ProbeId::Offcpu)
            | bit(ProbeId::Profile),
        failed_calls: false,
        shown: true,
    };
    /// Where threads run.
    pub const ON_CPU: Self =
        Self { probes: bit(ProbeId::Profile), failed_calls: false, shown: false };
    /// Where threads wait.
    pub const OFF_CPU: Self =
        Self { probes: bit(ProbeId::Offcpu), failed_calls: false, shown: false };
    /// Where threads are, whatever they do there.
    pub const ON_AND_OFF_CPU: Self = Self {
        probes: bit(ProbeId::Offcpu) | bit(ProbeId::Profile),
        failed_calls: false,
        shown: false,
    };
    /// File opens.
    pub const OPENS: Self = Self { probes: bit(ProbeId::Opens), failed_calls: false, shown: false };
    /// Programs that start.
    pub const EXECS: Self = Self { probes: 0, failed_calls: false, shown: false };
    /// System calls that fail, one event each.
    pub const FAILED_CALLS: Self = Self { probes: 0, failed_calls: true, shown: false };

    /// These probes.
    pub fn probes(ids: impl IntoIterator<Item = ProbeId>) -> Self {
        let probes = ids.into_iter().fold(0, |bits, id| bits | bit(id));
        Self { probes, failed_calls: false, shown: true }
    }

    fn has(&self, probe: ProbeId) -> bool {
        self.probes & bit(probe) != 0
    }

    /// Whether a probe is attached.
    pub fn attaches(&self, probe: &Probe) -> bool {
        match probe.id {
            ProbeId::Lifecycle => true,
            ProbeId::Syscalls => self.counts_calls() || self.failed_calls,
            id => self.has(id),
        }
    }

    /// Whether system calls are counted.
    pub fn counts_calls(&self) -> bool {
        self.has(ProbeId::Syscalls)
    }

    /// Whether file opens are delivered.
    pub fn opens(&self) -> bool {
        self.has(ProbeId::Opens)
    }

    /// Whether what watching costs is to be measured.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// Whether waits are taken.
    pub fn off_cpu(&self) -> bool {
        self.has(ProbeId::Offcpu)
    }

    /// Whether each system call that fails is delivered.
    pub fn failed_calls(&self) -> bool {
        self.failed_calls
    }

    /// Whether stacks are taken.
    pub fn stacks(&self) -> bool {
        self.has(ProbeId::Offcpu) || self.has(ProbeId::Profile)
    }

    /// Maps of what is left out: they need not take memory.
    pub(super) fn unused_maps(&self) -> impl Iterator<Item = &'static str> + use<> {
        let calls = self.counts_calls();
        let in_calls = calls || self.failed_calls || self.opens();
        let unused = [
            (calls, &["SYSCALLS", "ERRNOS"][..]),
            (in_calls, &["CALLERS", "CALLER_OWNERS", "CALLERS_MORE"]),
            (self.failed_calls, &["FAILED"]),
            (self.opens(), &["OPENS"]),
            (self.has(ProbeId::Offcpu), OFFCPU_MAPS),
            (self.has(ProbeId::Profile), PROFILE_MAPS),
            (self.stacks(), STACK_MAPS),
        ];
        unused.into_iter().filter(|(used, _)| !used).flat_map(|(_, maps)| maps).copied()
    }
}
