//! `syscope doctor`: can each probe run here, and if not, what is missing and what mends it.
//!
//! [`facts`] reads the machine, [`judge`] decides, [`print`] shows. Only the first does I/O.

pub mod command;
pub mod facts;
pub mod judge;
mod print;
#[cfg(test)]
mod tests;

pub use facts::Facts;
pub use judge::{Finding, Row, Verdict};

use crate::probes::Probe;

/// Loads a probe to find out whether it runs; the error is the kernel's reason.
pub type TryLoad<'a> = &'a dyn Fn(&Probe) -> Result<(), String>;

/// The facts and what follows from them.
#[derive(Clone, Debug)]
pub struct Report {
    /// The machine.
    pub facts: Facts,
    /// What it can run.
    pub verdict: Verdict,
}

/// Examines this machine, without privilege and without loading anything.
pub fn check() -> Report {
    check_with(None)
}

/// As [`check`]; with `try_load`, a probe's row says whether it really loaded.
pub fn check_with(try_load: Option<TryLoad<'_>>) -> Report {
    let facts = Facts::gather();
    let verdict = judge::judge(&facts, &command::Invocation::current().bare(), try_load);
    Report { facts, verdict }
}

/// What to say, in one line, when syscope lacks the privilege to watch: the command that starts
/// this same command with it. `None` when it has it.
pub fn privilege_error() -> Option<String> {
    let facts = Facts::gather();
    command::Invocation::current().privilege_error(&facts)
}

/// Whether `/proc` shows the PIDs that the kernel counts by: not so in a PID namespace of its own, as
/// containers have.
pub fn sees_all_pids() -> bool {
    facts::in_first_pid_namespace()
}
