//! Frames of stacks, as far as they are known.

use crate::source::{Frame, ResolvedStack, StackId};
use rustc_hash::FxHashMap;
use std::sync::{Arc, LazyLock};

static NOTES: LazyLock<[Vec<Arc<Frame>>; 4]> = LazyLock::new(|| {
    let note = |text| vec![Arc::new(Frame::note(text))];
    [
        Vec::new(),
        note("[stack lost: its slot of the stack table was taken]"),
        note("[waiting since before syscope watched]"),
        note("[symbols are being looked up]"),
    ]
});

/// Frames of every stack that is known.
#[derive(Clone, Debug, Default)]
pub struct Stacks {
    known: FxHashMap<StackId, Arc<ResolvedStack>>,
    version: u64,
}

impl Stacks {
    /// Takes newly symbolized stacks in.
    pub fn fold(&mut self, stacks: Vec<Arc<ResolvedStack>>) {
        if !stacks.is_empty() {
            self.version += 1;
        }
        self.known.extend(stacks.into_iter().map(|stack| (stack.id, stack)));
    }

    /// Frames of a stack, leaf first. A stack that is not there has none; one that was lost, or is
    /// not symbolized yet, has one frame that says so.
    pub fn frames(&self, id: StackId) -> &[Arc<Frame>] {
        match (id.0, self.known.get(&id)) {
            (_, Some(stack)) => &stack.frames,
            (0..=2, None) => &NOTES[id.0 as usize],
            (_, None) => &NOTES[3],
        }
    }

    /// Whether a frame stands for a stack that is not symbolized yet.
    pub fn is_pending(frame: &Arc<Frame>) -> bool {
        Arc::ptr_eq(frame, &NOTES[3][0])
    }

    /// Grows whenever frames of some stack have become known.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Stacks that are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no stack is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn forget(&mut self, ids: &[StackId]) {
        for id in ids {
            self.known.remove(id);
        }
    }
}
