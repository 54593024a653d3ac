//! Reads what the programs know of threads: the waits they are in.

use super::map::{self, TypedMap};
use super::mapped::MappedArray;
use aya::Ebpf;
use rustc_hash::FxHashSet;
use std::io;
use std::mem::offset_of;
use syscope_shared::offcpu::Waiting;
use syscope_shared::threads::{BUCKETS, Bucket, WAYS, Waiter};

/// Words of a bucket, where in it are whose the slots are, whether more have wanted one, and the slots.
const WORDS: usize = size_of::<Bucket<Waiter>>() / 8;
const ADDRESSES_AT: usize = offset_of!(Bucket<Waiter>, addresses) / 8;
const OVERFLOWN_AT: usize = offset_of!(Bucket<Waiter>, overflown) / 8;
const SLOTS_AT: usize = offset_of!(Bucket<Waiter>, slots) / 8;
/// Words of a slot, and where in it are the IDs and the wait.
const SLOT_WORDS: usize = size_of::<Waiter>() / 8;
const IDS_AT: usize = offset_of!(Waiter, who) / 8;
const WAIT_AT: usize = offset_of!(Waiter, wait) / 8;
const WAIT_WORDS: usize = size_of::<Waiting>() / 8;

/// Slots of threads, and the waits that were seeded.
pub struct Threads {
    words: MappedArray<u64>,
    more: TypedMap<u64, Waiter>,
    seeded: TypedMap<u32, Waiting>,
    /// Whether there may be any.
    any_seeded: bool,
}

impl Threads {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self {
            words: MappedArray::open(programs, "WAITERS", BUCKETS as usize * WORDS)?,
            more: map::typed(programs, "WAITERS_MORE")?,
            seeded: map::typed(programs, "SEEDED")?,
            any_seeded: false,
        })
    }

    /// Calls `each` with every thread that waits now.
    pub fn waiting(&mut self, mut each: impl FnMut(u32, &Waiting)) -> io::Result<()> {
        let mut met = FxHashSet::default();
        let any_seeded = self.any_seeded;
        let mut take = |tid: u32, wait: &Waiting| {
            if any_seeded {
                met.insert(tid);
            }
            each(tid, wait);
        };
        let mut overflown = false;
        for bucket in (0..self.words.len()).step_by(WORDS) {
            overflown |= self.words.get(bucket + OVERFLOWN_AT) != 0;
            for way in 0..WAYS {
                if self.words.get(bucket + ADDRESSES_AT + way) == 0 {
                    continue;
                }
                if let Some((tid, wait)) = self.wait_of(bucket + SLOTS_AT + way * SLOT_WORDS) {
                    take(tid, &wait);
                }
            }
        }
        if overflown {
            self.more.for_each(|_, thread| {
                if thread[0].wait.since_ns != 0 {
                    take(thread[0].who.tid, &thread[0].wait);
                }
            })?;
        }
        if any_seeded {
            self.any_seeded = false;
            self.seeded.for_each(|tid, wait| {
                self.any_seeded = true;
                // One that has gone to sleep since is in a wait that was seen.
                if !met.contains(&tid) {
                    each(tid, &wait[0]);
                }
            })?;
        }
        Ok(())
    }

    /// The wait in the slot at this word. The programs may write it meanwhile: the time it began is written last, and is
    /// never the same twice.
    fn wait_of(&self, slot: usize) -> Option<(u32, Waiting)> {
        let wait_at = slot + WAIT_AT;
        loop {
            let since_ns = self.words.get(wait_at);
            if since_ns == 0 {
                return None;
            }
            let words: [u64; WAIT_WORDS] = std::array::from_fn(|at| self.words.get(wait_at + at));
            let ids = self.words.get(slot + IDS_AT);
            if self.words.get(wait_at) == since_ns {
                let [_pid, tid]: [u32; 2] = bytemuck::cast(ids);
                return Some((tid, bytemuck::cast(words)));
            }
        }
    }

    /// Enters a wait of a thread that is asleep.
    pub fn seed(&mut self, tid: u32, wait: &Waiting) -> io::Result<()> {
        self.any_seeded = true;
        self.seeded.set(&tid, wait)
    }

    /// Takes a wait out that was entered at this time.
    pub fn take_out(&self, tid: u32, since_ns: u64) -> io::Result<()> {
        match self.seeded.get(&tid) {
            Ok(wait) if wait.since_ns == since_ns => self.seeded.delete(&tid),
            _ => Ok(()),
        }
    }
}

/// How many waits can be seeded: one for each thread there is, and for those that come meanwhile.
pub fn seeds(threads: usize) -> u32 {
    (threads + threads / 4).clamp(1024, 64 * 1024) as u32
}
