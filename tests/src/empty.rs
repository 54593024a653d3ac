//! BPF programs that do nothing: what a hook costs whatever is done in it.

#![allow(unsafe_code, reason = "bpf(2) is spoken here")]

use crate::bpf::descriptor;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const BPF_PROG_LOAD: u64 = 5;
const BPF_RAW_TRACEPOINT_OPEN: u64 = 17;
/// `BPF_PROG_TYPE_RAW_TRACEPOINT`.
const RAW_TRACEPOINT: u64 = 17;
/// `r0 = 0; exit`, as `struct bpf_insn` is laid out on a little-endian machine.
const RETURN_0: &[u64] = &[0xb7, 0x95];
/// The same behind a call of helper 5, `bpf_ktime_get_ns`.
const READ_CLOCK: &[u64] = &[5 << 32 | 0x85, 0xb7, 0x95];

/// A program of two instructions or three on a raw tracepoint, until it is dropped.
#[derive(Debug)]
pub struct Empty {
    _program: OwnedFd,
    _link: OwnedFd,
}

impl Empty {
    /// Attaches one that does nothing.
    ///
    /// # Errors
    ///
    /// Without the privilege to, or where there is no such tracepoint.
    pub fn on(tracepoint: &str) -> io::Result<Self> {
        Self::attach(tracepoint, RETURN_0)
    }

    /// Attaches one that reads the clock: what no measurement of a time does without.
    ///
    /// # Errors
    ///
    /// As of [`Empty::on`].
    pub fn reading_clock_on(tracepoint: &str) -> io::Result<Self> {
        Self::attach(tracepoint, READ_CLOCK)
    }

    fn attach(tracepoint: &str, instructions: &[u64]) -> io::Result<Self> {
        let license = c"GPL";
        let mut attr = [0u64; 6];
        attr[0] = RAW_TRACEPOINT | (instructions.len() as u64) << 32;
        attr[1] = instructions.as_ptr() as u64;
        attr[2] = license.as_ptr() as u64;
        let program = descriptor(BPF_PROG_LOAD, &mut attr)?;
        let name = CString::new(tracepoint)?;
        let mut attr = [name.as_ptr() as u64, program.as_raw_fd() as u64];
        let link = descriptor(BPF_RAW_TRACEPOINT_OPEN, &mut attr)?;
        Ok(Self { _program: program, _link: link })
    }
}
