//! What a flame graph measures, and the states that it tells apart.

use crate::source::WaitState;

/// What a flame graph measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Where CPUs were: samples.
    Cpu,
    /// Where threads were off the CPU: ns.
    OffCpu,
    /// Where threads were, on the CPU and off it: ns. On the CPU, those that samples stand for.
    Wall,
}

impl Measure {
    /// As a title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU profile",
            Self::OffCpu => "Off-CPU time",
            Self::Wall => "Wall-clock time",
        }
    }

    /// The probes that count it, by the stems of their names.
    pub fn probes(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["profile"],
            Self::OffCpu => &["offcpu"],
            Self::Wall => &["profile", "offcpu"],
        }
    }
}

/// What a thread did at a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It ran.
    Running,
    /// It was blocked, since it left the CPU in this state.
    Blocked(WaitState),
    /// It could have run, and no CPU took it.
    WaitingForCpu,
}

impl State {
    /// As a box of a flame graph is labelled.
    pub fn note(self) -> &'static str {
        match self {
            Self::Running => "[running]",
            Self::Blocked(WaitState::Interruptible) => "[blocked: sleeping]",
            Self::Blocked(WaitState::Uninterruptible) => "[blocked: disk]",
            Self::Blocked(WaitState::Stopped) => "[stopped]",
            Self::Blocked(WaitState::Idle) => "[idle]",
            Self::Blocked(WaitState::Runnable) | Self::WaitingForCpu => "[waiting for a CPU]",
        }
    }
}
