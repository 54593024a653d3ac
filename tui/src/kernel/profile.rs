//! Reads the profile probe.

use super::Reading;
use super::copies::Copies;
use super::lifecycle::text;
use super::named_stacks::NamedStacks;
use super::stacks::Stacks;
use super::turns::Turns;
use crate::source::{ProfileDelta, procfs};
use crate::unwind::{StackCopy, Walked};
use aya::Ebpf;
use rustc_hash::FxHashSet;
use std::io;
use syscope_shared::health::ProbeId;
use syscope_shared::profile::Key;

/// Reads the `PROFILE_0` and `PROFILE_1` maps.
pub struct Reader {
    samples: Turns<Key, u64>,
    /// Stacks of this probe.
    pub stacks: Stacks,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let stacks = Stacks::new(ProbeId::Profile);
        Ok(Self { samples: Turns::open(programs, "PROFILE")?, stacks })
    }

    /// Appends the samples since the last reading.
    pub fn read(&mut self, named: &mut NamedStacks, reading: &mut Reading) -> io::Result<()> {
        let Self { samples, stacks, .. } = self;
        stacks.advance(procfs::monotonic_ns());
        let Reading { profile, stacks: new, .. } = reading;
        samples.read(|key, samples| {
            profile.push(ProfileDelta {
                pid: key.pid,
                comm: text(&key.comm),
                kernel_stack: stacks.kernel(named, key.kernel_stack, new),
                user_stack: stacks.user(named, (key.pid, key.exec_id), key.user_stack, new),
                samples,
            });
        })
    }

    /// Takes in the samples whose stacks are to be walked later.
    pub fn read_copies(
        &mut self,
        named: &mut NamedStacks,
        copies: &mut Copies,
        reading: &mut Reading,
    ) {
        let Self { stacks, .. } = self;
        let Reading { copies: read, stacks: new, .. } = reading;
        copies.read(|copy, head| {
            let kernel_stack = stacks.kernel(named, head.kernel_stack, new);
            read.push(StackCopy { kernel_stack, ..copy });
        });
    }

    /// Appends a sample whose stack was walked later.
    pub fn add_walked(&mut self, walked: Walked, reading: &mut Reading) {
        let user_stack = self.stacks.walked(&walked, &mut reading.stacks);
        let copy = walked.copy;
        reading.profile.push(ProfileDelta {
            pid: copy.pid,
            comm: copy.comm,
            kernel_stack: copy.kernel_stack,
            user_stack,
            samples: 1,
        });
    }

    /// How full the fuller of its maps was when they were read, from 0.0 to 1.0.
    pub fn fill(&self) -> f32 {
        self.samples.fill()
    }

    /// Begins a new epoch when it is time: see [`Turns::next_epoch`].
    pub fn next_epoch(&mut self) -> Option<u32> {
        self.samples.next_epoch()
    }

    /// Frees what the maps hold of these processes.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        self.samples.delete(|key| pids.contains(&key.pid));
        for pid in pids {
            self.stacks.forget(*pid);
        }
    }
}
