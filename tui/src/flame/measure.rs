//! What a flame graph measures, and the states that it tells apart.

use crate::source::WaitState;

/// What a flame graph measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Where CPUs were: samples.
    Cpu,
    /// Where threads were off the CPU: ns.
    OffCpu,
}

impl Measure {
    /// As a title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU profile",
            Self::OffCpu => "Off-CPU time",
        }
    }
}

/// What a thread did at a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It was blocked, since it left the CPU in this state.
    Blocked(WaitState),
    /// It could have run, and no CPU took it.
    WaitingForCpu,
}

impl State {
    /// As a box of a flame graph is labelled.
    pub fn note(self) -> &'static str {
        match self {
            Self::Blocked(WaitState::Interruptible) => "[blocked: sleeping]",
            Self::Blocked(WaitState::Uninterruptible) => "[blocked: disk]",
            Self::Blocked(WaitState::Stopped) => "[stopped]",
            Self::Blocked(WaitState::Idle) => "[idle]",
            Self::Blocked(WaitState::Runnable) | Self::WaitingForCpu => "[waiting for a CPU]",
        }
    }
}
