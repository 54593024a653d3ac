//! Reads what the programs know of threads: the waits they are in.

use super::map::{self, TypedMap};
use super::mapped::MappedArray;
use super::marks::Marks;
use super::seeded::Seeded;
use aya::Ebpf;
use rustc_hash::FxHashSet;
use std::io;
use std::mem::offset_of;
use syscope_shared::offcpu::Waiting;
use syscope_shared::threads::{BUCKETS, Bucket, SLOTS, WAYS, Waiter};

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
    marks: Marks,
    /// Slots that threads have. To look through all for them would touch megabytes.
    taken: Vec<usize>,
    is_taken: Box<[bool]>,
    /// Threads have found a bucket full.
    overflown: bool,
    more: TypedMap<u64, Waiter>,
    seeded: Seeded,
}

impl Threads {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        Ok(Self {
            words: MappedArray::open(programs, "WAITERS", BUCKETS as usize * WORDS)?,
            marks: Marks::open(programs, "WAITERS_TAKEN", BUCKETS)?,
            taken: Vec::new(),
            is_taken: vec![false; SLOTS as usize].into(),
            overflown: false,
            more: map::typed(programs, "WAITERS_MORE")?,
            seeded: Seeded::open(programs)?,
        })
    }

    /// Calls `each` with every thread that waits now. `written`: how often the programs have taken seeded waits over,
    /// where that is known.
    pub fn waiting(
        &mut self,
        written: Option<u64>,
        mut each: impl FnMut(u32, &Waiting),
    ) -> io::Result<()> {
        self.seeded.look(written)?;
        self.meet();
        let mut met = FxHashSet::default();
        let seeded = &self.seeded;
        let mut take = |tid: u32, wait: &Waiting| {
            if seeded.has(tid) {
                met.insert(tid);
            }
            each(tid, wait);
        };
        for slot in &self.taken {
            if let Some((tid, wait)) = self.wait_of(slot_at(*slot)) {
                take(tid, &wait);
            }
        }
        if self.overflown {
            self.more.for_each(|_, thread| {
                if thread[0].wait.since_ns != 0 {
                    take(thread[0].who.tid, &thread[0].wait);
                }
            })?;
        }
        // One that has gone to sleep since is in a wait that was seen.
        let others = seeded.iter().filter(|(tid, _)| !met.contains(*tid));
        others.for_each(|(tid, wait)| each(*tid, wait));
        Ok(())
    }

    /// Finds the slots that were taken since the last time, and leaves those that were freed.
    fn meet(&mut self) {
        let Self { words, marks, taken, is_taken, overflown, .. } = self;
        for bucket in marks.read() {
            *overflown |= words.get(bucket * WORDS + OVERFLOWN_AT) != 0;
            for slot in bucket * WAYS..(bucket + 1) * WAYS {
                if words.get(address_at(slot)) != 0 && !is_taken[slot] {
                    is_taken[slot] = true;
                    taken.push(slot);
                }
            }
        }
        // One that somebody takes right after this is marked anew.
        taken.retain(|slot| {
            is_taken[*slot] = words.get(address_at(*slot)) != 0;
            is_taken[*slot]
        });
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
        self.seeded.enter(tid, wait)
    }

    /// Takes out the waits of these processes, which have ended.
    pub fn free(&mut self, pids: &FxHashSet<u32>) {
        self.seeded.free(pids);
    }

    /// Waits that found no room.
    pub fn full(&self) -> u64 {
        self.seeded.full()
    }

    /// Takes a wait out that was entered at this time.
    pub fn take_out(&mut self, tid: u32, since_ns: u64) -> io::Result<()> {
        self.seeded.take_out(tid, since_ns)
    }
}

/// The word that says whose a slot is.
fn address_at(slot: usize) -> usize {
    slot / WAYS * WORDS + ADDRESSES_AT + slot % WAYS
}

/// The first word of a slot.
fn slot_at(slot: usize) -> usize {
    slot / WAYS * WORDS + SLOTS_AT + slot % WAYS * SLOT_WORDS
}

/// How many waits can be seeded: one for each thread there is, and for those that come before a filter changes.
pub fn seeds(threads: usize) -> u32 {
    (threads * 2).clamp(8 * 1024, 64 * 1024) as u32
}
