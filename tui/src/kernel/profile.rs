//! Reads the profile probe.

use super::Reading;
use super::copies::Copies;
use super::drain::Drain;
use super::lifecycle::text;
use super::map;
use super::stacks::Stacks;
use super::user_stacks::UserStacks;
use crate::source::{ProfileDelta, procfs};
use crate::unwind::{StackCopy, Walked};
use aya::Ebpf;
use rustc_hash::FxHashSet;
use std::io;
use syscope_shared::health::ProbeId;
use syscope_shared::profile::Key;
use syscope_shared::stack::PROFILE_MAIN;

/// Keys in a map at which a new epoch begins: a quarter of its slots.
const CROWDED: usize = 2 * 1024;

/// Reads the `PROFILE_0` and `PROFILE_1` maps and their stacks.
pub struct Reader {
    samples: [Drain<Key, u64>; 2],
    /// Stack tables of this probe.
    pub stacks: Stacks,
}

impl Reader {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let tables = [
            ["PROFILE_STACKS_0", "PROFILE_OVERFLOW_0"],
            ["PROFILE_STACKS_1", "PROFILE_OVERFLOW_1"],
        ];
        let first = Drain::new(map::typed(programs, "PROFILE_0")?);
        let second = Drain::new(map::typed(programs, "PROFILE_1")?);
        let stacks = Stacks::open(programs, ProbeId::Profile, PROFILE_MAIN, tables)?;
        Ok(Self { samples: [first, second], stacks })
    }

    /// Appends the samples since the last reading.
    pub fn read(&mut self, users: &mut UserStacks, reading: &mut Reading) -> io::Result<()> {
        let Self { samples, stacks } = self;
        stacks.advance(procfs::monotonic_ns());
        let Reading { profile, stacks: new, .. } = reading;
        let current = stacks.epoch();
        // The set that is not current holds what the epoch before wrote.
        for epoch in [current.wrapping_sub(1), current] {
            samples[(epoch & 1) as usize].read(|key, samples| {
                profile.push(ProfileDelta {
                    pid: key.pid,
                    comm: text(&key.comm),
                    kernel_stack: stacks.kernel(epoch, key.kernel_stack, new),
                    user_stack: stacks.user(users, (key.pid, key.exec_id), key.user_stack, new),
                    samples,
                });
            })?;
        }
        Ok(())
    }

    /// Takes in the samples whose stacks are to be walked later. Their kernel stacks must be looked up
    /// now: their ids mean something for an epoch only.
    pub fn read_copies(&mut self, copies: &mut Copies, reading: &mut Reading) {
        let Self { stacks, .. } = self;
        let Reading { copies: read, stacks: new, .. } = reading;
        copies.read(|copy, head| {
            let kernel_stack = stacks.kernel(head.epoch, head.kernel_stack, new);
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

    /// Begins a new epoch when it is time; returns it. To be called right after [`Reader::read`],
    /// and not twice within a tick.
    pub fn next_epoch(&mut self) -> io::Result<Option<u32>> {
        let current = self.stacks.epoch();
        if !self.stacks.crowded() && self.samples[(current & 1) as usize].len() < CROWDED {
            return Ok(None);
        }
        self.samples[(current.wrapping_add(1) & 1) as usize].clear();
        self.stacks.begin_epoch(|_, _| false)?;
        Ok(Some(self.stacks.epoch()))
    }

    /// Frees what the maps hold of these processes.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        for samples in &mut self.samples {
            samples.delete(|key| pids.contains(&key.pid));
        }
        for pid in pids {
            self.stacks.forget(*pid);
        }
    }
}
