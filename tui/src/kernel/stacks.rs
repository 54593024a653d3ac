//! Reads stack tables: every stack once an epoch, when its id is first met.

use super::NewStack;
use super::map::{self, TypedMap};
use crate::source::{Frame, ResolvedStack, StackId};
use crate::symbols::{Request, Space};
use aya::Ebpf;
use rustc_hash::FxHashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use syscope_shared::health::ProbeId;
use syscope_shared::stack::{BEFORE_START, LOST, MAX_DEPTH, NONE, OVERFLOW};

/// Addresses of a stack as the table holds them, leaf first, zeros behind the last.
type Slot = [u64; MAX_DEPTH];

/// A main table is full enough for a new epoch when one slot in so many is taken: of the stacks that
/// come last, as many find their slot taken and go to the overflow table.
const CROWDED: usize = 16;

/// Kernel stacks whose ids are remembered. Beyond, they are forgotten, and get new ids.
const KERNEL_STACKS_MAX: usize = 64 * 1024;

/// Ids are given out over all probes, so that a stack has one name wherever it turns up.
static NEXT: AtomicU32 = AtomicU32::new(StackId::FIRST.0);

/// Stacks of one process, by the program that ran (its exec id) and their addresses.
type ProgramStacks = FxHashMap<(u32, Arc<[u64]>), StackId>;

/// One of the two sets of tables that a probe writes to by turns.
struct Set {
    main: TypedMap<u32, Slot>,
    overflow: TypedMap<u32, Slot>,
}

/// The stack tables of a probe, and the ids given to what was read from them.
pub struct Stacks {
    probe: ProbeId,
    /// Slots of a main table.
    slots: usize,
    sets: [Set; 2],
    epoch: u32,
    /// Addresses by what the probe calls them: the epoch, and the id in its set.
    met: FxHashMap<(u32, i32), Arc<[u64]>>,
    unreadable: u64,
    met_in_epoch: usize,
    kernel: FxHashMap<Arc<[u64]>, StackId>,
    /// By PID.
    user: FxHashMap<u32, ProgramStacks>,
    seeded: FxHashMap<Vec<Arc<Frame>>, i32>,
    seeded_ids: Vec<StackId>,
}

impl Stacks {
    /// Takes the tables of a probe: of each set the main one, which has so many `slots`, then the
    /// overflow one.
    pub fn open(
        programs: &mut Ebpf,
        probe: ProbeId,
        slots: u32,
        tables: [[&str; 2]; 2],
    ) -> io::Result<Self> {
        let mut set = |[main, overflow]: [&str; 2]| -> io::Result<Set> {
            let main = map::typed(programs, main)?;
            Ok(Set { main, overflow: map::typed(programs, overflow)? })
        };
        Ok(Self {
            probe,
            slots: slots as usize,
            sets: [set(tables[0])?, set(tables[1])?],
            epoch: 0,
            met: FxHashMap::default(),
            unreadable: 0,
            met_in_epoch: 0,
            kernel: FxHashMap::default(),
            user: FxHashMap::default(),
            seeded: FxHashMap::default(),
            seeded_ids: Vec::new(),
        })
    }

    /// The current epoch: the probe writes to the set `epoch & 1`.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether it is time for a new epoch.
    pub fn crowded(&self) -> bool {
        self.met_in_epoch >= self.slots / CROWDED
    }

    /// Begins a new epoch: empties the set that the probe has not written to since the last one
    /// began. Ids that are `in_use`, by their epoch, and those of the one that ends keep their
    /// meaning.
    pub fn begin_epoch(&mut self, in_use: impl Fn(u32, i32) -> bool) -> io::Result<()> {
        let ending = self.epoch;
        let next = ending.wrapping_add(1);
        let set = &self.sets[(next & 1) as usize];
        set.main.clear()?;
        set.overflow.clear()?;
        self.met.retain(|(epoch, raw), _| *epoch == ending || in_use(*epoch, *raw));
        self.epoch = next;
        self.met_in_epoch = 0;
        if self.kernel.len() > KERNEL_STACKS_MAX {
            self.kernel.clear();
        }
        Ok(())
    }

    /// A raw id for a kernel stack that was not taken by the probe but read elsewhere, leaf first.
    /// Appends the stack to `resolved` when it is new.
    pub fn seed(&mut self, frames: Vec<Arc<Frame>>, resolved: &mut Vec<Arc<ResolvedStack>>) -> i32 {
        if frames.is_empty() {
            return BEFORE_START;
        }
        *self.seeded.entry(frames).or_insert_with_key(|frames| {
            let id = next_id();
            resolved.push(Arc::new(ResolvedStack { id, frames: frames.clone() }));
            self.seeded_ids.push(id);
            BEFORE_START - self.seeded_ids.len() as i32
        })
    }

    /// The id of a kernel stack; appends its addresses to `new` when it is met for the first time.
    pub fn kernel(&mut self, epoch: u32, raw: i32, new: &mut Vec<NewStack>) -> StackId {
        let addresses = match self.addresses(epoch, raw) {
            Ok(addresses) => addresses,
            Err(id) => return id,
        };
        let probe = self.probe;
        *self
            .kernel
            .entry(addresses)
            .or_insert_with_key(|addresses| name(probe, Space::Kernel, 0, addresses, new))
    }

    /// The id of a user stack of a process and one of its programs; otherwise as
    /// [`Stacks::kernel`].
    pub fn user(
        &mut self,
        epoch: u32,
        (pid, exec_id): (u32, u32),
        raw: i32,
        new: &mut Vec<NewStack>,
    ) -> StackId {
        let addresses = match self.addresses(epoch, raw) {
            Ok(addresses) => addresses,
            Err(id) => return id,
        };
        let probe = self.probe;
        let of_process = self.user.entry(pid).or_default();
        *of_process.entry((exec_id, addresses)).or_insert_with_key(|(_, addresses)| {
            name(probe, Space::User { pid }, exec_id, addresses, new)
        })
    }

    /// A process has ended.
    pub fn forget(&mut self, pid: u32) {
        self.user.remove(&pid);
    }

    /// Stacks that were stored and could not be read.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// The addresses behind a raw id, or the id that stands for there being none.
    fn addresses(&mut self, epoch: u32, raw: i32) -> Result<Arc<[u64]>, StackId> {
        if raw < 0 {
            return Err(self.special(raw));
        }
        if let Some(addresses) = self.met.get(&(epoch, raw)) {
            return Ok(addresses.clone());
        }
        let Some(addresses) = self.read(epoch, raw) else {
            self.unreadable += 1;
            return Err(StackId::LOST);
        };
        self.met.insert((epoch, raw), addresses.clone());
        self.met_in_epoch += usize::from(epoch == self.epoch);
        Ok(addresses)
    }

    /// Reads a stack from its table; `None` where the table is another epoch's by now.
    fn read(&self, epoch: u32, raw: i32) -> Option<Arc<[u64]>> {
        if epoch != self.epoch && epoch != self.epoch.wrapping_sub(1) {
            return None;
        }
        let set = &self.sets[(epoch & 1) as usize];
        let table = if raw & OVERFLOW == 0 { &set.main } else { &set.overflow };
        let addresses = table.get(&((raw & !OVERFLOW) as u32)).ok()?;
        let depth = addresses.iter().position(|a| *a == 0).unwrap_or(MAX_DEPTH);
        Some(addresses[..depth].into())
    }

    fn special(&self, raw: i32) -> StackId {
        match raw {
            NONE => StackId::NONE,
            LOST => StackId::LOST,
            BEFORE_START => StackId::BEFORE_START,
            seeded => {
                let index = (BEFORE_START - 1 - seeded) as usize;
                self.seeded_ids.get(index).copied().unwrap_or(StackId::LOST)
            }
        }
    }
}

/// Names a stack that was met for the first time.
fn name(
    probe: ProbeId,
    space: Space,
    exec_id: u32,
    addresses: &[u64],
    new: &mut Vec<NewStack>,
) -> StackId {
    let id = next_id();
    let request = Request { id, space, addresses: addresses.to_vec() };
    new.push(NewStack { probe, request, exec_id });
    id
}

fn next_id() -> StackId {
    StackId(NEXT.fetch_add(1, Ordering::Relaxed))
}
