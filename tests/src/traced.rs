//! A program that is executed instruction by instruction.

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A program that has stopped itself, and goes on as it is told.
#[derive(Debug)]
pub struct Traced {
    child: Child,
    memory: File,
    /// A signal that is to be delivered.
    signal: Option<Signal>,
}

/// Code that is mapped.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// The address behind the last.
    pub end: u64,
    /// Where it is in the file, in bytes.
    pub offset: u64,
    /// The file, or a name in brackets.
    pub path: PathBuf,
}

impl Traced {
    /// Starts a program, which stops itself by a signal.
    pub fn start(program: &Path) -> Self {
        let child = Command::new(program).spawn().expect("it was compiled just now");
        let pid = Pid::from_raw(child.id() as i32);
        let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED));
        assert_eq!(stopped, Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)));
        ptrace::attach(pid).expect("a child can be traced");
        waitpid(pid, None).expect("it stops to be traced");
        let memory = File::open(format!("/proc/{pid}/mem")).expect("it lives");
        Self { child, memory, signal: None }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Executes one instruction, or delivers a signal; `false` when the program has ended.
    pub fn step(&mut self) -> bool {
        ptrace::step(self.pid(), self.signal.take()).expect("it is stopped");
        match waitpid(self.pid(), None).expect("it is a child") {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => true,
            // The stop from before it was traced, and its end.
            WaitStatus::Stopped(_, Signal::SIGSTOP | Signal::SIGCONT) => true,
            WaitStatus::Stopped(_, signal) => {
                self.signal = Some(signal);
                true
            }
            WaitStatus::Exited(_, code) => {
                assert_eq!(code, 0);
                false
            }
            other => panic!("{other:?}"),
        }
    }

    /// Its registers.
    pub fn registers(&self) -> libc::user_regs_struct {
        ptrace::getregs(self.pid()).expect("it is stopped")
    }

    /// A word of its memory.
    pub fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.memory.read_exact_at(&mut word, address).ok()?;
        Some(u64::from_ne_bytes(word))
    }

    /// The bytes of a mapping.
    pub fn bytes(&self, mapping: &Mapping) -> Vec<u8> {
        let mut bytes = vec![0; (mapping.end - mapping.start) as usize];
        self.memory.read_exact_at(&mut bytes, mapping.start).expect("it is mapped");
        bytes
    }

    /// The code that it has mapped, in order of address.
    pub fn code(&self) -> Vec<Mapping> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id()));
        maps.expect("it lives").lines().filter_map(mapping).collect()
    }
}

fn mapping(line: &str) -> Option<Mapping> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [range, "r-xp", offset, _, _, path] = words[..] else { return None };
    let (start, end) = range.split_once('-')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    let (start, end, offset) = (number(start)?, number(end)?, number(offset)?);
    Some(Mapping { start, end, offset, path: path.into() })
}

impl Drop for Traced {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
