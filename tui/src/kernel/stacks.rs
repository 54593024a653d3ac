//! Reads stack tables: every stack once, when its id is first met.

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
use syscope_shared::stack::{BEFORE_START, LOST, MAX_DEPTH, NONE, TABLE_BIT};

/// Addresses of a stack as the table holds them, leaf first, zeros behind the last.
pub type Slot = [u64; MAX_DEPTH];

/// Ids are given out over all probes, so that a stack has one name wherever it turns up.
static NEXT: AtomicU32 = AtomicU32::new(StackId::FIRST.0);

/// The two stack tables of a probe, and the ids given to what was read from them.
pub struct Stacks {
    probe: ProbeId,
    tables: [TypedMap<u32, Slot>; 2],
    kernel: FxHashMap<i32, StackId>,
    user: FxHashMap<u32, FxHashMap<i32, StackId>>,
    seeded: FxHashMap<Vec<Arc<Frame>>, i32>,
}

impl Stacks {
    /// Takes the two tables of a probe.
    pub fn open(programs: &mut Ebpf, probe: ProbeId, tables: [&str; 2]) -> io::Result<Self> {
        Ok(Self {
            probe,
            tables: [map::typed(programs, tables[0])?, map::typed(programs, tables[1])?],
            kernel: FxHashMap::default(),
            user: FxHashMap::default(),
            seeded: FxHashMap::default(),
        })
    }

    /// A raw id for a kernel stack that was not taken by the probe but read elsewhere, leaf first.
    /// Appends the stack to `resolved` when it is new.
    pub fn seed(&mut self, frames: Vec<Arc<Frame>>, resolved: &mut Vec<Arc<ResolvedStack>>) -> i32 {
        if frames.is_empty() {
            return BEFORE_START;
        }
        let next = BEFORE_START - 1 - self.seeded.len() as i32;
        *self.seeded.entry(frames).or_insert_with_key(|frames| {
            let id = next_id();
            resolved.push(Arc::new(ResolvedStack { id, frames: frames.clone() }));
            self.kernel.insert(next, id);
            next
        })
    }

    /// The id of a kernel stack; appends its addresses to `new` when it is met for the first time.
    pub fn kernel(&mut self, raw: i32, new: &mut Vec<NewStack>) -> StackId {
        if let Some(id) = special(raw).or_else(|| self.kernel.get(&raw).copied()) {
            return id;
        }
        let id = self.meet(raw, Space::Kernel, new);
        self.kernel.insert(raw, id);
        id
    }

    /// The id of a user stack of a process; otherwise as [`Stacks::kernel`].
    pub fn user(&mut self, pid: u32, raw: i32, new: &mut Vec<NewStack>) -> StackId {
        let known = || self.user.get(&pid).and_then(|ids| ids.get(&raw)).copied();
        if let Some(id) = special(raw).or_else(known) {
            return id;
        }
        let id = self.meet(raw, Space::User { pid }, new);
        self.user.entry(pid).or_default().insert(raw, id);
        id
    }

    /// The addresses of a process mean nothing any more.
    pub fn forget(&mut self, pid: u32) {
        self.user.remove(&pid);
    }

    fn meet(&mut self, raw: i32, space: Space, new: &mut Vec<NewStack>) -> StackId {
        let table = usize::from(raw & TABLE_BIT != 0);
        let slot = (raw & !TABLE_BIT) as u32;
        let addresses = match self.tables[table].get(&slot) {
            Ok(addresses) => addresses,
            Err(error) => {
                tracing::error!(%error, slot, "a stack that was stored cannot be read");
                return StackId::LOST;
            }
        };
        let depth = addresses.iter().position(|a| *a == 0).unwrap_or(MAX_DEPTH);
        let id = next_id();
        let request = Request { id, space, addresses: addresses[..depth].to_vec() };
        new.push(NewStack { probe: self.probe, request });
        id
    }
}

fn next_id() -> StackId {
    StackId(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn special(raw: i32) -> Option<StackId> {
    match raw {
        NONE => Some(StackId::NONE),
        BEFORE_START => Some(StackId::BEFORE_START),
        LOST => Some(StackId::LOST),
        _ => None,
    }
}
