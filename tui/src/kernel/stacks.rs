//! Reads the tables of kernel stacks: every stack once an epoch, when the probe's id is first met. And
//! gives the stacks of kernel and processes their ids.

use super::NewStack;
use super::map::{self, TypedMap};
use super::stack_ids::{Ids, Told, Used};
use super::user_stacks::{UserStack, UserStacks};
use crate::python::Stack;
use crate::source::{Frame, ResolvedStack, StackEnd, StackId};
use crate::symbols::{Request, Space};
use crate::unwind::Walked;
use aya::Ebpf;
use rustc_hash::FxHashMap;
use std::io;
use std::sync::Arc;
use syscope_shared::health::ProbeId;
use syscope_shared::python;
use syscope_shared::stack::{
    BEFORE_START, LOST, MAX_DEPTH, NONE, OVERFLOW, USER_BEFORE_START, USER_LOST, USER_NONE,
};

/// Addresses of a stack as the table holds them, leaf first, zeros behind the last.
type Slot = [u64; MAX_DEPTH];

/// A main table is full enough for a new epoch when one slot in so many is taken: of the stacks that
/// come last, as many find their slot taken and go to the overflow table.
const CROWDED: usize = 16;

/// Different stacks read elsewhere that are told apart; further ones are said to be from before syscope
/// watched.
const SEEDED_MAX: usize = 16 * 1024;

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
    ids: Ids,
    /// Index among the seeded by frames.
    seeded_index: FxHashMap<Vec<Arc<Frame>>, usize>,
    seeded: Vec<Seeded>,
    /// Seeded stacks that are to be told again.
    told_again: Vec<Arc<ResolvedStack>>,
}

/// A stack that was not taken by the probe but read elsewhere.
struct Seeded {
    used: Used,
    stack: Arc<ResolvedStack>,
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
            ids: Ids::default(),
            seeded_index: FxHashMap::default(),
            seeded: Vec::new(),
            told_again: Vec::new(),
        })
    }

    /// What is read now is used at this time, in ns.
    pub fn advance(&mut self, now_ns: u64) {
        self.ids.advance(now_ns);
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
        Ok(())
    }

    /// A raw id for a kernel stack that was not taken by the probe but read elsewhere, leaf first.
    /// Appends the stack to `resolved` when it has to be told.
    pub fn seed(&mut self, frames: Vec<Arc<Frame>>, resolved: &mut Vec<Arc<ResolvedStack>>) -> i32 {
        if frames.is_empty() {
            return BEFORE_START;
        }
        let now_ns = self.ids.now_ns();
        if let Some(index) = self.seeded_index.get(&frames).copied() {
            let seeded = &mut self.seeded[index];
            if seeded.used.again(now_ns) == Told::LongAgo {
                resolved.push(Arc::clone(&seeded.stack));
            }
            return raw_of_seeded(index);
        }
        if self.seeded.len() >= SEEDED_MAX {
            return BEFORE_START;
        }
        let used = Used::new(now_ns);
        let stack = Arc::new(ResolvedStack { id: used.id, frames: frames.clone() });
        resolved.push(Arc::clone(&stack));
        self.seeded_index.insert(frames, self.seeded.len());
        self.seeded.push(Seeded { used, stack });
        raw_of_seeded(self.seeded.len() - 1)
    }

    /// Seeded stacks that are to be told again, since the last call.
    pub fn told_again(&mut self) -> Vec<Arc<ResolvedStack>> {
        std::mem::take(&mut self.told_again)
    }

    /// The id of a kernel stack; appends its addresses to `new` when they have to be told.
    pub fn kernel(&mut self, epoch: u32, raw: i32, new: &mut Vec<NewStack>) -> StackId {
        let addresses = match self.addresses(epoch, raw) {
            Ok(addresses) => addresses,
            Err(id) => return id,
        };
        let (id, told) = self.ids.kernel(Arc::clone(&addresses));
        if told != Told::Lately {
            let (space, end) = (Space::Kernel, StackEnd::Complete);
            let (addresses, python) = (addresses.to_vec(), Arc::default());
            let request = Request { id, space, addresses, end, python };
            let again = told == Told::LongAgo;
            new.push(NewStack { probe: self.probe, request, exec_id: 0, again });
        }
        id
    }

    /// The id of a user stack of a process and one of its programs; otherwise as
    /// [`Stacks::kernel`].
    pub fn user(
        &mut self,
        users: &mut UserStacks,
        (pid, exec_id): (u32, u32),
        name: u64,
        new: &mut Vec<NewStack>,
    ) -> StackId {
        match name {
            USER_NONE => return StackId::NONE,
            USER_LOST => return StackId::LOST,
            USER_BEFORE_START => return StackId::BEFORE_START,
            _ => {}
        }
        let (id, told) = self.ids.user(pid, name);
        if told == Told::Lately {
            return id;
        }
        let Some(stack) = users.get(name) else {
            self.unreadable += 1;
            self.ids.forget_user(pid, name);
            return StackId::LOST;
        };
        self.tell_user(told, id, (pid, exec_id), stack, new);
        id
    }

    /// The id of a user stack that was walked here; otherwise as [`Stacks::user`].
    pub fn walked(&mut self, walked: &Walked, new: &mut Vec<NewStack>) -> StackId {
        let Walked { copy, addresses, end, is_python } = walked;
        let process = (copy.pid, copy.exec_id);
        // Not the name of the same stack with its Python functions.
        let kind = *end as u32 | u32::from(*is_python) << 16;
        let name = syscope_shared::unwind::name(process, addresses, kind);
        let (id, told) = self.ids.user(copy.pid, name);
        if told != Told::Lately {
            let python_end = if *is_python { python::End::NotRead } else { python::End::None };
            let python = Arc::new(Stack { runs: Vec::new(), end: python_end });
            let (addresses, end) = (addresses.as_slice().into(), *end);
            self.tell_user(told, id, process, UserStack { addresses, end, python }, new);
        }
        id
    }

    fn tell_user(
        &self,
        told: Told,
        id: StackId,
        (pid, exec_id): (u32, u32),
        UserStack { addresses, end, python }: UserStack,
        new: &mut Vec<NewStack>,
    ) {
        let (space, addresses) = (Space::User { pid }, addresses.to_vec());
        let request = Request { id, space, addresses, end, python };
        let again = told == Told::LongAgo;
        new.push(NewStack { probe: self.probe, request, exec_id, again });
    }

    /// A process has ended.
    pub fn forget(&mut self, pid: u32) {
        self.ids.forget(pid);
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

    fn special(&mut self, raw: i32) -> StackId {
        match raw {
            NONE => StackId::NONE,
            LOST => StackId::LOST,
            BEFORE_START => StackId::BEFORE_START,
            raw => {
                let index = (BEFORE_START - 1 - raw) as usize;
                let Some(seeded) = self.seeded.get_mut(index) else { return StackId::LOST };
                if seeded.used.again(self.ids.now_ns()) == Told::LongAgo {
                    self.told_again.push(Arc::clone(&seeded.stack));
                }
                seeded.used.id
            }
        }
    }
}

fn raw_of_seeded(index: usize) -> i32 {
    BEFORE_START - 1 - index as i32
}
