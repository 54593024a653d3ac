//! Frames of stacks, as far as they are known.

use crate::source::{Frame, ResolvedStack, StackId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, LazyLock};

const SPECIAL: usize = StackId::FIRST.0 as usize;

static NOTES: LazyLock<[Vec<Arc<Frame>>; SPECIAL + 1]> = LazyLock::new(|| {
    let note = |text| vec![Arc::new(Frame::note(text))];
    [
        Vec::new(),
        note("[stack lost: its slot of the stack table was taken]"),
        note("[waiting since before syscope watched]"),
        note("[other stacks: too many to keep apart]"),
        note("[symbols are being looked up]"),
    ]
});

/// Time between two looks for stacks that nobody needs, in ns.
const SWEEP_NS: u64 = 60_000_000_000;

/// A stack, and when it was told or used last, in ns.
#[derive(Clone, Debug)]
struct Known {
    stack: Arc<ResolvedStack>,
    used_ns: u64,
}

/// Frames of the stacks that places refer to, and of those that were used lately.
#[derive(Clone, Debug, Default)]
pub struct Stacks {
    known: FxHashMap<StackId, Known>,
    /// Stacks that were not told yet when all that used them was forgotten, and when that was, in ns.
    unwanted: FxHashMap<StackId, u64>,
    now_ns: u64,
    swept_ns: u64,
    version: u64,
    replaced: u64,
}

impl Stacks {
    /// It is this time now, in ns.
    pub(super) fn advance(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// Takes newly symbolized stacks in.
    pub fn fold(&mut self, stacks: Vec<Arc<ResolvedStack>>) {
        if !stacks.is_empty() {
            self.version += 1;
        }
        for stack in stacks {
            if self.unwanted.remove(&stack.id).is_none() {
                let frames = Arc::clone(&stack);
                let known = Known { stack, used_ns: self.now_ns };
                let before = self.known.insert(known.stack.id, known);
                let other = before.is_some_and(|before| before.stack.frames != frames.frames);
                self.replaced += u64::from(other);
            }
        }
    }

    /// Frames of a stack, leaf first. A stack that is not there has none; one that was lost, or is
    /// not symbolized yet, has one frame that says so.
    pub fn frames(&self, id: StackId) -> &[Arc<Frame>] {
        match self.known.get(&id) {
            Some(known) => &known.stack.frames,
            None => &NOTES[(id.0 as usize).min(SPECIAL)],
        }
    }

    /// Whether a frame stands for a stack that is not symbolized yet.
    pub fn is_pending(frame: &Arc<Frame>) -> bool {
        Arc::ptr_eq(frame, &NOTES[SPECIAL][0])
    }

    /// Grows whenever frames of some stack have become known.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Grows whenever a stack that was known was told with other frames: what was found out about
    /// stacks before may not be so any more.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Stacks that are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no stack is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// An id was used.
    pub(super) fn used(&mut self, id: StackId) {
        if let Some(known) = self.known.get_mut(&id) {
            known.used_ns = self.now_ns;
        }
    }

    /// Whether it is time for [`Stacks::sweep`].
    pub(super) fn is_sweep_due(&self) -> bool {
        self.now_ns.saturating_sub(self.swept_ns) >= SWEEP_NS
    }

    /// Drops what nothing refers to, and what is used next only after it is told again.
    pub(super) fn sweep(&mut self, referred: &FxHashSet<StackId>) {
        let now_ns = self.now_ns;
        let is_young = |ns: u64| now_ns.saturating_sub(ns) < StackId::KEPT_UNUSED_NS;
        self.known.retain(|id, known| is_young(known.used_ns) || referred.contains(id));
        self.unwanted.retain(|_, since_ns| is_young(*since_ns));
        self.swept_ns = now_ns;
    }

    /// Drops the stacks of a process that is forgotten: nothing uses them any more.
    pub(super) fn forget(&mut self, ids: &[StackId]) {
        for id in ids {
            if self.known.remove(id).is_none() {
                self.unwanted.insert(*id, self.now_ns);
            }
        }
    }
}
