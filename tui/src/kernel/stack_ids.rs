//! Ids of stacks: the same one for the same stack for as long as it is remembered, and when a stack
//! is to be told to the side above.

use crate::source::StackId;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// Stacks whose ids are remembered at most, of the kernel and of all processes each. Beyond, the half
/// that was used longest ago is forgotten: a stack of those gets a new id when it comes back.
const REMEMBERED: usize = 64 * 1024;

/// Ids are given out over all probes, so that a stack has one name wherever it turns up.
static NEXT: AtomicU32 = AtomicU32::new(StackId::FIRST.0);

/// An id that nobody has.
pub fn next_id() -> StackId {
    StackId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether the side above has the frames of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Never: the id is new.
    Not,
    /// So long ago that it may have forgotten them (see [`StackId::TOLD_AGAIN_NS`]).
    LongAgo,
    /// It has.
    Lately,
}

/// An id, and when it was used last, in ns.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub id: StackId,
    used_ns: u64,
}

impl Used {
    /// A new id.
    pub fn new(now_ns: u64) -> Self {
        Self { id: next_id(), used_ns: now_ns }
    }

    /// Notes that it is used.
    pub fn again(&mut self, now_ns: u64) -> Told {
        let unused_ns = now_ns.saturating_sub(std::mem::replace(&mut self.used_ns, now_ns));
        if unused_ns >= StackId::TOLD_AGAIN_NS { Told::LongAgo } else { Told::Lately }
    }
}

/// Stacks of one process, by what the programs call them.
type ProcessStacks = FxHashMap<u64, Used>;

/// The ids of one probe's stacks.
#[derive(Default)]
pub struct Ids {
    now_ns: u64,
    kernel: FxHashMap<u64, Used>,
    /// By PID.
    user: FxHashMap<u32, ProcessStacks>,
}

impl Ids {
    /// It is this time now. What is too much is forgotten.
    pub fn advance(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        self.forget_beyond(REMEMBERED);
    }

    /// The time it is, in ns.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The id of a kernel stack, by its name, which is thereby used.
    pub fn kernel(&mut self, name: u64) -> (StackId, Told) {
        use_id(&mut self.kernel, name, self.now_ns)
    }

    /// The id of a stack of a process, by its name, which is thereby used.
    pub fn user(&mut self, pid: u32, name: u64) -> (StackId, Told) {
        use_id(self.user.entry(pid).or_default(), name, self.now_ns)
    }

    /// A stack is not to be had after all: its id was not told to anybody.
    pub fn forget_kernel(&mut self, name: u64) {
        self.kernel.remove(&name);
    }

    /// The same for one of a process.
    pub fn forget_user(&mut self, pid: u32, name: u64) {
        if let Some(stacks) = self.user.get_mut(&pid) {
            stacks.remove(&name);
        }
    }

    /// A process has ended.
    pub fn forget(&mut self, pid: u32) {
        self.user.remove(&pid);
    }

    fn forget_beyond(&mut self, bound: usize) {
        if self.kernel.len() > bound {
            let middle = middle(self.kernel.values());
            self.kernel.retain(|_, used| used.used_ns > middle);
        }
        let of_users: usize = self.user.values().map(FxHashMap::len).sum();
        if of_users > bound {
            let middle = middle(self.user.values().flat_map(FxHashMap::values));
            self.user.retain(|_, stacks| {
                stacks.retain(|_, used| used.used_ns > middle);
                !stacks.is_empty()
            });
        }
    }
}

/// When the one in the middle was used last.
fn middle<'a>(all: impl Iterator<Item = &'a Used>) -> u64 {
    let mut times: Vec<_> = all.map(|used| used.used_ns).collect();
    let middle = times.len() / 2;
    *times.select_nth_unstable(middle).1
}

fn use_id(ids: &mut FxHashMap<u64, Used>, name: u64, now_ns: u64) -> (StackId, Told) {
    let mut told = Told::Lately;
    let used = ids.entry(name).or_insert_with(|| {
        told = Told::Not;
        Used::new(now_ns)
    });
    if told == Told::Lately {
        told = used.again(now_ns);
    }
    (used.id, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_keeps_its_id_and_is_told_again_when_it_comes_back_after_long() {
        let mut ids = Ids::default();
        ids.advance(1_000);
        let (kernel, told) = ids.kernel(1);
        assert_eq!(told, Told::Not);
        let (user, told) = ids.user(7, 1);
        assert_eq!(told, Told::Not);
        assert_ne!(kernel, user);
        assert_ne!(ids.user(7, 2).0, user, "another stack");
        assert_ne!(ids.user(8, 1).0, user, "another process");
        ids.advance(999 + StackId::TOLD_AGAIN_NS);
        assert_eq!(ids.kernel(1), (kernel, Told::Lately));
        // Used meanwhile, so it is counted from there.
        ids.advance(1_100 + StackId::TOLD_AGAIN_NS);
        assert_eq!(ids.kernel(1), (kernel, Told::Lately));
        assert_eq!(ids.user(7, 1), (user, Told::LongAgo));
        assert_eq!(ids.user(7, 1), (user, Told::Lately));
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_and_gets_a_new_id() {
        let mut ids = Ids::default();
        let name = |ids: &mut Ids, n: u64| (ids.kernel(n).0, ids.user(7, n).0);
        let first = name(&mut ids, 0);
        for n in 1..10_000 {
            ids.now_ns = n;
            assert_eq!(name(&mut ids, 0), first, "it is used all the time");
            let _ = name(&mut ids, n);
            ids.forget_beyond(100);
            let users: usize = ids.user.values().map(FxHashMap::len).sum();
            assert!(ids.kernel.len() <= 101 && users <= 101);
        }
        let told = ids.kernel(1).1;
        assert_eq!(told, Told::Not, "the side above may not take it for known");
    }

    #[test]
    fn stacks_of_a_process_that_ended_are_forgotten() {
        let mut ids = Ids::default();
        let (before, _) = ids.user(7, 1);
        ids.forget(7);
        let (after, told) = ids.user(7, 1);
        assert_eq!(told, Told::Not);
        assert_ne!(before, after);
    }
}
