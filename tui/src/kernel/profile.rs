//! Reads the profile probe.

use super::Reading;
use super::drain::Drain;
use super::lifecycle::text;
use super::map;
use super::stacks::Stacks;
use crate::source::ProfileDelta;
use aya::Ebpf;
use std::io;
use syscope_shared::health::ProbeId;
use syscope_shared::profile::Key;

/// Reads the `PROFILE` map and its stacks.
pub struct Reader {
    samples: Drain<Key, u64>,
    /// Stack tables of this probe.
    pub stacks: Stacks,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let tables = ["PROFILE_STACKS_0", "PROFILE_STACKS_1"];
        let samples = Drain::new(map::typed(programs, "PROFILE")?);
        Ok(Self { samples, stacks: Stacks::open(programs, ProbeId::Profile, tables)? })
    }

    /// Appends the samples since the last reading.
    pub fn read(&mut self, reading: &mut Reading) -> io::Result<()> {
        let Self { samples, stacks } = self;
        let Reading { profile, stacks: new, .. } = reading;
        samples.read(|key, samples| {
            profile.push(ProfileDelta {
                pid: key.pid,
                comm: text(&key.comm),
                kernel_stack: stacks.kernel(key.kernel_stack, new),
                user_stack: stacks.user(key.pid, key.user_stack, new),
                samples,
            });
        })
    }

    /// Frees what the maps hold of a process.
    pub fn free(&mut self, pid: u32) {
        self.samples.delete(|key| key.pid == pid);
        self.stacks.forget(pid);
    }
}
