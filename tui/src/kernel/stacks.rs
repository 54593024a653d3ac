//! Gives the stacks of kernel and processes their ids, and tells their addresses when an id is first met.

use super::NewStack;
use super::named_stacks::{NamedStack, NamedStacks};
use super::stack_ids::{Ids, Told, Used};
use crate::python::Stack;
use crate::source::{Frame, ResolvedStack, StackId};
use crate::symbols::{Request, Space};
use crate::unwind::Walked;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use syscope_shared::health::ProbeId;
use syscope_shared::python;
use syscope_shared::stack::{BEFORE_START, LOST, NONE, SEEDED, SPARED};

/// Different stacks read elsewhere that are told apart; further ones are said to be from before syscope
/// watched.
const SEEDED_MAX: usize = 16 * 1024;

/// The ids given to the stacks of a probe.
pub struct Stacks {
    probe: ProbeId,
    unreadable: u64,
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
    /// None yet.
    pub fn new(probe: ProbeId) -> Self {
        Self {
            probe,
            unreadable: 0,
            ids: Ids::default(),
            seeded_index: FxHashMap::default(),
            seeded: Vec::new(),
            told_again: Vec::new(),
        }
    }

    /// What is read now is used at this time, in ns.
    pub fn advance(&mut self, now_ns: u64) {
        self.ids.advance(now_ns);
    }

    /// A name for a kernel stack that was not taken by the probe but read elsewhere, leaf first.
    /// Appends the stack to `resolved` when it has to be told.
    pub fn seed(&mut self, frames: Vec<Arc<Frame>>, resolved: &mut Vec<Arc<ResolvedStack>>) -> u64 {
        if frames.is_empty() {
            return BEFORE_START;
        }
        let now_ns = self.ids.now_ns();
        if let Some(index) = self.seeded_index.get(&frames).copied() {
            let seeded = &mut self.seeded[index];
            if seeded.used.again(now_ns) == Told::LongAgo {
                resolved.push(Arc::clone(&seeded.stack));
            }
            return name_of_seeded(index);
        }
        if self.seeded.len() >= SEEDED_MAX {
            return BEFORE_START;
        }
        let used = Used::new(now_ns);
        let stack = Arc::new(ResolvedStack { id: used.id, frames: frames.clone() });
        resolved.push(Arc::clone(&stack));
        self.seeded_index.insert(frames, self.seeded.len());
        self.seeded.push(Seeded { used, stack });
        name_of_seeded(self.seeded.len() - 1)
    }

    /// Seeded stacks that are to be told again, since the last call.
    pub fn told_again(&mut self) -> Vec<Arc<ResolvedStack>> {
        std::mem::take(&mut self.told_again)
    }

    /// The id of a kernel stack by its name; appends its addresses to `new` when they have to be told.
    pub fn kernel(
        &mut self,
        named: &mut NamedStacks,
        name: u64,
        new: &mut Vec<NewStack>,
    ) -> StackId {
        if let Some(id) = self.special(name) {
            return id;
        }
        let (id, told) = self.ids.kernel(name);
        if told != Told::Lately {
            let Some(stack) = named.get(name) else {
                self.unreadable += 1;
                self.ids.forget_kernel(name);
                return StackId::LOST;
            };
            self.tell(told, id, (Space::Kernel, 0), stack, new);
        }
        id
    }

    /// The id of a user stack of a process and one of its programs; otherwise as
    /// [`Stacks::kernel`].
    pub fn user(
        &mut self,
        named: &mut NamedStacks,
        (pid, exec_id): (u32, u32),
        name: u64,
        new: &mut Vec<NewStack>,
    ) -> StackId {
        if let Some(id) = self.special(name) {
            return id;
        }
        let (id, told) = self.ids.user(pid, name);
        if told == Told::Lately {
            return id;
        }
        let Some(stack) = named.get(name) else {
            self.unreadable += 1;
            self.ids.forget_user(pid, name);
            return StackId::LOST;
        };
        self.tell(told, id, (Space::User { pid }, exec_id), stack, new);
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
            let space = Space::User { pid: copy.pid };
            let stack = NamedStack { addresses, end, python };
            self.tell(told, id, (space, copy.exec_id), stack, new);
        }
        id
    }

    fn tell(
        &self,
        told: Told,
        id: StackId,
        (space, exec_id): (Space, u32),
        NamedStack { addresses, end, python }: NamedStack,
        new: &mut Vec<NewStack>,
    ) {
        let addresses = addresses.to_vec();
        let request = Request { id, space, addresses, end, python };
        let again = told == Told::LongAgo;
        new.push(NewStack { probe: self.probe, request, exec_id, again });
    }

    /// A process has ended.
    pub fn forget(&mut self, pid: u32) {
        self.ids.forget(pid);
    }

    /// Stacks whose names came without them.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// The id of stacks that were not taken.
    fn spared(&mut self) -> StackId {
        let mut new = Vec::new();
        let name = self.seed(vec![Arc::new(Frame::note(SPARED_NOTE))], &mut new);
        self.told_again.append(&mut new);
        let seeded = usize::try_from(name - SEEDED).ok().and_then(|index| self.seeded.get(index));
        seeded.map_or(StackId::LOST, |seeded| seeded.used.id)
    }

    /// The id of what is no stack that a probe has taken.
    fn special(&mut self, name: u64) -> Option<StackId> {
        match name {
            NONE => Some(StackId::NONE),
            LOST => Some(StackId::LOST),
            BEFORE_START => Some(StackId::BEFORE_START),
            SPARED => Some(self.spared()),
            name => {
                let seeded =
                    self.seeded.get_mut(usize::try_from(name.checked_sub(SEEDED)?).ok()?)?;
                if seeded.used.again(self.ids.now_ns()) == Told::LongAgo {
                    self.told_again.push(Arc::clone(&seeded.stack));
                }
                Some(seeded.used.id)
            }
        }
    }
}

/// Stands for a stack that was not taken.
const SPARED_NOTE: &str = "[no stack taken: syscope kept to its budget]";

fn name_of_seeded(index: usize) -> u64 {
    SEEDED + index as u64
}
