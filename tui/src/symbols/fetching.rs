//! Stacks that wait for debug files from a server, while they are shown as far as they are known.

use super::Request;
use super::binary::Binary;
use super::debuginfod::Wanted;
use super::process::Snapshot;
use crate::source::Frame;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::sync::Arc;

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

/// Where the file is, if there is one.
type Answer = Option<PathBuf>;

/// A file that was asked for.
#[derive(Debug)]
enum Wish {
    Waiting(Vec<Weak<Binary>>),
    Answered(Answer),
}

/// What was asked for, and who waits.
#[derive(Debug)]
pub(super) struct Fetching {
    server: Option<Wanted>,
    /// By build id.
    wanted: FxHashMap<Arc<str>, Wish>,
    awaiting: VecDeque<Awaiting>,
}

impl Fetching {
    /// One that asks there, or nowhere.
    pub(super) fn new(server: Option<Wanted>) -> Self {
        Self { server, wanted: FxHashMap::default(), awaiting: VecDeque::new() }
    }

    /// Asks for the debug file of a file without, once; the answer, if it came before for another file of
    /// the same build id.
    pub(super) fn want(&mut self, binary: &Rc<Binary>) -> Option<Answer> {
        let server = self.server.as_ref()?;
        let build_id = binary.ask_for_debug_file()?;
        let has_room = self.wanted.len() < MAX_WANTED;
        match self.wanted.get_mut(&build_id) {
            Some(Wish::Answered(answer)) => return Some(answer.clone()),
            Some(Wish::Waiting(binaries)) => binaries.push(Rc::downgrade(binary)),
            None if has_room && server.ask(&build_id) => {
                self.wanted.insert(build_id, Wish::Waiting(vec![Rc::downgrade(binary)]));
            }
            // Too many: none.
            None => return Some(None),
        }
        None
    }

    /// Those who waited for the file of a build id.
    pub(super) fn answered(&mut self, build_id: &Arc<str>, answer: &Answer) -> Vec<Rc<Binary>> {
        let wish = self.wanted.insert(Arc::clone(build_id), Wish::Answered(answer.clone()));
        let Some(Wish::Waiting(binaries)) = wish else { return Vec::new() };
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
