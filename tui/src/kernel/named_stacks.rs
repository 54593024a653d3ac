//! Reads the stacks that the programs send, and knows them by name.

use super::map::{self, TypedMap};
use super::ring::Ring;
use crate::python;
use crate::source::StackEnd;
use aya::Ebpf;
use rustc_hash::FxHashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use syscope_shared::python::PAIRS_MAX;
use syscope_shared::unwind::{FRAMES_MAX, Head};

/// Stacks that are known at most. Beyond, the half that was used longest ago is forgotten, here and by
/// the programs, which send it again when it comes back. Less than the programs have room for.
const KNOWN_MAX: usize = 24 * 1024;

/// A stack, of the kernel or of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedStack {
    /// Leaf first: the instruction pointer, then return addresses.
    pub addresses: Arc<[u64]>,
    /// How its walk ended.
    pub end: StackEnd,
    /// Its Python frames.
    pub python: Arc<python::Stack>,
}

struct Known {
    stack: NamedStack,
    used_ns: u64,
}

/// Reads the ring `STACKS`.
pub struct NamedStacks {
    ring: Ring,
    /// Names that the programs take for known.
    seen: TypedMap<u64, u32>,
    known: FxHashMap<u64, Known>,
    now_ns: u64,
}

impl NamedStacks {
    pub fn open(programs: &mut Ebpf) -> io::Result<Self> {
        let (ring, seen) = (Ring::open(programs, "STACKS")?, map::typed(programs, "SEEN")?);
        Ok(Self { ring, seen, known: FxHashMap::default(), now_ns: 0 })
    }

    /// Takes in what was sent since the last time.
    pub fn read(&mut self) {
        while let Some(item) = self.ring.next() {
            match decode(&item) {
                Some((name, stack)) => {
                    self.known.insert(name, Known { stack, used_ns: self.now_ns });
                }
                None => tracing::error!(bytes = item.len(), "a stack not understood"),
            }
        }
    }

    /// It is this time now, in ns. To be called once a tick: what is too much is forgotten.
    pub fn advance(&mut self, now_ns: u64) -> io::Result<()> {
        self.now_ns = now_ns;
        self.read();
        if self.known.len() <= KNOWN_MAX {
            return Ok(());
        }
        let mut times: Vec<_> = self.known.values().map(|known| known.used_ns).collect();
        let middle = times.len() / 2;
        let middle = *times.select_nth_unstable(middle).1;
        let old = self.known.iter().filter(|(_, known)| known.used_ns <= middle);
        let old: Vec<u64> = old.map(|(name, _)| *name).collect();
        for name in old {
            self.seen.delete(&name)?;
            self.known.remove(&name);
        }
        Ok(())
    }

    /// The stack with this name, which is thereby used; `None` when it was lost on the way. A stack is
    /// sent before its name is used, so that it is here by now.
    pub fn get(&mut self, name: u64) -> Option<NamedStack> {
        if !self.known.contains_key(&name) {
            self.read();
        }
        let known = self.known.get_mut(&name)?;
        known.used_ns = self.now_ns;
        Some(known.stack.clone())
    }
}

impl AsFd for NamedStacks {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Decodes one event of the ring: name and stack; `None` when it is none.
pub fn decode(bytes: &[u8]) -> Option<(u64, NamedStack)> {
    let (head, tail) = bytes.split_at_checked(size_of::<Head>())?;
    let head: Head = bytemuck::pod_read_unaligned(head);
    let (depth, pairs) = (head.depth as usize, head.python as usize);
    if depth > FRAMES_MAX || pairs > PAIRS_MAX {
        return None;
    }
    let words = tail.get(..(depth + 2 * pairs) * 8)?.chunks_exact(8);
    let words: Vec<u64> = words.map(bytemuck::pod_read_unaligned).collect();
    let (addresses, pairs) = words.split_at(depth);
    let python = Arc::new(python::Stack::decode(pairs, head.python_end)?);
    let end = *StackEnd::ALL.get(head.end as usize)?;
    Some((head.id, NamedStack { addresses: addresses.into(), end, python }))
}
