//! Stacks of the live source: which memory tells what their addresses mean, and what comes back.

use crate::kernel::NewStack;
use crate::source::{Frame, ResolvedStack, StackId};
use crate::symbols::{Request, Space, Worker};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use std::time::Duration;
use syscope_shared::health::{PROBES, ProbeId};

/// Answers a stack whose program is gone.
const REPLACED: &str = "[program replaced before its symbols were read]";

/// Stacks that the worker is behind with: then the processes of further ones may end before it comes to
/// them, and are looked at meanwhile.
const BUSY: usize = 64;

/// Processes that ended and may wait for their last stacks to be asked for.
const LEAVING_MAX: usize = 65_536;

/// Stacks that are remembered as answered for good: more than are told once more, which happens within
/// minutes.
const VOID_MAX: usize = 65_536;

/// A stack that was handed to the worker.
struct Asked {
    probe: ProbeId,
    /// The process, and the program it ran; `None` for a kernel stack.
    program: Option<(u32, u32)>,
    /// It was told before: what has no name was counted then.
    again: bool,
}

/// Hands stacks to the symbol worker, and takes its answers.
pub struct Naming {
    worker: Worker,
    /// Stacks that were asked for and are not answered, by the probe that met them.
    asked: FxHashMap<StackId, Asked>,
    /// Id of the program that each process runs, of those that were seen to exec.
    programs: FxHashMap<u32, u32>,
    /// Processes that ended since the last asking: their last stacks are still to be asked for.
    leaving: Vec<u32>,
    /// Stacks that were answered with a note because their program was replaced: what the worker tells of
    /// them once more, with names that came late, may be of either program.
    void: FxHashSet<StackId>,
    /// Stacks that need no worker.
    ready: Vec<Arc<ResolvedStack>>,
    unresolved: [u64; PROBES as usize],
}

impl Naming {
    /// Who looks names up.
    pub fn symbols(&self) -> &Worker {
        &self.worker
    }

    pub fn new(worker: Worker) -> Self {
        Self {
            worker,
            asked: FxHashMap::default(),
            programs: FxHashMap::default(),
            leaving: Vec::new(),
            void: FxHashSet::default(),
            ready: Vec::new(),
            unresolved: [0; PROBES as usize],
        }
    }

    /// A process was born.
    pub fn born(&self, child: u32, parent: u32) {
        self.worker.born(child, parent);
    }

    /// A process replaced its program by the one with this id, so long ago.
    pub fn replaced(&mut self, pid: u32, exec_id: u32, ago: Duration) {
        self.programs.insert(pid, exec_id);
        self.worker.replaced(pid, ago);
    }

    /// A process ended.
    pub fn ended(&mut self, pid: u32) {
        self.leaving.push(pid);
        // Nobody takes batches, so nobody asks.
        if self.leaving.len() > LEAVING_MAX {
            self.let_go();
        }
    }

    /// A process that ended is not heard of any more.
    pub fn forget(&mut self, pid: u32) {
        self.programs.remove(&pid);
    }

    /// Stacks that came with their names.
    pub fn add_ready(&mut self, mut stacks: Vec<Arc<ResolvedStack>>) {
        self.ready.append(&mut stacks);
    }

    /// Has stacks looked up.
    pub fn ask(&mut self, stacks: Vec<NewStack>) {
        for stack in &stacks {
            let program = match stack.request.space {
                Space::User { pid } => Some((pid, stack.exec_id)),
                Space::Kernel => None,
            };
            let asked = Asked { probe: stack.probe, program, again: stack.again };
            self.asked.insert(stack.request.id, asked);
        }
        if self.worker.pending() >= BUSY {
            let processes = stacks.iter().filter_map(|stack| match stack.request.space {
                Space::User { pid } => Some(pid),
                Space::Kernel => None,
            });
            processes.for_each(|pid| self.worker.meet(pid));
        }
        let requests = stacks.into_iter().filter_map(|stack| self.in_its_program(stack)).collect();
        self.worker.request(requests);
        self.let_go();
    }

    fn let_go(&mut self) {
        for pid in self.leaving.drain(..) {
            self.worker.ended(pid);
        }
    }

    /// What has become known since the last call. Events must have been read right before: a process
    /// that has replaced its program since a stack was asked for may have done so before the worker
    /// looked at its memory.
    pub fn take(&mut self) -> Vec<Arc<ResolvedStack>> {
        let mut stacks = self.worker.finished();
        stacks.retain(|stack| !self.void.contains(&stack.id));
        stacks.append(&mut self.ready);
        for stack in &mut stacks {
            if let Some(Asked { probe, program, again }) = self.asked.remove(&stack.id) {
                if program.is_some_and(|(pid, exec_id)| self.was_replaced(pid, exec_id)) {
                    Arc::make_mut(stack).frames = vec![replaced_note()];
                    if self.void.len() >= VOID_MAX {
                        self.void.clear();
                    }
                    self.void.insert(stack.id);
                }
                let unresolved = stack.frames.iter().filter(|frame| !frame.resolved).count();
                if !again {
                    self.unresolved[probe as usize] += unresolved as u64;
                }
                if probe == ProbeId::Offcpu {
                    drop_own_frames(stack);
                }
            }
        }
        stacks
    }

    /// Stacks that are still being looked up.
    pub fn pending(&self) -> usize {
        self.worker.pending()
    }

    /// Debug files that are being fetched.
    pub fn fetching(&self) -> usize {
        self.worker.fetching()
    }

    /// Stacks that were not looked up, for there were too many at once.
    pub fn dropped(&self) -> u64 {
        self.worker.dropped()
    }

    /// Frames without a function name so far, by probe.
    pub fn unresolved(&self) -> &[u64] {
        &self.unresolved
    }

    /// The request for a stack. One of a program that its process has replaced since is answered with
    /// a note: the memory that told what its addresses mean is gone.
    fn in_its_program(&mut self, stack: NewStack) -> Option<Request> {
        let Space::User { pid } = stack.request.space else { return Some(stack.request) };
        if !self.was_replaced(pid, stack.exec_id) {
            return Some(stack.request);
        }
        let frames = vec![replaced_note()];
        self.ready.push(Arc::new(ResolvedStack { id: stack.request.id, frames }));
        None
    }

    /// Whether a process is known to run another program than the one with this id by now.
    fn was_replaced(&self, pid: u32, exec_id: u32) -> bool {
        self.programs.get(&pid).is_some_and(|current| *current != exec_id)
    }
}

fn replaced_note() -> Arc<Frame> {
    let mut note = Frame::note(REPLACED);
    note.resolved = false;
    Arc::new(note)
}

/// Takes the frames off the leaf by which the kernel came to the off-CPU program: how many there are
/// differs from kernel to kernel, and none of them is of the thread that waits.
fn drop_own_frames(stack: &mut Arc<ResolvedStack>) {
    let own = |frame: &Frame| {
        ["bpf_prog_", "bpf_trace_run", "__bpf_trace_", "__traceiter_", "bpf_get_stackid"]
            .iter()
            .any(|prefix| frame.name.starts_with(prefix))
    };
    let count = stack.frames.iter().take_while(|frame| own(frame)).count();
    if count > 0 {
        Arc::make_mut(stack).frames.drain(..count);
    }
}
