//! Processes whose end nobody told: the event was lost, or the probe of starts and ends is off.

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// How the first PID namespace is called (`PROC_PID_INIT_INO`), whose PIDs the kernel's programs see.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";
/// Time between two looks for processes that are gone, in ns.
const LOOK_EVERY_NS: u64 = 60_000_000_000;

/// Finds processes that are gone.
#[derive(Debug)]
pub struct Gone {
    /// PIDs mean the same here as in the kernel's programs.
    can_tell: bool,
    looked_ns: u64,
}

impl Gone {
    pub fn new(now_ns: u64) -> Self {
        let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Self { can_tell: namespace.as_os_str() == FIRST_NAMESPACE, looked_ns: now_ns }
    }

    /// Whether it is time to look at all processes.
    pub fn is_look_due(&mut self, now_ns: u64) -> bool {
        let due = self.can_tell && now_ns.saturating_sub(self.looked_ns) >= LOOK_EVERY_NS;
        if due {
            self.looked_ns = now_ns;
        }
        due
    }

    /// Whether there is certainly no process with this PID. Not by `/proc`, which may hide some.
    pub fn is_gone(&self, pid: u32) -> bool {
        let Ok(pid) = i32::try_from(pid) else { return false };
        // Zero and negative numbers stand for groups.
        self.can_tell && pid > 0 && kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_what_is_gone_is_gone() {
        let mut gone = Gone::new(0);
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        assert!(!gone.is_gone(child.id()) && !gone.is_gone(1) && !gone.is_gone(0));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(gone.is_gone(child.id()), gone.can_tell);
        assert!(!gone.is_look_due(LOOK_EVERY_NS - 1));
        assert_eq!(gone.is_look_due(LOOK_EVERY_NS), gone.can_tell);
        assert!(!gone.is_look_due(LOOK_EVERY_NS + 1));
    }
}
