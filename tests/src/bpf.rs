//! What the kernel counts of BPF programs and maps.

#![allow(unsafe_code, reason = "bpf(2) is spoken here")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const BPF_PROG_GET_FD_BY_ID: u64 = 13;
const BPF_OBJ_GET_INFO_BY_FD: u64 = 15;
const BPF_ENABLE_STATS: u64 = 32;
/// `BPF_PROG_TYPE_PERF_EVENT`.
const PERF_EVENT: u32 = 7;
/// Length of `struct bpf_prog_info` as of 5.12, and where its fields lie.
const INFO_BYTES: usize = 224;
const TYPE_AT: usize = 0;
const RUN_TIME_AT: usize = 192;
const RUN_COUNT_AT: usize = 200;

/// Runs of a program so far, and the time they took together, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs.
    pub runs: u64,
    /// Their time.
    pub time_ns: u64,
}

/// A program that is loaded.
#[derive(Debug)]
pub struct Program {
    fd: OwnedFd,
    /// Whether it runs when a CPU is sampled.
    pub samples: bool,
}

fn bpf(command: u64, attr: &mut [u64]) -> io::Result<i64> {
    // SAFETY: the callers fill the part of `union bpf_attr` that the command reads; its size is true, and
    // the pointers in it are to live buffers of the sizes said.
    let done =
        unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), size_of_val(attr)) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done) }
}

pub(crate) fn descriptor(command: u64, attr: &mut [u64]) -> io::Result<OwnedFd> {
    let fd = bpf(command, attr)?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Has the kernel measure programs until what is returned is closed.
pub fn enable_statistics() -> io::Result<OwnedFd> {
    descriptor(BPF_ENABLE_STATS, &mut [0])
}

impl Program {
    fn open(id: u32) -> io::Result<Self> {
        let fd = descriptor(BPF_PROG_GET_FD_BY_ID, &mut [id.into(), 0])?;
        let mut program = Self { fd, samples: false };
        let kind = u32::from_ne_bytes(program.info()?[TYPE_AT..][..4].try_into().expect("four"));
        program.samples = kind == PERF_EVENT;
        Ok(program)
    }

    fn info(&self) -> io::Result<[u8; INFO_BYTES]> {
        let mut info = [0u8; INFO_BYTES];
        let which = self.fd.as_raw_fd() as u64 | (INFO_BYTES as u64) << 32;
        bpf(BPF_OBJ_GET_INFO_BY_FD, &mut [which, info.as_mut_ptr() as u64])?;
        Ok(info)
    }

    /// What has been counted of it.
    pub fn counts(&self) -> Counts {
        let info = self.info().expect("it is open");
        let word = |at: usize| u64::from_ne_bytes(info[at..at + 8].try_into().expect("eight"));
        Counts { runs: word(RUN_COUNT_AT), time_ns: word(RUN_TIME_AT) }
    }
}

/// The programs that a process holds, and the memory of the maps that it holds, in bytes.
pub fn held_by(pid: u32) -> (Vec<Program>, u64) {
    let (mut programs, mut maps) = (BTreeMap::new(), BTreeMap::new());
    let entries = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    for text in entries.filter_map(|entry| fs::read_to_string(entry.path()).ok()) {
        let field = |name: &str| -> Option<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        if let Some(id) = field("prog_id:") {
            programs.entry(id).or_insert_with(|| Program::open(id as u32).ok());
        }
        if let (Some(id), Some(bytes)) = (field("map_id:"), field("memlock:")) {
            maps.insert(id, bytes);
        }
    }
    (programs.into_values().flatten().collect(), maps.into_values().sum())
}
