//! Stacks that wait for debug files from a server, while they are shown as far as they are known.

use super::Request;
use super::binary::Binary;
use super::process::Snapshot;
use crate::source::Frame;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Files that are asked for at most; they are all fetched within the time there is for them, or none.
pub(super) const MAX_WANTED: usize = 256;
/// Stacks that are told once more when a file has come.
const MAX_AWAITING: usize = 4_096;

/// A stack in whose files more may be found.
#[derive(Debug)]
pub(super) struct Awaiting {
    pub(super) request: Request,
    /// What its addresses meant: by the time the file comes, they may mean something else.
    pub(super) snapshot: Rc<Snapshot>,
    /// What was told of it.
    pub(super) frames: Vec<Arc<Frame>>,
}

/// What was asked for, and who waits.
#[derive(Debug)]
pub(super) struct Fetching {
    sender: Option<SyncSender<Arc<str>>>,
    /// By build id.
    wanted: FxHashMap<Arc<str>, Vec<Weak<Binary>>>,
    awaiting: VecDeque<Awaiting>,
}

impl Fetching {
    /// One that asks there, or nowhere.
    pub(super) fn new(sender: Option<SyncSender<Arc<str>>>) -> Self {
        Self { sender, wanted: FxHashMap::default(), awaiting: VecDeque::new() }
    }

    /// Asks for the debug file of a file without; true if that was asked for just now.
    pub(super) fn want(&mut self, binary: &Rc<Binary>) -> bool {
        let Some(sender) = &self.sender else { return false };
        let Some(build_id) = binary.wants_debug_file() else { return false };
        if let Some(binaries) = self.wanted.get_mut(&build_id) {
            binaries.push(Rc::downgrade(binary));
            return false;
        }
        if self.wanted.len() >= MAX_WANTED || sender.try_send(Arc::clone(&build_id)).is_err() {
            return false;
        }
        self.wanted.insert(build_id, vec![Rc::downgrade(binary)]);
        true
    }

    /// Those who waited for the file of a build id, which has come or will not come.
    pub(super) fn answered(&mut self, build_id: &str) -> Vec<Rc<Binary>> {
        let binaries = self.wanted.get_mut(build_id).map(std::mem::take).unwrap_or_default();
        binaries.iter().filter_map(Weak::upgrade).collect()
    }

    /// Remembers a stack to be told once more; the oldest is not then, if they are too many.
    pub(super) fn await_file(&mut self, awaiting: Awaiting) {
        if self.awaiting.len() >= MAX_AWAITING {
            self.awaiting.pop_front();
        }
        self.awaiting.push_back(awaiting);
    }

    /// The stacks that wait.
    pub(super) fn take_awaiting(&mut self) -> VecDeque<Awaiting> {
        std::mem::take(&mut self.awaiting)
    }
}
