//! What the reader gives up before it reads anything: whatever a file does to it, the machine and the
//! terminal are not touched.

use super::STACK;
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl::{set_name, set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::getppid;
use procfs::Current;
use std::fs;
use std::io;
use std::time::Duration;

/// Bytes of memory that it may have, files that are mapped not counted.
const MAX_MEMORY: u64 = 1 << 30;
/// And what part of the machine's.
const PART_OF_MEMORY: u64 = 4;
/// The least: its stack, and what a few programs take.
const LEAST_MEMORY: u64 = 128 << 20;
/// What it is called in lists of processes; 15 characters at most.
const NAME: &std::ffi::CStr = c"syscope-symbols";
/// What it needs to find debug files in the root directories of processes, and to read them.
const NEEDED: [Capability; 2] = [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];

/// Ends with `parent`, has little memory, and no capability but to read. (It is still root's: what root owns
/// it may write.)
pub(super) fn confine(parent: u32) -> io::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid().as_raw().cast_unsigned() != parent {
        return Err(io::Error::other("nobody waits for it any more"));
    }
    set_name(NAME)?;
    set_no_new_privs()?;
    // Where memory is short, this is what can be done without. It may be refused in a container.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    // Nothing of a file of somebody else's is left on the disk.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let memory = memory().max(LEAST_MEMORY);
    setrlimit(Resource::RLIMIT_DATA, memory, memory)?;
    drop_capabilities().map_err(io::Error::other)
}

fn memory() -> u64 {
    let total = procfs::Meminfo::current().map_or(u64::MAX, |memory| memory.mem_total);
    (total / PART_OF_MEMORY).min(MAX_MEMORY + STACK as u64)
}

fn drop_capabilities() -> Result<(), caps::errors::CapsError> {
    let has = caps::read(None, CapSet::Permitted)?;
    let kept: CapsHashSet = NEEDED.into_iter().filter(|needed| has.contains(needed)).collect();
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// CPU time that this thread has taken.
pub(super) fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Ends this process (`SIGXCPU`) when it takes that much more CPU time, rounded up to a second.
pub(super) fn limit_cpu_time(more: Duration) -> io::Result<()> {
    let taken = Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?);
    let until = (taken + more).as_secs() + 1;
    let (_, most) = nix::sys::resource::getrlimit(Resource::RLIMIT_CPU)?;
    Ok(setrlimit(Resource::RLIMIT_CPU, until.min(most), most)?)
}
