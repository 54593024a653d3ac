//! Starting a command so that it can be watched from its first instruction on.
//!
//! syscope starts itself as `syscope launch`, which becomes the user who called sudo, and stops. When
//! the probes are attached, it is continued and becomes the command: the same process, by exec. So no
//! code has to run between a fork and an exec, where little may.

mod command;

pub use command::{BecomeError, become_command};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A command that was started and waits. Dropping it before it is continued ends it.
#[derive(Debug)]
pub struct Launched {
    pid: Pid,
    resumed: AtomicBool,
}

/// What became of the start of a command.
#[derive(Debug)]
pub enum Launch {
    /// It waits.
    Waiting(Launched),
    /// There is no such command, or it may not be run; that has been said, and this is the status.
    Refused(WaitStatus),
}

/// Starts a command that waits to be continued. Standard input, output and error are its own.
///
/// To be called from a thread that lives as long as the command may wait: the kernel ends the command
/// with that thread.
pub fn launch(command: &[OsString]) -> io::Result<Launch> {
    let mut launcher = Command::new("/proc/self/exe");
    launcher.arg0("syscope").args(["launch", "--parent", &process::id().to_string(), "--"]);
    // It is waited for by its PID, for `Child` cannot wait for a stop.
    let child = launcher.args(command).spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    match wait(pid, WaitPidFlag::WUNTRACED)? {
        WaitStatus::Stopped(..) => {
            Ok(Launch::Waiting(Launched { pid, resumed: AtomicBool::new(false) }))
        }
        status => Ok(Launch::Refused(status)),
    }
}

impl Launched {
    /// Its PID.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().cast_unsigned()
    }

    /// Lets it go.
    pub fn resume(&self) -> io::Result<()> {
        self.resumed.store(true, Ordering::Relaxed);
        Ok(kill(self.pid, Signal::SIGCONT)?)
    }

    /// Sends it a signal; one that has ended needs none.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid, signal);
    }

    /// Has somebody told when it has ended.
    pub fn on_end(&self, tell: impl FnOnce(WaitStatus) + Send + 'static) -> io::Result<()> {
        let pid = self.pid;
        thread::Builder::new().name("command".to_owned()).spawn(move || {
            if let Ok(status) = wait(pid, WaitPidFlag::empty()) {
                tell(status);
            }
        })?;
        Ok(())
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        if !self.resumed.load(Ordering::Relaxed) {
            self.signal(Signal::SIGKILL);
            let _ = wait(self.pid, WaitPidFlag::empty());
        }
    }
}

fn wait(pid: Pid, flags: WaitPidFlag) -> io::Result<WaitStatus> {
    loop {
        match waitpid(pid, Some(flags)) {
            Err(Errno::EINTR) => {}
            status => return Ok(status?),
        }
    }
}

/// The exit status that a shell gives to a command that ended so.
pub fn exit_status(status: WaitStatus) -> u8 {
    match status {
        WaitStatus::Exited(_, code) => code as u8,
        WaitStatus::Signaled(_, signal, _) => 128_u8.saturating_add(signal as u8),
        // No other is an end.
        _ => 1,
    }
}
